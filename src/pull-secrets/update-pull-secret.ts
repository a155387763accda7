import { check, type Kind } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { type DockerConfigEntry, parseDockerConfig } from '../docker-config/index.js';
import { ImageError } from '../errors/index.js';
import { decodeUtf8, encodeBase64, encodeUtf8, equalSecrets, matchField, quote, quoteJson } from '../internal/index.js';
import { copyWith } from '../kubernetes/inner.js';
import { normalizeKey } from '../match/index.js';
import { showKey } from '../match/inner.js';
import { entriesKind, readEntry, shownRegistry, writeEntry } from './entries.js';
import { checkSecret, PULL_SECRET_TYPES, secretSource, secretValue } from './secret-data.js';
import type { PullSecretEntry, SecretLike } from './types.js';
import { validateSecret } from './validate-secret.js';

const ACTION = 'Cannot update pull secret';

/**
 * The annotation that says when the first credential of a secret ends, such as `2026-12-01T08:00:00.000Z`.
 *
 * @public
 */
export const EXPIRES_AT_ANNOTATION = 'kubepull/expires-at';

/** A point of time that a date can have, in milliseconds. */
export const timeKind: Kind = /* @__PURE__ */ is.numberFrom(-8.64e15, 8.64e15);

/**
 * What changes in a pull secret.
 *
 * @public
 */
export interface PullSecretUpdate {
  /** Credentials by the keys of their registries. One that is there under any spelling of the key is replaced. @defaultValue none */
  readonly set?: Readonly<Record<string, PullSecretEntry>> | undefined;
  /** Keys of registries whose entries go, under any spelling. @defaultValue none */
  readonly remove?: readonly string[] | undefined;
  /**
   * When the first of its credentials ends, in milliseconds since 1970; `null` takes the annotation away.
   *
   * @defaultValue the annotation stays as it is
   */
  readonly expiresAt?: number | null | undefined;
}

/**
 * What became of one registry of a pull secret.
 *
 * @public
 */
export interface PullSecretChange {
  /** The key, without user info and query. */
  readonly registry: string;
  /** `absent`: it was to be removed, and was not there. */
  readonly change: 'added' | 'replaced' | 'unchanged' | 'removed' | 'absent';
}

/**
 * A pull secret after an update.
 *
 * @public
 */
export interface UpdatedPullSecret<S extends SecretLike> {
  /** A new object with the metadata of the old one, fit for a PUT; the old one itself when nothing changes. */
  readonly secret: S;
  /** In the order of the update. */
  readonly changes: readonly PullSecretChange[];
}

/**
 * Adds, replaces and removes registries of a pull secret. All else stays: `resourceVersion` and other metadata, other keys of
 * its data, other entries and fields of its document. A secret of either type is updated in the form that it has.
 *
 * Keys that kubelet reads as one, such as `https://r.example/v1/` and `r.example`, are one entry here: kubelet would go on to try
 * the old password under the other.
 *
 * @param secret - the secret as the API server has it; it is not changed
 * @param update - what changes
 * @returns the secret, and what became of each registry; the same update once more changes nothing
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an entry that kubelet would not use, as of {@link createPullSecret}, and for a
 * secret that is immutable, too large, or no pull secret
 * @throws {@link InvalidConfigError} for a document that cannot be read
 * @example
 * ```ts
 * import { applyPullSecretUpdate, createPullSecret } from 'kubepull/pull-secrets';
 *
 * const old = createPullSecret({ name: 'creds', entries: { 'r.example': { username: 'ci', password: 'old' } } });
 * const set = { 'r.example': { username: 'ci', password: 'new' } };
 * applyPullSecretUpdate(old, { set, remove: ['r2.example'] }).changes;
 * // [{ registry: 'r.example', change: 'replaced' }, { registry: 'r2.example', change: 'absent' }]
 * ```
 * @public
 */
export function applyPullSecretUpdate<S extends SecretLike>(secret: S, update: PullSecretUpdate): UpdatedPullSecret<S> {
  checkSecret(ACTION, secret);
  check<PullSecretUpdate>(ACTION, update, {
    set: is.optional(entriesKind),
    remove: is.optional(is.listOf(is.text)),
    expiresAt: is.nullable(timeKind),
  });
  const document = openDocument(secret);
  const entries = Object.entries(update.set ?? {}).map(([key, entry]) => readEntry(key, entry));
  const seen = new Set<string>();
  const twin = entries.find(({ pattern }) => seen.size === seen.add(normalOf(pattern)).size);
  if (twin !== undefined)
    throw refuse(secret, `KEY_SAME_NORMAL_FORM: ${showKey(twin.pattern)} is set twice, under two spellings of its key`);
  const changes = [
    ...entries.map((entry) => document.set(entry)),
    ...(update.remove ?? []).map((key) => document.remove(key)),
  ];
  const isSame = changes.every(({ change }) => change === 'unchanged' || change === 'absent');
  const annotated = withExpiry(secret, update.expiresAt);
  if (isSame && annotated === secret) return { secret, changes };
  if ((secret as { readonly immutable?: unknown }).immutable === true)
    throw refuse(secret, 'it is immutable; delete it and create it anew');
  const updated = isSame ? annotated : document.write(annotated);
  const { message } = validateSecret(updated);
  if (message !== undefined) throw refuse(secret, message);
  return { secret: updated, changes };
}

/**
 * Tells when the first credential of a pull secret ends, by the annotation that {@link createPullSecret} writes.
 *
 * @param secret - the secret
 * @returns milliseconds since 1970; `undefined` when it has no such annotation, or none that is a date
 * @example
 * ```ts
 * import { createPullSecret, getPullSecretExpiry } from 'kubepull/pull-secrets';
 *
 * const entries = { 'r.example': { username: 'AWS', password: 'token' } };
 * getPullSecretExpiry(createPullSecret({ name: 'creds', entries, expiresAt: 1_800_000_000_000 })); // 1800000000000
 * ```
 * @public
 */
