// Hosts of clouds, configurations of credential plugins and their answers.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { createAcrKeyring, createEcrKeyring } from 'kubepull/cloud';
import { createCredentialProviderKeyring, parseCredentialProviderConfig } from 'kubepull/credential-provider';
import { InvalidConfigError } from 'kubepull/errors';
import { readCredentialProviderConfig } from 'kubepull/node';
import { parseImageName } from 'kubepull/reference';
import { createFakeClock } from 'kubepull/testing';
import { imageNamed } from '../support/image-name.ts';
import { createMemoryTransport } from '../support/memory-transport.ts';
import { tempDir } from '../support/temp-dir.ts';
import type { Case, Check } from './case.ts';

/** Whether a cloud takes a host for its own: then it asks for a token, which fails here. */
function checkHost(make: (options: Parameters<typeof createAcrKeyring>[0]) => ReturnType<typeof createAcrKeyring>): Check {
  return async ({ input, expected }) => {
    const { transport } = createMemoryTransport(() => ({ status: 500 }));
    const keyring = make({ transport, clock: createFakeClock(), entraToken: () => Promise.reject(new Error('asked')) });
    const { sources } = await keyring.lookup(imageNamed(`${String(input)}/team/app`));
    const isOne = expected.startsWith('a registry of');
    expect(isOne || expected === 'no such form').toBe(true);
    expect(sources.map(({ outcome }) => outcome)).toEqual([isOne ? 'failed' : 'unmatched']);
  };
}

const provider = (fields: object): object => ({
  apiVersion: 'kubelet.config.k8s.io/v1',
  kind: 'CredentialProviderConfig',
  providers: [{ name: 'p', matchImages: ['*.example.com'], defaultCacheDuration: '1h', apiVersion: PROTOCOL, ...fields }],
});
const PROTOCOL = 'credentialprovider.kubelet.k8s.io/v1';

function faultOf(value: unknown): string {
  try {
    parseCredentialProviderConfig(value);
    return 'none';
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidConfigError);
    return (error as InvalidConfigError).upstream;
  }
}

/** A plugin that answers so: the answer is discarded for the reason that is expected, or used and kept as long. */
async function checkAnswer({ input, expected }: Case): Promise<void> {
  const keyring = createCredentialProviderKeyring(parseCredentialProviderConfig(provider({})), {
    exec: async () => new TextEncoder().encode(String(input)),
  });
  const { sources, candidates } = await keyring.lookup(parseImageName('a.example.com/app'));
  const [, kept] = /^used, cached for ([\d.]+) µs$/.exec(expected) ?? [];
  if (kept === undefined) {
    expect(candidates).toEqual([]);
    expect(sources).toMatchObject([{ outcome: 'failed', error: { code: 'ERR_CREDENTIAL_PROVIDER' } }]);
    expect(sources[0]?.detail).toContain(expected.replace(/^discarded: /, ''));
    if (String(input).startsWith('credentials not found')) expect(sources[0]?.detail).toContain('Docker');
  } else {
    expect(candidates.map(({ entry }) => entry.credential.username)).toEqual(['u']);
    expect(sources[0]?.detail).toBe(`kept by registry for ${Number(kept) / 1e6} s`);
  }
}

/** By the kind of the case. */
export const CLOUD_CHECKS: Readonly<Record<string, Check>> = {
  'ACR host forms': checkHost(createAcrKeyring),
  'ECR host forms': checkHost(({ transport, clock }) =>
    createEcrKeyring({ transport, clock, credentials: () => Promise.reject(new Error('asked')) }),
  ),
  'config without apiVersion and defaultCacheDuration': () => {
    const lacking = provider({ apiVersion: undefined, defaultCacheDuration: undefined, matchImages: undefined });
    expect(faultOf(lacking)).toBe(
      'failed to validate credential provider config: [providers.apiVersion: Required value, providers.matchImages: Required value: at least 1 item in matchImages is required, providers.defaultCacheDuration: Required value]',
    );
    expect(faultOf(provider({ apiVersion: undefined, defaultCacheDuration: undefined }))).toBe(
      'failed to validate credential provider config: [providers.apiVersion: Required value, providers.defaultCacheDuration: Required value]',
    );
  },
  'defaultCacheDuration -1h': ({ input, expected }) => {
    const [text] = /^Invalid value: "[^"]+"/.exec(expected) ?? [];
    expect(text).toBe('Invalid value: "-1h0m0s"');
    expect(faultOf(provider({ defaultCacheDuration: input }))).toContain(`providers.defaultCacheDuration: ${text}: must be`);
  },
  'plugin response': checkAnswer,
  'matchImages: - *.azurecr.io': async ({ input, expected }) => {
    const { path } = tempDir();
    const file = join(path, 'config.yaml');
    writeFileSync(file, `apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n- matchImages:\n  ${String(input)}\n  name: p\n`);
    const error: unknown = await readCredentialProviderConfig(file).catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(InvalidConfigError);
    expect((error as InvalidConfigError).upstream).toBe(`error decoding config "${file}": ${expected}`);
    expect((error as InvalidConfigError).message).toMatch(/; write the pattern in quotes: "\*\.azurecr\.io"$/);
  },
};
