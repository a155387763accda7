// What an OCI layout should hold after some calls, in the plainest form there is, for the model-based property.
import { computeDigest, type Digest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { type Descriptor, isIndexMediaType, isManifestMediaType, MEDIA_TYPES } from 'kubepull/oci';
import { buildImage, buildIndex, type BuiltContent } from 'kubepull/testing';

export const HOUR = 60 * 60 * 1000;
export const DAY = 24 * HOUR;
/** So much at a time comes to the disk; the rest of a cut download is lost. */
export const PIECE = 256 * 1024;
/** Of cut downloads: room for the longest alone. */
export const MAX_PARTIAL_BYTES = 2 * PIECE;
/** A blob that was touched this short a time ago is not touched again when it is found. */
const LEASE_MS = 1000;

const base = { randomBytes: 2 * PIECE, seed: 'base' };
const [a, b] = [
  buildImage({ layers: [base] }),
  buildImage({ layers: [{ randomBytes: PIECE, seed: 'b' }, base] }),
] as const;
const index = buildIndex([a, b]);

/** A manifest about the first image. */
function signature(): readonly BuiltContent[] {
  const content = (mediaType: string, text: string): BuiltContent => {
    const bytes = new TextEncoder().encode(text);
    return { descriptor: { mediaType, digest: computeDigest(bytes, nodeHasher), size: bytes.length }, bytes };
  };
  const parts = [content(MEDIA_TYPES.ociEmpty, '{}'), content('text/plain', 'signed')] as const;
  const { mediaType, digest, size } = a.descriptor;
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    artifactType: 'application/vnd.example.signature',
    config: parts[0].descriptor,
    layers: [parts[1].descriptor],
    subject: { mediaType, digest, size },
  };
  return [...parts, content(MEDIA_TYPES.ociManifest, JSON.stringify(manifest))];
}

/** Two images that share a layer, an index of both, and a signature of the first one: all they are made of, each once. */
export const CONTENTS: readonly BuiltContent[] = [
  ...new Map([...index.contents, ...signature()].map((content) => [content.descriptor.digest, content])).values(),
];
const byDigest = new Map<string, number>(CONTENTS.map(({ descriptor }, which) => [descriptor.digest, which]));
const placeOf = (digest: string): number => byDigest.get(digest)!;
export const digestOf = (which: number): Digest => CONTENTS[which]!.descriptor.digest;
const sizeOf = (which: number): number => CONTENTS[which]!.descriptor.size;

const isIndex = (which: number): boolean => isIndexMediaType(CONTENTS[which]!.descriptor.mediaType);
const isDocument = (which: number): boolean =>
  isIndex(which) || isManifestMediaType(CONTENTS[which]!.descriptor.mediaType);
/** What can be given a name. */
export const DOCUMENTS = CONTENTS.map((_, which) => which).filter(isDocument);

/** What is more than one piece. */
export const LARGE = CONTENTS.map((_, which) => which).filter((which) => sizeOf(which) > PIECE);

interface Named {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
  readonly subject?: Descriptor;
}
const DOCUMENT = CONTENTS.map(({ bytes }, which) =>
  isDocument(which) ? (JSON.parse(new TextDecoder().decode(bytes)) as Named) : {},
);
const subjectOf = (which: number): number | undefined => {
  const { subject } = DOCUMENT[which]!;
  return subject === undefined ? undefined : placeOf(subject.digest);
};
const childrenOf = (which: number): readonly number[] => {
  const { config, layers = [], manifests = [] } = DOCUMENT[which]!;
  return [...(config === undefined ? [] : [config]), ...layers, ...manifests].map(({ digest }) => placeOf(digest));
};

/** All that an image is made of, itself included. */
export const closureOf = (which: number): readonly number[] => [
  ...new Set([which, ...childrenOf(which).flatMap(closureOf)]),
];

/** A file in `blobs/`: whether its bytes are still right, and when it was last touched. */
interface Blob {
  isRight: boolean;
  touched: number;
}

export interface Writing {
  readonly which: number;
  /** Which process it is of. */
  readonly owner: number;
  state: 'open' | 'spoilt' | 'closed' | 'dead';
  /** Whether it has a file of its own. */
  hasFile: boolean;
  taken: number;
  /** The place of the first byte that is not right. */
  wrongAt: number;
  changed: Moment;
}

/** When a file was last written to: two of one millisecond are still one after the other. */
interface Moment {
  readonly ms: number;
  readonly tick: number;
}

/** The first bytes of some content, that nobody writes to any more. */
interface Part {
  readonly which: number;
  readonly size: number;
  readonly wrongAt: number;
  readonly changed: Moment;
  /** Whether it stands under the name of its content, or under one of a process that has died. */
  isKept: boolean;
}

export interface Model {
  now: number;
  ticks: number;
  readonly blobs: Map<number, Blob>;
  readonly names: Map<string, number>;
  writers: Writing[];
  parts: Part[];
  /** Whether a file was ever spoilt or taken away from outside. */
  isHarmed: boolean;
}

export function newModel(now: number): Model {
  return { now, ticks: 0, blobs: new Map(), names: new Map(), writers: [], parts: [], isHarmed: false };
}

export const isThere = ({ blobs }: Model, which: number): boolean => blobs.get(which)?.isRight === true;

