import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { canary } from '../../support/canary.ts';
import {
  type Cluster,
  eventsOf,
  hasEvent,
  NAMESPACE,
  NODE,
  startCluster,
  until,
} from '../../support/image-controller.ts';
import { assertLayoutValid } from '../../support/layout-check.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { root } from '../entries.mjs';

describe('the image controller', () => {
  interface Program {
    readonly child: ChildProcess;
    readonly layout: string;
    readonly output: { stdout: string; stderr: string };
    readonly ended: Promise<readonly [code: number | null, signal: string | null]>;
  }

  function startProgram({ server, registry }: Cluster): Program {
    const { path, secretFile } = tempDir();
    const kubeconfig = secretFile('kubeconfig', server.kubeconfig);
    const program = join(root, 'dist/examples/image-controller/main.js');
    const args = [program, '--node', NODE, '--kubeconfig', kubeconfig, '--plain-http', registry.host];
    const child = spawn(process.execPath, args, { cwd: path, stdio: 'pipe', env: { ...process.env, HOME: path } });
    onTestFinished(() => void child.kill('SIGKILL'));
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
    const ended = once(child, 'close') as Promise<unknown> as Program['ended'];
    return { child, layout: join(path, 'layout'), output, ended };
  }

  it('pulls with the second of two secrets, says so on the container, and ends on SIGTERM', async () => {
    const cluster = await startCluster();
    const { server, registry } = cluster;
    cluster.secret('wrong', canary('password'));
    cluster.secret('right');
    cluster.pod('web', { pullSecrets: ['wrong', 'right'] });
    const { child, layout, output, ended } = startProgram(cluster);
    await until(() => hasEvent(server, 'web', 'Pulled × 1'));

    expect(eventsOf(server, 'web')).toEqual(['Pulling × 1', 'Pulled × 1']);
    const [pulling, pulled] = server.events;
    expect(pulling).toMatchObject({
      metadata: { namespace: NAMESPACE, name: expect.stringMatching(/^web\.[0-9a-f]{17}$/) as string },
      involvedObject: {
        apiVersion: 'v1',
        kind: 'Pod',
        namespace: NAMESPACE,
        name: 'web',
        uid: 'uid-web',
        fieldPath: 'spec.containers{app}',
      },
      type: 'Normal',
      message: `Pulling image "${registry.host}/team/web:1"`,
      source: { component: 'image-controller', host: NODE },
      firstTimestamp: pulling?.lastTimestamp,
    });
    expect(pulled?.message).toMatch(
      /^Successfully pulled image ".*\/team\/web:1" in .*s \(.*s including waiting\)\. Image size: \d+ bytes\.$/,
    );
    await assertLayoutValid(layout);
    const { manifests: images } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as {
      readonly manifests: readonly { readonly annotations: object }[];
    };
    expect(images.map(({ annotations }) => Object.values(annotations))).toEqual([[`${registry.host}/team/web:1`]]);

    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(output.stderr).toBe('');
    const lines = output.stdout.trimEnd().split('\n');
    expect(lines.map((line) => line.split(': ')[0])).toEqual([
      'shop/web spec.containers{app} Normal Pulling',
      'shop/web spec.containers{app} Normal Pulled',
    ]);
    await until(() => server.watches === 0);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends on %s in the middle of a pull, at once and with 0', async (signal) => {
    const cluster = await startCluster();
    cluster.registry.fault({ path: /\/blobs\//, action: { kind: 'stall' } });
    cluster.secret('right');
    cluster.pod('web');
    const { child, layout, output, ended } = startProgram(cluster);
    await until(() => cluster.registry.requests.some(({ url }) => url.includes('/blobs/')));
    child.kill(signal);
    expect(await ended).toEqual([0, null]);
    expect(output.stderr).toBe('');
    expect(eventsOf(cluster.server, 'web')).toEqual(['Pulling × 1']);
    await assertLayoutValid(layout, { allowPartials: true });
    await until(() => cluster.registry.connections === 0 && cluster.server.watches === 0);
  });

  it('says in one line what is wrong, and with which exit code', async () => {
    const run = async (...args: readonly string[]): Promise<readonly [number | null, string]> => {
      const child = spawn(process.execPath, [join(root, 'dist/examples/image-controller/main.js'), ...args]);
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      const [code] = (await once(child, 'close')) as [number | null];
      return [code, stderr];
    };
    expect(await run()).toEqual([2, 'Whose pods? Say --node NAME (see --help)\n']);
    const [code, stderr] = await run('--node', NODE, '--kubeconfig', '/nonexistent');
    expect([code, stderr.trimEnd().split('\n').length]).toEqual([1, 1]);
    expect(stderr).toContain('no such file');
  });
});
