import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { format } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as root from 'kubepull';
import { systemClock } from 'kubepull/clock';
import * as cloud from 'kubepull/cloud';
import * as credentialProvider from 'kubepull/credential-provider';
import * as dockerConfig from 'kubepull/docker-config';
import * as keyring from 'kubepull/keyring';
import * as node from 'kubepull/node';
import * as pullSecrets from 'kubepull/pull-secrets';
import * as reference from 'kubepull/reference';
import { readSnippets } from '../packaging/snippets.ts';
import { canary } from '../support/canary.ts';
import { startInternet } from '../support/clouds.ts';
import { runSnippet } from '../support/run-snippet.ts';
import { tempDir } from '../support/temp-dir.ts';

const FOLDER = 'docs/guides/credentials/';
const examples = readSnippets().filter(({ place }) => place.startsWith(FOLDER));
const AWS = {
  AWS_ACCESS_KEY_ID: 'accessKeyId',
  AWS_SECRET_ACCESS_KEY: 'secretAccessKey',
  AWS_SESSION_TOKEN: 'sessionToken',
};

/** What an example printed, line by line. Its imports are this library, but for the network, which is played. */
async function run(code: string): Promise<readonly string[]> {
  const { transport, ambient } = startInternet(systemClock);
  const close = async (): Promise<void> => undefined;
  const modules: Readonly<Record<string, object>> = {
    kubepull: root,
    'kubepull/cloud': cloud,
    'kubepull/credential-provider': credentialProvider,
    'kubepull/docker-config': dockerConfig,
    'kubepull/keyring': keyring,
    'kubepull/pull-secrets': pullSecrets,
    'kubepull/reference': reference,
    'kubepull/node': { ...node, createUndiciTransport: () => ({ transport, close }) },
  };
  const printed: string[] = [];
  const log = (...args: readonly unknown[]): unknown => printed.push(format(...args));
  await runSnippet(code, modules, {
    ...ambient,
    ...machine(),
    console: { log, error: log },
  });
  return printed;
}

/** A home directory with a docker config, a plugin, and the variables that lead there. */
function machine(): Readonly<Record<string, unknown>> {
  const home = tempDir();
  const binDir = join(home.path, 'bin');
  mkdirSync(binDir);
  mkdirSync(join(home.path, '.docker'));
  home.secretFile('.docker/config.json', '{}');
  const apiVersion = 'credentialprovider.kubelet.k8s.io/v1';
  const answer = { kind: 'CredentialProviderResponse', apiVersion, cacheKeyType: 'Image', auth: null };
  writeFileSync(join(binDir, 'plugin'), `#!/bin/sh\necho '${JSON.stringify(answer)}'\n`);
  chmodSync(join(binDir, 'plugin'), 0o755);
  const tokenAttributes = { serviceAccountTokenAudience: 'a', requireServiceAccount: false, cacheType: 'Token' };
  const plugin = {
    name: 'plugin',
    matchImages: ['*.example.com'],
    defaultCacheDuration: '0s',
    apiVersion,
    tokenAttributes,
  };
  const config = { apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig', providers: [plugin] };
  const configPath = join(home.path, 'plugins.json');
  writeFileSync(configPath, JSON.stringify(config));
  setVariables({ HOME: home.path, DOCKER_CONFIG: join(home.path, '.docker') });
  return { binDir, configPath, password: canary('password'), pod: { spec: {} }, secretsInNamespace: [] };
}

function setVariables(values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) {
    const before = env[name];
    env[name] = value;
    onTestFinished(() => {
      if (before === undefined) delete env[name];
      else env[name] = before;
    });
  }
}

describe('an example of the guides to credentials runs, and prints what it says', () => {
  it.each(examples.map(({ place, code }) => [place.slice(FOLDER.length), code] as const))('%s', async (_, code) => {
    const keys = await (startInternet(systemClock).ambient['provider'] as () => Promise<Record<string, string>>)();
    setVariables(Object.fromEntries(Object.entries(AWS).map(([name, key]) => [name, keys[key] ?? ''])));
    const printed = await run(code);
    expect(printed.length).toBeGreaterThan(0);
    const claims = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)]
      .map(([, claim = '']) => claim)
      .filter((claim) => !claim.startsWith('/'));
    for (const claim of claims) expect(printed.some((line) => line === claim)).toBe(true);
  });

  it('is there for every source', () => {
    const pages = new Set(examples.map(({ place }) => place.slice(FOLDER.length).replace(/:\d+$/, '')));
    const wanted = ['README', 'acr', 'docker', 'ecr', 'gcr', 'ibm', 'node-files', 'ocir', 'plugins'];
    expect([...pages].toSorted()).toEqual(wanted.map((page) => `${page}.md`));
  });
});