export const momentOf = (model: Model): Moment => ({ ms: model.now, tick: (model.ticks += 1) });

/** What `has` answers: who finds it keeps it from being collected, and what is corrupt goes. */
export function find(model: Model, which: number): boolean {
  if (!isThere(model, which)) return model.blobs.delete(which) && false;
  const blob = model.blobs.get(which)!;
  if (model.now - blob.touched >= LEASE_MS) blob.touched = model.now;
  return true;
}

/** How much of what a writer has taken is in its file when it ends early. */
const onDisk = ({ taken }: Writing): number => taken - (taken % PIECE);

/** A new writer goes on from the longest part that there is, and the others go. */
export function beginWriting(model: Model, which: number, owner: number): Writing {
  const fit = model.parts.filter((part) => part.which === which && part.size <= sizeOf(which));
  const longest = fit.toSorted((x, y) => y.size - x.size)[0];
  model.parts = model.parts.filter((part) => part.which !== which);
  const taken = longest?.size ?? 0;
  const wrongAt = longest === undefined || longest.wrongAt >= taken ? Infinity : longest.wrongAt;
  return { which, owner, state: 'open', hasFile: true, taken, wrongAt, changed: momentOf(model) };
}

/** A writer ends without a commit: what it leaves is for the next one, unless bytes of it were refused. */
export function endWriting(model: Model, writing: Writing): void {
  if (writing.state === 'open') {
    leavePart(model, writing, false);
    tidyParts(model);
  } else if (writing.state === 'spoilt') writing.taken = 0;
  writing.state = 'closed';
  writing.hasFile = false;
}

function leavePart(model: Model, writing: Writing, isOfTheDead: boolean): void {
  const { which, wrongAt, changed } = writing;
  const part: Part = { which, size: onDisk(writing), wrongAt, changed, isKept: false };
  if (isOfTheDead) model.parts.push(part);
  else keepPart(model, part);
}

function keepPart(model: Model, part: Part): void {
  const rest = model.parts.filter((other) => other !== part);
  const present = rest.find(({ which, isKept }) => isKept && which === part.which);
  model.parts = rest;
  if (part.size <= (present?.size ?? 0)) return;
  model.parts = rest.filter((other) => other !== present);
  model.parts.push({ ...part, isKept: true });
}

/** What processes that have died left is brought under the names of contents, and what is of no use goes. */
export function tidyParts(model: Model): void {
  const dead = model.parts.filter(({ isKept }) => !isKept);
  for (const part of dead.toSorted((x, y) => y.size - x.size)) keepPart(model, part);
  let room = MAX_PARTIAL_BYTES;
  const isYounger = (x: Part, y: Part): number => y.changed.ms - x.changed.ms || y.changed.tick - x.changed.tick;
  model.parts = model.parts.toSorted(isYounger).filter(({ which, size, changed }) => {
    const isUseful = size <= room && model.now - changed.ms < DAY && !model.blobs.has(which);
    if (isUseful) room -= size;
    return isUseful;
  });
}

/** A process dies: nothing of it moves any more. */
export function dieOf(model: Model, owner: number): void {
  for (const writing of model.writers) {
    if (writing.owner !== owner) continue;
    if (writing.hasFile) leavePart(model, writing, true);
    writing.state = 'dead';
    writing.hasFile = false;
  }
}

/** What a collection of garbage does; `undefined` where what names need is unknown, and so nothing may go. */
export function collect(model: Model, graceMs: number, dryRun: boolean): object | undefined {
  const [reached, unread] = [new Set<number>(), new Set<number>()];
  let isUnknown = false;
  const seen = new Set<string>();
  const follow = (which: number, isNeeded: boolean, referrers: readonly number[]): void => {
    if (!model.blobs.has(which) || seen.has(`${which} ${isNeeded}`)) return;
    seen.add(`${which} ${isNeeded}`);
    reached.add(which);
    for (const referrer of referrers) if (subjectOf(referrer) === which) follow(referrer, false, referrers);
    if (!isDocument(which)) return;
    if (isThere(model, which)) {
      const subject = subjectOf(which);
      for (const child of childrenOf(which)) follow(child, isNeeded && isIndex(which), referrers);
      if (subject !== undefined) follow(subject, false, referrers);
    } else if (isNeeded) isUnknown = true;
    else unread.add(which);
  };
  const referrers = DOCUMENTS.filter((which) => subjectOf(which) !== undefined && isThere(model, which));
  for (const which of model.names.values()) follow(which, true, referrers);
  if (isUnknown) return undefined;
  const isYoung = (which: number): boolean =>
    graceMs > 0 && model.now - model.blobs.get(which)!.touched < graceMs + LEASE_MS;
  const loose = [...model.blobs.keys()].filter((which) => !reached.has(which));
  const gone = loose.filter((which) => !isYoung(which));
  if (!dryRun) for (const which of gone) model.blobs.delete(which);
  tidyParts(model);
  const removed = gone.map((which) => ({ digest: digestOf(which), size: sizeOf(which) }));
  return {
    removed: removed.toSorted((x, y) => (x.digest < y.digest ? -1 : 1)),
    removedBytes: removed.reduce((sum, { size }) => sum + size, 0),
    kept: reached.size,
    spared: loose.length - gone.length,
    ...(unread.size === 0 ? {} : { unread: [...unread].map(digestOf).toSorted() }),
  };
}
