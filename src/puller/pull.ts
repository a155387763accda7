import {
  carrierKind,
  realmPolicyKind,
  redirectLimitKind,
  redirectPolicyKind,
  retryKind,
  tokenCacheKind,
} from '../distribution/inner.js';
import { check, type Kind, type Kinds } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { linkAbort } from '../internal/index.js';
import { parallelKind, poolKind } from './download-pool.js';
import { rangesKind } from './layer-ranges.js';
import { createTotals } from './plan.js';
import { runPull } from './run-pull.js';
import type { PulledImage, PullEvent, PullStep } from './events.js';
import type { PullOptions } from './types.js';
import { STORED_LIMITS } from '../store/inner.js';
import { formatReference, parseDockerReference } from '../reference/index.js';
import { type PullTrace, runTraced } from '../tracing/index.js';

/**
 * The name under which a pull tags an image in the store, and under which to look whether it is there: the full
 * reference with the default tag, or with the digest alone when there is one.
 *
 * @param image - an image as a pod names it
 * @returns such as `docker.io/library/nginx:latest`
 * @throws {@link InvalidReferenceError} when it is not a reference
 * @example
 * ```ts
 * import { formatStoreName } from 'kubepull/puller';
 *
 * formatStoreName('nginx'); // 'docker.io/library/nginx:latest'
 * ```
 * @see ParseDockerRef in distribution/reference
 * @public
 */
export function formatStoreName(image: string): string {
  return formatReference(parseDockerReference(image));
}

/**
 * Pulls an image into a store: one endpoint after the other, and at each one credential after the other in the
 * keyring's order, as kubelet does, until a registry gives the image out.
 *
 * Without the option `endpoints` the image's own registry is the only one. Credentials are those for the host that is
 * contacted: a mirror that has none of its own is asked anonymously. The first endpoint that knows a tag decides the
 * digest; from then on everything is asked for, and verified, by digest.
 *
 * An anonymous attempt is made only when the keyring has no credential: kubelet makes none after a refused one. A
 * credential equal to one that an endpoint refused is not sent to it again.
 *
 * @param image - the image as a pod names it
 * @param options - where from, where to, and for which platform
 * @returns what is in the store now
 * @throws {@link InvalidReferenceError} when the image is not a reference
 * @throws {@link PullFailedError} when every credential failed; its `attempts` say how
 * @throws {@link PlatformNotFoundError} when no entry of the image's index is for the platform
 * @throws {@link ContentMismatchError} when the registry sent other bytes than it promised
 * @throws {@link StoreError} when the store failed
 * @throws {@link ImageRefusedError} when `verify` refused the image
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an option of the wrong kind, or an endpoint that cannot be used; an aborted
 * pull rejects with the reason of its signal
 * @example
 * ```ts
 * import { pullImage } from 'kubepull/puller';
 * import { createNodeRuntime, openOciLayout } from 'kubepull/node';
 *
 * const runtime = createNodeRuntime();
 * try {
 *   const { imageRef } = await pullImage('registry.example.com/app:1', {
 *     runtime,
 *     store: await openOciLayout('./layout'),
 *   });
 *   console.log(imageRef);
 * } finally {
 *   await runtime.close();
 * }
 * ```
 * @see PullImage in kubernetes pkg/kubelet/kuberuntime/kuberuntime_image.go
 * @public
 */
export async function pullImage(image: string, options: PullOptions): Promise<PulledImage> {
  return startPull(image, options, () => undefined);
}

/**
 * Pulls an image and tells what happens meanwhile. Leaving the loop cancels the pull.
 *
 * A slow reader does not slow the pull down: it gets the newest progress of each blob.
 *
 * @param image - the image as a pod names it
 * @param options - as for {@link pullImage}, with the same errors
 * @returns the events; the last is `pulled`
 * @throws what {@link pullImage} throws, out of the loop and after the events before it
 * @example
 * ```ts
 * import { pullImageEvents } from 'kubepull/puller';
 * import { createNodeRuntime, openOciLayout } from 'kubepull/node';
 *
 * const runtime = createNodeRuntime();
 * const store = await openOciLayout('./layout');
 * for await (const event of pullImageEvents('registry.example.com/app:1', { runtime, store })) {
 *   console.log(event.type);
 * }
 * await runtime.close();
 * ```
 * @public
 */
export async function* pullImageEvents(
  image: string,
  options: PullOptions,
): AsyncGenerator<PullEvent, void, undefined> {
  checkOptions(image, options);
  const { controller, release } = linkAbort(options.signal);
  const queue = createEventQueue();
  const pull = startPull(image, { ...options, signal: controller.signal }, queue.push).then(queue.end, queue.fail);
  // Summed up as they are read: progress that nobody has read is replaced.
  const withTotals = createTotals();
  try {
    for await (const step of queue) yield withTotals(step);
  } finally {
    controller.abort();
    await pull;
    release();
  }
}

/** Pulls an image, and tells a function what happens meanwhile; for other rooms, which have a listener of their own. */
export function pullImageTelling(
  image: string,
  options: PullOptions,
  onEvent: (event: PullEvent) => void,
): Promise<PulledImage> {
  const withTotals = createTotals();
  return startPull(image, options, (step) => onEvent(withTotals(step)));
}

/** However many steps a pull has under way, the caller's signal hears of one listener only. */
async function startPull(image: string, options: PullOptions, emit: (event: PullStep) => void): Promise<PulledImage> {
  checkOptions(image, options);
  const { controller, release } = linkAbort(options.signal);
  try {
    return await watchedPull(image, { ...options, signal: controller.signal }, emit);
  } finally {
    release();
  }
}

