import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'node:util';
import * as noble from '@noble/hashes/sha2.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as root from 'kubepull';
import * as digest from 'kubepull/digest';
import * as distribution from 'kubepull/distribution';
import * as mirrors from 'kubepull/mirrors';
import * as dockerConfig from 'kubepull/docker-config';
import * as errors from 'kubepull/errors';
import * as explain from 'kubepull/explain';
import * as imageManager from 'kubepull/image-manager';
import * as imageService from 'kubepull/image-service';
import * as keyring from 'kubepull/keyring';
import * as failures from 'kubepull/failures';
import * as kubernetes from 'kubepull/kubernetes';
import * as lint from 'kubepull/lint';
import * as node from 'kubepull/node';
import * as oci from 'kubepull/oci';
import * as preflight from 'kubepull/preflight';
import * as puller from 'kubepull/puller';
import * as pullPolicy from 'kubepull/pull-policy';
import * as pullSecrets from 'kubepull/pull-secrets';
import * as reference from 'kubepull/reference';
import * as store from 'kubepull/store';
import * as testing from 'kubepull/testing';
import { exampleWith, readSnippets } from '../packaging/snippets.ts';
import { canary } from '../support/canary.ts';
import { startRegistry } from '../support/registry.ts';
import { runSnippet } from '../support/run-snippet.ts';
import { tempDir } from '../support/temp-dir.ts';

const modules = {
  kubepull: root,
  'kubepull/digest': digest,
  'kubepull/distribution': distribution,
  'kubepull/mirrors': mirrors,
  'kubepull/docker-config': dockerConfig,
  'kubepull/errors': errors,
  'kubepull/explain': explain,
  'kubepull/failures': failures,
  'kubepull/kubernetes': kubernetes,
  'kubepull/image-manager': imageManager,
  'kubepull/image-service': imageService,
  'kubepull/keyring': keyring,
  'kubepull/lint': lint,
  'kubepull/node': node,
  'kubepull/oci': oci,
  'kubepull/preflight': preflight,
  'kubepull/puller': puller,
  'kubepull/pull-policy': pullPolicy,
  'kubepull/pull-secrets': pullSecrets,
  'kubepull/reference': reference,
  'kubepull/store': store,
  'kubepull/testing': testing,
};

/** What an example prints, line by line. */
async function run(
  code: string,
  { played = {}, scope = {} }: { played?: Readonly<Record<string, object>>; scope?: object } = {},
): Promise<readonly string[]> {
  const printed: string[] = [];
  const log = (...args: readonly unknown[]): unknown => printed.push(...format(...args).split('\n'));
  await runSnippet(
    code.replaceAll(/^export (?=function)/gm, ''),
    { ...modules, ...played },
    { console: { log, error: log }, ...scope },
  );
  return printed;
}

/** What an example says that it prints. */
const claimsOf = (code: string): readonly string[] =>
  Array.from(code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm), ([, claim = '']) => claim);

/** A registry, and a client of it that may do all. */
async function startClient(): Promise<{
  readonly registry: testing.LoopbackRegistry;
  readonly session: distribution.RegistrySession;
}> {
  const registry = await startRegistry();
  const { transport, close } = node.createUndiciTransport();
  onTestFinished(close);
  const { origin } = registry;
  const session = distribution.createRegistrySession({ transport, origin, createHasher: node.nodeHasher });
  return { registry, session };
}

/** An image for two platforms, whose layers take part in no other. */
function twoPlatforms(): testing.BuiltIndex {
  return testing.buildIndex(
    ['amd64', 'arm64'].map((architecture) =>
      testing.buildImage({
        platform: { os: 'linux', architecture },
        layers: [{ randomBytes: 10_000, seed: architecture }],
      }),
    ),
  );
}

