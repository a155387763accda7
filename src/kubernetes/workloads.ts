import { ImageError } from '../errors/index.js';
import { quote } from '../internal/index.js';
import { copyWith } from './pod-images.js';
import type { PodLike, PodSpecLike } from './types.js';

/** The way from an object to the pod's spec in it. */
export const SPEC_PATHS: ReadonlyMap<string, readonly string[]> = /* @__PURE__ */ new Map([
  ['Pod', ['spec']],
  ['PodTemplate', ['template', 'spec']],
  ['ReplicationController', ['spec', 'template', 'spec']],
  ['ReplicaSet', ['spec', 'template', 'spec']],
  ['Deployment', ['spec', 'template', 'spec']],
  ['StatefulSet', ['spec', 'template', 'spec']],
  ['DaemonSet', ['spec', 'template', 'spec']],
  ['Job', ['spec', 'template', 'spec']],
  ['CronJob', ['spec', 'jobTemplate', 'spec', 'template', 'spec']],
]);

/** A pod, or what a template says of its pods. */
export interface FoundPod {
  readonly pod: PodLike;
  /** What the object is, such as `Deployment`; told by its shape where it does not say. */
  readonly kind: string;
  /** Where the object stands among others, such as `items[1]`; empty for a single one. */
  readonly at: string;
  /** Where the pod's spec stands in the object, such as `spec.template.spec`. */
  readonly specAt: string;
}

type Unknowns = Readonly<Record<string, unknown>>;

/**
 * Every pod of what a caller has: a pod, a workload, a List, or a list of documents. Of several objects those that hold no
 * pod are left out.
 *
 * @param action - for the message, such as `Cannot lint pod`
 * @throws `ERR_OPTION_INVALID` when there is no pod in it
 */
export function findPods(value: unknown, action: string): readonly FoundPod[] {
  if (isObject(value) && !isList(value)) {
    const found = podOf(value, '');
    if (found !== undefined) return [found];
    const kind = value['kind'];
    const reason = typeof kind === 'string' ? `a ${quote(kind)} holds no pod` : 'it has neither spec nor template';
    throw refuse(action, reason);
  }
  const found = Array.from(flatten(value, ''));
  if (found.length === 0) throw refuse(action, 'there is no pod, workload or List in it');
  return found;
}

function refuse(action: string, reason: string): ImageError<'ERR_OPTION_INVALID'> {
  const cure = 'pass a Pod, a workload such as a Deployment, a List of them, or the documents of a file as a list';
  return new ImageError('ERR_OPTION_INVALID', `${action}: ${reason}; ${cure}`);
}

function isObject(value: unknown): value is Unknowns {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isList(value: Unknowns): boolean {
  const kind = value['kind'];
  return Array.isArray(value['items']) && (kind === undefined || (typeof kind === 'string' && kind.endsWith('List')));
}

/** A list may hold Lists; deeper than that nothing is looked for. */
function* flatten(value: unknown, at: string, depth = 0): Generator<FoundPod> {
  const isDocuments = Array.isArray(value);
  if (isDocuments || (isObject(value) && isList(value))) {
    const items = (isDocuments ? value : value['items']) as readonly unknown[];
    const root = isDocuments ? at : at === '' ? 'items' : `${at}.items`;
    if (depth > 2) return;
    for (const [index, item] of items.entries()) yield* flatten(item, `${root}[${index}]`, depth + 1);
  } else if (isObject(value)) {
    const found = podOf(value, at);
    if (found !== undefined) yield found;
  }
}

function podOf(object: Unknowns, at: string): FoundPod | undefined {
  const kind = kindOf(object);
  const path = SPEC_PATHS.get(kind);
  if (path === undefined) return undefined;
  let spec: unknown = object;
  for (const field of path) spec = isObject(spec) ? spec[field] : undefined;
  // What is found is a pod, whatever it was found in.
  return { pod: { ...object, kind: 'Pod', spec } as PodLike, kind, at, specAt: path.join('.') };
}

/** What an object without `kind` is by its shape, as the items of the API's lists are. */
function kindOf(object: Unknowns): string {
  const { kind, spec, template } = object;
  if (typeof kind === 'string') return kind;
  if (isObject(template)) return 'PodTemplate';
  if (!isObject(spec)) return spec === undefined ? '' : 'Pod';
  if (isObject(spec['jobTemplate'])) return 'CronJob';
  return isObject(spec['template']) ? 'Deployment' : 'Pod';
}

/** Tells the new spec of a pod or template; `at` is where the spec stands, such as `items[1].spec.template.spec`. */
export type ChangeSpec = (spec: PodSpecLike, at: string) => PodSpecLike;

/** Copies what a caller has, of the kinds of {@link findPods}, with the spec of every pod and template in it changed. */
export function mapPods<T>(value: T, change: ChangeSpec): T {
  return mapValue(value, '', 0, change) as T;
}

function mapValue(value: unknown, at: string, depth: number, change: ChangeSpec): unknown {
  const mapItems = (items: readonly unknown[], root: string): readonly unknown[] =>
    items.map((item, index) => mapValue(item, `${root}[${index}]`, depth + 1, change));
  if (Array.isArray(value)) return depth > 2 ? value : mapItems(value, at);
  if (!isObject(value)) return value;
  const prefix = at === '' ? '' : `${at}.`;
  if (isList(value)) {
    const items = value['items'] as readonly unknown[];
    return depth > 2 ? value : copyWith(value, { items: mapItems(items, `${prefix}items`) });
  }
  const path = SPEC_PATHS.get(kindOf(value));
  if (path === undefined) return value;
  return changeAt(value, path, (spec) => change(spec, prefix + path.join('.')));
}

/** Copies an object with the value at a path changed; a path that leads nowhere changes nothing. */
export function changeAt(object: object, path: readonly string[], change: (value: object) => object): object {
  const [key, ...rest] = path;
  if (key === undefined) return change(object);
  const inner = (object as Unknowns)[key];
  const replaced = isObject(inner) ? { [key]: changeAt(inner, rest, change) } : {};
  return copyWith(object, replaced);
}