export function getPullSecretExpiry(secret: SecretLike): number | undefined {
  checkSecret('Cannot read a pull secret', secret);
  const annotations = secret.metadata?.annotations ?? {};
  const text = Object.hasOwn(annotations, EXPIRES_AT_ANNOTATION) ? annotations[EXPIRES_AT_ANNOTATION] : undefined;
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}

function withExpiry<S extends SecretLike>(secret: S, expiresAt: number | null | undefined): S {
  const before = secret.metadata?.annotations ?? {};
  if (expiresAt === undefined || (expiresAt === null && !Object.hasOwn(before, EXPIRES_AT_ANNOTATION))) return secret;
  const { [EXPIRES_AT_ANNOTATION]: _, ...others } = before;
  const time = expiresAt === null ? {} : { [EXPIRES_AT_ANNOTATION]: new Date(expiresAt).toISOString() };
  if (_ !== undefined && _ === time[EXPIRES_AT_ANNOTATION]) return secret;
  const metadata = copyWith(secret.metadata ?? {}, { annotations: { ...others, ...time } });
  return copyWith(secret, { metadata } as Partial<S>);
}

function refuse({ metadata }: SecretLike, reason: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `${ACTION} ${quote(metadata?.name ?? '')}: ${reason}`);
}

/** The document of a secret while it is changed. */
interface OpenDocument {
  set(entry: DockerConfigEntry): PullSecretChange;
  remove(key: string): PullSecretChange;
  write<S extends SecretLike>(secret: S): S;
}

function openDocument(secret: SecretLike): OpenDocument {
  const kind = PULL_SECRET_TYPES.find(({ type }) => type === secret.type);
  if (kind === undefined) throw refuse(secret, `its type is not one of a pull secret, but ${quote(secret.type ?? '')}`);
  const value = secretValue(secret, kind.key) ?? new Uint8Array();
  if (typeof value === 'string') throw refuse(secret, `data[${kind.key}] is ${value}`);
  const { format } = kind;
  const text = value.length === 0 ? '{}' : decodeUtf8(value);
  // It throws what kubelet would print for a document that is none, and what is parsed below is known to be JSON.
  const { entries } = parseDockerConfig(text, { mode: 'lenient', format, source: secretSource(secret) });
  const entriesThere = new Map(entries.map((entry) => [entry.pattern, entry]));
  const root = (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>;
  const places =
    format === 'dockercfg' ? [] : Object.keys(root).filter((key) => matchField(key, ['auths']) !== undefined);
  if (places.length > 1) throw refuse(secret, 'its document has auths more than once; create it anew');
  const auths = format === 'dockercfg' ? root : (root[places[0] ?? 'auths'] ?? {});
  const members = new Map(Object.entries(auths).map(([key, one]) => [key, JSON.stringify(one)]));
  // The keys that are there, by their normal form.
  const spellings = new Map<string, Set<string>>();
  const spellingsOf = (key: string): Set<string> => {
    const normal = normalOf(key);
    const known = spellings.get(normal) ?? new Set<string>();
    spellings.set(normal, known);
    return known;
  };
  for (const key of members.keys()) spellingsOf(key).add(key);
  const removeAll = (known: Set<string>, kept?: string): void => {
    for (const key of known) if (key !== kept && known.delete(key)) members.delete(key);
  };
  return {
    set(entry) {
      const { pattern } = entry;
      const known = spellingsOf(pattern);
      const isNew = known.size === 0;
      const isSame = known.size === 1 && known.has(pattern) && isEqual(entriesThere.get(pattern), entry);
      removeAll(known, pattern);
      known.add(pattern);
      if (!isSame) members.set(pattern, writeEntry(entry));
      return { registry: shownRegistry(pattern), change: isSame ? 'unchanged' : isNew ? 'added' : 'replaced' };
    },
    remove(key) {
      const known = spellingsOf(key);
      const change = known.size === 0 ? 'absent' : 'removed';
      removeAll(known);
      return { registry: shownRegistry(key), change };
    },
    write(target) {
      const inner = `{${Array.from(members, ([key, one]) => `${quoteJson(key)}:${one}`).join(',')}}`;
      const others = Object.entries(root).filter(([key]) => key !== places[0]);
      const outer = [`"auths":${inner}`, ...others.map(([key, one]) => `${quoteJson(key)}:${JSON.stringify(one)}`)];
      return withValue(target, kind.key, format === 'dockercfg' ? inner : `{${outer.join(',')}}`);
    },
  };
}

/** What kubelet takes a key for; one that it drops stands for itself. */
function normalOf(key: string): string {
  return normalizeKey(key) ?? `dropped ${key}`;
}

function isEqual(before: DockerConfigEntry | undefined, { credential }: DockerConfigEntry): boolean {
  return (
    before?.credential.username === credential.username &&
    equalSecrets(before.credential.password.reveal(), credential.password.reveal()) &&
    before.credential.email === (credential.email || undefined)
  );
}

/** The value under its key, where the secret has it: `stringData` would hide one in `data`. */
function withValue<S extends SecretLike>(secret: S, key: string, text: string): S {
  const { data, stringData } = secret;
  const isPlain = stringData !== undefined && Object.hasOwn(stringData ?? {}, key);
  const change: Partial<SecretLike> = isPlain
    ? { stringData: { ...stringData, [key]: text } }
    : { data: { ...data, [key]: encodeBase64(encodeUtf8(text)) } };
  return copyWith(secret, change as Partial<S>);
}
