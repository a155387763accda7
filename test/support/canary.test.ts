import { describe, expect, it } from 'vitest';
import { createSecret } from 'kubepull/docker-config';
import { ImageError } from 'kubepull/errors';
import { canary, observe, observeRequests, observeText, scan } from './canary.ts';

describe('canary hook', () => {
  it.each([
    ['raw', (s: string) => s],
    ['base64', (s: string) => Buffer.from(s).toString('base64')],
    ['base64 behind a user name', (s: string) => Buffer.from(`user:${s}`).toString('base64')],
    ['base64url, other alignment', (s: string) => Buffer.from(`us:${s}`).toString('base64url')],
    ['hex', (s: string) => Buffer.from(s).toString('hex')],
    ['percent', (s: string) => encodeURIComponent(s)],
    ['hex in capitals', (s: string) => Buffer.from(s).toString('hex').toUpperCase()],
    ['percent, every byte', (s: string) => Buffer.from(s).toString('hex').replaceAll(/../g, '%$&')],
    ['JSON, every letter', (s: string) => Buffer.from(s).toString('hex').replaceAll(/../g, '\\u00$&')],
    ['capitals', (s: string) => s.toUpperCase()],
    ['a part of it', (s: string) => s.slice(5, 18)],
  ])('finds a secret in text: %s', (_, encode) => {
    observeText('a log', `before ${encode(canary('password'))} after`);
    expect(scan()).toMatchObject([{ kind: 'password', place: 'a log' }]);
  });

  it('finds a secret that an object shows, and none behind a Secret', () => {
    const value = canary('bearer-token');
    observe({ token: createSecret(value) });
    expect(scan()).toEqual([]);
    observe({ token: canary('bearer-token') });
    expect(scan().length).toBeGreaterThan(3);
  });

  it('observes every error of ours by itself', () => {
    const error = new ImageError('ERR_STORE', `Cannot write ${canary('cookie')}`);
    expect(error.code).toBe('ERR_STORE');
    expect(scan().length).toBeGreaterThan(0);
  });

  it('drops what a foreign cause could carry', () => {
    const cause = Object.assign(new Error(`near ${canary('password')}`), {
      code: 'ECONNRESET',
      input: canary('cookie'),
    });
    const error = new ImageError('ERR_STORE', 'Cannot write', { cause });
    expect((error.cause as Error).message).toBe('Error ECONNRESET');
  });

  it('judges requests by the owner of the secret', () => {
    const mine = canary('password', ['http://a.example']);
    const requests = [
      {
        method: 'GET',
        url: '/v2/',
        headers: { authorization: `Basic ${Buffer.from(`u:${mine}`).toString('base64')}` },
      },
    ];
    observeRequests('http://a.example', () => requests);
    expect(scan()).toEqual([]);
    canary('password');
    const other = canary('password', ['http://a.example']);
    observeRequests('http://b.example', () => [{ method: 'GET', url: `/?x=${other}`, headers: {} }]);
    expect(scan()).toMatchObject([{ kind: 'password', place: 'request to http://b.example: GET' }]);
  });
});
