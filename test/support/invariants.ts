// The invariants of the threat model that can be seen from outside, for the end of any test.
import { createHash } from 'node:crypto';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getDigestAlgorithm, getDigestHex, isDigest, type Digest } from 'kubepull/digest';
import type { Descriptor, ImageIndex, ImageManifest } from 'kubepull/oci';
import type { ImageStore } from 'kubepull/store';
import type { LoopbackRegistry } from 'kubepull/testing';
import { type CountingSignal, GRACE_MS, waitUntil, type Watch } from './watch.ts';

export { countingSignal, startWatch, type CountingSignal, type Watch } from './watch.ts';

/** What {@link assertInvariants} looks at; leave out what the test does not have. */
export interface Subjects {
  readonly stores?: readonly StoreSubject[];
  /** Directories of OCI layouts. */
  readonly layouts?: readonly string[];
  /** They are closed. */
  readonly registries?: readonly LoopbackRegistry[];
  /** What the test opened; it is closed before anything is counted. */
  readonly closeables?: readonly Closeable[];
  readonly signals?: readonly CountingSignal[];
  /** From {@link startWatch}, taken before the test opened anything. */
  readonly watch?: Watch;
  /** How long what is closed may take to be gone. */
  readonly graceMs?: number;
}

/** A store cannot list what it has, so the test says what to look for. */
export interface StoreSubject {
  readonly store: ImageStore;
  /** Names that must resolve to a whole image. */
  readonly names?: readonly string[];
  /** Contents that need not be there; those that are must be right. */
  readonly contents?: readonly Descriptor[];
}

export type Closeable = AsyncDisposable | { close(): unknown };

const PROTOTYPES = [Object, Array, String, Function, Promise, Map, Set, Uint8Array].map(({ prototype }) => prototype);
const PRISTINE = PROTOTYPES.map((prototype) => Object.getOwnPropertyDescriptors(prototype));

/** Asserts I1, I5, I6 and I8, as far as the subjects allow. What is given is closed afterwards. */
export async function assertInvariants(subjects: Subjects): Promise<void> {
  const { graceMs = GRACE_MS } = subjects;
  for (const subject of subjects.stores ?? []) await assertStore(subject);
  for (const directory of subjects.layouts ?? []) await assertLayout(directory);
  for (const closeable of subjects.closeables ?? []) await closeSubject(closeable);
  for (const registry of subjects.registries ?? []) await assertDisconnected(registry, graceMs);
  for (const { listeners } of subjects.signals ?? []) check(listeners === 0, `I5: ${listeners} abort listeners left`);
  await subjects.watch?.assertReleased(graceMs);
  assertPristine();
}

async function assertStore({ store, names = [], contents = [] }: StoreSubject): Promise<void> {
  const read = async (descriptor: Descriptor): Promise<Uint8Array> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.read(descriptor)) chunks.push(chunk.slice());
    return Buffer.concat(chunks);
  };
  for (const descriptor of contents) {
    if (await store.has(descriptor)) assertContent(descriptor, await read(descriptor));
  }
  for (const name of names) {
    const root = await store.resolve(name);
    check(root !== undefined, `I6: the store has no ${name}`);
    await assertClosure(root, read);
  }
}

async function assertLayout(directory: string): Promise<void> {
  for (const algorithm of await readdir(join(directory, 'blobs'))) {
    for (const encoded of await readdir(join(directory, 'blobs', algorithm))) {
      const [path, digest] = [join(directory, 'blobs', algorithm, encoded), `${algorithm}:${encoded}`];
      check(isDigest(digest), `I1: ${path} is not named by a digest`);
      check((await lstat(path)).isFile(), `I1: ${path} is not a regular file`);
      check(hash(digest, await readFile(path)) === digest, `I1: ${path} holds other bytes`);
    }
  }
  const marker = await readDocument<{ imageLayoutVersion?: unknown }>(join(directory, 'oci-layout'));
  check(marker.imageLayoutVersion === '1.0.0', `I6: ${directory} has no layout version`);
  const { manifests } = await readDocument<ImageIndex>(join(directory, 'index.json'));
  for (const root of manifests) {
    await assertClosure(root, ({ digest }) =>
      readFile(join(directory, 'blobs', getDigestAlgorithm(digest), getDigestHex(digest))),
    );
  }
}

async function readDocument<T>(path: string): Promise<T> {
  const bytes = await readFile(path, 'utf8').catch(() => check(false, `I6: there is no ${path}`));
  try {
    return JSON.parse(bytes) as T;
  } catch {
    return check(false, `I6: ${path} does not parse`);
  }
}

/** Everything that a manifest or index names, to the last layer, is there and right. */
async function assertClosure(root: Descriptor, read: (descriptor: Descriptor) => Promise<Uint8Array>): Promise<void> {
  const left = [root];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const bytes = await read(next).catch(() => check(false, `I6: ${next?.digest} is named and not there`));
    assertContent(next, bytes);
    if (!/\.(?:index|manifest|manifest\.list)\.v\d\+json$/.test(next.mediaType)) continue;
    const document = JSON.parse(Buffer.from(bytes).toString()) as Partial<ImageIndex & ImageManifest>;
    left.push(...(document.manifests ?? []), ...(document.layers ?? []));
    if (document.config !== undefined) left.push(document.config);
  }
}

function assertContent({ digest, size }: Descriptor, bytes: Uint8Array): void {
  check(bytes.length === size, `I1: ${digest} has ${bytes.length} bytes, not ${size}`);
  check(hash(digest, bytes) === digest, `I1: ${digest} holds other bytes`);
}

function hash(like: Digest, bytes: Uint8Array): string {
  const algorithm = getDigestAlgorithm(like);
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

async function closeSubject(closeable: Closeable): Promise<void> {
  if ('close' in closeable) await closeable.close();
  else await closeable[Symbol.asyncDispose]();
}

/** Once the test has closed its side, the registry must see nobody; only then may the registry hang up itself. */
async function assertDisconnected(registry: LoopbackRegistry, graceMs: number): Promise<void> {
  await waitUntil(() => registry.connections === 0, graceMs);
  const { connections, host } = registry;
  await registry.close();
  check(connections === 0, `I5: ${connections} connections to ${host} left`);
}

function assertPristine(): void {
  PROTOTYPES.forEach((prototype, place) => {
    const before = PRISTINE[place] as object as Record<PropertyKey, PropertyDescriptor>;
    const now = Object.getOwnPropertyDescriptors(prototype) as object as Record<PropertyKey, PropertyDescriptor>;
    const keys = new Set([...Reflect.ownKeys(before), ...Reflect.ownKeys(now)]);
    const changed = [...keys].filter((key) => !isSameProperty(ownOf(before, key), ownOf(now, key)));
    check(changed.length === 0, `I8: a built-in prototype was changed: ${changed.map(String).join(', ')}`);
  });
}

function ownOf<T>(record: Record<PropertyKey, T>, key: PropertyKey): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function isSameProperty(a: PropertyDescriptor | undefined, b: PropertyDescriptor | undefined): boolean {
  return a?.value === b?.value && a?.get === b?.get && a?.set === b?.set && (a === undefined) === (b === undefined);
}

function check(holds: false, message: string): never;
function check(holds: boolean, message: string): asserts holds;
function check(holds: boolean, message: string): void {
  if (!holds) throw new Error(message);
}
