import type { CallOptions, Clock } from '../clock/index.js';
import {
  createCredential,
  type CredentialSource,
  type DockerConfigEntry,
  type Secret,
} from '../docker-config/index.js';
import { type AnyImageError, ImageError, isImageError } from '../errors/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { createExpiringMap, createFlights, type ExpiringMap, type Flights, quote } from '../internal/index.js';
import { createKeyring, type Keyring, type LookupResult, type SourceReport } from '../keyring/index.js';
import { withSources } from '../keyring/inner.js';
import type { ImageName } from '../reference/index.js';
import { imageNameText } from '../reference/inner.js';

/** A credential that a cloud issued. */
export interface CloudCredential {
  readonly username: string;
  readonly password: Secret;
  /** How long it is good for, from when it came. */
  readonly lifetimeMs: number;
}

/** A cloud, as the keyring needs it. */
export interface CloudSource<T> {
  /** What the source is called in answers. */
  readonly provider: string;
  /** What an image's registry needs a credential of; `undefined` for a registry of somebody else. */
  target(host: string): T | undefined;
  /** Equal for what one credential serves. */
  key(target: T): string;
  obtain(target: T, options: CallOptions): Promise<CloudCredential>;
}

interface Kept {
  readonly credential: CloudCredential;
  readonly renewAt: number;
  readonly expiresAt: number;
}

interface Cache {
  readonly kept: ExpiringMap<Kept>;
  readonly flights: Flights<CloudCredential>;
}

/** Of a lifetime, what passes before the next credential is fetched. */
const RENEW_AFTER = 4 / 5;
/** A credential that is about to end is not given out: the pull has to begin with it. */
const MARGIN_MS = 5000;
/** After a renewal that failed, the old credential serves this long before the next try. */
const PAUSE_MS = 60_000;
/** Nobody issues credentials for longer; what says so is in error. */
const MAX_LIFETIME_MS = 7 * 24 * 60 * 60 * 1000;

/**
 * Makes a keyring of a cloud. A credential is fetched when the first look-up needs it, once for all that wait, and kept
 * by the monotonic clock, until it has expired; from four fifths of its lifetime on the next look-up fetches a new one, and when that fails the
 * old one serves on until it ends.
 */
export function createCloudKeyring<T>(source: CloudSource<T>, clock: Clock): Keyring {
  const cache: Cache = { kept: createExpiringMap(() => clock.monotonic()), flights: createFlights() };
  return {
    async lookup(image: ImageName, options: CallOptions = {}): Promise<LookupResult> {
      imageNameText(image);
      check<CallOptions>('Cannot look up credentials', options, is.callOptions);
      options.signal?.throwIfAborted();
      const host = image.domain;
      // Names of hosts have no case.
      const target = source.target(host.toLowerCase());
      const { credential, report } =
        target === undefined
          ? { credential: undefined, report: reportOf(source, 'unmatched', 'the registry is none of its own') }
          : await find(source, cache, clock, target, options);
      const entries = credential === undefined ? [] : [entryOf(source, host, credential)];
      return withSources(createKeyring(entries).lookup(image), [report]);
    },
  };
}

interface Found {
  readonly credential: CloudCredential | undefined;
  readonly report: SourceReport;
}

async function find<T>(
  source: CloudSource<T>,
  cache: Cache,
  clock: Clock,
  target: T,
  options: CallOptions,
): Promise<Found> {
  const key = source.key(target);
  const kept = cache.kept.get(key);
  const now = clock.monotonic();
  const valid = kept !== undefined && now < kept.expiresAt ? kept : undefined;
  if (valid !== undefined && now < valid.renewAt)
    return { credential: valid.credential, report: reportOf(source, 'cached', until(valid.expiresAt - now)) };
  try {
    const start = (signal: AbortSignal): Promise<CloudCredential> =>
      obtain(source, cache.kept, clock, { key, target, signal });
    const credential = await cache.flights.share(key, start, options.signal);
    return { credential, report: reportOf(source, 'fetched', until(credential.lifetimeMs)) };
  } catch (error) {
    options.signal?.throwIfAborted();
    const fault = asCloudError(source, error);
    // The failure may have taken longer than the old one was good for.
    const later = clock.monotonic();
    if (valid === undefined || later >= valid.expiresAt)
      return { credential: undefined, report: reportOf(source, 'failed', fault.message, fault) };
    cache.kept.set(key, { ...valid, renewAt: later + PAUSE_MS }, valid.expiresAt - later);
    const detail = `renewal failed, ${until(valid.expiresAt - later)}`;
    return { credential: valid.credential, report: reportOf(source, 'cached', detail, fault) };
  }
}

/** Fetches a credential, and keeps it for as long as it is given out. */
async function obtain<T>(
  source: CloudSource<T>,
  kept: ExpiringMap<Kept>,
  clock: Clock,
  { key, target, signal }: { readonly key: string; readonly target: T; readonly signal: AbortSignal },
): Promise<CloudCredential> {
  const started = clock.monotonic();
  const credential = await source.obtain(target, { signal });
  const lifetimeMs = Math.min(Math.max(credential.lifetimeMs, 0), MAX_LIFETIME_MS);
  const expiresAt = started + lifetimeMs - MARGIN_MS;
  const left = expiresAt - clock.monotonic();
  if (left > 0) kept.set(key, { credential, renewAt: started + lifetimeMs * RENEW_AFTER, expiresAt }, left);
  return { ...credential, lifetimeMs };
}

function until(ms: number): string {
  return `good for ${Math.floor(ms / 1000)} s`;
}

function entryOf<T>(source: CloudSource<T>, host: string, { username, password }: CloudCredential): DockerConfigEntry {
  return { pattern: host, credential: createCredential({ username, password }), source: sourceOf(source) };
}

function sourceOf({ provider }: { readonly provider: string }): CredentialSource {
  return { kind: 'cloud', provider };
}

function reportOf(
  source: { readonly provider: string },
  outcome: SourceReport['outcome'],
  detail: string,
  error?: AnyImageError,
): SourceReport {
  return { source: sourceOf(source), outcome, detail, error };
}

/** The caller's own functions may fail with any text, a token in it. */
function asCloudError({ provider }: { readonly provider: string }, error: unknown): AnyImageError {
  if (isImageError(error)) return error;
  return new ImageError('ERR_CREDENTIAL_PROVIDER', `Cannot get a credential of ${quote(provider)}: it failed`, {
    cause: error,
  });
}
