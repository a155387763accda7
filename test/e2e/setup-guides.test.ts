import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { format } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as cloud from 'kubepull/cloud';
import * as credentialProvider from 'kubepull/credential-provider';
import * as cri from 'kubepull/cri';
import * as distribution from 'kubepull/distribution';
import * as dockerConfig from 'kubepull/docker-config';
import * as errors from 'kubepull/errors';
import * as explain from 'kubepull/explain';
import * as failures from 'kubepull/failures';
import * as imageManager from 'kubepull/image-manager';
import * as imageService from 'kubepull/image-service';
import * as keyring from 'kubepull/keyring';
import * as lint from 'kubepull/lint';
import * as mirrors from 'kubepull/mirrors';
import * as node from 'kubepull/node';
import * as platform from 'kubepull/platform';
import * as pullSecrets from 'kubepull/pull-secrets';
import * as puller from 'kubepull/puller';
import * as reference from 'kubepull/reference';
import * as store from 'kubepull/store';
import * as testing from 'kubepull/testing';
import { root } from '../packaging/entries.mjs';
import { exampleWith } from '../packaging/snippets.ts';
import { canary } from '../support/canary.ts';
import { wireImage } from '../support/cri-runtime.ts';
import { startCriServer } from '../support/cri-server.ts';
import { startRegistry } from '../support/registry.ts';
import { runSnippet } from '../support/run-snippet.ts';
import { tempDir } from '../support/temp-dir.ts';

const { buildImage, buildIndex } = testing;
const modules = {
  'kubepull/cloud': cloud,
  'kubepull/credential-provider': credentialProvider,
  'kubepull/distribution': distribution,
  'kubepull/docker-config': dockerConfig,
  'kubepull/errors': errors,
  'kubepull/explain': explain,
  'kubepull/failures': failures,
  'kubepull/image-manager': imageManager,
  'kubepull/image-service': imageService,
  'kubepull/keyring': keyring,
  'kubepull/pull-secrets': pullSecrets,
  'kubepull/lint': lint,
  'kubepull/mirrors': mirrors,
  'kubepull/node': node,
  'kubepull/platform': platform,
  'kubepull/reference': reference,
  'kubepull/store': store,
  'kubepull/testing': testing,
};

/** What an example prints, line by line. */
async function run(code: string, played: Readonly<Record<string, object>> = {}, scope: object = {}): Promise<string[]> {
  const printed: string[] = [];
  const log = (...args: readonly unknown[]): unknown => printed.push(...format(...args).split('\n'));
  const program = code.replaceAll(/^(?:export (?=function)|declare .*$)/gm, '');
  await runSnippet(program, { ...modules, ...played }, { console: { log, error: log }, ...scope });
  return printed;
}

/** What an example says that it prints: behind a call, or in lines of comment after it. */
const claimsOf = (code: string): readonly string[] =>
  Array.from(code.matchAll(/^(?:.*console\.log\(.*\); )?\/\/ (.*)$/gm), ([, claim = '']) => claim);

/** Plays the registry of the examples. */
const at = ({ origin }: testing.LoopbackRegistry): Readonly<Record<string, object>> => ({
  'kubepull/mirrors': { ...mirrors, getRegistryOrigin: () => origin },
});

const image = (architecture: string) =>
  buildImage({ platform: { os: 'linux', architecture }, layers: [{ randomBytes: 10_000, seed: architecture }] });

