import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createCredential, createSecret } from 'kubepull/docker-config';
import { canary } from '../support/canary.ts';

describe('createCredential', () => {
  it('has every field, whatever is given', () => {
    expect(Object.keys(createCredential({}))).toEqual([
      'username',
      'password',
      'identityToken',
      'registryToken',
      'email',
    ]);
    const nothing = createCredential({});
    expect([nothing.username, nothing.password.reveal(), nothing.identityToken]).toEqual(['', '', undefined]);
  });

  it('takes plain text and secrets, and shows neither', () => {
    const [password, token] = [canary('password'), canary('identity-token')];
    const credential = createCredential({ username: 'u', password, identityToken: createSecret(token), email: 'e@x' });
    expect(credential.password.reveal() === password).toBe(true);
    expect(credential.identityToken?.reveal() === token).toBe(true);
    expect(JSON.parse(JSON.stringify(credential))).toEqual({
      username: 'u',
      password: '[redacted]',
      identityToken: '[redacted]',
      email: 'e@x',
    });
    expect(inspect(credential)).toContain('[redacted]');
  });

  it('keeps an empty token: it is given', () => {
    expect(createCredential({ registryToken: '' }).registryToken?.reveal()).toBe('');
  });
});
