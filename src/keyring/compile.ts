import type { DockerConfigEntry } from '../docker-config/index.js';
import { ImageError } from '../errors/index.js';
import { encodeUtf8 } from '../internal/index.js';
import { type MatchOptions, type ParsedTarget, parsePattern } from '../match/index.js';

/** The entries of one normal form, in the order in which they were given. */
export interface Slot {
  readonly target: ParsedTarget;
  readonly entries: DockerConfigEntry[];
  /** Place in the order of trying. */
  rank: number;
}

export interface CompiledKeyring {
  /** In descending byte order of the key. */
  readonly slots: readonly Slot[];
  readonly byKey: ReadonlyMap<string, Slot>;
  /** Entries whose key has no normal form. */
  readonly dropped: readonly DockerConfigEntry[];
  /** The slots that an image could match, in no order; all others have another port or host. */
  near(image: ParsedTarget): readonly Slot[];
}

/** Sorts entries into slots and the slots into an index. */
export function compileKeyring(entries: Iterable<DockerConfigEntry>, options: MatchOptions): CompiledKeyring {
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
  return { slots, byKey, dropped, near: indexHosts(slots, options) };
}

/** Only a caller without types can pass a whole config, or entries with a part missing; told here, not in a pull. */
function* checkEntries(entries: Iterable<DockerConfigEntry>): Generator<DockerConfigEntry> {
  const given = entries as Iterable<Partial<DockerConfigEntry> | null> | null | undefined;
  if (typeof given?.[Symbol.iterator] !== 'function') throw refuse('the entries must be a list');
  let count = 0;
  for (const entry of entries) {
    count += 1;
    const { credential, source }: Partial<DockerConfigEntry> = entry ?? {};
    const hasSecret = typeof credential?.password?.reveal === 'function';
    if (!hasSecret || source === undefined) throw refuse(`entry ${count} lacks its credential or source`);
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

/**
 * One map for all hosts. A host's *shape* says which of its labels are literal, and a bucket is named after shape, port
 * and literal labels. So an image looks into one bucket per shape of its own number of labels: hosts without a glob share
 * one shape, and there are about as many others as ways to write globs, not as entries.
 */
function indexHosts(slots: readonly Slot[], options: MatchOptions): CompiledKeyring['near'] {
  const isDocumented = options.dialect === 'documented';
  const buckets = new Map<string, Slot[]>();
  const shapes = new Set<string>();
  for (const slot of slots) {
    const shape = shapeOf(slot.target, isDocumented);
    const name = bucketName(slot.target, shape);
    shapes.add(shape);
    const bucket = buckets.get(name);
    if (bucket === undefined) buckets.set(name, [slot]);
    else bucket.push(slot);
  }
  return (image) => {
    const near: Slot[] = [];
    for (const shape of shapes) {
      if (shape === '' || shape.length === image.labels.length)
        // Not spread into one call: a host may have more keys than a call may have arguments.
        for (const slot of buckets.get(bucketName(image, shape)) ?? []) near.push(slot);
    }
    return near;
  };
}

/** A character per label, `=` for a literal one. In the documented dialect a glob may span labels: it has no shape. */
function shapeOf({ labels, literal }: ParsedTarget, isDocumented: boolean): string {
  if (isDocumented && !literal) return '';
  return labels.map((label) => (/[*?[\\]/.test(label) ? '*' : '=')).join('');
}

function bucketName({ labels, port }: ParsedTarget, shape: string): string {
  return [shape, port, ...labels.filter((_, index) => shape[index] === '=')].join('.');
}
