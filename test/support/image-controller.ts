// A cluster for the image controller: an API server, a private registry, and the controller in this process.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { onTestFinished } from 'vitest';
import { createPullSecret } from 'kubepull/pull-secrets';
import { buildImage, createFakeClock, type FakeClock, type LoopbackRegistry } from 'kubepull/testing';
import { type ControllerOptions, runController } from '../../docs/examples/image-controller/controller.ts';
import { parseYaml } from '../../src/cli/yaml.ts';
import type { KubeObject, PolicyRule } from './api-objects.ts';
import { type ApiServer, startApiServer } from './api-server.ts';
import { canary } from './canary.ts';
import { startRegistry } from './registry.ts';
import { tempDir } from './temp-dir.ts';

export const NODE = 'worker-1';
export const NAMESPACE = 'shop';
/** Ends what hangs; nothing is timed by it. */
const PATIENCE_MS = 120_000;

/** What the guide has people apply. */
export const guide: string = readFileSync(new URL('../../docs/guides/controller.md', import.meta.url), 'utf8');
export const manifests: readonly KubeObject[] = readManifests();
export const rules = manifests.find(({ kind }) => kind === 'ClusterRole')?.['rules'] as readonly PolicyRule[];

function readManifests(): readonly KubeObject[] {
  const objects = parseYaml(
    readFileSync(new URL('../../docs/examples/manifests/image-controller.yaml', import.meta.url)),
  );
  if (typeof objects === 'string') throw new Error(objects);
  return objects as readonly KubeObject[];
}

/** A cluster with one private registry; the controller may do there what the guide allows, and no more. */
export interface Cluster {
  readonly server: ApiServer;
  readonly registry: LoopbackRegistry;
  /** Makes a pull secret, with the right password or another. */
  secret(name: string, password?: string): void;
  /** Makes or changes a pod on the node. */
  pod(name: string, pod?: PodParts): void;
}

interface PodParts {
  readonly image?: string;
  readonly pullSecrets?: readonly string[];
  readonly uid?: string;
  readonly metadata?: object;
  readonly spec?: object;
  readonly status?: object;
}

export async function startCluster(): Promise<Cluster> {
  const server = await startApiServer({ rules });
  const password = canary('password');
  const registry = await startRegistry({
    auth: { '': { type: 'bearer', accounts: [{ username: 'puller', password }] } },
  });
  registry.push('team/web', '1', buildImage({ layers: [{ files: { 'etc/motd': 'hello\n' } }] }));
  return {
    server,
    registry,
    secret(name, given = password) {
      const options = { name, namespace: NAMESPACE, server: registry.host, username: 'puller', password: given };
      server.apply({ ...createPullSecret(options), metadata: { name, namespace: NAMESPACE } });
    },
    pod(name, { image = `${registry.host}/team/web:1`, pullSecrets = ['right'], uid, metadata, spec, status } = {}) {
      server.apply({
        kind: 'Pod',
        apiVersion: 'v1',
        metadata: { name, namespace: NAMESPACE, uid: uid ?? `uid-${name}`, ...metadata },
        spec: {
          nodeName: NODE,
          imagePullSecrets: pullSecrets.map((secret) => ({ name: secret })),
          containers: [{ name: 'app', image }],
          ...spec,
        },
        status: status ?? { phase: 'Pending' },
      });
    },
  };
}

export interface Running {
  readonly clock: FakeClock;
  readonly layout: string;
  readonly printed: readonly string[];
  readonly warnings: readonly string[];
  /** Ends it, and waits until it has ended. */
  stop(): Promise<void>;
  /** Lets time pass once the pod sleeps, of which there is only one. */
  advance(ms: number): Promise<void>;
  /** Lets time pass until something holds. */
  passTime(holds: () => boolean): Promise<void>;
}

/** The controller in this process, on a clock that stands still. It has ended with the test. */
export function start({ server, registry }: Cluster, options: Partial<ControllerOptions> = {}): Running {
  const { path } = tempDir();
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(server.kubeconfig);
  const clock = createFakeClock();
  const layout = join(path, 'layout');
  const printed: string[] = [];
  const warnings: string[] = [];
  const interrupt = new AbortController();
  const ended = runController(
    {
      kubeConfig,
      clock,
      layout,
      node: NODE,
      records: join(path, 'records'),
      plainHttp: [registry.host],
      print: (line) => printed.push(line),
      warn: (line) => warnings.push(line),
      ...options,
    },
    interrupt.signal,
  );
  const stop = async (): Promise<void> => {
    interrupt.abort(new Error('The test is over'));
    await ended;
  };
  onTestFinished(stop);
  return {
    clock,
    layout,
    printed,
    warnings,
    stop,
    async advance(ms) {
      await until(() => clock.pending === 1);
      await clock.advance(ms);
    },
    async passTime(holds) {
      await until(async () => {
        await clock.advance(500);
        return holds();
      });
    },
  };
}

export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; !(await holds()); await sleep(10)) {
    if (performance.now() > end) throw new Error(`Not within ${PATIENCE_MS} ms: ${holds.toString()}`);
  }
}

/** The events of a pod as `Reason × count`, in the order in which they were made. */
export function eventsOf({ events }: ApiServer, pod: string): readonly string[] {
  return events
    .filter(({ involvedObject }) => involvedObject['name'] === pod)
    .map(({ reason, message, count }) => `${reason === 'Failed' ? message.slice(0, 14) : reason} × ${count}`);
}

export const hasEvent = (server: ApiServer, pod: string, event: string): boolean =>
  eventsOf(server, pod).includes(event);
