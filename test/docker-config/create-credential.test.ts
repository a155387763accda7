import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createCredential, createSecret } from 'kubepull/docker-config';
import { credentialText, equalCredentials } from '../../src/docker-config/inner.ts';
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

describe('equalCredentials', () => {
  const whole = { username: 'u', password: 'p', identityToken: 'i', registryToken: 'r' };

  it('is for credentials of one text, whatever their e-mail, which no registry is sent', () => {
    const [a, b] = [createCredential({ ...whole, email: 'e@x' }), createCredential(whole)];
    expect(equalCredentials(a, b)).toBe(true);
    expect(equalCredentials(createCredential({}), createCredential({}))).toBe(true);
  });

  it.each(['username', 'password', 'identityToken', 'registryToken'] as const)('is not where %s differs', (field) => {
    const a = createCredential(whole);
    expect(equalCredentials(a, createCredential({ ...whole, [field]: 'other' }))).toBe(false);
    expect(equalCredentials(a, createCredential({ ...whole, [field]: undefined }))).toBe(false);
  });

  it('is not for a credential and none, nor where a token is empty and where there is none', () => {
    expect(equalCredentials(createCredential({}), undefined)).toBe(false);
    expect(equalCredentials(createCredential({}), createCredential({ identityToken: '' }))).toBe(false);
  });

  it('does not take two halves for each other', () => {
    const [a, b] = [
      createCredential({ username: 'a', password: 'bc' }),
      createCredential({ username: 'ab', password: 'c' }),
    ];
    expect(equalCredentials(a, b)).toBe(false);
    expect(credentialText(a)).not.toBe(credentialText(b));
  });
});
