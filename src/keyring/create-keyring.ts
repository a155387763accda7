import * as is from '../errors/inner.js';
import type { DockerConfigEntry } from '../docker-config/index.js';
import { ImageError } from '../errors/index.js';
import { encodeUtf8 } from '../internal/index.js';
import { type MatchOptions, type MatchResult, type ParsedTarget, parsePattern, toTarget } from '../match/index.js';
import { checkMatchOptions, matchParts } from '../match/inner.js';
import type { ImageName } from '../reference/index.js';
import { imageNameText } from '../reference/inner.js';
import { lookupResult } from './lookup-result.js';
import { type FindNear, indexTargets } from './slot-index.js';
import type { CredentialCandidate, LookupResult, RejectedEntry, StaticKeyring } from './types.js';

const DEFAULT_KEY = 'index.docker.io';

/**
 * A keyring over docker config entries that answers as kubelet's does: every entry that matches, ordered by the byte
 * value of its normalised key from high to low, so that of two keys where one begins the other the longer comes first.
 * Entries with the same key keep the order in which they were given.
 *
 * When nothing matches an image of the default registry, or one whose host has neither dot nor port, the entries with the
 * key `index.docker.io` are used; not in the dialect `docker`.
 *
 * Entries are sorted into an index once, so a look-up does not scan them. `rejected` of an answer is worked out when it
 * is read first; it comes from the function that decides.
 *
 * @param entries - the entries, such as `parseDockerConfigJson` and `mergePullSecrets` return; read once
 * @param options - how keys are compared with images
 * @returns the keyring
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an unknown option value, or for what is not an entry
 * @example
 * ```ts
 * import { parseDockerConfigJson } from 'kubepull/docker-config';
 * import { createKeyring } from 'kubepull/keyring';
 * import { parseImageName } from 'kubepull/reference';
 *
 * const entries = parseDockerConfigJson('{"auths":{"r.example":{"username":"u","password":"p"}}}');
 * createKeyring(entries).lookup(parseImageName('r.example/team/app:1')).candidates.length; // 1
 * ```
 * @see BasicDockerKeyring in kubernetes pkg/credentialprovider/keyring.go
 * @public
 */
export function createKeyring(entries: Iterable<DockerConfigEntry>, options: MatchOptions = {}): StaticKeyring {
  checkMatchOptions(options);
  const settings: MatchOptions = { dialect: options.dialect, pathMatch: options.pathMatch };
  const compiled = compileKeyring(entries, settings);
  return { lookup: (image) => lookup(compiled, image, settings) };
}

function lookup(compiled: CompiledKeyring, image: ImageName, options: MatchOptions): LookupResult {
  const target = toTarget(image, options);
  const candidates = target === undefined ? [] : findMatches(compiled, target, options);
  if (candidates.length === 0 && options.dialect !== 'docker' && isDefaultRegistry(imageNameText(image))) {
    const slot = compiled.byKey.get(DEFAULT_KEY);
    if (slot !== undefined) addCandidates(candidates, slot, 'default-registry', undefined);
  }
  return lookupResult(image, candidates, () =>
    explain(compiled, target, new Set(candidates.map((c) => c.key)), options),
  );
}

function findMatches(compiled: CompiledKeyring, image: ParsedTarget, options: MatchOptions): CredentialCandidate[] {
  const candidates: CredentialCandidate[] = [];
  for (const slot of compiled.near(image).toSorted((a, b) => a.rank - b.rank)) {
    const result = decide(slot, image, options);
    if (result.matched) addCandidates(candidates, slot, result.rule, image);
  }
  return candidates;
}

function addCandidates(
  candidates: CredentialCandidate[],
  { target, entries }: Slot,
  rule: CredentialCandidate['rule'],
  image: ParsedTarget | undefined,
): void {
  const { key } = target;
  const cutsSegment = image !== undefined && endsWithin(target.path, image.path);
  for (const entry of entries) candidates.push({ rank: candidates.length + 1, entry, key, rule, cutsSegment });
}

