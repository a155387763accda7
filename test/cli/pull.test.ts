import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { loadImageArchive, openOciLayout } from 'kubepull/node';
import { createPullSecret } from 'kubepull/pull-secrets';
import { buildImage, type LoopbackRegistry } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { assertLayoutValid } from '../support/layout-check.ts';
import { startRegistry } from '../support/registry.ts';
import { tempDir } from '../support/temp-dir.ts';
import { runCli, runJson } from './command.ts';

const platform = { os: 'linux', architecture: 'amd64' };
const ONLY = ['--plain-http', '--platform', 'linux/amd64', '--anonymous'];

interface Private {
  readonly registry: LoopbackRegistry;
  readonly secret: (name: string, password?: string) => object;
  readonly pod: object;
}

/** A registry with one image that only an account may have, and a pod that has two secrets for it, the first of which is wrong. */
async function startPrivate(): Promise<Private> {
  const account = { username: canary('username'), password: canary('password') };
  const registry = await startRegistry({ auth: { '': { type: 'basic', accounts: [account] } } });
  registry.push('app', '1', buildImage({ platform, layers: [{ files: { motd: 'hello' } }] }));
  const secret = (name: string, password = account.password): object => ({
    ...createPullSecret({ name, namespace: 'shop', server: registry.host, ...account, password }),
  });
  const pod = {
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      imagePullSecrets: [{ name: 'wrong' }, { name: 'right' }],
      containers: ['a', 'b'].map((name) => ({ name, image: `${registry.host}/app:1` })),
    },
  };
  return { registry, secret, pod };
}