describe('docs/guides/migrating.md', () => {
  const page = 'migrating';

  it.each(['withDefaultTag', 'parseDockerConfigJson'])('prints what it says, in the example with %s', async (text) => {
    const code = exampleWith(page, text);
    expect(claimsOf(code)).toHaveLength(2);
    expect(await run(code, {}, { password: canary('password') })).toEqual(claimsOf(code));
  });

  it.each([
    ['r.io/a/b/c:1', { path: 'a/b/c', tag: '1' }],
    ['r.io/app', { domain: 'r.io', path: 'app' }],
    [`r.io/app:1@sha256:${'a'.repeat(64)}`, { tag: '1', digest: `sha256:${'a'.repeat(64)}` }],
    [`app@sha256:${'a'.repeat(64)}`, { tag: undefined, digest: `sha256:${'a'.repeat(64)}` }],
    ['localhost/app', { domain: 'localhost', path: 'app' }],
  ])('is right about %s', (text, parts) => {
    expect(reference.parseReference(text)).toMatchObject(parts);
  });

  it('is right about what a URL is answered with', () => {
    const checked = reference.safeParseReference('https://r.io/app');
    expect(!checked.ok && checked.error.suggestion).toBe('r.io/app');
  });

  it('reads a manifest with the credential, for a platform', async () => {
    const password = canary('password');
    const accounts = [{ username: 'ci', password }];
    const registry = await startRegistry({ auth: { 'team/': { type: 'bearer', accounts } } });
    const amd64 = image('amd64');
    registry.push('team/app', '1', buildIndex([amd64, image('arm64')]));
    const printed = await run(exampleWith(page, 'createRegistrySession'), at(registry), { password });
    expect(printed).toEqual([`${amd64.descriptor.digest} 1`]);
  });

  it('reads the layers of a platform, and refuses an index that has another platform only', async () => {
    const registry = await startRegistry();
    const { transport, close } = node.createUndiciTransport();
    const session = distribution.createRegistrySession({
      transport,
      origin: registry.origin,
      createHasher: node.nodeHasher,
    });
    const code = exampleWith(page, 'declare const session');
    const arm = buildImage({
      platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
      layers: [{ files: { a: 'b' } }],
    });
    registry.push('team/app', '1', buildIndex([image('amd64'), arm]));
    expect(claimsOf(code)).toHaveLength(1);
    expect(await run(code, {}, { session })).toEqual(claimsOf(code));
    registry.push('team/app', '1', buildIndex([image('amd64')]));
    await expect(run(code, {}, { session })).rejects.toMatchObject({ code: 'ERR_PLATFORM_NOT_FOUND' });
    await close();
  });
});

describe('docs/guides/which-setup.md', () => {
  const page = 'which-setup';
  const password = canary('password');
  const podOf = (name: string) => ({
    metadata: { name: 'web', namespace: 'shop', uid: 'a1b2' },
    spec: { imagePullSecrets: [{ name: 'creds' }], containers: [{ name: 'app', image: name }] },
  });
  const secretFor = (server: string) =>
    pullSecrets.createPullSecret({ name: 'creds', namespace: 'shop', server, username: 'ci', password });
  const accounts = [{ username: 'ci', password }];
  const hello = buildImage({ platform: node.readHostPlatform(), layers: [{ files: { motd: 'hello' } }] });

  /** The functions of `kubepull/node`, in a folder of the test and without the machine's credentials. */
  function nodeIn(folder: string, entries: readonly dockerConfig.DockerConfigEntry[] = []) {
    const here = (path: string): string => join(folder, basename(path));
    return {
      'kubepull/node': {
        ...node,
        openNodeKeyring: async () => keyring.createKeyring(entries),
        loadDockerKeyring: async () => keyring.createKeyring(entries),
        openOciLayout: (path: string) => node.openOciLayout(here(path)),
        openPulledRecords: (path: string) => node.openPulledRecords(here(path)),
        writeOciArchive: (layout: node.OciLayout, images: readonly string[], path: string) =>
          node.writeOciArchive(layout, images, here(path)),
      },
    };
  }

  it('explains a pull, and reads what a node said', async () => {
    const printed = await run(exampleWith(page, 'explainPull'), {}, { password });
    expect(printed).toContain('  - registry.example.org (secret shop/creds): label');
    expect(printed.slice(-1)).toEqual(claimsOf(exampleWith(page, 'explainPull')));
  });

  it('brings the image of a pod into a layout, with its secret', async () => {
    const registry = await startRegistry({ auth: { 'team/': { type: 'bearer', accounts } } });
    registry.push('team/app', '1', hello);
    const createPullerImageService = (options: imageService.PullerImageServiceOptions) =>
      imageService.createPullerImageService({ ...options, plainHttp: [registry.host] });
    const code = exampleWith(page, 'createPullerImageService');
    const printed = await run(
      code,
      { ...nodeIn(tempDir().path), 'kubepull/image-service': { ...imageService, createPullerImageService } },
      { pod: podOf(`${registry.host}/team/app:1`), secretsInNamespace: [secretFor(registry.host)] },
    );
    expect(printed.map((line) => line.split(' ', 2).join(' '))).toEqual(['Normal Pulling', 'Normal Pulled', 'pulled']);
    expect(printed.slice(-1)).toEqual(claimsOf(code));
  });

  it('pulls into a layout and writes an archive', async () => {
    const registry = await startRegistry({ auth: { 'team/': { type: 'basic', accounts } } });
    registry.push('team/app', '1', hello);
    const { path } = tempDir();
    const { entries } = pullSecrets.mergePullSecrets([secretFor(registry.host)]);
    const pullImage = (name: string, options: puller.PullOptions) =>
      puller.pullImage(name, { ...options, plainHttp: [registry.host] });
    const code = exampleWith(page, 'writeOciArchive').replaceAll('registry.example.com', registry.host);
    const printed = await run(code, { ...nodeIn(path, entries), 'kubepull/puller': { pullImage } });
    expect(printed).toEqual([`${registry.host}/team/app@${hello.descriptor.digest}`]);
    const loaded = await node.loadImageArchive(join(path, 'images.tar'), await node.openOciLayout(join(path, 'other')));
    expect(loaded.map(({ names }) => names)).toEqual([[`${registry.host}/team/app:1`]]);
  });

  it('has a runtime bring the image, with the credential of the secret', async () => {
    let present = false;
    const runtime = await startCriServer({
      ImageStatus: () => ({ message: present ? { image: wireImage('sha256:a1') } : {} }),
      PullImage: () => {
        present = true;
        return { message: { image_ref: 'sha256:a1' } };
      },
    });
    const createCriImageService = () => cri.createCriImageService({ endpoint: runtime.endpoint });
    const printed = await run(
      exampleWith(page, 'createCriImageService'),
      { ...nodeIn(tempDir().path), 'kubepull/cri': { createCriImageService } },
      { pod: podOf('registry.example.com/team/app:1'), secretsInNamespace: [secretFor('registry.example.com')] },
    );
    expect(printed.at(-1)).toBe('pulled');
    const pulls = runtime.calls.filter(({ method }) => method === 'PullImage');
    expect(pulls.map(({ request }) => (request['auth'] as { readonly username?: string }).username)).toEqual(['ci']);
  });
});

