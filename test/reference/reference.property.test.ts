import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidReferenceError, type Result } from 'kubepull/errors';
import {
  applyDefaultTag,
  compareReferences,
  formatReference,
  type ImageReference,
  KNOWN_ARCHITECTURES,
  parseAnyReference,
  parseCanonicalReference,
  parseDockerReference,
  parseImageName,
  parseRawName,
  parseRawReference,
  parseReference,
  safeParseReference,
  sortReferences,
  stripArchSuffix,
  trimReference,
  withArchSuffix,
  withDefaultTag,
  withDigest,
  withTag,
} from 'kubepull/reference';
import { anyReference, digest, nearReference, tag, validReference } from './arbitraries.ts';
import { twinNormalize, twinParse, type TwinResult } from './naive-twin.ts';

// `expect` observes what it sees for the canary hook; ten thousand times that is slow, so plain checks throw here.
function check(condition: boolean, ...about: readonly unknown[]): void {
  if (!condition) throw new Error(`does not hold for ${about.map((value) => JSON.stringify(value)).join(', ')}`);
}

function same(a: unknown, b: unknown): void {
  check(JSON.stringify(a) === JSON.stringify(b), a, b);
}

function attempt<T>(run: () => T): Result<T, InvalidReferenceError> {
  try {
    return { ok: true, value: run() };
  } catch (error) {
    if (error instanceof InvalidReferenceError) return { ok: false, error };
    throw error;
  }
}

function asTwin(result: Result<ImageReference, InvalidReferenceError>): TwinResult {
  if (!result.ok) return { error: result.error.upstream };
  const { domain, path, tag, digest } = result.value;
  return { domain, path, tag, digest };
}

describe('parseReference', () => {
  it('agrees with the naive twin', () => {
    fc.assert(
      fc.property(anyReference, (text) => {
        const result = safeParseReference(text);
        // Of what may be a password no part is quoted.
        const isHidden = !result.ok && result.error.input !== text;
        const twin = twinNormalize(text);
        same(asTwin(result), isHidden && 'error' in twin ? { error: twin.error.replace(/\(.*\)/s, '(***)') } : twin);
      }),
    );
  });

  it('accepts what is built by the grammar, unless it is an id', () => {
    const ofGrammar = validReference.filter((text) => !/^[a-f\d]{64}$/.test(text));
    fc.assert(fc.property(ofGrammar, (text) => check(safeParseReference(text).ok, text)));
  });

  it('throws exactly what safeParseReference returns', () => {
    fc.assert(
      fc.property(anyReference, (text) => {
        const [thrown, returned] = [attempt(() => parseReference(text)), safeParseReference(text)];
        same(thrown.ok ? thrown.value : thrown.error, returned.ok ? returned.value : returned.error);
      }),
    );
  });

  it('gives errors that are fit to print, with a place inside the input', () => {
    fc.assert(
      fc.property(anyReference, (text) => {
        const result = safeParseReference(text);
        if (result.ok) return;
        const { message, position, input } = result.error;
        check(input === text || input.includes('***@'), text, input);
        check(position === undefined || (position >= 0 && position <= text.length), text, position);
        // oxlint-disable-next-line no-control-regex
        check(!/[\u0000-\u001f\u007f-\u009f\u202e]/.test(message) && message.length < 1100, message);
      }),
    );
  });

  it('suggests only what parses, and nothing for what is right', () => {
    fc.assert(
      fc.property(anyReference, (text) => {
        const result = safeParseReference(text);
        if (result.ok || result.error.suggestion === undefined) return;
        check(result.error.suggestion !== text, text);
        check(safeParseReference(result.error.suggestion).ok, text, result.error.suggestion);
      }),
    );
  });

  it('blames a place up to which all is well: the text so far has a right continuation', () => {
    const hex = 'a'.repeat(64);
    const endings = ['', 'a', '/a', '1/a', ':1/a', `:${hex}`, `sha256:${hex}`, hex];
    fc.assert(
      fc.property(nearReference, (text) => {
        const result = safeParseReference(text);
        if (result.ok || result.error.reason !== 'format') return;
        const start = text.slice(0, result.error.position);
        const isBeginning = endings.some((ending) => {
          const whole = safeParseReference(start + ending);
          return whole.ok || whole.error.reason !== 'format';
        });
        check(isBeginning, text, start);
      }),
    );
  });
});

describe('formatReference', () => {
  const parsed = validReference.filter((text) => safeParseReference(text).ok).map((text) => parseReference(text));

  it('gives a canonical text that parses to the same, and is stable', () => {
    fc.assert(
      fc.property(parsed, (ref) => {
        const text = formatReference(ref);
        same({ ...parseReference(text), input: '' }, { ...ref, input: '' });
        same(formatReference(parseReference(text)), text);
        same(parseCanonicalReference(text).input, text);
      }),
    );
  });

  it('gives a familiar text that parses to the same, unless that reads as an id or a host', () => {
    fc.assert(
      fc.property(parsed, (ref) => {
        const text = formatReference(ref, 'familiar');
        if (!isAmbiguous(text, ref)) same({ ...parseReference(text), input: '' }, { ...ref, input: '' });
      }),
    );
  });
});

