// What a caller without types can pass.
import { describe, expect, it } from 'vitest';
import { createCredential, createSecret, decodeAuth, encodeAuth, parseDockerConfig } from 'kubepull/docker-config';
import { canary } from '../support/canary.ts';

const refusal = expect.objectContaining({ code: 'ERR_OPTION_INVALID' }) as Error;

describe('createSecret', () => {
  it.each([undefined, null, 12_345, {}])('makes no secret of %j, which would go out as its text', (value) => {
    expect(() => createSecret(value as string)).toThrow(refusal);
    expect(() => encodeAuth('user', value as string)).toThrow(refusal);
  });
});

describe('encodeAuth', () => {
  it('writes no user that is not there', () => {
    expect(() => encodeAuth(undefined as unknown as string, 'p')).toThrow(refusal);
  });
});

describe('decodeAuth', () => {
  it.each([undefined, null, 5, new Uint8Array(4)])('refuses %j', (value) => {
    expect(() => decodeAuth(value as unknown as string)).toThrow(refusal);
  });
});

describe('createCredential', () => {
  it.each([{ username: 5 }, { password: 5 }, { email: {} }, { identityToken: null }, { registryToken: {} }])(
    'refuses %j',
    (input) => {
      expect(() => createCredential(input as object)).toThrow(refusal);
    },
  );

  it('takes the secret of another copy of the package', () => {
    const value = canary('password');
    const foreign = { reveal: () => value, toJSON: () => '[redacted]', toString: () => '[redacted]' };
    const { password } = createCredential({ password: foreign as ReturnType<typeof createSecret> });
    expect(password.reveal() === value).toBe(true);
  });
});

describe('readDockerConfig', () => {
  it.each([undefined, null, 5, { auths: {} }, [1]])('wants text or bytes, not %j', (json) => {
    expect(() => parseDockerConfig(json as unknown as string)).toThrow(
      /json (?:is missing, it )?must be a text or a Uint8Array/,
    );
  });

  it('refuses an ArrayBuffer, whose length no limit could see', () => {
    const { buffer } = new TextEncoder().encode(`{"auths":{},"x":"${'y'.repeat(200)}"}`);
    expect(() => parseDockerConfig(buffer as unknown as Uint8Array, { maxBytes: 100 })).toThrow(refusal);
  });

  it('refuses a format that it does not know, instead of finding nothing in it', () => {
    const json = '{"r.example":{"auth":"dTpw"}}';
    expect(() => parseDockerConfig(json, { format: 'docker-cfg' as 'dockercfg' })).toThrow(refusal);
    expect(parseDockerConfig(json, { format: 'dockercfg' }).entries).toHaveLength(1);
  });
});
