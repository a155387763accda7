import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeAuth,
  encodeAuth,
  parseDockercfg,
  parseDockerConfigJson,
  parseDockerConfig,
} from 'kubepull/docker-config';
import { isImageError } from 'kubepull/errors';
import { deepFreeze, triples } from './support.ts';
import { anyText } from '../support/any-text.ts';

const text = anyText({ maxLength: 12 });
const user = text.map((value) => value.replaceAll(':', ''));

/** Documents near to real ones, with wrong types and odd keys now and then. */
const field = fc.constantFrom(
  'username',
  'password',
  'PASSWORD',
  'auth',
  'Auth',
  'email',
  'identitytoken',
  '__proto__',
  'x',
);
const value = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('dTpw', 'Og==', 'u', '', '!!', 'dTpxZ') },
  fc.constantFrom(null, 5, true, [], {}),
);
const entry = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.tuple(field, value), { maxLength: 4 }).map(writeObject) },
  fc.constantFrom('null', '5', '[]', '"x"'),
);
const entries = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'r.io/x', '__proto__', ''), entry), { maxLength: 4 });
const auths = entries.map(
  (members) => `{${members.map(([key, object]) => `${JSON.stringify(key)}:${object}`).join(',')}}`,
);
const document = fc
  .array(
    fc.tuple(fc.constantFrom('auths', 'AUTHS', 'HttpHeaders', 'x'), fc.oneof({ weight: 4, arbitrary: auths }, entry)),
    { maxLength: 3 },
  )
  .map((members) => `{${members.map(([key, object]) => `"${key}":${object}`).join(',')}}`);

function writeObject(members: readonly (readonly [string, unknown])[]): string {
  return `{${members.map(([key, inner]) => `"${key}":${JSON.stringify(inner)}`).join(',')}}`;
}

/** Runs one of our functions; whatever it throws must be ours. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (isImageError(error)) return undefined;
    throw error;
  }
}

describe('decodeAuth', () => {
  it('is the inverse of encodeAuth for any text', () => {
    fc.assert(
      fc.property(user, text, (username, password) => {
        const decoded = decodeAuth(encodeAuth(username, password));
        return decoded.username === username && decoded.password.reveal() === password;
      }),
    );
  });

  it('is the inverse of encodeAuth for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const auth = Buffer.from([0x3a, ...bytes]).toString('base64');
        const { username, password } = decodeAuth(auth);
        return encodeAuth(username, password) === auth;
      }),
    );
  });

  it('throws nothing but ours', () => {
    const near = fc.string({ unit: fc.constantFrom(...'dTpw=\n\r -_é\ud800'), maxLength: 12 });
    fc.assert(fc.property(fc.oneof(text, near), (auth) => void attempt(() => decodeAuth(auth))));
  });
});

describe('parseDockerConfigJson', () => {
  it('throws nothing but ours, on text and bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 20 });
    const spoilt = fc.tuple(document, fc.nat(), fc.string({ maxLength: 2 })).map(([json, at, bit]) => {
      const cut = at % (json.length + 1);
      return json.slice(0, cut) + bit + json.slice(cut + 1);
    });
    fc.assert(
      fc.property(fc.oneof(document, spoilt, bytes, text), (json) => {
        attempt(() => parseDockerConfigJson(json));
        attempt(() => parseDockercfg(json));
        attempt(() => parseDockerConfig(json, { mode: 'docker' }));
        attempt(() => parseDockerConfig(json, { mode: 'lenient' }));
      }),
    );
  });

  it('gives the same for text and for its bytes', () => {
    fc.assert(
      fc.property(document, (json) => {
        const read = (input: string | Uint8Array): unknown => attempt(() => triples(parseDockerConfigJson(input)));
        expect(JSON.stringify(read(new TextEncoder().encode(json)))).toBe(JSON.stringify(read(json)));
      }),
    );
  });

  it('agrees with the lenient mode whenever it does not throw, and throws whenever that skips [C10]', () => {
    fc.assert(
      fc.property(document, (json) => {
        const strict = attempt(() => triples(parseDockerConfigJson(json)));
        const lenient = attempt(() => parseDockerConfig(json, { mode: 'lenient' }));
        if (strict !== undefined) expect(JSON.stringify(triples(lenient?.entries ?? []))).toBe(JSON.stringify(strict));
        if (lenient !== undefined && lenient.skipped.length > 0) expect(strict).toBe(undefined);
      }),
    );
  });

  it('agrees with a naive reading of documents without oddities', () => {
    const plain = fc.dictionary(text, fc.record({ username: user, password: text }), {
      maxKeys: 5,
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(plain, fc.boolean(), (naive, asAuth) => {
        const written = Object.entries(naive).map(([key, { username, password }]) => [
          key,
          asAuth ? { auth: Buffer.from(`${username}:${password}`).toString('base64') } : { username, password },
        ]);
        const json = JSON.stringify({ auths: Object.fromEntries(written) as unknown });
        const expected = Object.entries(naive).map(([key, { username, password }]) => [key, username, password]);
        expect(JSON.stringify(triples(parseDockerConfigJson(json)))).toBe(JSON.stringify(expected));
      }),
    );
  });

  it('leaves its options and the bytes as they were', () => {
    fc.assert(
      fc.property(document, (json) => {
        const bytes = new TextEncoder().encode(json);
        const before = bytes.join();
        const source = deepFreeze({ kind: 'file', path: '/x' } as const);
        attempt(() => parseDockerConfig(bytes, deepFreeze({ mode: 'lenient', source } as const)));
        return bytes.join() === before;
      }),
    );
  });
});
