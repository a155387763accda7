import { check, type Kinds } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { linkAbort, runPool } from '../internal/index.js';
import { serviceAccountKind } from '../kubernetes/inner.js';
import type { WorkloadLike, WorkloadListLike } from '../kubernetes/index.js';
import type { Platform } from '../oci/index.js';
import { formatPlatform } from '../platform/index.js';
import { pullMembers } from '../puller/inner.js';
import { rulesKind } from '../rules/inner.js';
import { type Asked, type Asker, type AskPlan, createAsker, type Showing } from './ask.js';
import { failureOf } from './causes.js';
import { gatherImages, readImage, type WantedImage } from './gather.js';
import type {
  CheckOptions,
  CheckPullOptions,
  ImageCheck,
  ImageUse,
  PlannedAttempt,
  PreflightFailure,
  PreflightOptions,
  PreflightReport,
  RateLimit,
  UnknownFact,
} from './types.js';

/** Images that are looked at together; what a registry is asked at once is bounded for each. */
const AT_ONCE = 64;
/** What cannot be known without a registry. */
const BEYOND: readonly UnknownFact[] = ['reachable', 'authorized', 'digest', 'platforms', 'bytes', 'rate-limit'];

/**
 * Finds out before a rollout whether every image of the objects can be pulled: with the credentials that kubelet would use, at
 * the endpoints that the node would ask, in their order. Only manifests are asked for, each once, and each registry little at
 * a time.
 *
 * What cannot be pulled is a result with its cause and its cure, and never an error.
 *
 * @param objects - a pod, a workload, a List, or the documents of a file as a list; nothing of them is changed
 * @param options - what the cluster and the node have, and how registries are asked
 * @returns what was found for each image; `formatPreflight` makes text of it
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when there is no pod in the objects, or an option is of the wrong kind; an
 * aborted preflight rejects with the reason of its signal
 * @example
 * ```ts
 * import { createNodeRuntime } from 'kubepull/node';
 * import { formatPreflight, preflight } from 'kubepull/preflight';
 *
 * const runtime = createNodeRuntime();
 * const deployment = { kind: 'Deployment', spec: { template: { spec: { containers: [{ name: 'web', image: 'nginx:1.29' }] } } } };
 * const report = await preflight(deployment, { runtime, signal: AbortSignal.timeout(60_000) });
 * console.log(formatPreflight(report));
 * await runtime.close();
 * ```
 * @public
 */
export async function preflight(
  objects: WorkloadLike | WorkloadListLike | readonly unknown[],
  options: PreflightOptions,
): Promise<PreflightReport> {
  check<PreflightOptions>('Cannot check pulls', options, {
    ...checkMembers(),
    secrets: is.optional(is.iterable),
    serviceAccounts: is.optional(is.listOf(serviceAccountKind)),
    rules: is.optional(rulesKind),
    nodeConfig: is.optional(is.listOf(is.entry)),
    keyring: is.optional(is.having('a keyring, such as createKeyring() gives', 'lookup')),
  });
  return withOneListener(options, (linked, stop) => checkAll(objects, linked, stop));
}

async function checkAll(
  objects: unknown,
  options: PreflightOptions,
  stop: (reason: unknown) => void,
): Promise<PreflightReport> {
  const { signal, onEvent, network = true } = options;
  const { pods, images } = gatherImages(objects, options);
  const asker = createAsker(options);
  const rows = await planRows(asker, images, options);
  onEvent?.({ type: 'plan', pods, images: rows.length });
  const checks: ImageCheck[] = [];
  let done = 0;
  await runPool(
    [...rows.entries()],
    { limit: AT_ONCE, signal, onFailure: (_, error) => stop(error) },
    async ([place, row]) => {
      onEvent?.({ type: 'checking', image: row.image });
      const found = await checkRow(asker, row, options);
      checks[place] = found;
      done += 1;
      onEvent?.({ type: 'checked', check: found, done, images: rows.length });
    },
  );
  const sorted = checks.toSorted((a, b) => compareTexts(a.name ?? a.image, b.name ?? b.image));
  const failed = sorted.filter(({ status }) => status === 'failed').length;
  const platforms = options.platforms ?? [options.runtime.platform];
  return {
    ok: failed === 0,
    network,
    images: sorted,
    pods,
    failed,
    totals: platforms.map((platform) => ({ platform, missingBytes: bytesFor(platform, sorted) })),
    rateLimits: lastLimits(sorted),
  };
}

