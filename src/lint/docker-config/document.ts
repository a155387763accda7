import { type DockerConfig, type DockerConfigEntry, parseDockerConfig } from '../../docker-config/index.js';
import { InvalidConfigError } from '../../errors/index.js';
import { decodeBase64, decodeUtf8, encodeUtf8, quote, readJson } from '../../internal/index.js';
import { type DocumentContext, type DocumentFormat, entriesPlace, lintMembers } from './members.js';
import { finding } from '../rules/rules.js';
import type { LintFinding } from '../rules/finding.js';
import {
  matchGlob,
  matchImage,
  matchTarget,
  normalizeKey,
  type ParsedTarget,
  parsePattern,
  toTarget,
} from '../../match/index.js';
import { DOCKER_HUB_KEY, findKeyFault, placeOf, showKey } from '../../match/inner.js';
import { createKeyring, type RejectedEntry } from '../../keyring/index.js';
import type { ImageName } from '../../reference/index.js';
import { imageNameText } from '../../reference/inner.js';
import type { KeyLintCode } from '../rules/codes.js';

const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Every finding of a document: of its parts in their order, then of entries beside each other, then of the image.
 */
export function* lintDocument(json: string | Uint8Array, context: DocumentContext): Generator<LintFinding> {
  const { place, format, image } = context;
  const text = typeof json === 'string' ? json : decodeUtf8(json);
  if (encodeUtf8(text).length > MAX_BYTES) {
    return yield finding('DOCUMENT_UNREADABLE', place, 'The document is larger than 4 MiB');
  }
  const result = readJson(json);
  if (!result.ok) return yield lintNoJson(text, hideCharacter(result.upstream), result.offset, place);
  let isCured = false;
  for (const found of lintMembers(result.node, context)) {
    isCured ||= image !== undefined && isKeyFor(found, image);
    yield found;
  }
  const config = readEntries(json, format);
  if (typeof config === 'string') return yield finding('DOCUMENT_UNREADABLE', place, `It has ${config}`);
  const { entries, skipped } = config;
  const root = entriesPlace(context);
  yield* lintRelations(entries, root);
  const spoilt = skipped.map(({ pattern }) => pattern);
  if (image === undefined) return;
  for (const found of lintImage(entries, image, root, spoilt)) {
    // One key is enough to write.
    yield found.code === 'IMAGE_NOT_COVERED' && isCured ? { ...found, suggestion: undefined } : found;
    isCured ||= isKeyFor(found, image);
  }
}

/** Whether a finding suggests a key that serves the image. */
function isKeyFor({ code, suggestion }: LintFinding, image: ImageName): boolean {
  return code.startsWith('KEY_') && suggestion !== undefined && matchImage(suggestion, image).matched;
}

/** Go quotes the character at fault, which may be one of a secret. */
function hideCharacter(upstream: string): string {
  return upstream.replace(/^(invalid character) '.+?' /, '$1 ');
}

function lintNoJson(text: string, reason: string, offset: number, place: string): LintFinding {
  if (text.startsWith('\ufeff')) return finding('DOCUMENT_HAS_BOM', place, 'Its first bytes are EF BB BF');
  if (isBase64Json(text)) return finding('DOCUMENT_IS_BASE64', place, 'Decoded it is a JSON object');
  return finding('DOCUMENT_UNREADABLE', place, `Go says: ${reason} (byte ${offset})`);
}