describe('README.md', () => {
  const server = 'registry.example.com';
  const image = `${server}/team/app:1`;

  /** What an example prints where a registry on loopback, which serves one image to one account, is that of the page. */
  async function runAtHome(text: string): Promise<{ readonly code: string; readonly printed: readonly string[] }> {
    const account = { username: 'ci', password: canary('password') };
    const registry = await startRegistry({ auth: { 'team/': { type: 'basic', accounts: [account] } } });
    registry.push('team/app', '1', testing.buildImage({ layers: [{ files: { motd: 'hello' } }] }));
    const { host } = registry;
    const plainHttp = [host];
    const config = JSON.stringify({ auths: { [host]: account } });
    const store = await node.openOciLayout(tempDir().path);
    const played = {
      'kubepull/node': {
        ...node,
        openOciLayout: async () => store,
        loadDockerKeyring: async () =>
          keyring.createKeyring(dockerConfig.parseDockerConfigJson(config, { kind: 'file', path: 'config.json' })),
      },
      'kubepull/preflight': {
        ...preflight,
        preflight: (pods: object, options: preflight.PreflightOptions) =>
          preflight.preflight(pods, { ...options, plainHttp }),
      },
      'kubepull/puller': {
        ...puller,
        pullImageEvents: (name: string, options: puller.PullOptions) =>
          puller.pullImageEvents(name, { ...options, plainHttp }),
      },
    };
    const containers = [{ name: 'app', image: `${host}/team/app:1` }];
    const scope = {
      pod: { spec: { imagePullSecrets: [{ name: 'lost' }, { name: 'team' }], containers } },
      secretsInNamespace: [pullSecrets.createPullSecret({ name: 'team', server: host, ...account })],
    };
    const code = exampleWith('README.md', text);
    const printed = await run(code.replaceAll(server, host), { played, scope });
    return { code, printed: printed.map((line) => line.replaceAll(host, server)) };
  }

  it('parses names as it says', async () => {
    const code = exampleWith('README.md', 'safeParseReference');
    expect(claimsOf(code)).toHaveLength(2);
    expect(await run(code)).toEqual(claimsOf(code));
  });

  it('explains why the pull of a pod fails', async () => {
    const { printed } = await runAtHome('explainPull');
    expect(printed[0]).toBe(`container app (regular): image ${image}`);
    expect(printed.join('\n')).toMatch(/^error PULL_SECRET_MISSING spec.imagePullSecrets\[0\].name: /mu);
  });

  it('tells which credentials kubelet would try, without a secret', async () => {
    const { printed } = await runAtHome('formatLookup');
    expect(printed.join('\n')).toContain(`1. ${server} (secret default/team)`);
  });

  it('asks the registry whether the images of a pod will be pulled', async () => {
    const { printed } = await runAtHome('preflight(');
    expect(printed).toContain(`${image}: ok`);
    expect(printed.join('\n')).toContain('as credential 1, secret default/team');
  });

  it('pulls with the credentials of Docker, and tells which was taken', async () => {
    const { code, printed } = await runAtHome('pullImageEvents');
    expect(printed).toContain(claimsOf(code)[0]);
    expect(printed.at(-1)).toMatch(/^registry\.example\.com\/team\/app@sha256:[0-9a-f]{64}$/u);
  });

  it('has no other example', () => {
    expect(readSnippets().filter(({ place }) => place.startsWith('README.md'))).toHaveLength(5);
  });
});