/** Without its `docker.io/`, such a name means something else. */
function isAmbiguous(text: string, ref: ImageReference): boolean {
  const [first = '', ...rest] = ref.path.split('/');
  const isHost = rest.length > 0 && (first.includes('.') || first === 'localhost');
  return ref.domain === 'docker.io' && (isHost || /^[a-f\d]{64}$/.test(text));
}

describe('parseImageName, applyDefaultTag', () => {
  it('apply once: the second time nothing changes, and the image stays the same', () => {
    fc.assert(
      fc.property(nearReference, (text) => {
        const once = attempt(() => applyDefaultTag(text));
        check(once.ok === safeParseReference(text).ok, text);
        if (!once.ok) return;
        same(applyDefaultTag(once.value), once.value);
        const [{ input: _, ...given }, { input: __, ...defaulted }] = [
          parseImageName(text),
          parseImageName(once.value),
        ];
        same(defaulted, given);
        check(once.value.startsWith(text), text);
      }),
    );
  });

  it('always has a tag or a digest', () => {
    fc.assert(
      fc.property(validReference, (text) => {
        const name = attempt(() => parseImageName(text));
        if (!name.ok) return;
        check(name.value.tag !== undefined || name.value.digest !== undefined, text);
        same(name.value.name, trimReference(text).input);
      }),
    );
  });
});

describe('the other forms', () => {
  it('parseRawReference agrees with the naive twin', () => {
    fc.assert(
      fc.property(anyReference, (text) => same(asTwin(attempt(() => parseRawReference(text))), twinParse(text))),
    );
  });

  it('parseRawName accepts what parseRawReference accepts without tag and digest', () => {
    fc.assert(
      fc.property(anyReference, (text) => {
        const [name, raw] = [attempt(() => parseRawName(text)), attempt(() => parseRawReference(text))];
        check(name.ok === (raw.ok && raw.value.tag === undefined && raw.value.digest === undefined), text);
      }),
    );
  });

  it('throw nothing but ours', () => {
    fc.assert(
      fc.property(anyReference, anyReference, (text, other) => {
        const runs: readonly (() => unknown)[] = [
          () => parseAnyReference(text),
          () => parseCanonicalReference(text),
          () => parseDockerReference(text),
          () => withTag('nginx', other),
          () => withDigest('nginx', other),
          () => withDefaultTag(text),
        ];
        for (const run of runs) attempt(run);
      }),
    );
  });

  it('parseDockerReference leaves a tag or a digest, never both', () => {
    fc.assert(
      fc.property(validReference, (text) => {
        const ref = attempt(() => parseDockerReference(text));
        check(!ref.ok || (ref.value.tag === undefined) !== (ref.value.digest === undefined), text);
      }),
    );
  });

  it('withTag and withDigest commute, and trimReference undoes them', () => {
    const repository = validReference.filter((text) => safeParseReference(text).ok).map((text) => trimReference(text));
    fc.assert(
      fc.property(repository, tag, digest, (ref, t, d) => {
        same(withTag(withDigest(ref, d), t), withDigest(withTag(ref, t), d));
        same(trimReference(withDigest(withTag(ref, t), d)), ref);
        same(withDefaultTag(withTag(ref, t)), withTag(ref, t));
      }),
    );
  });

  it('stripArchSuffix undoes withArchSuffix', () => {
    const image = validReference.filter((text) => !text.includes('@') && safeParseReference(text).ok);
    fc.assert(
      fc.property(image, fc.constantFrom(...KNOWN_ARCHITECTURES), (text, arch) => {
        const { reference, architecture } = stripArchSuffix(withArchSuffix(text, arch));
        same([formatReference(reference), architecture], [formatReference(parseReference(text)), arch]);
      }),
    );
  });
});

describe('sortReferences', () => {
  it('does not depend on the order given, and keeps every text', () => {
    fc.assert(
      fc.property(fc.array(anyReference, { maxLength: 6 }), (texts) => {
        const sorted = sortReferences(texts);
        same(sortReferences(texts.toReversed()), sorted);
        check(sorted.length === texts.length, texts);
      }),
    );
  });

  it('is by an order: compareReferences is antisymmetric and 0 only for the same canonical text', () => {
    const ref = validReference.filter((text) => safeParseReference(text).ok).map((text) => parseReference(text));
    fc.assert(
      fc.property(ref, ref, (a, b) => {
        check(Math.sign(compareReferences(a, b)) === -Math.sign(compareReferences(b, a)), a, b);
        check((compareReferences(a, b) === 0) === (formatReference(a) === formatReference(b)), a, b);
      }),
    );
    expect(compareReferences(parseReference('a'), parseReference('a'))).toBe(0);
  });
});
