import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createPullSecret } from 'kubepull/pull-secrets';
import { buildImage } from 'kubepull/testing';
import { checkOutput } from '../../cli/command.ts';
import { canary } from '../../support/canary.ts';
import { assertLayoutValid } from '../../support/layout-check.ts';
import { startRegistry } from '../../support/registry.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { until } from '../../support/image-controller.ts';
import { installPacked, type InstalledPackage } from './installed.ts';

let installed: InstalledPackage;

beforeAll(async () => {
  installed = await installPacked();
});
afterAll(() => installed?.remove());

interface Started {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  readonly ended: Promise<readonly [code: number | null, signal: string | null]>;
}

/** The program as npm links it, in an empty directory of a person without credentials. */
function start(
  args: readonly string[],
  options: { readonly cwd: string; readonly flags?: readonly string[] },
): Started {
  const program = join(installed.project, 'node_modules/.bin/kubepull');
  const env = { PATH: process.env['PATH'] ?? '', HOME: options.cwd };
  const child = spawn(process.execPath, [...(options.flags ?? []), program, ...args], { cwd: options.cwd, env });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  return { child, output, ended: once(child, 'close') as Promise<unknown> as Started['ended'] };
}

async function kubepull(
  args: readonly string[],
  { cwd = tempDir().path, stdin = '', flags = [] }: { cwd?: string; stdin?: string; flags?: readonly string[] } = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const { child, output, ended } = start(args, { cwd, flags });
  child.stdin?.end(stdin);
  const [code] = await ended;
  return { code, ...output };
}

const platform = { os: 'linux', architecture: 'amd64' };

/** What `kubectl get pods,secrets,serviceaccounts -o json` prints of a namespace. */
function namespaceOf(host: string, account: { readonly username: string; readonly password: string }): string {
  const secret = createPullSecret({ name: 'creds', namespace: 'shop', server: host, ...account });
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-7c', namespace: 'shop', uid: 'd3', ownerReferences: [{ kind: 'ReplicaSet', name: 'web' }] },
    spec: {
      serviceAccountName: 'builder',
      imagePullSecrets: [{ name: 'creds' }],
      containers: [{ name: 'app', image: `${host}/team/app:1`, imagePullPolicy: 'IfNotPresent', resources: {} }],
      volumes: [{ name: 'token', projected: { sources: [] } }],
    },
    status: { phase: 'Pending', containerStatuses: [{ name: 'app', state: { waiting: { reason: 'ErrImagePull' } } }] },
  };
  const account2 = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'builder', namespace: 'shop' } };
  const other = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: { name: 'db', namespace: 'shop' },
    data: {},
  };
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [pod, secret, other, account2] }, undefined, 4);
}

async function startPrivate(): Promise<{
  readonly registry: Awaited<ReturnType<typeof startRegistry>>;
  readonly list: string;
}> {
  const account = { username: canary('username'), password: canary('password') };
  const registry = await startRegistry({ auth: { '': { type: 'basic', accounts: [account] } } });
  registry.push('team/app', '1', buildImage({ platform, layers: [{ randomBytes: 200_000, seed: 'a' }] }));
  return { registry, list: namespaceOf(registry.host, account) };
}