describe('docs/guides/why-a-pull-fails.md', () => {
  const page = 'why-a-pull-fails';
  const text = readFileSync(new URL(`../../docs/guides/${page}.md`, import.meta.url), 'utf8');
  const dockerConfigJson = (key: string): string =>
    JSON.stringify({ auths: { [key]: { username: 'ci', password: canary('password') } } });
  const secretWith = (text: string): pullSecrets.SecretLike => ({
    metadata: { name: 'creds', namespace: 'shop' },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(text).toString('base64') },
  });
  const explained = (secret: pullSecrets.SecretLike): Promise<readonly string[]> => {
    const pod: kubernetes.PodLike = {
      metadata: { name: 'web', namespace: 'shop' },
      spec: {
        imagePullSecrets: [{ name: 'creds' }],
        containers: [{ name: 'web', image: 'registry.example.com/team/web:1.4' }],
      },
    };
    const files: Readonly<Record<string, unknown>> = { 'pod.json': pod, 'secrets.json': { items: [secret] } };
    const readFile = async (path: string): Promise<string> => JSON.stringify(files[path]);
    return run(exampleWith(page, 'formatExplanation'), { played: { 'node:fs/promises': { readFile } } });
  };

  /** What the page shows as printed, with a text in it. */
  const shownWith = (part: string): readonly string[] =>
    Array.from(text.matchAll(/```text\n([^`]*)\n```/g), ([, block = '']) => block)
      .find((block) => block.includes(part))
      ?.split('\n') ?? [];

  it("finds the cause in a node's words as the page shows it", async () => {
    const printed = await run(exampleWith(page, 'explainFailure'));
    expect(printed).toEqual(['dns registry.example.com', ...shownWith('cause: dns')]);
  });

  it('explains the container of a pod that is at fault, by its status and the last event', async () => {
    const image = 'registry.example.com/team/migrate:2';
    const state = (reason: string): object => ({ waiting: { reason, message: `Back-off pulling image "${image}"` } });
    const stuck = {
      metadata: { name: 'web', namespace: 'shop', uid: 'u' },
      spec: { initContainers: [{ name: 'migrate', image }], containers: [{ name: 'web', image: 'nginx:1.27' }] },
      status: {
        initContainerStatuses: [{ name: 'migrate', state: state('ImagePullBackOff') }],
        containerStatuses: [{ name: 'web', state: { waiting: { reason: 'PodInitializing' } } }],
      },
    };
    const message = `Failed to pull image "${image}": failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized`;
    const involvedObject = { name: 'web', namespace: 'shop', uid: 'u', fieldPath: 'spec.initContainers{migrate}' };
    const files: Readonly<Record<string, unknown>> = {
      'pod.json': stuck,
      'secrets.json': { items: [secretWith(dockerConfigJson('registry.example.com/*'))] },
      'events.json': { items: [{ reason: 'Failed', message, involvedObject }] },
    };
    const readFile = async (path: string): Promise<string> => JSON.stringify(files[path]);
    const printed = await run(exampleWith(page, 'formatPodExplanation'), {
      played: { 'node:fs/promises': { readFile } },
    });
    expect(printed.at(-1)).toBe('spec.initContainers[0] auth-missing');
    expect(printed.join('\n')).toContain('migrate: registry.example.com/team/migrate:2 waits with ImagePullBackOff');
  });

  it('explains a pod as the page shows it, and finds the key at fault', async () => {
    const printed = await explained(secretWith(dockerConfigJson('registry.example.com/*')));
    const shown = shownWith('container web (regular)');
    expect(shown.length).toBeGreaterThan(0);
    expect(printed.slice(0, shown.length)).toEqual(shown);
    const findings = printed.slice(shown.length);
    expect(findings.some((line) => line.startsWith('error KEY_GLOB_IN_PATH data[".dockerconfigjson"]'))).toBe(true);
  });

  it('finds what no single object has: a secret that is not listed, a node without the image or the key', async () => {
    const containers = [{ name: 'web', image: 'registry.example.com/team/web:1.4', imagePullPolicy: 'Never' }];
    const onNode = (name: string, ...names: readonly string[]): object => ({
      metadata: { name },
      status: { images: [{ names }] },
    });
    const files: Readonly<Record<string, string>> = {
      'pods.json': JSON.stringify({ kind: 'List', items: [{ metadata: { namespace: 'shop' }, spec: { containers } }] }),
      'secrets.json': JSON.stringify({ items: [secretWith(dockerConfigJson('registry.example.com'))] }),
      'nodes.json': JSON.stringify({ items: [onNode('node-a', containers[0]!.image), onNode('node-b')] }),
      'node-a.json': dockerConfigJson('other.example.com'),
      'node-b.json': '{"auths":{}}',
    };
    const readFile = async (path: string): Promise<string> => files[path] ?? '';
    const printed = await run(exampleWith(page, 'compareNodeConfigs'), {
      played: { 'node:fs/promises': { readFile } },
    });
    const codes = printed.map((line) => line.split(' ')[1]);
    expect(codes).toEqual([
      'POLICY_NEVER',
      'IMAGE_ANONYMOUS',
      'PULL_SECRET_UNLISTED',
      'IMAGE_NOT_ON_NODES',
      'NODE_KEY_MISSING',
    ]);
  });

  it('has a reason of a malformed secret, as kubelet shows it', async () => {
    const printed = await explained(secretWith('{"auths":{"r.example":{"auth":"abcd!"}}}'));
    expect(printed.find((line) => line.startsWith('the container waits'))).toContain(
      'illegal base64 data at input byte 4',
    );
  });

  it('names what a pod has when it has no container of that name', () => {
    const explainLost = (names: readonly string[]): void => {
      const containers = names.map((name) => ({ name, image: 'nginx' }));
      explain.explainPull({ spec: { containers } }, 'lost');
    };
    const message = (has: string): string => `Cannot explain container "lost": the pod has ${has}`;
    expect(() => explainLost([])).toThrow(message('no containers'));
    expect(() => explainLost(['web', 'log'])).toThrow(message('"web", "log"'));
    expect(() => explainLost([...'abcdefghijk'])).toThrow(/"j", …$/);
  });

  it('says every word of a look-up in its table', () => {
    const words: Record<keyring.CredentialCandidate['rule'] | keyring.RejectedEntry['reason'], true> = {
      literal: true,
      glob: true,
      'default-registry': true,
      port: true,
      'label-count': true,
      label: true,
      path: true,
      'invalid-pattern': true,
      'invalid-image': true,
    };
    for (const word of Object.keys(words)) expect(text).toContain(`\n| \`${word}\` `);
  });

  it('asks a registry with one credential after the other, and downloads nothing', async () => {
    const password = canary('password');
    const accounts = [{ username: 'ci', password }];
    const registry = await startRegistry({ auth: { 'team/': { type: 'bearer', accounts } } });
    registry.push('team/app', '1', testing.buildImage({ layers: [{ files: { motd: 'hello' } }] }));
    const server = 'registry.example.com';
    const scope = {
      pod: { spec: { imagePullSecrets: [{ name: 'old' }, { name: 'new' }] } },
      secretsInNamespace: [
        pullSecrets.createPullSecret({ name: 'old', server, username: 'ci', password: canary('password') }),
        pullSecrets.createPullSecret({ name: 'new', server, username: 'ci', password }),
      ],
    };
    const played = { 'kubepull/mirrors': { ...mirrors, getRegistryOrigin: () => registry.origin } };
    const printed = await run(exampleWith(page, 'checkImage'), { played, scope });
    expect(printed).toHaveLength(2);
    expect(printed[0]).toMatch(/^registry\.example\.com\/team\/app:1: sha256:[0-9a-f]{64} with secret default\/new$/);
    expect(printed[1]).toMatch(/team\/lost:1: secret default\/old: .* 401 .*; secret default\/new: .* 404/);
    const asked = registry.requests.filter(({ url }) => url.startsWith('/v2/'));
    expect(new Set(asked.map(({ method }) => method))).toEqual(new Set(['HEAD']));
  });
});

