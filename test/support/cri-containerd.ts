import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Daemon, freeHost, startDaemon } from '../real/servers.ts';
import { tempDir } from './temp-dir.ts';

/** A containerd of the test's own. */
export interface CriContainerd extends Daemon {
  readonly endpoint: string;
}

/**
 * Starts containerd with CRI, a root and a socket of its own, and registries that it reaches by plain HTTP. Its metrics
 * are served over HTTP only to see that it is up. It ends with the test.
 */
export async function startCriContainerd(registries: readonly string[]): Promise<CriContainerd> {
  const { path } = tempDir();
  const [socket, host, config] = [join(path, 'c.sock'), await freeHost(), join(path, 'config.toml')];
  for (const registry of registries) writeHosts(join(path, 'certs.d', registry), registry);
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  const settings = {
    version: 2,
    root: JSON.stringify(join(path, 'root')),
    state: JSON.stringify(join(path, 'state')),
    'grpc.address': JSON.stringify(socket),
    'metrics.address': JSON.stringify(host),
    'plugins."io.containerd.internal.v1.opt".path': JSON.stringify(join(path, 'opt')),
    [`${cri}.disable_apparmor`]: true,
    [`${cri}.containerd.snapshotter`]: '"native"',
    [`${cri}.registry.config_path`]: JSON.stringify(join(path, 'certs.d')),
  };
  const lines = Object.entries(settings).map((pair) => `${pair.join(' = ')}\n`);
  writeFileSync(config, lines.join(''));
  const daemon = await startDaemon('containerd', ['-c', config], `http://${host}/v1/metrics`);
  onTestFinished(() => daemon.kill());
  return { ...daemon, endpoint: `unix://${socket}` };
}

function writeHosts(directory: string, registry: string): void {
  mkdirSync(directory, { recursive: true });
  const capabilities = 'capabilities = ["pull", "resolve"]';
  writeFileSync(
    join(directory, 'hosts.toml'),
    `server = "http://${registry}"\n[host."http://${registry}"]\n${capabilities}\n`,
  );
}
