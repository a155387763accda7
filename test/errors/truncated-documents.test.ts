import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { createCredentialProviderKeyring, parseCredentialProviderConfig } from 'kubepull/credential-provider';
import { parseDockerConfigJson, parseDockercfg } from 'kubepull/docker-config';
import { readCredentialProviderConfig, readHostsToml, readNodeDockerConfig, readRegistriesConf } from 'kubepull/node';
import { validateSecret } from 'kubepull/pull-secrets';
import { parseImageName } from 'kubepull/reference';
import { countFor } from '../support/figures.ts';
import { amountOf } from '../support/property-runs.ts';
import { placesOf } from '../support/sweeps.ts';

const WINDOW = 8;
const DEEP = { depth: 12, showHidden: true, getters: true } as const;

// Searched here, with one set of secrets for all documents: the hook would look for each spoilt one by itself. It takes
// letters alone for no secret.
const [password, token, header, key] = [letters(), letters(), letters(), letters()];
const auth = Buffer.from(`somebody:${password}`).toString('base64');
const needles = [password, token, header, key, auth].flatMap((secret) =>
  Array.from({ length: secret.length - WINDOW + 1 }, (_, at) => secret.slice(at, at + WINDOW)),
);

const AUTHS = { 'r.example': { auth, identitytoken: token }, 'https://x.example/v1/': { password, username: 'u' } };
const CONFIG_JSON = JSON.stringify({ auths: AUTHS, HttpHeaders: { 'X-Token': header } });
const DOCKERCFG = JSON.stringify(AUTHS);
const PROVIDERS = {
  apiVersion: 'kubelet.config.k8s.io/v1',
  kind: 'CredentialProviderConfig',
  providers: [
    {
      name: 'plugin',
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      matchImages: ['*.example.com'],
      defaultCacheDuration: '10m',
      args: ['get'],
      env: [{ name: 'TOKEN', value: token }],
    },
  ],
};
const PROVIDERS_YAML = `apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
  - name: plugin
    apiVersion: credentialprovider.kubelet.k8s.io/v1
    matchImages: ["*.example.com"]
    defaultCacheDuration: "10m"
    env:
      - { name: TOKEN, value: "${token}" }
      - name: KEY
        value: ${key}
`;
const RESPONSE = JSON.stringify({
  kind: 'CredentialProviderResponse',
  apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
  cacheKeyType: 'Image',
  auth: { '*.example.com': { username: 'somebody', password } },
});
const HOSTS_TOML = `server = "https://r.example"
[host."https://mirror.example"]
  capabilities = ["pull", "resolve"]
  [host."https://mirror.example".header]
    authorization = "Bearer ${header}"
    x-key = ["${key}"]
`;
const REGISTRIES_CONF = `unqualified-search-registries = ["docker.io"]
[[registry]]
prefix = "r.example"
location = "mirror.example/${key}"
[[registry.mirror]]
location = "mirror2.example"
credential = "${password}"
`;

/** Random text of 36 letters. */
function letters(): string {
  return Array.from({ length: 36 }, () => String.fromCharCode(0x61 + randomInt(26))).join('');
}

/** What a program may see of a failure, or of findings. */
type Look = (document: string) => Promise<unknown>;

const caught = (work: () => unknown): Promise<unknown> =>
  Promise.resolve()
    .then(work)
    .then(
      () => undefined,
      (error: unknown) => error,
    );

function readers(): readonly (readonly [name: string, document: string, look: Look])[] {
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text);
    return path;
  };
  const errorsOfSecret = (data: string, type: string, field: string): unknown => {
    const { valid, ...findings } = validateSecret({
      metadata: { name: 'pull', namespace: 'default' },
      type,
      data: { [field]: Buffer.from(data).toString('base64') },
    });
    return valid ? undefined : findings;
  };
  return [
    ['docker config', CONFIG_JSON, (text) => caught(() => parseDockerConfigJson(text))],
    ['dockercfg', DOCKERCFG, (text) => caught(() => parseDockercfg(text))],
    [
      'node docker config',
      CONFIG_JSON,
      async (text) => {
        write('home/.docker/config.json', text);
        const none = join(folder, 'none');
        const { places } = await readNodeDockerConfig({ rootDir: none, workingDir: none, home: join(folder, 'home') });
        return places.some(({ outcome }) => outcome === 'malformed') ? places : undefined;
      },
    ],
    [
      'pull secret',
      CONFIG_JSON,
      async (text) => errorsOfSecret(text, 'kubernetes.io/dockerconfigjson', '.dockerconfigjson'),
    ],
    ['old pull secret', DOCKERCFG, async (text) => errorsOfSecret(text, 'kubernetes.io/dockercfg', '.dockercfg')],
    [
      'provider config',
      PROVIDERS_YAML,
      (text) => caught(() => readCredentialProviderConfig(write('providers.yaml', text))),
    ],
    [
      'provider config in JSON',
      JSON.stringify(PROVIDERS),
      (text) => caught(() => readCredentialProviderConfig(write('providers.json', text))),
    ],
    [
      'plugin response',
      RESPONSE,
      async (text) => {
        const keyring = createCredentialProviderKeyring(parseCredentialProviderConfig(PROVIDERS), {
          exec: async () => new TextEncoder().encode(text),
        });
        const { candidates, ...rest } = await keyring.lookup(parseImageName('a.example.com/app'));
        return candidates.length === 0 ? rest : undefined;
      },
    ],
    [
      'hosts.toml',
      HOSTS_TOML,
      (text) => {
        write('certs.d/r.example/hosts.toml', text);
        return caught(() => readHostsToml({ directories: [join(folder, 'certs.d')] }));
      },
    ],
    [
      'registries.conf',
      REGISTRIES_CONF,
      (text) => caught(() => readRegistriesConf({ path: write('registries.conf', text), dropInDirectories: [] })),
    ],
  ];
}

/** How many places of a document are spoilt where not all are. */
const PLACES = 25;

/** The document cut at each byte, and with a byte at each place that may not be there. */
function* spoil(document: string): Generator<string> {
  for (const at of placesOf(document.length, PLACES)) {
    const [head, tail] = [document.slice(0, at), document.slice(at)];
    yield* [head, `${head}\u0001${tail}`, `${head}"${tail}`];
  }
}

// The documents themselves hold the secrets, so the hook is not to look at this directory.
const folder = mkdtempSync(join(tmpdir(), 'kubepull-spoilt-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a document that is cut or spoilt [L03]', () => {
  let errors = 0;

  it.each(readers())('is not quoted: %s', async (name) => {
    const [, document = '', look] = readers().find(([other]) => other === name) ?? [];
    let found = 0;
    for (const text of spoil(document)) {
      const seen = await look?.(text);
      if (seen === undefined) continue;
      found += 1;
      const { message = '', stack = '' } = seen instanceof Error ? seen : {};
      const shown = `${message}\n${stack}\n${inspect(seen, DEEP)}\n${JSON.stringify(seen)}`;
      expect(needles.filter((needle) => shown.includes(needle))).toHaveLength(0);
    }
    expect(found).toBeGreaterThan(amountOf({ here: PLACES, inCi: document.length }) / 2);
    errors += found;
    countFor('errors of cut and spoilt documents', found);
  });

  it('makes more than 5,000 errors, where all are made', () => {
    expect(errors).toBeGreaterThan(amountOf({ here: 250, inCi: 5000 }));
  });
});
