import { ImageError } from '../../errors/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { decidePullPolicy } from '../../pull-policy/index.js';
import { type ImageReference, safeParseReference } from '../../reference/index.js';
import { listed } from '../rules/shared.js';
import { finding } from '../rules/rules.js';
import type { LintFinding, NodeLike } from '../rules/finding.js';
import type { CleanPod } from './read-pod.js';

/** Which nodes have an image and which do not, of those that may run a pod. */
export interface ImagePlaces {
  readonly present: readonly string[];
  readonly absent: readonly string[];
}

export type ImageLocator = (image: ImageReference, pod: CleanPod) => ImagePlaces;

/** So many images kubelet lists by itself: of a node that lists as many nothing is said to be absent. */
const MAX_LISTED = 50;

const text = /* @__PURE__ */ is.nullable(is.text);
const nodeKind = /* @__PURE__ */ is.shape(
  {
    metadata: /* @__PURE__ */ is.nullable(
      /* @__PURE__ */ is.shape({ name: text, labels: /* @__PURE__ */ is.nullable(/* @__PURE__ */ is.recordOf(text)) }),
    ),
    status: /* @__PURE__ */ is.nullable(
      /* @__PURE__ */ is.shape({
        images: /* @__PURE__ */ is.nullable(
          /* @__PURE__ */ is.listOf(
            /* @__PURE__ */ is.shape({ names: /* @__PURE__ */ is.nullable(/* @__PURE__ */ is.listOf(text)) }),
          ),
        ),
      }),
    ),
  },
  'a node',
);

interface ReadNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly images: ReadonlySet<string>;
  readonly isFull: boolean;
}

/** Reads the nodes once, for all pods. */
export function createImageLocator(nodes: Iterable<NodeLike>): ImageLocator {
  if (!is.iterable.accepts(nodes)) {
    throw new ImageError('ERR_OPTION_INVALID', 'Cannot lint pod: option nodes must be a list');
  }
  const list = [...nodes];
  check('Cannot lint pod', { nodes: list }, { nodes: is.listOf(nodeKind) });
  const read = list.map(readNode);
  return (image, pod) => {
    const wanted = keysOf(image);
    const able = read.filter((node) => mayRun(node, pod));
    const has = ({ images }: ReadNode): boolean => wanted.some((key) => images.has(key));
    return {
      present: able.filter(has).map(({ name }) => name),
      absent: able.filter((node) => !has(node) && !node.isFull).map(({ name }) => name),
    };
  };
}

function readNode({ metadata, status }: NodeLike): ReadNode {
  const images = status?.images ?? [];
  const names = images.flatMap((image) => image.names ?? []).map((name) => safeParseReference(name));
  return {
    name: metadata?.name ?? '',
    labels: metadata?.labels ?? {},
    images: new Set(names.flatMap((parsed) => (parsed.ok ? keysOf(parsed.value) : []))),
    isFull: images.length >= MAX_LISTED,
  };
}

/** By the digest where there is one, which alone says what is run. */
function keysOf({ name, tag, digest }: ImageReference): readonly string[] {
  return [digest === undefined ? `${name}:${tag ?? 'latest'}` : `${name}@${digest}`];
}

/** By name and labels. Taints, affinities and resources are for the scheduler to know. */
function mayRun({ name, labels }: ReadNode, { nodeName, nodeSelector }: CleanPod): boolean {
  if (nodeName !== '') return name === nodeName;
  return Object.entries(nodeSelector).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}

/** Where the images of a pod are, as far as its policies make that count. */
export function* lintPresence(pod: CleanPod, locate: ImageLocator): Generator<LintFinding> {
  for (const { image, policy: written, place } of pod.images) {
    const parsed = safeParseReference(image);
    const { policy } = decidePullPolicy(image, written);
    if (!parsed.ok || policy === 'Always') continue;
    const { present, absent } = locate(parsed.value, pod);
    if (absent.length === 0) continue;
    const where = present.length === 0 ? 'No node has it' : `It is on ${listed(present)}`;
    const message = `${where}; it is not on ${listed(absent)}`;
    if (policy === 'Never') yield finding('IMAGE_NOT_ON_NODES', place, message);
    else if (present.length > 0) yield finding('IMAGE_ON_SOME_NODES', place, message);
  }
}