function isBase64Json(text: string): boolean {
  const trimmed = text.trim();
  const bytes = decodeBase64(trimmed, trimmed.endsWith('='));
  return typeof bytes !== 'string' && /^\s*\{/.test(decodeUtf8(bytes.subarray(0, 64)));
}

type Entries = Pick<DockerConfig, 'entries' | 'skipped'>;

/** The entries, those that can be read and those that cannot; a text when there are too many. */
function readEntries(json: string | Uint8Array, format: DocumentFormat): Entries | string {
  try {
    return parseDockerConfig(json, { mode: 'lenient', format });
  } catch (error) {
    if (!(error instanceof InvalidConfigError)) throw error;
    // Faults of types have their own findings.
    return error.upstream.startsWith('more than') ? error.upstream : { entries: [], skipped: [] };
  }
}

const HUB_KEY = 'index.docker.io';

interface Keyed {
  readonly entry: DockerConfigEntry;
  /** The normal form. */
  readonly key: string;
}

/** What is wrong with entries beside each other, in the order of the document. */
function* lintRelations(entries: readonly DockerConfigEntry[], root: string): Generator<LintFinding> {
  const keyed = entries.flatMap((entry) => {
    const key = normalizeKey(entry.pattern);
    return key === undefined ? [] : [{ entry, key }];
  });
  const repeats = findRepeats(keyed);
  const hub = keyed.find(({ key }) => key === HUB_KEY);
  const firstByKey = new Map<string, string>();
  for (const { entry, key } of keyed) {
    const place = placeOf(root, entry.pattern);
    const first = firstByKey.get(key);
    if (first === undefined) firstByKey.set(key, entry.pattern);
    else yield finding('KEY_SAME_NORMAL_FORM', place, `It is the same as ${showKey(first)}`);
    const shorter = repeats.get(entry);
    if (shorter !== undefined) yield finding('CREDENTIAL_REPEATED', place, `It also stands under ${showKey(shorter)}`);
    if (entry !== hub?.entry) continue;
    for (const message of findHiders(keyed)) yield finding('DOCKER_HUB_ENTRY_HIDDEN', place, message);
  }
}

/** Of each other entry that matches images of Docker Hub, what it hides. */
function findHiders(keyed: readonly Keyed[]): readonly string[] {
  const image = toTarget({ domain: 'docker.io', path: 'library/app' });
  return keyed.flatMap(({ entry }) => {
    const target = parsePattern(entry.pattern);
    if (image === undefined || target === undefined) return [];
    const isOnHub = matchTarget({ ...target, path: '' }, image).matched;
    const which = target.path === '' ? 'all images' : `images that begin with ${quote(target.path)}`;
    return isOnHub ? [`${showKey(entry.pattern)} is tried instead for ${which} of Docker Hub`] : [];
  });
}

/**
 * By entry, the shorter key with the same credential. In byte order a key stands behind all its beginnings, so those
 * that are open form a stack.
 */
function findRepeats(keyed: readonly Keyed[]): ReadonlyMap<DockerConfigEntry, string> {
  const repeats = new Map<DockerConfigEntry, string>();
  const open: Keyed[] = [];
  const openBy = new Map<string, Keyed[]>();
  for (const one of keyed.toSorted((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)))) {
    for (let top = open.at(-1); top !== undefined && !covers(top.key, one.key); top = open.at(-1)) {
      open.pop();
      openBy.get(credentialOf(top))?.pop();
    }
    const credential = credentialOf(one);
    const same = openBy.get(credential) ?? [];
    const shorter = same.findLast(({ key }) => key !== one.key);
    if (shorter !== undefined && !isEmpty(one)) repeats.set(one.entry, shorter.entry.pattern);
    open.push(one);
    same.push(one);
    openBy.set(credential, same);
  }
  return repeats;
}

function covers(shorter: string, longer: string): boolean {
  if (shorter === longer) return true;
  return longer.startsWith(shorter) && (shorter.includes('/') || longer.charAt(shorter.length) === '/');
}

function credentialOf({ entry: { credential } }: Keyed): string {
  return JSON.stringify([credential.username, credential.password.reveal()]);
}

function isEmpty({ entry: { credential } }: Keyed): boolean {
  return credential.username === '' && credential.password.reveal() === '';
}

interface NearMiss {
  readonly code: KeyLintCode;
  readonly message: string;
  readonly suggestion: string;
}

/**
 * What is wrong with entries for an image: which were nearly right, and whether the right one is meant for it.
 *
 * @param spoilt - keys of entries that cannot be read: what they match is not without a key
 */
function* lintImage(
  entries: readonly DockerConfigEntry[],
  image: ImageName,
  root: string,
  spoilt: readonly string[],
): Generator<LintFinding> {
  const { candidates, rejected } = createKeyring(entries).lookup(image);
  const name = imageNameText(image);
  for (const { rule, entry } of candidates) {
    if (rule !== 'default-registry' || image.domain === 'docker.io') continue;
    const message = `${quote(name)} is not on Docker Hub`;
    yield finding('DOCKER_HUB_OFFERED_ELSEWHERE', placeOf(root, entry.pattern), message);
  }
  if (candidates.length > 0) return;
  if (spoilt.some((pattern) => matchImage(pattern, image).matched)) return;
  const order = new Map(entries.map((entry, index) => [entry, index]));
  const byDocument = rejected.toSorted((a, b) => (order.get(a.entry) ?? 0) - (order.get(b.entry) ?? 0));
  for (const one of byDocument) yield* lintRejected(one, image, root);
  const other = entries.find(({ pattern }) => isOtherCase(pattern, image));
  if (other !== undefined) return yield lintCase(other.pattern, image, root);
  yield finding('IMAGE_NOT_COVERED', root, `No key matches ${quote(name)}`, keyFor(image));
}

