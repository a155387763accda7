import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createCredential } from 'kubepull/docker-config';
import { ImageError, InvalidConfigError } from 'kubepull/errors';
import { createPullSecret, resolvePullSecretEntries, validateSecret } from 'kubepull/pull-secrets';
import { canary } from '../support/canary.ts';

describe('resolvePullSecretEntries', () => {
  const config = JSON.stringify({
    auths: {
      'r.example': { auth: 'dTpw' },
      'https://index.docker.io/v1/': {},
      'token.example': { identitytoken: 'x' },
      'hub.docker.com': { auth: 'dTpw' },
    },
    credHelpers: { 'gcr.io': 'gcloud', 'broken.example': 'broken', 'none.example': 'empty' },
  });

  it('asks the helpers that the file names, and tells what cannot go into a secret', async () => {
    const password = canary('password');
    const asked: string[] = [];
    const { entries, omitted } = await resolvePullSecretEntries(config, {
      askHelper: (helper, server) => {
        asked.push(`${helper} ${server}`);
        if (helper === 'broken') throw new Error(`a helper that says ${password}`);
        return helper === 'gcloud' ? createCredential({ username: '_token', password }) : undefined;
      },
    });
    expect(asked).toEqual(['gcloud gcr.io', 'broken broken.example', 'empty none.example']);
    expect(Object.keys(entries)).toEqual(['r.example', 'gcr.io']);
    expect(inspect({ entries, omitted }, { depth: 9 })).not.toContain(password);
    expect(entries['gcr.io']?.password.reveal() === password).toBe(true);
    expect(omitted.map(({ registry, reason }) => [registry, reason])).toEqual([
      ['https://index.docker.io/v1/', 'no-credential'],
      ['token.example', 'unusable'],
      ['hub.docker.com', 'unusable'],
      ['broken.example', 'helper'],
      ['none.example', 'no-credential'],
    ]);
    expect(omitted[1]?.message).toContain('TOKEN_IGNORED');
    expect(validateSecret(createPullSecret({ name: 's', entries })).valid).toBe(true);
  });

  it('asks the store for every registry, and lets a helper of the registry count alone', async () => {
    const asked: string[] = [];
    const stored =
      '{"auths":{"a.example":{"auth":"dTpw"},"b.example":{}},"credHelpers":{"b.example":"b"},"credsStore":"s"}';
    const { entries, omitted } = await resolvePullSecretEntries(stored, {
      registries: ['b.example', 'a.example', 'c.example'],
      askHelper: async (helper, server) => {
        asked.push(`${helper} ${server}`);
        return helper === 's' ? createCredential({ username: 'u', password: server }) : undefined;
      },
    });
    expect(asked).toEqual(['b b.example', 's a.example', 's c.example']);
    expect(Object.entries(entries).map(([key, { password }]) => [key, password.reveal()])).toEqual([
      ['a.example', 'a.example'],
      ['c.example', 'c.example'],
    ]);
    expect(omitted).toMatchObject([{ registry: 'b.example', reason: 'no-credential' }]);
  });

  it('says what it cannot do without helpers, or without the registry', async () => {
    const { omitted } = await resolvePullSecretEntries(config, { registries: ['gcr.io', 'x.example'] });
    expect(omitted.map(({ registry, reason }) => [registry, reason])).toEqual([
      ['gcr.io', 'helper'],
      ['x.example', 'absent'],
    ]);
    await expect(resolvePullSecretEntries('{')).rejects.toThrow(InvalidConfigError);
  });

  it('says in words why a registry is left out, and keeps what a helper failed with', async () => {
    const stored = JSON.stringify({
      auths: { 'e.example': {}, 'https://u:word@x.example': { auth: 'dTpw' } },
      credHelpers: { 'a.example': 'a', 'b.example': 'b', 'c.example': 'c' },
    });
    const failure = new ImageError('ERR_CREDENTIAL_PROVIDER', 'Cannot run it');
    const registries = [
      'e.example',
      'https://u:word@x.example',
      'a.example',
      'b.example',
      'c.example',
      'n.example?t=1',
    ];
    const { omitted } = await resolvePullSecretEntries(stored, {
      registries,
      askHelper: (helper) => {
        if (helper === 'a') throw new Error('with a secret');
        if (helper === 'b') throw failure;
        return undefined;
      },
    });
    const [bare, kept] = ['KEY_HAS_USER_INFO: a key hides nothing; write "https://x.example"', { error: undefined }];
    expect(omitted).toEqual([
      { registry: 'e.example', reason: 'no-credential', message: 'The file has no credential for it', ...kept },
      { registry: 'https://x.example', reason: 'unusable', message: bare, ...kept },
      { registry: 'a.example', reason: 'helper', message: 'The helper failed', ...kept },
      { registry: 'b.example', reason: 'helper', message: 'Cannot run it', error: failure },
      { registry: 'c.example', reason: 'no-credential', message: 'The helper has no credential for it', ...kept },
      { registry: 'n.example', reason: 'absent', message: 'The file has no such registry', ...kept },
    ]);
    const unasked = await resolvePullSecretEntries(stored, { registries: ['b.example'] });
    expect(unasked.omitted).toMatchObject([{ message: 'The helper "b" keeps it; pass askHelper' }]);
  });

  it('hands its signal to the helper, and takes each registry once', async () => {
    const { signal } = new AbortController();
    const asked: unknown[] = [];
    const registries = ['gcr.io', 'gcr.io'];
    await resolvePullSecretEntries(config, { signal, registries, askHelper: (...all) => void asked.push(all) });
    expect(asked).toEqual([['gcloud', 'gcr.io', { signal }]]);
  });

  it('ends with the reason of its signal while a helper is silent', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const waiting = resolvePullSecretEntries(config, {
      signal: controller.signal,
      askHelper: () => {
        queueMicrotask(() => controller.abort(reason));
        return new Promise(() => undefined);
      },
    });
    await expect(waiting).rejects.toBe(reason);
    await expect(resolvePullSecretEntries(config, { signal: controller.signal })).rejects.toBe(reason);
  });
});
