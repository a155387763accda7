import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as errors from 'kubepull/errors';
import { createTokenCache } from 'kubepull/distribution';
import { PullFailedError, RegistryError, StoreError, TransportError } from 'kubepull/errors';
import { observe, observeText, scan } from '../support/canary.ts';
import { leaksOf, makeSecret } from '../support/leaks.ts';
import { readSources } from '../packaging/sources.ts';

const DEEP = { depth: 30, showHidden: true, getters: true } as const;

/** Errors of others, with a secret wherever one may be. */
function foreign(secret: string): readonly unknown[] {
  const plain = new Error(secret);
  const withFields = Object.assign(new TypeError('Invalid URL'), {
    code: 'ERR_INVALID_URL',
    input: `https://u:${secret}@x/`,
    headers: { 'set-cookie': secret },
    body: secret,
  });
  return [
    plain,
    withFields,
    new Error('outer', { cause: plain }),
    new Error('outer', { cause: new Error('inner', { cause: withFields }) }),
    new AggregateError([plain, withFields], secret),
    Object.assign(new Error('x'), { errors: [plain] }),
    Object.assign(new Error('x'), { [Symbol('kHidden')]: secret }),
    new (class extends Error {
      readonly secret = secret;
    })('x'),
    { message: secret, code: secret },
    secret,
    [secret],
    new Map([[secret, secret]]),
  ];
}

describe('errors [L02]', () => {
  it('take nothing of a foreign cause but what is known to be harmless', () => {
    const secret = makeSecret();
    const failure = { method: 'GET', url: 'https://r.example/', phase: 'body', retryable: true } as const;
    for (const cause of foreign(secret)) {
      for (const error of [
        new errors.ImageError('ERR_STORE', 'Cannot write', { cause }),
        new TransportError('Cannot GET https://r.example/: cut', { ...failure, cause }),
        new StoreError('Cannot write', { operation: 'write', cause }),
      ]) {
        expect(leaksOf(error, [secret])).toEqual([]);
        observeText('stack', `${error.stack} ${inspect(error.cause, DEEP)}`);
      }
    }
  });

  it('are each looked at by the hook that runs around every test', () => {
    const secret = makeSecret();
    observe(
      new RegistryError(`Cannot GET ${secret}`, {
        method: 'GET',
        url: 'x',
        status: 500,
        retryable: true,
        retryAfterMs: undefined,
        diagnostics: [],
      }),
    );
    expect(scan()).toEqual([]); // The hook knows of no secret here, and forgets what it saw.
    const attempts = [{ error: new errors.ImageError('ERR_STORE', 'x') }] as never;
    expect(new PullFailedError('Cannot pull', 'r.example/x', attempts)).toBeInstanceOf(errors.ImageError);
  });

  it('are all of one factory', () => {
    const classes = Object.values(errors).filter(
      (value) => typeof value === 'function' && 'prototype' in value && /^[A-Z]\w*Error$/.test(value.name),
    );
    expect(classes.length).toBeGreaterThanOrEqual(10);
    for (const type of classes)
      expect(type === errors.ImageError || type.prototype instanceof errors.ImageError).toBe(true);
  });
});

/** Comparisons of a revealed secret, by what may stand on the other side. */
const COMPARED = /\.reveal\(\)\s*[!=]==\s*(?<with>[^)&|?;\s]+)|(?<before>[\w.'"]+)\s*[!=]==\s*[\w.?]*\.reveal\(\)/g;

describe('secrets in comparisons and records [L09]', () => {
  it('are compared with nothing but the empty string, except in constant time', () => {
    const found = readSources().flatMap(({ path, text }) =>
      [...text.matchAll(COMPARED)].flatMap(({ groups = {}, 0: shown }) =>
        groups['with'] === "''" ? [] : [`${path}: ${shown}`],
      ),
    );
    expect(found).toEqual([]);
  });

  it('are found by the rule above', () => {
    for (const text of ['a.reveal() === b', 'x !== secret?.password.reveal()', "credential.password.reveal()!=='x'"]) {
      expect(text.match(COMPARED)).toHaveLength(1);
    }
  });

  it('have no name or key made of Math.random [T03]', () => {
    const users = readSources().filter(({ text }) => text.includes('Math.random'));
    expect(users.map(({ path }) => path)).toEqual([]);
  });

  it('are salted in the keys of tokens', () => {
    const salts = new Set(Array.from({ length: 100 }, () => createTokenCache().salt));
    expect(salts.size).toBe(100);
    for (const salt of salts) expect(salt.length).toBeGreaterThanOrEqual(32);
  });
});