/**
 * Finds out whether one image can be pulled, and with which credential: the smallest preflight.
 *
 * @param image - the image as a pod names it
 * @param options - the credentials to try, and how the registry is asked
 * @returns what was found, also when the image cannot be pulled: `status` and `failure` say so
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an option of the wrong kind; an aborted check rejects with the reason of its
 * signal
 * @example
 * ```ts
 * import { createNodeRuntime, loadNodeKeyring } from 'kubepull/node';
 * import { checkPull } from 'kubepull/preflight';
 *
 * const runtime = createNodeRuntime();
 * const { status, failure } = await checkPull('registry.example.com/app:1', { runtime, keyring: await loadNodeKeyring() });
 * if (failure !== undefined) console.error(failure.cause, failure.cure);
 * await runtime.close();
 * ```
 * @public
 */
export async function checkPull(image: string, options: CheckPullOptions): Promise<ImageCheck> {
  check('Cannot check a pull', { image }, { image: is.text });
  check<CheckPullOptions>('Cannot check a pull', options, {
    ...checkMembers(),
    keyring: is.optional(is.having('a keyring, such as createKeyring() gives', 'lookup')),
    credential: is.optional(is.credential),
  });
  return withOneListener(options, (linked) => checkOne(image, linked));
}

async function checkOne(image: string, options: CheckPullOptions): Promise<ImageCheck> {
  const { keyring, credential } = options;
  const asker = createAsker(options);
  const showing = { keyring, credential };
  const { ref, name, failure } = readImage(image);
  const plan = ref === undefined ? undefined : await asker.plan(ref, showing);
  return checkRow(asker, { image, name, plan, showing, failure, missing: [], never: false, usedBy: [] }, options);
}

/** However many requests are under way, the caller's signal hears of one listener only. */
async function withOneListener<O extends CheckOptions, T>(
  options: O,
  run: (linked: O, stop: (reason: unknown) => void) => Promise<T>,
): Promise<T> {
  options.signal?.throwIfAborted();
  const { controller, release } = linkAbort(options.signal);
  try {
    return await run({ ...options, signal: controller.signal }, (reason) => controller.abort(reason));
  } finally {
    release();
  }
}

function checkMembers(): Kinds<CheckOptions> {
  const { runtime, endpoints, plainHttp, realmPolicy, redirectPolicy, maxRedirects, limits, retry } = pullMembers();
  return {
    runtime,
    endpoints,
    plainHttp,
    realmPolicy,
    redirectPolicy,
    maxRedirects,
    limits,
    retry,
    platforms: is.optional(is.listOf(is.platform)),
    store: is.optional(is.having('a store, such as openOciLayout() of kubepull/node gives', 'has', 'resolve')),
    read: is.optional(is.oneOf('manifests', 'digest')),
    network: is.optional(is.bool),
    maxPerRegistry: is.optional(is.wholeFrom(1)),
    onEvent: is.optional(is.callable),
    ...is.callOptions,
  };
}

/** One line of the report: an image with what its users have to show. */
interface Row {
  readonly image: string;
  readonly name: string | undefined;
  readonly plan: AskPlan | undefined;
  readonly showing: Showing;
  readonly failure: PreflightFailure | undefined;
  readonly missing: readonly string[];
  /** Whether the image is not pulled, by its policy. */
  readonly never: boolean;
  readonly usedBy: ImageUse[];
}

/** Puts together who wants the same image with the same credentials from the same sources. */
async function planRows(
  asker: Asker,
  images: readonly WantedImage[],
  { signal }: CheckOptions,
): Promise<readonly Row[]> {
  const rows = new Map<string, Row>();
  // Most pods want what another with the very same credentials wants.
  const known = new Map<object, Map<string, Row>>();
  for (const wanted of images) {
    const { image, credentials, use } = wanted;
    const never = use.policy === 'Never';
    const same = known.get(credentials) ?? new Map<string, Row>();
    known.set(credentials, same);
    const key = `${String(never)} ${image}`;
    const row = same.get(key) ?? (await planRow(asker, wanted, rows));
    same.set(key, row);
    row.usedBy.push(use);
    signal?.throwIfAborted();
  }
  return [...rows.values()];
}

