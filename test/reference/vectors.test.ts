import { describe, expect, it } from 'vitest';
import { InvalidReferenceError } from 'kubepull/errors';
import {
  applyDefaultTag,
  formatReference,
  type ImageReference,
  joinDigest,
  parseAnyReference,
  parseCanonicalReference,
  parseDockerReference,
  parseImageName,
  parseRawName,
  parseRawReference,
  parseReference,
  safeParseReference,
  trimReference,
  withDefaultTag,
  withTag,
} from 'kubepull/reference';
import imageNameVectors from '../vectors/image-name.json' with { type: 'json' };
import operationVectors from '../vectors/reference-ops.json' with { type: 'json' };
import referenceVectors from '../vectors/reference.json' with { type: 'json' };

interface ReferenceCase {
  readonly in: string;
  readonly ok: boolean;
  readonly err?: string;
  readonly msg?: string;
  readonly domain?: string;
  readonly path?: string;
  readonly name?: string;
  readonly familiarName?: string;
  readonly familiarString?: string;
  readonly string?: string;
  readonly tag?: string;
  readonly digest?: string;
  readonly tagNameOnly?: string;
  readonly any?: string;
  readonly anyKind?: string;
  readonly anyErr?: string;
  readonly dockerRef?: string;
  readonly dockerRefErr?: string;
}

/** Go's name of the error class, from its text. */
function goClass(error: unknown): string {
  if (!(error instanceof InvalidReferenceError)) throw error;
  const text = error.upstream;
  if (text.startsWith('invalid repository name')) return 'Identifier64Hex';
  if (text.startsWith('invalid reference format: repository name')) return 'NameMustBeLowercase';
  return GO_CLASSES.get(text) ?? text;
}

const GO_CLASSES = new Map([
  ['invalid reference format', 'ErrReferenceInvalidFormat'],
  ['repository name must have at least one component', 'ErrNameEmpty'],
  ['repository name must be lowercase', 'ErrNameContainsUppercase'],
  ['repository name must not be more than 255 characters', 'ErrNameTooLong'],
  ['repository name must be canonical', 'ErrNameNotCanonical'],
  ['invalid tag format', 'ErrTagInvalidFormat'],
  ['invalid digest format', 'ErrDigestInvalidFormat'],
  ['invalid checksum digest format', 'digest.ErrDigestInvalidFormat'],
  ['invalid checksum digest length', 'digest.ErrDigestInvalidLength'],
  ['unsupported digest algorithm', 'digest.ErrDigestUnsupported'],
]);

/** The text of a result, or the class of its error. */
function outcome(run: () => string): { readonly text?: string; readonly err?: string } {
  try {
    return { text: run() };
  } catch (error) {
    return { err: goClass(error) };
  }
}

describe('parseReference and its vectors', () => {
  const cases: readonly ReferenceCase[] = referenceVectors.cases;

  it('gives what ParseNormalizedNamed gives', () => {
    for (const c of cases) {
      const result = safeParseReference(c.in);
      const got = result.ok
        ? describeReference(result.value)
        : { err: goClass(result.error), msg: result.error.upstream };
      const { domain, path, name, familiarName, familiarString, string, tag, digest } = c;
      const want = c.ok
        ? { domain, path, name, familiarName, familiarString, string, tag, digest }
        : { err: c.err, msg: c.msg };
      expect(got, c.in).toEqual(want);
    }
    expect(cases.length).toBeGreaterThan(1000);
  });

  it('gives what TagNameOnly, ParseAnyReference and ParseDockerRef give', () => {
    for (const c of cases) {
      if (c.ok) expect(formatReference(withDefaultTag(c.in)), c.in).toBe(c.tagNameOnly);
      const any = outcome(() => formatAny(c.in));
      expect(any, c.in).toEqual(c.anyErr === undefined ? { text: `${c.anyKind}:${c.any}` } : { err: c.anyErr });
      const docker = outcome(() => formatReference(parseDockerReference(c.in)));
      expect(docker, c.in).toEqual(c.dockerRefErr === undefined ? { text: c.dockerRef } : { err: c.dockerRefErr });
    }
  });
});

function describeReference(ref: ImageReference): Record<string, string | undefined> {
  const { domain, path, name, tag, digest } = ref;
  return {
    domain,
    path,
    name,
    familiarName: formatReference(trimReference(ref), 'familiar'),
    familiarString: formatReference(ref, 'familiar'),
    string: formatReference(ref),
    tag,
    digest,
  };
}

function formatAny(input: string): string {
  const any = parseAnyReference(input);
  return any.kind === 'digest' ? `digest:${any.digest}` : `named:${formatReference(any.reference)}`;
}

describe('the smaller operations and their vectors', () => {
  const operations: Readonly<Record<string, (input: string, argument: string) => string>> = {
    parse: (input) => formatReference(parseRawReference(input)),
    parseNamed: (input) => formatReference(parseCanonicalReference(input)),
    withName: (input) => formatReference(parseRawName(input)),
    withTag: (input, tag) => formatReference(withTag(input, tag)),
    withDigest: joinDigest,
    trimNamed: (input) => formatReference(trimReference(input)),
  };

  it.each(Object.keys(operations))('%s', (op) => {
    const cases = operationVectors.cases.filter((c) => c.op === op);
    expect(cases.length).toBeGreaterThan(1);
    for (const c of cases) {
      const got = outcome(() => operations[op]?.(c.in, c.arg) ?? '');
      expect(got, JSON.stringify([c.in, c.arg])).toEqual(c.ok ? { text: c.out } : { err: c.err });
    }
  });

  it('knows every operation of the file', () => {
    expect([...new Set(operationVectors.cases.map((c) => c.op))].filter((op) => !(op in operations))).toEqual([]);
  });
});

describe('parseImageName and its vectors', () => {
  it('gives what kubelet’s ParseImageName gives', () => {
    for (const c of imageNameVectors.cases) {
      if (c.ok) {
        expect(parseImageName(c.in), c.in).toEqual({ repository: c.repo, tag: c.tag, digest: c.digest });
      } else {
        expect(() => parseImageName(c.in), c.in).toThrow(expect.objectContaining({ upstream: c.err }));
        expect(() => applyDefaultTag(c.in), c.in).toThrow(expect.objectContaining({ upstream: c.err }));
      }
    }
    expect(imageNameVectors.cases.length).toBeGreaterThan(500);
  });

  it('appends the default tag to a bare name only', () => {
    for (const c of imageNameVectors.cases.filter((c) => c.ok)) {
      const { tag, digest } = parseReference(c.in);
      expect(applyDefaultTag(c.in)).toBe(tag === undefined && digest === undefined ? `${c.in}:latest` : c.in);
    }
  });
});
