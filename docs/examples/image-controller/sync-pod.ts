import type { V1Container, V1EphemeralContainer, V1Pod } from '@kubernetes/client-node';
import type { EnsureImageResult, ImageManager } from 'kubepull/image-manager';
import type { SecretReader } from './pull-secrets.js';

/** Kubelet comes back to a pod that cannot start about as often, also while it backs off: its events say so. */
const RETRY_MS = 10_000;
/** Timers may fire a little early, and a pull that is asked for too early is refused. */
const MARGIN_MS = 10;
/** A pod that has all its images waits for a change; until then it may as well sleep for a day. */
const IDLE_MS = 24 * 60 * 60_000;

export interface SyncContext {
  readonly manager: ImageManager;
  readonly secrets: SecretReader;
  readonly signal: AbortSignal;
}

/**
 * Asks for the image of every container that has none yet. An image that cannot be had keeps no other waiting.
 *
 * @returns in how many milliseconds to come again
 */
export async function syncPod(pod: V1Pod, ready: Set<string>, context: SyncContext): Promise<number> {
  const { manager, secrets, signal } = context;
  const missing = containersOf(pod).filter((container) => !ready.has(keyOf(container)));
  if (missing.length === 0) return IDLE_MS;
  const pullSecrets = await secrets.read(pod);
  signal.throwIfAborted();
  const volumes = await manager.ensureImageVolumes({ pod, pullSecrets, signal });
  const delays: number[] = [];
  for (const container of missing) {
    const request = { pod, container: container.name, pullSecrets, volumes, signal };
    const result = await manager.ensureContainerImage(request);
    if (result.status === 'present' || result.status === 'pulled') ready.add(keyOf(container));
    else delays.push(delayAfter(result));
  }
  return Math.min(IDLE_MS, ...delays);
}

/** In the order in which kubelet starts them. */
function containersOf({ spec }: V1Pod): readonly (V1Container | V1EphemeralContainer)[] {
  return [...(spec?.ephemeralContainers ?? []), ...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
}

/** The image of a container may be changed in place. */
function keyOf({ name, image }: V1Container | V1EphemeralContainer): string {
  return `${name} ${image}`;
}

function delayAfter(result: EnsureImageResult): number {
  if (result.status !== 'waiting' || result.retryAfterMs === 0) return RETRY_MS;
  return Math.min(result.retryAfterMs, RETRY_MS) + MARGIN_MS;
}
