import { errorText } from '../errors/inner.js';
import { printable, quote } from '../internal/index.js';
import { type PodLike } from '../kubernetes/index.js';
import { findPods, podImages, serviceAccountNameOf, SPEC_PATHS } from '../kubernetes/inner.js';
import type { LintPodOptions } from '../lint/index.js';
import type { PodEventLike } from '../failures/index.js';
import type { SecretLike, ServiceAccountLike } from '../pull-secrets/index.js';
import { safeParseReference } from '../reference/index.js';
import { usageError } from './fault.js';
import type { CommandIo } from './types.js';

/** An object of the input, and where it was found. */
export interface Found<T> {
  readonly object: T;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** The operand; of several objects in one file with the place, such as `all.yaml items[1]`. */
  readonly place: string;
}

/** All that the operands of a command hold, in their order. */
export interface Input {
  readonly pods: readonly Found<object>[];
  readonly secrets: readonly Found<SecretLike>[];
  readonly events: readonly PodEventLike[];
  readonly accounts: readonly Found<ServiceAccountLike>[];
  /** Docker configs as they are written: what is wrong with one may be lost when it is parsed. */
  readonly dockerConfigs: readonly { readonly bytes: Uint8Array; readonly place: string }[];
  readonly images: readonly string[];
  readonly files: readonly ReadFile[];
}

/** A file as it is written, and the values in it. */
export interface ReadFile {
  readonly place: string;
  readonly bytes: Uint8Array;
  readonly documents: readonly unknown[];
}

type Unknowns = Readonly<Record<string, unknown>>;

const FILE = /^-$|^\.{0,2}\/|\.(?:json|ya?ml)$/iu;
/** As much as the API server sends of a large cluster; more is a mistake. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * Reads the operands of a command: what looks like a file is one, and everything else is an image.
 *
 * @throws `ERR_OPTION_INVALID` when there is none, a file cannot be read, or is neither JSON nor YAML
 */
export async function readInput(operands: readonly string[], io: CommandIo): Promise<Input> {
  if (operands.length === 0) throw usageError('no input: name files or images, and - for standard input');
  if (operands.filter((operand) => operand === '-').length > 1) throw usageError('standard input can be read but once');
  const found = { pods: [], secrets: [], events: [], accounts: [], dockerConfigs: [], images: [], files: [] } as {
    -readonly [K in keyof Input]: Input[K][number][];
  };
  for (const operand of operands) {
    if (!FILE.test(operand)) {
      found.images.push(operand);
      continue;
    }
    const bytes = await readOperand(operand, io);
    const documents = await parseDocuments(bytes, nameOf(operand));
    found.files.push({ place: nameOf(operand), bytes, documents });
    for (const [index, document] of documents.entries()) {
      const place = documents.length === 1 ? nameOf(operand) : `${nameOf(operand)}[${index}]`;
      if (isDockerConfig(document)) found.dockerConfigs.push({ bytes, place });
      else for (const object of flatten(document, place, '')) sort(object, found);
    }
  }
  // The latest counts, and kubectl sorts by name.
  found.events.sort((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1));
  return found;
}

/** When an event was last seen, as text that sorts by itself. */
function timeOf(event: PodEventLike): string {
  const { lastTimestamp, eventTime, metadata } = event as Unknowns;
  const created = isObject(metadata) ? metadata['creationTimestamp'] : undefined;
  return textOr(lastTimestamp, textOr(eventTime, textOr(created, '')));
}

function nameOf(operand: string): string {
  return operand === '-' ? 'standard input' : printable(operand);
}

