import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createPullSecret } from 'kubepull/pull-secrets';
import { buildImage, buildIndex, type LoopbackRegistry } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { startRegistry } from '../support/registry.ts';
import { tempDir } from '../support/temp-dir.ts';
import { runCli, runJson } from './command.ts';

const ONLY = ['--plain-http', '--platforms', 'linux/amd64,linux/arm64'];

/** A registry with an index for two platforms, which only an account may have, and the objects of a namespace that uses it. */
async function startShop(): Promise<{ readonly registry: LoopbackRegistry; readonly objects: readonly object[] }> {
  const account = { username: canary('username'), password: canary('password') };
  const registry = await startRegistry({ auth: { '': { type: 'basic', accounts: [account] } } });
  const images = ['amd64', 'arm64'].map((architecture) =>
    buildImage({ platform: { os: 'linux', architecture }, layers: [{ files: { architecture } }] }),
  );
  registry.push('app', '1', buildIndex(images));
  const template = (name: string, tag: string): object => ({
    kind: 'Deployment',
    metadata: { name, namespace: 'shop' },
    spec: {
      template: {
        spec: {
          imagePullSecrets: [{ name: 'creds' }],
          containers: [{ name: 'app', image: `${registry.host}/app:${tag}` }],
        },
      },
    },
  });
  const secret = createPullSecret({ name: 'creds', namespace: 'shop', server: registry.host, ...account });
  return { registry, objects: [template('web', '1'), template('lost', '2'), template('api', '1'), secret] };
}

describe('kubepull preflight', () => {
  it('asks for each image once, and names cause and cure of what cannot be pulled', async () => {
    const { registry, objects } = await startShop();
    const around = { files: { './all': objects } };
    const { code, value } = await runJson(['preflight', './all', ...ONLY], around);
    expect(code).toBe(1);
    expect(value).toMatchObject({ ok: false, network: true, pods: 3, failed: 1 });
    expect(value.images.map(({ image, status, failure }) => [image, status, failure?.cause])).toEqual([
      [`${registry.host}/app:1`, 'ok', undefined],
      [`${registry.host}/app:2`, 'failed', 'tag'],
    ]);
    expect(value.images[0]).toMatchObject({
      usedBy: [
        { object: 'Deployment shop/web', place: './all[0]', path: 'spec.template.spec.containers[0]' },
        { object: 'Deployment shop/api', place: './all[2]' },
      ],
      served: { endpoint: registry.origin, rank: 1, source: 'secret shop/creds' },
      platforms: [
        { platform: 'linux/amd64', cause: null },
        { platform: 'linux/arm64', cause: null },
      ],
    });
    const asked = registry.requests.filter(({ status }) => status === 200).map(({ url }) => url);
    expect(asked.filter((url) => url.endsWith('/manifests/1'))).toHaveLength(1);
    const { stdout, stderr } = await runCli(['preflight', './all', ...ONLY], around);
    expect(stderr).toBe('');
    expect(stdout).toContain('2 images of 3 pods, 1 cannot be pulled');
    expect(stdout).toMatch(/app:2: failed \(tag\)\n {2}.*\n {2}cure: /u);
  });

  it('prints a table, and a line that is written over where a person looks', async () => {
    const { registry, objects } = await startShop();
    const args = ['preflight', './all', '--table', '--head', ...ONLY];
    const { stdout, stderr } = await runCli(args, { files: { './all': objects }, isTTY: true });
    expect(stdout).toMatch(/^IMAGE +STATUS +CAUSE/u);
    expect(stdout).toMatch(/app:2 +failed +tag/u);
    expect(stderr).toMatch(/\r\u001b\[2K2 of 2: .*app:\d (?:ok|failed)\r\u001b\[2K$/u);
    expect(registry.requests.every(({ method }) => method === 'HEAD')).toBe(true);
  });

  it('asks nobody when it is offline, and tells what it cannot know', async () => {
    const { registry, objects } = await startShop();
    const { code, value } = await runJson(['preflight', './all', '--offline', ...ONLY], {
      files: { './all': objects },
    });
    expect([code, value.network]).toEqual([0, false]);
    expect(value.images[0]).toMatchObject({
      status: 'unknown',
      planned: [{ source: 'secret shop/creds' }],
      unknown: expect.arrayContaining(['reachable']) as unknown,
    });
    expect(registry.requests).toEqual([]);
  });

  it('counts what a layout has', async () => {
    const registry = await startRegistry();
    const platform = { os: 'linux', architecture: 'amd64' };
    registry.push('app', '1', buildImage({ platform, layers: [{ files: { a: 'a' } }] }));
    const out = join(tempDir().path, 'out');
    const image = `${registry.host}/app:1`;
    const pull = ['pull', image, '--plain-http', '--platform', 'linux/amd64', '--anonymous', '--out', out];
    expect((await runCli(pull)).code).toBe(0);
    const check = ['--plain-http', '--platforms', 'linux/amd64'];
    const bare = await runJson(['preflight', image, ...check]);
    expect(bare.value.totals[0]?.missingBytes).toBeGreaterThan(0);
    expect(bare.value.images[0]?.usedBy).toEqual([]);
    const { value } = await runJson(['preflight', image, ...check, '--store', out]);
    expect(value.totals).toEqual([{ platform: 'linux/amd64', missingBytes: 0 }]);
    const absent = await runCli(['preflight', image, '--store', `${out}-absent`]);
    expect([absent.code, absent.stderr]).toEqual([2, `kubepull: --store "${out}-absent" is no OCI layout\n`]);
    expect(existsSync(`${out}-absent`)).toBe(false);
  });

  it('is interrupted while a registry is silent', async () => {
    const registry = await startRegistry();
    registry.fault({ path: /manifests/, action: { kind: 'stall' } });
    const controller = new AbortController();
    const running = runCli(['preflight', `${registry.host}/a`, '--plain-http'], { signal: controller.signal });
    while (registry.requests.length === 0) await new Promise((go) => setImmediate(go));
    controller.abort();
    expect(await running).toEqual({ code: 130, stdout: '', stderr: '' });
  });

  it('refuses an input without images', async () => {
    const { code, stderr } = await runCli(['preflight', '-'], { stdin: { kind: 'ConfigMap' } });
    expect([code, stderr]).toEqual([2, 'kubepull: there is no pod, workload or image in the input\n']);
  });
});
