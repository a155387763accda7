// What a caller without types can pass.
import { describe, expect, it } from 'vitest';
import {
  createCredential,
  createSecret,
  decodeAuth,
  encodeAuth,
  formatCredentialSource,
  parseDockerConfig,
} from 'kubepull/docker-config';
import { ImageError } from 'kubepull/errors';
import { canary } from '../support/canary.ts';

const refusal = expect.objectContaining({ code: 'ERR_OPTION_INVALID' }) as Error;

describe('createSecret', () => {
  it.each([undefined, null, 12_345, {}])('makes no secret of %j, which would go out as its text', (value) => {
    expect(() => createSecret(value as string)).toThrow(refusal);
    expect(() => createSecret(value as string)).toThrow('Cannot keep a secret: it must be text');
    expect(() => encodeAuth('user', value as string)).toThrow(refusal);
  });
});

describe('encodeAuth', () => {
  it('writes no user that is not there', () => {
    expect(() => encodeAuth(undefined as unknown as string, 'p')).toThrow(
      'Cannot write auth field: username is missing, it must be a text',
    );
  });

  it('writes no password that is neither text nor a secret', () => {
    expect(() => encodeAuth('user', 5 as unknown as string)).toThrow(
      'Cannot write auth field: password must be a text or a secret, such as createSecret() gives, not 5',
    );
  });
});

describe('decodeAuth', () => {
  it.each([undefined, null, 5, new Uint8Array(4)])('refuses %j', (value) => {
    expect(() => decodeAuth(value as unknown as string)).toThrow(refusal);
    expect(() => decodeAuth(value as unknown as string)).toThrow(
      /^Cannot decode auth field: auth (?:is missing, it )?must be a text/,
    );
  });
});

describe('createCredential', () => {
  it.each([
    [{ username: 5 }, 'username must be a text, not 5'],
    [{ password: 5 }, 'password must be a text or a secret, such as createSecret() gives, not 5'],
    [{ email: {} }, 'email must be a text, not an object'],
    [{ identityToken: null }, 'identityToken must be a text or a secret, such as createSecret() gives, not null'],
    [{ registryToken: {} }, 'registryToken must be a text or a secret, such as createSecret() gives, not an object'],
  ])('refuses %j, and says which field is wrong', (input, reason) => {
    expect(() => createCredential(input as object)).toThrow(refusal);
    expect(() => createCredential(input as object)).toThrow(`Cannot make a credential: input.${reason}`);
  });

  it('says what it needs when nothing is given', () => {
    expect(() => createCredential(undefined as unknown as object)).toThrow(
      'Cannot make a credential: input is missing, it must be an object',
    );
  });

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
      /^Cannot read docker config: json (?:is missing, it )?must be a text or a Uint8Array/,
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

  it('says which option is wrong', () => {
    const read = (options: object): unknown => parseDockerConfig('{}', options);
    expect(() => read({ maxDepth: 1.5 })).toThrow('Cannot read docker config: maxDepth must be a whole number from 1');
    expect(() => read({ mode: 'podman' })).toThrow(
      'Cannot read docker config: mode must be "kubelet" or "lenient" or "docker", not "podman"',
    );
    expect(() => read({ mode: 'docker', format: 'dockercfg' })).toThrow(
      new ImageError('ERR_OPTION_INVALID', 'Cannot read docker config: no such mode for this format'),
    );
    expect(() => read({ mode: 'docker', format: 'dockercfg' })).toThrow(refusal);
  });

  it('refuses a source that it could not name', () => {
    expect(() => parseDockerConfig('{}', { source: { kind: 'vault' } as never })).toThrow(
      /^Cannot name a source: source\.kind must be "secret" or "file" /,
    );
  });
});

describe('formatCredentialSource', () => {
  it.each([undefined, null, 'file', { kind: 'vault' }, {}])('refuses %j', (source) => {
    expect(() => formatCredentialSource(source as never)).toThrow(refusal);
    expect(() => formatCredentialSource(source as never)).toThrow(/^Cannot name a source: source/);
  });

  it('says what it needs', () => {
    expect(() => formatCredentialSource(null as never)).toThrow(
      'Cannot name a source: source must be the source of a credential, not null',
    );
  });
});