describe('kubepull, as it is packed and installed', () => {
  it.each(['explain', 'lint'])(
    'answers %s for the objects of a namespace, for people and for programs',
    async (command) => {
      const { registry, list } = await startPrivate();
      // Its status says that a pull has failed.
      const expected = command === 'explain' ? 1 : 0;
      const people = await kubepull([command, '-'], { stdin: list });
      expect([people.code, people.stderr]).toEqual([expected, '']);
      expect(people.stdout).toContain(command === 'explain' ? '(secret shop/creds): literal' : 'nothing found');
      const { code, stdout, stderr } = await kubepull([command, '-', '--json'], { stdin: list });
      expect([code, stderr]).toEqual([expected, '']);
      checkOutput(command, JSON.parse(stdout));
      expect(registry.requests).toEqual([]);
    },
  );

  it('asks a registry for the objects of a namespace, and pins a file', async () => {
    const { registry, list } = await startPrivate();
    const cwd = tempDir().path;
    const args = ['preflight', '-', '--plain-http', '--platforms', 'linux/amd64'];
    const people = await kubepull(args, { cwd, stdin: list });
    expect([people.code, people.stderr]).toEqual([0, '']);
    expect(people.stdout).toContain('1 images of 1 pods, 0 cannot be pulled');
    const { code, stdout } = await kubepull([...args, '--json'], { cwd, stdin: list });
    expect(code).toBe(0);
    checkOutput('preflight', JSON.parse(stdout));
    const yaml = `kind: Pod\nspec:\n  containers: [{ name: app, image: ${registry.host}/team/app:1 }] # now\n`;
    writeFileSync(join(cwd, 'pod.yaml'), yaml);
    const { items } = JSON.parse(list) as { readonly items: readonly object[] };
    const secrets = JSON.stringify(items.filter((item) => (item as { readonly kind: string }).kind === 'Secret'));
    const pinned = await kubepull(['pin', 'pod.yaml', '-', '--plain-http'], { cwd, stdin: secrets });
    expect([pinned.code, pinned.stderr]).toEqual([0, '']);
    const { digest } = (JSON.parse(stdout) as { readonly images: readonly [{ readonly digest: string }] }).images[0];
    expect(pinned.stdout).toBe(yaml.replace('app:1 ', `app:1@${digest} `));
    expect(readdirSync(cwd)).toEqual(['pod.yaml']);
  });

  it('pulls for the objects of a namespace, into a layout and into an archive', async () => {
    const { registry, list } = await startPrivate();
    const cwd = tempDir().path;
    const args = ['pull', '-', '--plain-http', '--platform', 'linux/amd64', '--json'];
    const layout = await kubepull([...args, '--out', 'out'], { cwd, stdin: list });
    expect(layout.code).toBe(0);
    expect(layout.stderr).toContain(`${registry.host}/team/app:1: secret shop/creds: accepted\n`);
    checkOutput('pull', JSON.parse(layout.stdout));
    await assertLayoutValid(join(cwd, 'out'));
    const archive = await kubepull([...args, '--archive', 'a.tar', '--quiet'], { cwd, stdin: list });
    expect([archive.code, archive.stderr]).toEqual([0, '']);
    checkOutput('pull', JSON.parse(archive.stdout));
    expect(readdirSync(cwd).toSorted()).toEqual(['a.tar', 'out']);
  });

  it.each([
    [['--help'], 0, 'Usage: kubepull COMMAND'],
    [['--version'], 0, '0.1.0\n'],
    [['pull', '--help'], 0, 'Usage: kubepull pull'],
    [['schema', 'explain'], 0, '"title": "kubepull explain --json"'],
    [['completion', 'bash'], 0, 'complete -o filenames -F _kubepull kubepull'],
  ])('answers %j', async (args, code, text) => {
    const ran = await kubepull(args);
    expect([ran.code, ran.stderr]).toEqual([code, '']);
    expect(ran.stdout).toContain(text);
  });

  it.each([
    ['no JSON', '{"kind": "Pod", "spec": '],
    ['no YAML', 'a: [b'],
    ['nothing', ''],
    ['bytes that are no text', '\u0000\u0001\u001f\u007f'],
    ['another object', '{"kind":"ConfigMap"}'],
    ['a pod of the wrong form', '{"kind":"Pod","spec":{"containers":[{"name":3}]}}'],
  ])('ends with 2 and one line for %s', async (_, stdin) => {
    for (const command of ['explain', 'preflight', 'pull', 'pin']) {
      const { code, stdout, stderr } = await kubepull([command, '-'], { stdin });
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^kubepull: .+\n$/u);
    }
  });

  it('ends in silence when the reader of its output goes away', async () => {
    const pods = Array.from({ length: 3000 }, (_, at) => ({
      kind: 'Pod',
      metadata: { name: `web-${at}` },
      spec: { containers: [{ name: 'app', image: 'nginx' }] },
    }));
    const { path } = tempDir();
    writeFileSync(join(path, 'pods.json'), JSON.stringify(pods));
    const { child, output, ended } = start(['lint', 'pods.json'], { cwd: path });
    child.stdout?.once('data', () => child.stdout?.destroy());
    expect(await ended).toEqual([141, null]);
    expect(output.stderr).toBe('');
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('takes back what is half done on %s, and the next pull goes on', async (signal, code) => {
    const { registry, list } = await startPrivate();
    const { path } = tempDir();
    for (const [target, left] of [
      ['--archive', []],
      ['--out', ['target']],
    ] as const) {
      registry.fault({ path: /\/blobs\//, times: 1, action: { kind: 'stall' } });
      const before = registry.requests.length;
      const args = ['pull', '-', '--plain-http', '--platform', 'linux/amd64', target, 'target'];
      const { child, output, ended } = start(args, { cwd: path });
      child.stdin?.end(list);
      await until(() => registry.requests.slice(before).some(({ url }) => url.includes('/blobs/')));
      child.kill(signal);
      expect(await ended).toEqual([code, null]);
      expect(output.stdout).toBe('');
      expect(output.stderr).not.toContain('Interrupted');
      expect(readdirSync(path)).toEqual(left);
    }
    await assertLayoutValid(join(path, 'target'), { allowPartials: true });
    await until(() => registry.connections === 0);
    const again = await kubepull(['pull', '-', '--plain-http', '--platform', 'linux/amd64', '--out', 'target'], {
      cwd: path,
      stdin: list,
    });
    expect(again.code).toBe(0);
    await assertLayoutValid(join(path, 'target'));
  });

  it('loads two files for an explanation, and undici only to ask a registry', async () => {
    const { registry } = await startPrivate();
    const flags = [`--import=${new URL('log-imports.mjs', import.meta.url).href}`];
    const loadedBy = async (...args: readonly string[]): Promise<readonly string[]> => {
      const { stdout } = await kubepull(args, { flags });
      const urls = stdout.split('\n').flatMap((line) => (line.startsWith('loaded file:') ? [line.slice(7)] : []));
      return urls
        .map((url) => url.replace(/^.*\/(?=(?:kubepull|undici)\/)/u, ''))
        .filter((url) => !url.includes('log-imports'));
    };
    expect(new Set(await loadedBy('explain', 'nginx'))).toEqual(
      new Set(['kubepull/dist/bin/kubepull.js', 'kubepull/dist/bin/explain.js']),
    );
    const loadsUndici = async (image: string): Promise<boolean> =>
      (await loadedBy('pull', '--out', 'x', '--plain-http', image)).some((url) => url.startsWith('undici/'));
    expect(await loadsUndici('a_/')).toBe(false);
    expect(await loadsUndici(`${registry.host}/team/app:1`)).toBe(true);
  });
});
