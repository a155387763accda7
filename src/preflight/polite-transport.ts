import type { Clock } from '../clock/index.js';
import type { Transport, TransportRequest, TransportResponse } from '../distribution/index.js';
import { retryAfterMs } from '../distribution/inner.js';
import { createSlots, redactUrl, type Slots } from '../internal/index.js';

/** A registry that wants a longer pause is not waited for: it is not asked again, and its answer stands. */
const MAX_PAUSE_MS = 60_000;
const BUSY: ReadonlySet<number> = new Set([429, 503]);

interface Registry {
  readonly slots: Slots;
  /** By the monotonic clock. */
  pausedUntil: number;
}

/**
 * Sends few requests to each origin at once, and none while it wants a pause: its `Retry-After` is heard by all requests
 * that wait for it, not only by the one that got it.
 */
export function createPoliteTransport(
  next: Transport,
  { clock, maxPerRegistry }: { readonly clock: Clock; readonly maxPerRegistry: number },
): Transport {
  const registries = new Map<string, Registry>();
  const registryAt = (origin: string): Registry => {
    const found = registries.get(origin) ?? { slots: createSlots(maxPerRegistry), pausedUntil: 0 };
    registries.set(origin, found);
    return found;
  };
  const send = async (request: TransportRequest, registry: Registry): Promise<TransportResponse> => {
    const pause = registry.pausedUntil - clock.monotonic();
    if (pause > MAX_PAUSE_MS) return stillBusy(pause);
    if (pause > 0) await clock.sleep(pause, { signal: request.signal });
    const response = await next(request);
    if (BUSY.has(response.status)) {
      const until = clock.monotonic() + (retryAfterMs(response, clock) ?? 0);
      registry.pausedUntil = Math.max(registry.pausedUntil, until);
    }
    return response;
  };
  return (request) => {
    const registry = registryAt(new URL(request.url).origin);
    return registry.slots.run(() => send(request, registry), request.signal);
  };
}

/** Tells of requests whether a token was shown with them. */
export function watchTokens(next: Transport): {
  readonly transport: Transport;
  /** Whether the last request to this URL, as errors name it, had a token. */
  readonly hadToken: (url: string) => boolean;
} {
  const tokens = new Map<string, boolean>();
  return {
    transport: (request) => {
      const { url, shownUrl = redactUrl(url), headers } = request;
      tokens.set(shownUrl, /^bearer /i.test(headers['authorization'] ?? ''));
      return next(request);
    },
    hadToken: (url) => tokens.get(url) === true,
  };
}

/** What a registry has said already, without asking it again. */
function stillBusy(pauseMs: number): TransportResponse {
  return {
    status: 429,
    headers: new Map([['retry-after', [String(Math.ceil(pauseMs / 1000))]]]),
    body: nothing(),
    discard: async () => undefined,
    remoteAddress: undefined,
  };
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {
  // An answer without a body.
}
