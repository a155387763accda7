import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { tempDir } from '../support/temp-dir.ts';
import { freeHost, run, startDaemon } from './servers.ts';

/** A containerd of the test's own, which ends with it. */
export interface Containerd {
  ctr(...args: readonly string[]): Promise<string>;
}

/** Starts containerd without CRI. Its metrics are served over HTTP only to see that it is up. */
export async function startContainerd(): Promise<Containerd> {
  const { path } = tempDir();
  const [socket, host, config] = [join(path, 'socket'), await freeHost(), join(path, 'config.toml')];
  const settings = {
    version: 2,
    root: JSON.stringify(join(path, 'root')),
    state: JSON.stringify(join(path, 'state')),
    disabled_plugins: '["io.containerd.grpc.v1.cri"]',
    'grpc.address': JSON.stringify(socket),
    'metrics.address': JSON.stringify(host),
  };
  writeFileSync(
    config,
    Object.entries(settings)
      .map((pair) => `${pair.join(' = ')}\n`)
      .join(''),
  );
  const daemon = await startDaemon('containerd', ['-c', config], `http://${host}/v1/metrics`);
  onTestFinished(() => daemon.kill());
  return { ctr: (...args) => run('ctr', '-a', socket, '-n', 'test', ...args) };
}

/** Podman with a storage of the test's own. */
export function startPodman(): (...args: readonly string[]) => Promise<string> {
  const { path } = tempDir();
  const places = ['--root', join(path, 'root'), '--runroot', join(path, 'run'), '--tmpdir', join(path, 'tmp')];
  return (...args) => run('podman', ...places, '--storage-driver', 'vfs', ...args);
}

/** Buildah with a storage of the test's own. */
export function startBuildah(): (...args: readonly string[]) => Promise<string> {
  const { path } = tempDir();
  const places = ['--root', join(path, 'root'), '--runroot', join(path, 'run')];
  return (...args) => run('buildah', ...places, '--storage-driver', 'vfs', ...args);
}
