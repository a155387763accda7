import type { DockerConfigEntry } from '../../docker-config/index.js';
import { quote } from '../../internal/index.js';
import { createKeyring, type RejectedEntry } from '../../keyring/index.js';
import { matchGlob, matchImage, matchTarget, type ParsedTarget, parsePattern, toTarget } from '../../match/index.js';
import type { ImageName } from '../../reference/index.js';
import { imageNameText } from '../../reference/inner.js';
import type { KeyLintCode } from '../rules/codes.js';
import { DOCKER_HUB_KEY, findKeyFault } from './dead-key.js';
import { placeOf } from './key-parts.js';
import { finding } from '../rules/rules.js';
import type { LintFinding } from '../rules/finding.js';

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
export function* lintImage(
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