describe('docs/guides/registry-client.md', () => {
  const page = 'registry-client';

  it('mirrors an index with its platforms from one registry to another', async () => {
    const [from, to] = [await startClient(), await startClient()];
    from.registry.push('team/app', '1', twoPlatforms());
    const scope = { source: from.session, target: to.session };
    const printed = await run(exampleWith(page, 'referrers: true,'), { scope });
    expect(printed.at(-1)).toBe('7 contents');
    expect(printed[0]).toMatch(/^7 parts, \d+ bytes$/);
    const name = reference.parseReference('mirror.example.com/team/app:1');
    expect((await distribution.resolveManifest(to.session, name)).digest).toBe(
      (await distribution.resolveManifest(from.session, name)).digest,
    );
  });

  it('brings all platforms into a layout, and from there to another registry', async () => {
    const [from, to] = [await startClient(), await startClient()];
    const index = twoPlatforms();
    from.registry.push('team/app', '1', index);
    const folder = join(tempDir().path, 'layout');
    const played = { 'kubepull/node': { ...node, openOciLayout: () => node.openOciLayout(folder) } };
    const copied = await run(exampleWith(page, 'const registry = createRegistryStore'), {
      played,
      scope: { session: from.session },
    });
    expect(copied).toEqual(['7 contents']);
    expect((await node.validateLayout(folder)).findings).toEqual([]);
    await run(exampleWith(page, 'copyImage(store,'), { played, scope: { target: to.session } });
    const name = reference.parseReference('mirror.example.com/team/app:1');
    expect((await distribution.resolveManifest(to.session, name)).digest).toBe(index.descriptor.digest);
  });
});