async function readOperand(operand: string, io: CommandIo): Promise<Uint8Array> {
  try {
    const bytes = operand === '-' ? await io.readStdin() : await io.readFile(operand);
    if (bytes.length > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes`);
    return bytes;
  } catch (error) {
    io.signal?.throwIfAborted();
    throw usageError(`cannot read ${quote(nameOf(operand))}: ${reasonOf(error)}`);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
};

function reasonOf(error: unknown): string {
  const code = String((error as { readonly code?: unknown }).code);
  return REASONS[code] ?? (/^[A-Z]+$/u.test(code) ? `the system answers ${code}` : printable(errorText(error)));
}

/** JSON, as one or several runs of kubectl print it, or documents of YAML. What cannot be read is told without its text. */
async function parseDocuments(bytes: Uint8Array, place: string): Promise<readonly unknown[]> {
  const text = decode(bytes, place);
  const [first] = text.trimStart();
  if (first === '{' || first === '[') {
    const whole = safeJson(text);
    if (whole !== undefined) return [whole];
    // Kubectl takes no YAML that begins with a brace either.
    if (first === '{') return parseJsonValues(text, place);
  }
  const { parseYaml } = await import('./yaml.js');
  const parsed = parseYaml(bytes);
  if (typeof parsed === 'string') throw usageError(`${quote(place)} is neither JSON nor YAML: ${parsed}`);
  if (parsed.length === 0) throw usageError(`${quote(place)} is empty`);
  return parsed;
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The values of a text one after the other. */
function parseJsonValues(text: string, place: string): readonly unknown[] {
  const values: unknown[] = [];
  let start = 0;
  for (const end of endsOfValues(text)) {
    const value = safeJson(text.slice(start, end));
    if (value === undefined) {
      // What is wrong with a docker config tells the linter.
      if (/"auths"\s*:/u.test(text) && !/"kind"\s*:/u.test(text)) return [{ auths: {} }];
      const line = text.slice(0, text.length - text.slice(start).trimStart().length).split('\n').length;
      throw usageError(`${quote(place)} is no JSON${start === 0 ? '' : ` in what begins in line ${line}`}`);
    }
    values.push(value);
    start = end;
  }
  return values;
}

/** Where each object or array ends that stands at the top, and last of all the end of a text that does not end so. */
function* endsOfValues(text: string): Generator<number> {
  let [depth, end, inString] = [0, 0, false];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (inString) {
      if (character === '\\') at += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') {
      depth -= 1;
      if (depth !== 0) continue;
      end = at + 1;
      yield end;
    }
  }
  if (text.slice(end).trim() !== '') yield text.length;
}

function decode(bytes: Uint8Array, place: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw usageError(`${quote(place)} is no text in UTF-8`);
  }
}

function isObject(value: unknown): value is Unknowns {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDockerConfig(document: unknown): boolean {
  if (!isObject(document) || document['kind'] !== undefined) return false;
  return ['auths', 'credHelpers', 'credsStore'].some((member) => Object.hasOwn(document, member));
}

interface Placed {
  readonly object: Unknowns;
  readonly place: string;
}

/** The objects in Lists and arrays, three deep at most. The items of a `SecretList` need not say what they are. */
function* flatten(value: unknown, file: string, path: string, depth = 0): Generator<Placed> {
  const items = Array.isArray(value) ? value : isObject(value) && isList(value) ? value['items'] : undefined;
  if (Array.isArray(items) && depth < 3) {
    const listKind = isObject(value) ? /^(.+)List$/u.exec(String(value['kind']))?.[1] : undefined;
    const root = Array.isArray(value) ? path : `${path}${path === '' ? '' : '.'}items`;
    for (const [index, item] of (items as readonly unknown[]).entries()) {
      const named = isObject(item) && listKind !== undefined ? { kind: listKind, ...item } : item;
      yield* flatten(named, file, `${root}[${index}]`, depth + 1);
    }
  } else if (isObject(value))
    yield { object: value, place: `${file}${path === '' || path.startsWith('[') ? '' : ' '}${path}` };
}

function isList(value: Unknowns): boolean {
  const { kind, items } = value;
  return Array.isArray(items) && (kind === undefined || (typeof kind === 'string' && kind.endsWith('List')));
}

function sort({ object, place }: Placed, found: { [K in keyof Input]: Input[K][number][] }): void {
  const { kind, spec, template, metadata } = object;
  const { namespace, name, generateName } = isObject(metadata) ? metadata : {};
  const named = (type: string): Omit<Found<never>, 'object'> => ({
    kind: type,
    namespace: textOr(namespace, 'default'),
    name: textOr(name, textOr(generateName, '')),
    place,
  });
  if (kind === 'Secret') found.secrets.push({ object, ...named('Secret') });
  else if (kind === 'Event') found.events.push(object);
  else if (kind === 'ServiceAccount') found.accounts.push({ object, ...named('ServiceAccount') });
  else if (typeof kind === 'string') {
    if (SPEC_PATHS.has(kind)) found.pods.push({ object, ...named(kind) });
  } else if (isObject(spec) || isObject(template)) found.pods.push({ object, ...named('Pod') });
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value : otherwise;
}

/** What a path among several objects is about: the object, and the path in it. */
export function placeAmong(
  found: readonly Found<object>[],
  path: string,
): { readonly of: Found<object>; readonly path: string } {
  const [, index = '', inObject = ''] = /^\[(\d+)\]\.(.*)$/su.exec(path) ?? [];
  return { of: found[Number(index)] as Found<object>, path: inObject };
}

/** The registries of all images, in the spelling of the images. */
export function listRegistries(objects: readonly object[]): readonly string[] {
  const images = findPods(objects, 'Cannot read images').flatMap(({ pod }) => podImages(pod.spec));
  const parsed = images.map(({ image }) => safeParseReference(image));
  return [...new Set(parsed.flatMap((result) => (result.ok ? [result.value.domain] : [])))];
}

/** A docker config is an operand of the linter only. */
export function refuseDockerConfigs({ dockerConfigs: [first] }: Input): void {
  if (first !== undefined) throw usageError(`${quote(first.place)} is a docker config: name it by --docker-config`);
}

/** An object of the input as a person calls it: `Deployment shop/web`. */
export function labelOf({ kind, namespace, name }: Omit<Found<unknown>, 'object' | 'place'>): string {
  return `${printable(kind)} ${printable(namespace)}/${name === '' ? '(no name)' : printable(name)}`;
}

/** A pod that stands for an image which was named by itself. */
export function podOfImage(image: string): Found<object> {
  const object = { kind: 'Pod', metadata: {}, spec: { containers: [{ name: 'image', image }] } };
  return { object, kind: 'Pod', namespace: 'default', name: '', place: '' };
}

/** The pod in an object, or in the template of a workload, with the namespace that its secrets have to have. */
export function podOf({ object }: Found<object>, action: string): PodLike {
  const [found] = findPods(object, action);
  if (found === undefined) throw usageError(`${action}: there is no pod in it`);
  return { ...found.pod, kind: 'Pod' } as PodLike;
}

/** The service account of the input that a pod would run as. */
export function accountOf(
  { namespace }: Found<object>,
  accountName: string,
  accounts: Input['accounts'],
): ServiceAccountLike | undefined {
  const wanted = accountName || 'default';
  return accounts.findLast((account) => account.namespace === namespace && account.name === wanted)?.object;
}

/** A cluster has secrets of many kinds. One counts that has the type or the key of a pull secret, or is named as one. */
export function isPullSecret(
  { object, namespace, name }: Found<SecretLike>,
  { pods, accounts }: Pick<Input, 'pods' | 'accounts'>,
): boolean {
  const { type, data, stringData } = object;
  if (/^kubernetes\.io\/dockerc(?:fg|onfigjson)$/u.test(String(type))) return true;
  if (['.dockerconfigjson', '.dockercfg'].some((key) => isMember(data, key) || isMember(stringData, key))) return true;
  const names = (list: unknown): boolean =>
    Array.isArray(list) && list.some((item: unknown) => (item as { readonly name?: unknown } | null)?.name === name);
  return (
    pods.some((pod) => pod.namespace === namespace && names(podOf(pod, 'Cannot lint').spec?.imagePullSecrets)) ||
    accounts.some((account) => account.namespace === namespace && names(account.object.imagePullSecrets))
  );
}

function isMember(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key);
}

/** What the linter is told of what surrounds a pod. Without secrets in the input nothing is said of those that a pod names. */
export function surroundingsOf(
  pod: Found<object>,
  { secrets, accounts }: Pick<Input, 'secrets' | 'accounts'>,
): Pick<LintPodOptions, 'secrets' | 'serviceAccount'> {
  const name = serviceAccountNameOf(podOf(pod, 'Cannot lint').spec);
  return {
    secrets: secrets.length === 0 ? undefined : secrets.map(({ object }) => object),
    serviceAccount: accountOf(pod, name, accounts),
  };
}