describe('kubepull pull', () => {
  it('pulls the images of a pod into a layout, each once, with its secrets in their order', async () => {
    const { registry, secret, pod } = await startPrivate();
    const out = join(tempDir().path, 'out');
    const files = { './pod': [pod, secret('wrong', canary('password')), secret('right')] };
    const { code, value } = await runJson(['pull', './pod', '--out', out, ...ONLY], { files });
    expect(code).toBe(0);
    expect(value).toMatchObject({
      target: { kind: 'layout', path: out },
      images: [
        {
          image: `${registry.host}/app:1`,
          status: 'pulled',
          name: `${registry.host}/app:1`,
          platform: 'linux/amd64',
          source: 'secret shop/right',
          attempts: [{ source: 'secret shop/wrong', code: 'ERR_REGISTRY_RESPONSE' }],
        },
      ],
    });
    await assertLayoutValid(out);
  });

  it('writes an archive and nothing beside it', async () => {
    const registry = await startRegistry();
    for (const name of ['a', 'b']) registry.push(name, '1', buildImage({ platform, layers: [{ files: { name } }] }));
    const { path } = tempDir();
    const archive = join(path, 'images.tar');
    const images = ['a', 'b'].map((name) => `${registry.host}/${name}:1`);
    const { code, stdout } = await runCli(['pull', ...images, '--archive', archive, ...ONLY]);
    expect(code).toBe(0);
    expect(stdout).toContain(`written to archive ${archive}`);
    expect(readdirSync(path)).toEqual(['images.tar']);
    const store = await openOciLayout(join(path, 'loaded'));
    await loadImageArchive(archive, store);
    expect(await store.names()).toEqual(images);
  });

  it('goes on after an image that fails, ends with 1, and writes no archive that lacks one', async () => {
    const registry = await startRegistry();
    registry.push('a', '1', buildImage({ platform, layers: [{ files: { a: 'a' } }] }));
    const { path } = tempDir();
    const images = [`${registry.host}/lost:1`, `${registry.host}/a:1`];
    const { code, value } = await runJson(['pull', ...images, '--out', join(path, 'out'), ...ONLY]);
    expect(code).toBe(1);
    expect(value.images.map(({ status }) => status)).toEqual(['failed', 'pulled']);
    await assertLayoutValid(join(path, 'out'));
    const archive = await runCli(['pull', ...images, '--archive', join(path, 'a.tar'), ...ONLY]);
    expect(archive.code).toBe(1);
    expect(archive.stdout).toContain(`nothing is written to archive ${join(path, 'a.tar')}`);
    expect(readdirSync(path)).toEqual(['out']);
  });

  it("signs in with Docker's own file where no option names credentials", async () => {
    const account = { username: canary('username'), password: canary('password') };
    const registry = await startRegistry({ auth: { '': { type: 'basic', accounts: [account] } } });
    registry.push('app', '1', buildImage({ platform, layers: [{ files: { motd: 'hello' } }] }));
    const { path, secretFile } = tempDir();
    const config = secretFile('config.json', JSON.stringify({ auths: { [registry.host]: account } }));
    vi.stubEnv('DOCKER_CONFIG', path);
    onTestFinished(() => void vi.unstubAllEnvs());
    const options = [`${registry.host}/app:1`, '--plain-http', '--platform', 'linux/amd64', '--out'];
    const { value } = await runJson(['pull', ...options, join(path, 'out')]);
    expect(value.images[0]).toMatchObject({ status: 'pulled', source: `file ${config}` });
    const { stdout } = await runCli(['pull', ...options, join(path, 'none'), '--anonymous']);
    expect(stdout).toMatch(/401 [^]*\n  cure: Name a pull secret /u);
  });

  it('fails without asking where a pull secret cannot be read', async () => {
    const { registry, pod } = await startPrivate();
    const data = { '.dockerconfigjson': Buffer.from('{"auths":').toString('base64') };
    const metadata = { name: 'right', namespace: 'shop' };
    const broken = { kind: 'Secret', type: 'kubernetes.io/dockerconfigjson', metadata, data };
    const out = join(tempDir().path, 'out');
    const { code, value } = await runJson(['pull', './pod', '--out', out, ...ONLY], {
      files: { './pod': [pod, broken] },
    });
    expect(code).toBe(1);
    expect(value.images[0]).toMatchObject({ status: 'failed', error: { code: 'ERR_CONFIG_INVALID' } });
    expect(registry.requests).toEqual([]);
  });

  it('tells its steps on stderr, as lines, or as one line where a person looks', async () => {
    const { registry, secret, pod } = await startPrivate();
    const { path } = tempDir();
    const args = (name: string): readonly string[] => ['pull', './pod', '--out', join(path, name), ...ONLY];
    const files = { './pod': [pod, secret('wrong', canary('password')), secret('right')] };
    const lines = await runCli(args('lines'), { files });
    expect(lines.stderr).toMatch(/secret shop\/wrong: .*401/u);
    expect(lines.stderr).toContain(`${registry.host}/app:1: secret shop/right: accepted\n`);
    expect(lines.stderr).toMatch(/: sha256:[0-9a-f]{12} downloaded, /u);
    expect(lines.stderr).not.toContain('\u001b');
    const line = await runCli(args('line'), { files, isTTY: true });
    expect(line.stderr).toMatch(/\r\u001b\[2K.*app:1: .* of .*, 2 of 2 parts/u);
    expect(line.stderr.endsWith('\r\u001b[2K')).toBe(true);
    expect((await runCli([...args('quiet'), '--quiet'], { files })).stderr).toBe('');
    expect(lines.stdout).toContain('credential   secret shop/right');
  });

  it('is interrupted in the middle of a layer, and resumes', async () => {
    const registry = await startRegistry();
    registry.push('a', '1', buildImage({ platform, layers: [{ randomBytes: 100_000, seed: 'a' }] }));
    registry.fault({ path: /\/blobs\//, times: 1, action: { kind: 'stall' } });
    const { path } = tempDir();
    const controller = new AbortController();
    const args = ['pull', `${registry.host}/a:1`, '--archive', join(path, 'a.tar'), ...ONLY];
    const running = runCli(args, { signal: controller.signal });
    while (!registry.requests.some(({ url }) => url.includes('/blobs/'))) await new Promise((go) => setImmediate(go));
    controller.abort();
    expect(await running).toMatchObject({ code: 130, stdout: '' });
    expect(readdirSync(path)).toEqual([]);
    expect((await runCli(args)).code).toBe(0);
  });

  it('refuses a target that cannot be, and an input without images', async () => {
    const absent = await runCli(['pull', 'a', '--archive', join(tempDir().path, 'no/a.tar'), ...ONLY]);
    expect([absent.code, absent.stderr.includes('the system answers ENOENT')]).toEqual([2, true]);
    const none = await runCli(['pull', '-'], { stdin: { kind: 'ConfigMap' } });
    expect([none.code, none.stderr]).toEqual([
      2,
      'kubepull: there is no image to pull: name one, or a file with a pod or workload\n',
    ]);
    expect(existsSync('layout')).toBe(false);
  });
});
