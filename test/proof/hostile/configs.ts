// Readers of configurations, and of replies with credentials.
import { parseCredentialProviderConfig } from 'kubepull/credential-provider';
import { parseDockerConfig, parseDockercfg } from 'kubepull/docker-config';
import { lintDockerConfig } from 'kubepull/lint';
import { ResponseFault, decodeResponse } from '../../../src/credential-provider/response.ts';
import { createKnownSecrets, fetchToken } from '../../../src/distribution/auth/token.ts';
import type { TransportResponse } from '../../../src/distribution/transport/transport.ts';
import { readAnswer } from '../../../src/node/docker/helper.ts';
import { YamlFault, readYaml } from '../../../src/node/kubelet/yaml.ts';
import { parseHostsToml } from '../../../src/node/mirrors/hosts-toml.ts';
import { parseRegistriesConf } from '../../../src/node/mirrors/registries-conf.ts';
import { parseToml } from '../../../src/node/mirrors/toml.ts';
import { JSON_WORDS } from './json.ts';
import { attempt, attemptLater, bytesOf, law, sameLaw, type Target } from './target.ts';

const AUTH_WORDS = [
  '"auths":',
  '"auth":',
  '"username":"u"',
  '"password":',
  '"AUTHS":{',
  '"credsStore":',
  '"credHelpers":{',
];

const config: Target = {
  name: 'config',
  words: [
    ...JSON_WORDS,
    ...AUTH_WORDS,
    '"identitytoken":',
    '"dTpw"',
    '"email":',
    '"https://r.example/v1/":{',
    '\\u0061',
  ],
  silent: true,
  run(input, hear) {
    const bytes = bytesOf(input);
    const strict = attempt(hear, () => parseDockerConfig(bytes));
    const lenient = attempt(hear, () => parseDockerConfig(bytes, { mode: 'lenient' }));
    if (strict.ok) {
      law(lenient.ok, 'what kubelet takes, the lenient reader takes');
      const patterns = strict.value.entries.map(({ pattern }) => pattern);
      sameLaw(new Set(patterns).size, patterns.length, 'a key has one entry');
      for (const entry of strict.value.entries)
        sameLaw(JSON.stringify(entry.credential.password), '"[redacted]"', 'hidden');
    }
    attempt(hear, () => parseDockercfg(bytes));
    attempt(hear, () => parseDockercfg(input));
    return strict.ok;
  },
};

const lintedConfig: Target = {
  name: 'linted-config',
  corpus: 'config',
  words: config.words,
  run(input, hear) {
    const findings = [...lintDockerConfig(bytesOf(input)), ...lintDockerConfig(input, { format: 'dockercfg' })];
    for (const finding of findings)
      law(/^[A-Z\d_]+$/.test(finding.code) && finding.message !== '', 'a finding has a code');
    hear(findings);
    return findings.length;
  },
};

const VERSION = 'credentialprovider.kubelet.k8s.io/v1';

const pluginReply: Target = {
  name: 'plugin-reply',
  words: [
    ...JSON_WORDS,
    `"apiVersion":"${VERSION}"`,
    '"kind":"CredentialProviderResponse"',
    '"cacheKeyType":"Image"',
    '"auth":{',
  ],
  silent: true,
  run(input, hear) {
    try {
      const { cacheKeyType, cacheDurationMs, auth } = decodeResponse(bytesOf(input), VERSION);
      law(['Image', 'Registry', 'Global'].includes(cacheKeyType), 'a reply says how far it reaches');
      law(cacheDurationMs === undefined || Number.isFinite(cacheDurationMs), 'a reply is kept for a time');
      sameLaw(new Set(auth.map(({ pattern }) => pattern)).size, auth.length, 'a key stands once');
      return auth.length;
    } catch (error) {
      if (!(error instanceof ResponseFault)) throw error;
      // The API version and the kind are told, which are no secrets; all else is not.
      if (!/actual apiVersion|valid cacheKeyType/.test(error.message)) hear(error);
      return undefined;
    }
  },
};

export const YAML_WORDS = [
  ': ',
  '- ',
  '\n',
  '\n  ',
  '&a',
  '*a',
  '<<: ',
  '|',
  '>',
  '"',
  "'",
  '---',
  '...',
  '!!int ',
  '{',
  '[',
  '#',
  '? ',
  '~',
];

