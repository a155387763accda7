import type { ParsedTarget } from '../match/index.js';

/** Gives what an image could match, in no order, and little else: whoever asks still has to compare. */
export type FindNear<T> = (image: ParsedTarget) => readonly T[];

/**
 * One map for all hosts. Literal hosts are found by their text; those with a glob stand together by port and number of
 * labels, or all of a port in the dialect `documented`, in which a glob may span labels. A group that is too large to be
 * looked through is split when it is first met.
 */
export function indexTargets<T extends Indexed>(all: readonly T[], isDocumented: boolean): FindNear<T> {
  const globHost = ({ labels }: ParsedTarget): Host => (isDocumented ? [labels.join('.')] : labels);
  const groups = new Map<string, Group<T>>();
  for (const one of all) {
    const { target } = one;
    const host = target.literal ? [] : globHost(target);
    addTo(groups, target.literal ? literalName(target) : globName(target, host), { one, host });
  }
  return (image) => {
    const found: T[] = [];
    const host = globHost(image);
    visit(groups.get(literalName(image)), [], image.path, found);
    visit(groups.get(globName(image, host)), host, image.path, found);
    return found;
  };
}

/** Whatever has a parsed key. */
interface Indexed {
  readonly target: ParsedTarget;
}

/** The labels that tell the members of a group apart; none when their hosts are all the same. */
type Host = readonly string[];

function literalName({ labels, port }: ParsedTarget): string {
  return `${port}/${labels.join('.')}`;
}

/** No host has a slash, so no literal name is of this form. */
function globName({ port }: ParsedTarget, host: Host): string {
  return `${port}//${host.length}`;
}

/** Up to this many are compared one by one. */
const FEW = 8;

interface Member<T> {
  readonly one: T;
  readonly host: Host;
}

interface Group<T> {
  readonly members: Member<T>[];
  /** `undefined` as long as nobody needed it. */
  split: Split<T> | undefined;
}

/** A group by features: each member stands at one of its own, at the one that fewest have. */
interface Split<T> {
  readonly places: readonly Place<T>[];
  /** Those without a feature that tells them from most others. */
  readonly rest: readonly Member<T>[];
}

/** Where features are looked for: what a kind asks of one label, or of the path. */
interface Place<T> {
  readonly kind: Kind;
  readonly label: number;
  readonly groups: Map<string, Group<T>>;
  /** Of the texts of the groups, each length once. */
  readonly lengths: Set<number>;
}

/** A label is the text, begins or ends with it, or has it within; or the path begins with it. */
type Kind = 'whole' | 'start' | 'end' | 'within' | 'path';

interface Feature {
  readonly kind: Kind;
  readonly label: number;
  readonly text: string;
}

function addTo<T>(groups: Map<string, Group<T>>, name: string, member: Member<T>): void {
  const group = groups.get(name);
  if (group === undefined) groups.set(name, { members: [member], split: undefined });
  else group.members.push(member);
}

function visit<T extends Indexed>(group: Group<T> | undefined, host: Host, path: string, found: T[]): void {
  if (group === undefined) return;
  if (group.members.length > FEW) group.split ??= splitGroup(group.members);
  // Not spread into one call: a host may have more keys than a call may have arguments.
  for (const { one } of group.split?.rest ?? group.members) found.push(one);
  for (const place of group.split?.places ?? []) {
    const text = place.kind === 'path' ? path : (host[place.label] ?? '');
    for (const part of partsOf(text, place)) visit(place.groups.get(part), host, path, found);
  }
}

/** The texts that a label or path of an image has where a place looks, of the lengths that occur there; each once. */
function partsOf(text: string, { kind, lengths }: Place<unknown>): Iterable<string> {
  if (kind === 'whole') return [text];
  const parts = new Set<string>();
  for (const length of lengths) {
    const last = text.length - length;
    if (last < 0) continue;
    const [from, to] = kind === 'within' ? [0, last] : kind === 'end' ? [last, last] : [0, 0];
    for (let at = from; at <= to; at += 1) parts.add(text.slice(at, at + length));
  }
  return parts;
}

/** A feature that most members have splits too little: so a member is at most as deep as the logarithm of their number. */
function splitGroup<T extends Indexed>(members: readonly Member<T>[]): Split<T> {
  const features = members.map(featuresOf);
  const counts = new Map<string, number>();
  for (const feature of features.flat()) counts.set(nameOf(feature), countOf(feature, counts) + 1);
  const places = new Map<string, Place<T>>();
  const rest: Member<T>[] = [];
  for (const [at, member] of members.entries()) {
    const rarest = rarestOf(features[at] ?? [], counts);
    if (rarest === undefined || countOf(rarest, counts) * 2 > members.length) rest.push(member);
    else place(member, rarest, places);
  }
  return { places: [...places.values()], rest };
}

function place<T>(member: Member<T>, { kind, label, text }: Feature, places: Map<string, Place<T>>): void {
  const name = kind + label;
  const known = places.get(name) ?? { kind, label, groups: new Map<string, Group<T>>(), lengths: new Set<number>() };
  places.set(name, known);
  known.lengths.add(text.length);
  addTo(known.groups, text, member);
}

function rarestOf(features: readonly Feature[], counts: ReadonlyMap<string, number>): Feature | undefined {
  let rarest = features[0];
  for (const one of features) {
    if (rarest !== undefined && countOf(one, counts) < countOf(rarest, counts)) rarest = one;
  }
  return rarest;
}

function countOf(feature: Feature, counts: ReadonlyMap<string, number>): number {
  return counts.get(nameOf(feature)) ?? 0;
}

function nameOf({ kind, label, text }: Feature): string {
  return `${kind}${label}/${text}`;
}

/** What an image must have to match a key, in the parts of the key that are literal. */
function featuresOf({ one, host }: Member<Indexed>): readonly Feature[] {
  const { path } = one.target;
  const features: Feature[] = path === '' ? [] : [{ kind: 'path', label: 0, text: path }];
  for (const [label, glob] of host.entries()) {
    // Classes and escapes are left to the matcher.
    if (/[?[\\]/.test(glob)) continue;
    const [start = '', ...others] = glob.split('*');
    const end = others.pop();
    if (end === undefined) features.push({ kind: 'whole', label, text: start });
    else addPieces(features, label, { start, end, within: longestOf(others) });
  }
  return features;
}

function addPieces(
  features: Feature[],
  label: number,
  pieces: Readonly<Record<'start' | 'end' | 'within', string>>,
): void {
  for (const kind of ['start', 'end', 'within'] as const) {
    if (pieces[kind] !== '') features.push({ kind, label, text: pieces[kind] });
  }
}

function longestOf(texts: readonly string[]): string {
  return texts.reduce((longest, text) => (text.length > longest.length ? text : longest), '');
}
