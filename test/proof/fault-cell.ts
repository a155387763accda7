// One pull from a registry in which something goes wrong, and what has to hold whatever it was.
import { expect } from 'vitest';
import type { Clock } from 'kubepull/clock';
import { createCredential, type Credential } from 'kubepull/docker-config';
import { isImageError } from 'kubepull/errors';
import { createNodeRuntime, nodeHasher, type NodeRuntime, openOciLayout } from 'kubepull/node';
import { pullImage } from 'kubepull/puller';
import { createMemoryStore, type ImageStore } from 'kubepull/store';
import { buildImage, buildIndex } from 'kubepull/testing';
import { canary, type LoggedRequest, observe, observeRequests } from '../support/canary.ts';
import { createCertificate } from '../support/certificate.ts';
import { assertInvariants, type CountingSignal, countingSignal } from '../support/invariants.ts';
import { randomFrom } from '../support/sweeps.ts';
import { tempDir } from '../support/temp-dir.ts';
import { GRACE_MS, waitUntil } from '../support/watch.ts';
import { REPOSITORY, startFaultServer, type FaultServer, type Strike } from './fault-server.ts';
import type { Fault } from './fault-table.ts';

export type StoreKind = 'memory' | 'layout';

/** A pull, and what came of it. */
export interface Trial {
  /** `undefined` when the image was pulled; of a pull that failed, the error of its last attempt. */
  readonly error: unknown;
  /** How many requests each strike has hit. */
  readonly hits: readonly number[];
  /** Milliseconds that the pull has waited between requests, by its own clock. */
  readonly waitedMs: number;
}

/** The pauses between requests are divided by this. */
const SCALE = 100;
const PLATFORM = { os: 'linux', architecture: 'amd64' };
/** What goes on without end, so that only a limit of time ends it. */
const ENDLESS: ReadonlySet<Fault> = new Set<Fault>(['accept and stay silent', 'header stalls', 'body stalls', 'drip']);
/** A thirtieth of the defaults: less would end good answers on a busy machine. */
const SHORT_LIMITS = { headersTimeoutMs: 1000, bodyTimeoutMs: 1000, minRateWindowMs: 2000 };

const image = buildImage({ platform: PLATFORM, layers: [{ files: { 'app/data': 'x'.repeat(24 * 1024) } }] });
const other = buildImage({ platform: { os: 'linux', architecture: 'arm64' }, layers: [{ files: { a: 'b' } }] });
const index = buildIndex([other, image]);
const CONTENTS = [index.descriptor, image.descriptor, image.manifest.config, ...image.manifest.layers];
const certificate = createCertificate();

/** What the pulls of one test share. */
export interface Batch {
  readonly token: string;
  readonly credentials: { readonly password: Credential; readonly refresh: Credential };
  /** What servers got to which registries redirect. */
  readonly foreignRequests: LoggedRequest[];
}

/** Secrets that nobody may see but the registries: not the servers to which they redirect, and nobody who reads what is said. */
export function startBatch(): Batch {
  const foreignRequests: LoggedRequest[] = [];
  observeRequests('another server', () => foreignRequests);
  const credentials = {
    password: createCredential({ username: 'puller', password: canary('password', []) }),
    refresh: createCredential({ identityToken: canary('identity-token', []) }),
  };
  return { token: canary('bearer-token', []), credentials, foreignRequests };
}

/**
 * Pulls the image while the strikes hit, and once more when they are over, into the same store.
 *
 * @throws when an invariant does not hold, or the second pull fails
 */