const pluginConfig: Target = {
  name: 'plugin-config',
  words: [
    ...YAML_WORDS,
    'apiVersion: kubelet.config.k8s.io/v1',
    'kind: CredentialProviderConfig',
    'providers:',
    'matchImages:',
    'env:',
  ],
  run(input, hear) {
    try {
      const document = readYaml(bytesOf(input));
      const read = attempt(hear, () => parseCredentialProviderConfig(document));
      if (read.ok) law(read.value.providers.length > 0, 'a configuration has a plugin');
      return read.ok;
    } catch (error) {
      if (!(error instanceof YamlFault)) throw error;
      hear(error);
      return undefined;
    }
  },
};

/** An answer of a server with this body. */
function answerOf(
  body: Uint8Array,
  headers: readonly (readonly [string, readonly string[]])[] = [],
): TransportResponse {
  return {
    status: 200,
    headers: new Map(headers),
    body: (async function* () {
      yield body;
    })(),
    discard: async () => undefined,
    remoteAddress: undefined,
  };
}

const tokenReply: Target = {
  name: 'token-reply',
  words: [
    ...JSON_WORDS,
    '"token":"',
    '"access_token":"t"',
    '"expires_in":300',
    '"expires_in":1e308',
    '"refresh_token":',
  ],
  silent: true,
  async run(input, hear) {
    const origin = 'https://r.example';
    const clock = { now: () => 0, monotonic: () => 0, sleep: async () => undefined };
    const read = await attemptLater(hear, () =>
      fetchToken(
        {
          transport: async () => answerOf(bytesOf(input)),
          readAgain: async (exchange) => exchange.read(await exchange.send()),
          clock,
          origin,
          credential: undefined,
          secrets: createKnownSecrets(undefined),
          realmPolicy: 'guarded',
        },
        {
          registry: { origin, address: undefined },
          realm: { url: new URL(`${origin}/token`), allowAddresses: undefined },
          service: undefined,
        },
        { scopes: ['repository:a:pull'], signal: new AbortController().signal },
      ),
    );
    if (read.ok) {
      law(/^[\x21-\x7e]+$/.test(read.value.token), 'a token can be sent');
      law(
        read.value.lifetimeMs >= 60_000 && read.value.lifetimeMs <= 86_400_000,
        'a token lives from a minute to a day',
      );
    }
    return read.ok;
  },
};

const helperReply: Target = {
  name: 'helper-reply',
  words: [...JSON_WORDS, '"Username":"u"', '"Secret":"s"', '"username":', '"ServerURL":"r.example"', '<token>', '\n'],
  silent: true,
  run(input, hear) {
    const read = attempt(hear, () => readAnswer('desktop', bytesOf(input)));
    if (read.ok)
      law(typeof read.value.username === 'string' && typeof read.value.secret === 'string', 'both are texts');
    return read.ok;
  },
};

const TOML_WORDS = [
  ' = ',
  '\n',
  '[',
  ']',
  '[[',
  ']]',
  '"',
  "'''",
  '"""',
  '{',
  '}',
  ',',
  '#',
  'true',
  '1979-05-27',
  '\\u0000',
  '0x',
  '.',
];

const hostsToml: Target = {
  name: 'hosts-toml',
  words: [
    ...TOML_WORDS,
    'server = "https://r.example"',
    '[host."https://m.example"]',
    'capabilities = ["pull"]',
    'header',
    'ca',
    'client',
  ],
  silent: true,
  async run(input, hear) {
    const table = await attemptLater(hear, () => parseToml(input, 'hosts.toml'));
    if (!table.ok) return false;
    const read = attempt(hear, () => parseHostsToml(table.value, '/etc/certs.d/r.example', 'hosts.toml'));
    if (read.ok)
      for (const { url } of read.value)
        law(url === undefined || /^https?:\/\/[^@?#]*$/.test(url), 'a mirror is a plain URL');
    return read.ok;
  },
};

const registriesConf: Target = {
  name: 'registries-conf',
  words: [
    ...TOML_WORDS,
    '[[registry]]',
    'prefix = "*.example.com"',
    'location = "r.example/x"',
    '[[registry.mirror]]',
    'insecure',
    'blocked',
  ],
  silent: true,
  async run(input, hear) {
    const table = await attemptLater(hear, () => parseToml(input, 'registries.conf'));
    return table.ok && attempt(hear, () => parseRegistriesConf(table.value, 'registries.conf')).ok;
  },
};

export const CONFIG_TARGETS: readonly Target[] = [
  config,
  lintedConfig,
  pluginReply,
  pluginConfig,
  tokenReply,
  helperReply,
  hostsToml,
  registriesConf,
];