async function planRow(asker: Asker, wanted: WantedImage, rows: Map<string, Row>): Promise<Row> {
  const { image, ref, name, credentials, use } = wanted;
  const failure = wanted.failure ?? credentials.failure;
  const plan = ref === undefined || failure !== undefined ? undefined : await asker.plan(ref, credentials);
  const never = use.policy === 'Never';
  const { missing } = credentials;
  const sources = plan?.planned.map(({ source }) => source) ?? failure?.message;
  const key = JSON.stringify([image, never, missing, sources, plan?.key]);
  const row: Row = rows.get(key) ?? { image, name, plan, showing: credentials, failure, missing, never, usedBy: [] };
  rows.set(key, row);
  return row;
}

/** What is refused for want of a credential. */
const WANTS_CREDENTIAL: ReadonlySet<string> = new Set(['auth-missing', 'auth-wrong', 'denied', 'forbidden']);

async function checkRow(asker: Asker, row: Row, options: CheckOptions): Promise<ImageCheck> {
  const { image, name, plan, missing, usedBy } = row;
  const planned = plan?.planned ?? [];
  const known = { image, name, usedBy, planned, missingSecrets: missing };
  if (row.failure !== undefined || plan === undefined) return { ...known, ...ending(row.failure) };
  if (row.never) return { ...known, ...(await lookFor(row, options)) };
  if (options.network === false) return { ...known, ...ending(undefined, BEYOND) };
  const asked = await asker.ask(image, plan, row.showing);
  const { root, available, platforms, rateLimit } = asked;
  const attempts = asked.attempts.map(({ at, cause, error }) => ({ ...placeIn(planned, at), cause, error }));
  return {
    ...known,
    ...ending(blameMissing(asked.failure, missing), unknownOf(asked, options)),
    served: asked.served === undefined ? undefined : planned[asked.served],
    attempts,
    root,
    available,
    platforms,
    rateLimit,
  };
}

function placeIn(planned: readonly PlannedAttempt[], at: number): PlannedAttempt {
  const found = planned[at];
  if (found === undefined) throw new Error('An attempt was made that was not planned');
  return found;
}

type Ending = Omit<ImageCheck, 'image' | 'name' | 'usedBy' | 'planned' | 'missingSecrets'>;

function ending(failure: PreflightFailure | undefined, unknown: readonly UnknownFact[] = []): Ending {
  const isOpen = unknown.includes('reachable') || unknown.includes('present');
  return {
    status: failure !== undefined ? 'failed' : isOpen ? 'unknown' : 'ok',
    served: undefined,
    attempts: [],
    root: undefined,
    available: [],
    platforms: [],
    rateLimit: undefined,
    failure,
    unknown,
  };
}

/** With the policy `Never` nothing is pulled: the image is there or it is not. */
async function lookFor({ image, name = '' }: Row, { store, signal }: CheckOptions): Promise<Ending> {
  if (store === undefined) return ending(undefined, ['present']);
  if ((await store.resolve(name, { signal })) !== undefined) return ending(undefined);
  return ending(
    failureOf('never', `Container image ${JSON.stringify(image)} is not present with pull policy of Never`),
  );
}

/** Where a credential is wanted, a secret that is not there is the cause. */
function blameMissing(failure: PreflightFailure | undefined, missing: readonly string[]): PreflightFailure | undefined {
  if (failure === undefined || missing.length === 0 || !WANTS_CREDENTIAL.has(failure.cause)) return failure;
  const { title, cure } = failureOf('secret-missing', '');
  return {
    ...failure,
    cause: 'secret-missing',
    title,
    cure,
    message: `there is no secret ${missing.join(', ')}; ${failure.message}`,
  };
}

function unknownOf({ failure, labelled }: Asked, { read }: CheckOptions): readonly UnknownFact[] {
  if (failure !== undefined) return [];
  if (read === 'digest') return ['platforms', 'bytes'];
  return labelled ? [] : ['platforms'];
}

function bytesFor(platform: Platform, checks: readonly ImageCheck[]): number {
  const wanted = formatPlatform(platform);
  const missing = checks
    .flatMap(({ platforms }) => platforms)
    .filter((found) => formatPlatform(found.platform) === wanted)
    .flatMap((found) => found.missing);
  const sizes = new Map(missing.map(({ digest, size }) => [digest, size]));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

/** Of each registry the least that any answer left. */
function lastLimits(checks: readonly ImageCheck[]): readonly RateLimit[] {
  const limits = new Map<string, RateLimit>();
  for (const { rateLimit } of checks) {
    if (rateLimit === undefined) continue;
    const known = limits.get(rateLimit.origin);
    if (known === undefined || (rateLimit.remaining ?? Infinity) < (known.remaining ?? Infinity))
      limits.set(rateLimit.origin, rateLimit);
  }
  return [...limits.values()];
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