function watchedPull(image: string, options: PullOptions, emit: (event: PullStep) => void): Promise<PulledImage> {
  const facts = { imageRef: undefined, repoDigest: undefined, endpoint: undefined, refused: undefined };
  const trace: PullTrace = { image, ...facts };
  return runTraced(options.runtime.tracing, 'pull', trace, async () => {
    const pulled = await runPull(image, options, emit);
    const { imageRef, repoDigest, endpoint, attempts } = pulled;
    Object.assign(trace, { imageRef, repoDigest, endpoint: endpoint.origin, refused: attempts.length });
    return pulled;
  });
}

/** @throws {@link ImageError} `ERR_OPTION_INVALID` when a pull cannot work with the options */
function checkOptions(image: string, options: PullOptions): void {
  check('Cannot pull', { image }, { image: { ...is.text, what: "a text, such as 'nginx:1.29'" } });
  check<PullOptions>('Cannot pull', options, {
    ...pullMembers(),
    keyring: is.optional(is.having('a keyring, such as createKeyring() gives', 'lookup')),
    credential: options?.keyring === undefined ? is.optional(is.credential) : leftOut,
    ...is.callOptions,
  });
}

/** What a pull and a service of pulls have in common. */
export function pullMembers(): Kinds<Omit<PullOptions, 'keyring' | 'credential' | 'signal'>> {
  return {
    runtime: runtimeKind,
    store: storeKind,
    realmPolicy: is.optional(realmPolicyKind),
    redirectPolicy: is.optional(redirectPolicyKind),
    maxRedirects: is.optional(redirectLimitKind),
    foreignLayers: is.optional(is.bool),
    strictPlatform: is.optional(is.bool),
    limits: is.optional(limitsKind),
    retry: is.optional(retryKind),
    platform: is.optional(is.platform),
    verify: is.optional({ ...is.callable, what: 'a function of a resolved image' }),
    maxParallelDownloads: parallelKind,
    downloads: is.optional(poolKind),
    layerRanges: is.optional(rangesKind),
    plainHttp: is.optional(is.plainHttp),
    endpoints: is.optional({ ...is.callable, what: 'a function, such as createMirrorEndpoints() gives' }),
  };
}

const NODE_RUNTIME = 'such as createNodeRuntime() of kubepull/node gives';

const runtimeKind: Kind = /* @__PURE__ */ is.shape(
  {
    transport: { ...is.callable, what: `a function, ${NODE_RUNTIME}` },
    carrier: /* @__PURE__ */ is.optional(carrierKind),
    createHasher: is.hasher,
    platform: is.platform,
    clock: /* @__PURE__ */ is.optional(is.clock),
    tokenCache: /* @__PURE__ */ is.optional(tokenCacheKind),
    tracing: /* @__PURE__ */ is.optional(is.tracing),
  },
  `a runtime, ${NODE_RUNTIME}`,
);

const limit = (most: number): Kind => is.optional(is.wholeFrom(1, most));

const limitsKind: Kind = /* @__PURE__ */ is.shape(
  {
    maxLayers: /* @__PURE__ */ limit(STORED_LIMITS.maxLayers),
    maxManifests: /* @__PURE__ */ limit(STORED_LIMITS.maxManifests),
    maxValues: /* @__PURE__ */ limit(STORED_LIMITS.maxValues),
  },
  'an object, such as { maxLayers: 2000 }',
);

const storeKind: Kind = /* @__PURE__ */ is.having(
  'a store, such as openOciLayout() of kubepull/node gives',
  'has',
  'read',
  'ingest',
  'resolve',
  'tag',
);

const leftOut: Kind = {
  what: 'left out where there is a keyring: pass either it or a keyring',
  accepts: (credential) => credential === undefined,
};

/**
 * Events between a pull and its reader. The pull never waits: progress that the reader has not taken yet is replaced by
 * newer progress of the same blob, so a slow reader costs one event a blob.
 */
export interface EventQueue extends AsyncIterable<PullStep> {
  push(event: PullStep): void;
  /** No more events will come. */
  end(): void;
  /** No more events will come, and the reader gets this error after those that did. */
  fail(error: unknown): void;
}

export function createEventQueue(): EventQueue {
  let events: PullStep[] = [];
  const progressAt = new Map<string, number>();
  let outcome: { readonly error: unknown } | 'ended' | undefined;
  let wake: (() => void) | undefined;

  const notify = (): void => {
    wake?.();
    wake = undefined;
  };
  const push = (event: PullStep): void => {
    if (event.type === 'blob') {
      const { digest } = event.descriptor;
      const at = progressAt.get(digest);
      if (event.phase === 'progress' && at !== undefined) {
        events[at] = event;
        return;
      }
      if (event.phase === 'progress') progressAt.set(digest, events.length);
      else progressAt.delete(digest);
    }
    // What comes after a retry is told after it.
    if (event.type === 'retry' && event.descriptor !== undefined) progressAt.delete(event.descriptor.digest);
    events.push(event);
    notify();
  };
  const settle = (how: typeof outcome): void => {
    outcome ??= how;
    notify();
  };

  return {
    push,
    end: () => settle('ended'),
    fail: (error) => settle({ error }),
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const batch = events;
        events = [];
        progressAt.clear();
        yield* batch;
        if (events.length > 0) continue;
        if (outcome === 'ended') return;
        if (outcome !== undefined) throw outcome.error;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