function endsWithin(prefix: string, path: string): boolean {
  const ended = prefix === '' || prefix.endsWith('/') || path.length === prefix.length;
  return !ended && path.charAt(prefix.length) !== '/';
}

function decide(slot: Slot, image: ParsedTarget | undefined, options: MatchOptions): MatchResult {
  return image === undefined ? { matched: false, reason: 'invalid-image' } : matchParts(slot.target, image, options);
}

/** Everything that is no candidate, in the order of trying, then what has no place in it. */
function explain(
  { slots, dropped }: CompiledKeyring,
  image: ParsedTarget | undefined,
  used: ReadonlySet<string>,
  options: MatchOptions,
): readonly RejectedEntry[] {
  const rejected: RejectedEntry[] = [];
  for (const slot of slots) {
    const { key } = slot.target;
    const result = used.has(key) ? undefined : decide(slot, image, options);
    if (result?.matched !== false) continue;
    for (const entry of slot.entries) rejected.push({ entry, key, reason: result.reason });
  }
  for (const entry of dropped) rejected.push({ entry, key: undefined, reason: 'invalid-pattern' });
  return rejected;
}

/** Whether kubelet takes a repository for one of Docker Hub, which it also does for `localhost/app`. */
function isDefaultRegistry(repository: string): boolean {
  const slash = repository.indexOf('/');
  const host = slash < 0 ? repository : repository.slice(0, slash);
  if (host === '' || slash < 0) return host !== '';
  return host === 'docker.io' || host === DEFAULT_KEY || !/[.:]/.test(host);
}

/** The entries of one normal form, in the order in which they were given. */
interface Slot {
  readonly target: ParsedTarget;
  readonly entries: DockerConfigEntry[];
  /** Place in the order of trying. */
  rank: number;
}

interface CompiledKeyring {
  /** In descending byte order of the key. */
  readonly slots: readonly Slot[];
  readonly byKey: ReadonlyMap<string, Slot>;
  /** Entries whose key has no normal form. */
  readonly dropped: readonly DockerConfigEntry[];
  /** The slots that an image could match, and few others. */
  readonly near: FindNear<Slot>;
}

/** Sorts entries into slots and the slots into an index. */
function compileKeyring(entries: Iterable<DockerConfigEntry>, options: MatchOptions): CompiledKeyring {
  const byKey = new Map<string, Slot>();
  const dropped: DockerConfigEntry[] = [];
  for (const entry of checkEntries(entries)) {
    const target = parsePattern(entry.pattern, options);
    if (target === undefined) {
      dropped.push(entry);
      continue;
    }
    const slot = byKey.get(target.key);
    if (slot === undefined) byKey.set(target.key, { target, entries: [entry], rank: 0 });
    else slot.entries.push(entry);
  }
  const slots = sortSlots(byKey);
  return { slots, byKey, dropped, near: indexTargets(slots, options.dialect === 'documented') };
}

/** Only a caller without types can pass a whole config, or entries with a part missing; told here, not in a pull. */
function* checkEntries(entries: Iterable<DockerConfigEntry>): Generator<DockerConfigEntry> {
  if (!is.iterable.accepts(entries)) throw refuse('the entries must be a list');
  let count = 0;
  for (const entry of entries) {
    count += 1;
    if (!is.entry.accepts(entry)) throw refuse(`entry ${count} lacks its credential or source, or a part is wrong`);
    yield entry;
  }
}

function refuse(reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot create keyring: ${reason}`);
}

function sortSlots(byKey: ReadonlyMap<string, Slot>): readonly Slot[] {
  const keyed = Array.from(byKey, ([key, slot]) => [byteString(key), slot] as const);
  keyed.sort(([a], [b]) => (a < b ? 1 : -1));
  return keyed.map(([, slot], rank) => {
    slot.rank = rank;
    return slot;
  });
}

/** Go compares bytes: UTF-16 would put the astral planes before U+E000. */
function byteString(text: string): string {
  if (/^[\u0000-\u007f]*$/.test(text)) return text;
  return Array.from(encodeUtf8(text), (byte) => String.fromCharCode(byte)).join('');
}