describe('docs/guides/node-setup.md', () => {
  const page = 'node-setup';

  it.each(['compareNodeConfigs', 'createCredentialProviderKeyring'])('prints what it says, with %s', async (text) => {
    const code = exampleWith(page, text);
    expect(claimsOf(code).length).toBeGreaterThan(1);
    expect(await run(code, {}, { password: canary('password') })).toEqual(claimsOf(code));
  });

  it('shows where the docker config of a node is, and which plugins it has', async () => {
    const { path } = tempDir();
    const auths = { 'registry.example.com': { username: 'ci', password: 'example' } };
    writeFileSync(join(path, 'config.json'), JSON.stringify({ auths }));
    const [yaml = ''] =
      readFileSync(join(root, 'docs/guides/node-setup.md'), 'utf8').match(/(?<=```yaml\n)[^`]*/) ?? [];
    writeFileSync(join(path, 'plugins.yaml'), yaml);
    const played = {
      ...node,
      readNodeDockerConfig: () => node.readNodeDockerConfig({ rootDir: path, workingDir: path, home: path }),
      readCredentialProviderConfig: () => node.readCredentialProviderConfig(join(path, 'plugins.yaml')),
    };
    const printed = await run(exampleWith(page, 'readNodeDockerConfig'), { 'kubepull/node': played });
    expect(printed.slice(0, -1)).toEqual([`${join(path, 'config.json')} used`, 'registry.example.com']);
    expect(printed.at(-1)).toMatch(/^ecr-credential-provider sha256:[0-9a-f]{64}$/);
  });

  it('asks with the role of the pod, and tells what the cloud refuses', async () => {
    const asked: string[] = [];
    const transport = async ({ url }: distribution.TransportRequest) => {
      asked.push(url);
      throw new Error('no network in a test');
    };
    const env = { AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/pull', AWS_WEB_IDENTITY_TOKEN_FILE: '/token' };
    const printed = await run(
      exampleWith(page, 'createAwsCredentials'),
      {
        'kubepull/node': { createUndiciTransport: () => ({ transport, close: async () => undefined }) },
        'node:fs/promises': { readFile: async () => 'a token' },
      },
      { process: { env } },
    );
    expect(new Set(asked)).toEqual(new Set(['https://sts.amazonaws.com/']));
    expect(printed.join()).toMatch(/^failed /);
  });
});

describe('docs/guides/plugs.md', () => {
  const page = 'plugs';

  it.each(['createVaultKeyring', 'listTags', 'testStore'])(
    'prints what it says, in the example with %s',
    async (text) => {
      const code = exampleWith(page, text);
      expect(claimsOf(code).length).toBeGreaterThan(0);
      expect(await run(code, {}, { password: canary('password') })).toEqual(claimsOf(code));
    },
  );

  it('counts every answer of a pull, those for layers too', async () => {
    const registry = await startRegistry();
    registry.push('team/app', '1', buildImage({ layers: [{ files: { motd: 'hello' } }] }));
    const pullImage = (name: string, options: puller.PullOptions) =>
      puller.pullImage(name.replace('registry.example.com', registry.host), { ...options, plainHttp: [registry.host] });
    const code = exampleWith(page, 'countAnswers');
    expect(claimsOf(code)).toHaveLength(1);
    expect(await run(code, { 'kubepull/puller': { pullImage } })).toEqual(claimsOf(code));
  });
});