describe('docs/guides/pulling.md', () => {
  const code = exampleWith('pulling', 'SIGINT');

  /** What the program writes, and how it ends; `written` is called for each piece of progress. */
  async function pull(written: (interrupt: () => void) => void): Promise<{
    readonly printed: readonly string[];
    readonly progress: string;
    readonly exitCode: number | undefined;
  }> {
    const registry = await startRegistry();
    registry.push('app', '1', twoPlatforms());
    const home = tempDir().path;
    const handlers: (() => void)[] = [];
    let progress = '';
    const write = (text: string): void => {
      progress += text;
      written(() => handlers.forEach((handle) => handle()));
    };
    const process = {
      once: (_: 'SIGINT', handle: () => void) => handlers.push(handle),
      stderr: { write },
      exitCode: undefined,
    };
    const played = {
      'kubepull/puller': {
        ...puller,
        pullImageEvents: (image: string, options: puller.PullOptions) =>
          puller.pullImageEvents(image.replace('registry.example.com', registry.host), {
            ...options,
            platform: { os: 'linux', architecture: 'arm64' },
            plainHttp: [registry.host],
          }),
      },
      'kubepull/node': {
        ...node,
        openOciLayout: () => node.openOciLayout(join(home, 'layout')),
        loadDockerKeyring: () => node.loadDockerKeyring({ env: { HOME: home } }),
      },
    };
    const printed = await run(code, { played, scope: { process } });
    return { printed, progress, exitCode: process.exitCode };
  }

  it('shows how far a pull has come, and what was pulled', async () => {
    const { printed, progress, exitCode } = await pull(() => undefined);
    expect(printed.at(-1)).toMatch(/\/app@sha256:[0-9a-f]{64}$/);
    const [, done, size] = /(\d+) of (\d+) bytes$/.exec(progress) ?? [];
    expect(done).toBe(size);
    expect(exitCode).toBeUndefined();
  });

  it('ends with 130 when it is interrupted', async () => {
    const { printed, exitCode } = await pull((interrupt) => interrupt());
    expect(printed).toEqual(['Error: Interrupted']);
    expect(exitCode).toBe(130);
  });
});

describe('docs/guides/pulling.md on what may be pulled', () => {
  it('asks `verify` with what it judges by', async () => {
    const registry = await startRegistry();
    registry.push('app', '1', testing.buildImage({ layers: [{ files: { a: '1' } }] }));
    const home = tempDir().path;
    let judged: unknown = 'not asked';
    const pullImage = (image: string, { verify, ...options }: puller.PullOptions): unknown =>
      puller.pullImage(image.replace('registry.example.com', registry.host), {
        ...options,
        plainHttp: [registry.host],
        verify: async (resolved, call) => {
          const large = resolved.manifest.layers.map((layer) => ({ ...layer, size: 2 ** 31 }));
          judged = await verify?.({ ...resolved, manifest: { ...resolved.manifest, layers: large } }, call);
          return verify?.(resolved, call);
        },
      });
    const played = {
      'kubepull/puller': { ...puller, pullImage },
      'kubepull/node': { ...node, openOciLayout: () => node.openOciLayout(join(home, 'layout')) },
    };
    await run(exampleWith('pulling', 'more than a gibibyte'), { played });
    expect(judged).toMatch(/^sha256:[0-9a-f]{64} has 2147483648 bytes, more than a gibibyte$/);
    expect(registry.requests.some(({ url }) => url.includes('/blobs/'))).toBe(true);
  });

  it('gives `verify` to the image service of a manager', async () => {
    const options: unknown[] = [];
    const createSignatureCheck = (publicKey: string) => `check of ${publicKey}`;
    const played = {
      'kubepull/image-service': { createPullerImageService: (given: unknown) => options.push(given) },
      'kubepull/node': { ...node, openOciLayout: () => 'store' },
    };
    const code = exampleWith('pulling', 'createSignatureCheck').replaceAll(/^declare .*$/gm, '');
    await run(code, { played, scope: { createSignatureCheck, publicKey: 'a key' } });
    expect(options).toMatchObject([{ store: 'store', verify: 'check of a key' }]);
  });
});