/** Whether the key matches the image once both hosts are in lower case. */
function isOtherCase(pattern: string, image: ImageName): boolean {
  const target = parsePattern(pattern);
  if (target === undefined) return false;
  const labels = target.labels.map((label) => label.toLowerCase());
  const lowered = toTarget({ ...image, domain: image.domain.toLowerCase() });
  return lowered !== undefined && matchTarget({ ...target, labels }, lowered).matched;
}

function lintCase(pattern: string, { domain }: ImageName, root: string): LintFinding {
  const lower = domain.toLowerCase();
  const message = `The image has the host ${quote(domain)}`;
  return finding('KEY_CASE_DIFFERS', placeOf(root, pattern), message, lower);
}

function keyFor({ domain, path }: ImageName): string {
  // Such as x_y.example/app, whose first part the grammar takes for no host, and credentials are looked up by all the same.
  return domain === 'docker.io' ? DOCKER_HUB_KEY : domain || path.slice(0, Math.max(path.indexOf('/'), 0));
}

function* lintRejected({ entry, reason }: RejectedEntry, name: ImageName, root: string): Generator<LintFinding> {
  const target = parsePattern(entry.pattern);
  const image = toTarget(name);
  if (target === undefined || image === undefined || findKeyFault(entry.pattern) !== undefined) return;
  const near = reason === 'port' || reason === 'label-count' || reason === 'path';
  const miss = near ? NEAR_MISSES[reason](target, image) : undefined;
  if (miss === undefined || !matchImage(miss.suggestion, name).matched) return;
  yield finding(miss.code, placeOf(root, entry.pattern), miss.message, miss.suggestion);
}

type FindMiss = (target: ParsedTarget, image: ParsedTarget) => NearMiss | undefined;

const NEAR_MISSES: Readonly<Record<'port' | 'label-count' | 'path', FindMiss>> = {
  port: (target, image) => {
    if (!matchTarget({ ...target, port: image.port }, image).matched) return undefined;
    const message = `The key has ${portOf(target)}, and the image ${portOf(image)}`;
    return { code: 'KEY_PORT_DIFFERS', message, suggestion: hostText(target.labels, image) + target.path };
  },
  'label-count': (target, image) => {
    const labels = alignLabels(target, image);
    if (labels === undefined || !image.path.startsWith(target.path)) return undefined;
    const message = `The key has ${target.labels.length} labels, and the image ${image.labels.length}`;
    return { code: 'KEY_LABEL_COUNT', message, suggestion: hostText(labels, image) + target.path };
  },
  path: (target, image) => {
    if (!matchTarget({ ...target, path: '' }, image).matched) return undefined;
    const message = `The image has the path ${quote(image.path)}`;
    return { code: 'KEY_PATH_DIFFERS', message, suggestion: hostText(target.labels, image) + image.path };
  },
};

function portOf({ port }: ParsedTarget): string {
  return port === '' ? 'no port' : `port ${port}`;
}

function hostText(labels: readonly string[], { port, key }: ParsedTarget): string {
  const host = labels.join('.');
  const bracketed = key.startsWith('[') && !host.startsWith('[') && host.includes(':') ? `[${host}]` : host;
  return port === '' ? bracketed : `${bracketed}:${port}`;
}

/** The key's labels against the image's, from the end: as many as both have must match, and two at least. */
function alignLabels({ labels, literal }: ParsedTarget, image: ParsedTarget): readonly string[] | undefined {
  const common = Math.min(labels.length, image.labels.length);
  if (common < 2) return undefined;
  const aligned: string[] = [];
  for (let back = 1; back <= common; back += 1) {
    const label = labels.at(-back) ?? '';
    const wanted = image.labels.at(-back) ?? '';
    if (matchGlob(label, wanted) !== 'match') return undefined;
    aligned.unshift(label === '*' ? label : wanted);
  }
  const rest = image.labels.slice(0, image.labels.length - common);
  return [...rest.map((label) => (literal ? label : '*')), ...aligned];
}