export async function tryPull(
  batch: Batch,
  strikes: readonly Strike[],
  { store, seed }: { readonly store: StoreKind; readonly seed: number },
): Promise<Trial> {
  const random = randomFrom(seed);
  const server = await startFaultServer({
    index,
    image,
    strikes,
    certificate: strikes.some(({ fault }) => fault === 'TLS cut') ? certificate : undefined,
    random,
    ...batch,
  });
  const { clock, waitedMs } = scaledClock(() => server.onPause());
  const runtime = createNodeRuntime({
    clock,
    platform: PLATFORM,
    ca: certificate.cert,
    // The carrier brings the layer into a layout: mostly in this thread, since one of its own takes a while to start.
    minCarriedBytes: 0,
    workers: random() < 1 / 8 ? 1 : 0,
    ...(strikes.some(({ fault }) => ENDLESS.has(fault)) ? SHORT_LIMITS : {}),
  });
  const opened = await openStore(store);
  const signal = countingSignal();
  const credential = credentialFor(strikes, batch);
  const pull = (): Promise<unknown> => pullOnce({ server, runtime, store: opened.store, credential, signal });
  try {
    const error = await pull();
    const trial = { error, hits: strikes.map((strike) => server.hits(strike)), waitedMs: waitedMs() };
    if (error === undefined) await assertPulled(opened.store, server);
    await assertInvariants({ stores: [{ store: opened.store, contents: CONTENTS }], layouts: opened.directories });
    await server.heal();
    const again = await pull();
    if (again !== undefined) throw new Error('a pull after the fault has failed', { cause: again });
    await assertPulled(opened.store, server);
    return trial;
  } finally {
    await runtime.close();
    await opened.close();
    await waitUntil(() => server.connections === 0, GRACE_MS);
    const { connections } = server;
    await server.close();
    await assertInvariants({ signals: [signal], layouts: opened.directories });
    expect(connections, 'I5: connections that are left').toBe(0);
  }
}

interface Pulling {
  readonly server: FaultServer;
  readonly runtime: NodeRuntime;
  readonly store: ImageStore;
  readonly credential: Credential | undefined;
  readonly signal: CountingSignal;
}

/** What a pull fails with: of its attempts, there is one, that says it. */
async function pullOnce({ server, runtime, store, credential, signal: { signal } }: Pulling): Promise<unknown> {
  const plainHttp = server.origin.startsWith('http:') ? [server.host] : [];
  try {
    await pullImage(nameAt(server), { runtime, store, plainHttp, credential, signal });
    return undefined;
  } catch (error) {
    observe(error);
    if (!isImageError(error)) return error;
    return error.code === 'ERR_PULL_FAILED' ? error.attempts.at(-1)?.error : error;
  }
}

const nameAt = ({ host }: FaultServer): string => `${host}/${REPOSITORY}:1`;

/** By how a token is got. */
function credentialFor(strikes: readonly Strike[], { credentials }: Batch): Credential | undefined {
  const phases = strikes.map(({ phase }) => phase);
  if (phases.includes('anonymous token')) return undefined;
  return phases.includes('OAuth2 refresh') ? credentials.refresh : credentials.password;
}

interface OpenedStore {
  readonly store: ImageStore;
  readonly directories: readonly string[];
  close(): Promise<void>;
}

async function openStore(kind: StoreKind): Promise<OpenedStore> {
  if (kind === 'memory')
    return { store: createMemoryStore({ createHasher: nodeHasher }), directories: [], close: async () => undefined };
  const { path } = tempDir();
  const store = await openOciLayout(path);
  return { store, directories: [path], close: () => store.close() };
}

/** The image is there by its name, whole, and right to the last byte. */
async function assertPulled(store: ImageStore, server: FaultServer): Promise<void> {
  const named = await store.resolve(nameAt(server));
  if (named?.digest !== image.descriptor.digest) throw new Error(`I6: the name leads to ${named?.digest}`);
  for (const descriptor of [image.descriptor, image.manifest.config, ...image.manifest.layers])
    if (!(await store.has(descriptor))) throw new Error(`I6: ${descriptor.mediaType} is missing`);
  await assertInvariants({ stores: [{ store, names: [nameAt(server)], contents: CONTENTS }] });
}

/** Waits a hundredth of what it is asked for, and counts what was asked for. */
function scaledClock(onPause: () => Promise<void>): { readonly clock: Clock; readonly waitedMs: () => number } {
  let elapsed = 0;
  const clock: Clock = {
    now: () => Date.UTC(2026, 0, 1) + elapsed,
    monotonic: () => elapsed,
    sleep: (ms, { signal } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        const onAbort = (): void => {
          clearTimeout(timer);
          reject(signal?.reason as Error);
        };
        const timer = setTimeout(() => {
          signal?.removeEventListener('abort', onAbort);
          elapsed += ms;
          onPause().then(resolve, reject);
        }, ms / SCALE);
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
  };
  return { clock, waitedMs: () => elapsed };
}