describe('docs/guides/credentials/docker.md', () => {
  it('makes a pull secret out of a login, and none out of an identity token', async () => {
    const code = exampleWith('credentials/docker', 'createPullSecret');
    const [server, password] = ['registry.example.com', canary('password')];
    const token = { username: '<token>', password: dockerConfig.createSecret(''), registryToken: undefined };
    const logins: readonly dockerConfig.Credential[] = [
      { ...token, identityToken: dockerConfig.createSecret(canary('identity-token')), email: undefined },
      {
        ...token,
        username: 'ci',
        password: dockerConfig.createSecret(password),
        identityToken: undefined,
        email: undefined,
      },
    ];
    const entries = logins.map((credential) => ({ pattern: server, credential, source: { kind: 'inline' } as const }));
    const runWith = async (known: typeof entries): Promise<readonly string[]> => {
      const written: string[] = [];
      const played = {
        kubepull: root,
        'kubepull/node': { loadDockerKeyring: async () => keyring.createKeyring(known) },
      };
      const process = { stdout: { write: (text: string) => written.push(text) } };
      return [...(await run(code, { played, scope: { process } })), ...written];
    };
    const [manifest = ''] = await runWith(entries);
    const secret = JSON.parse(manifest) as pullSecrets.SecretLike;
    expect(secret.metadata).toEqual({ name: 'creds' });
    const [entry] = pullSecrets.mergePullSecrets([secret]).entries;
    expect(entry?.credential.password.reveal() === password).toBe(true);
    expect(await runWith(entries.slice(0, 1))).toEqual([`Nobody has logged in to ${server} with a password`]);
  });
});

describe('docs/guides/testing.md', () => {
  it('goes through a back-off on a fake clock', async () => {
    const code = exampleWith('testing', 'createImageManager');
    const claims = claimsOf(code);
    expect(claims).toEqual(['ErrImagePull', 'ImagePullBackOff', 'pulled']);
    expect(await run(code)).toEqual(claims);
  });
});

describe('docs/guides/browser.md', () => {
  it('checks what somebody types', async () => {
    const code = exampleWith('browser', 'checkObject');
    const claims = claimsOf(code);
    expect(claims).toHaveLength(2);
    expect(await run(code)).toEqual(claims);
    const password = canary('password');
    const secret = pullSecrets.createPullSecret({ name: 'a', server: 'r.io/*', username: 'u', password });
    const findings = await run(`${code}\nconsole.log(...checkObject(secret));`, {
      scope: { secret: JSON.stringify(secret) },
    });
    expect(findings.join()).toContain('KEY_GLOB_IN_PATH');
  });

  it('makes hashes of the library that it imports, for every algorithm', async () => {
    const code = exampleWith('browser', 'createHasher');
    const played = { '@noble/hashes/sha2.js': noble };
    expect(await run(code, { played })).toEqual(claimsOf(code));
    const text = 'in two parts';
    const more = `for (const algorithm of ['sha256', 'sha384', 'sha512']) {
      const hasher = createHasher(algorithm);
      for (const part of ['in two ', 'parts']) hasher.update(new TextEncoder().encode(part));
      console.log(hasher.digest());
    }`;
    const digests = (await run(`${code}\n${more}`, { played, scope: { TextEncoder } })).slice(1);
    const expected = ['sha256', 'sha384', 'sha512'].map(
      (name) => `${name}:${createHash(name).update(text).digest('hex')}`,
    );
    expect(digests).toEqual(expected);
  });
});
