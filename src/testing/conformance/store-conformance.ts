import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { type ImageStore, type ManagedStore, writeContent } from '../../store/index.js';
import { nameChecks, writerChecks } from './writer.js';
import { ok, strictEqual, deepStrictEqual } from 'node:assert/strict';
import type { Digest } from '../../digest/index.js';
import { failsBecause, failsWith, givesBack, type NamedCheck, readAll, sampleContent, fill } from './kit.js';
import { type Descriptor, MEDIA_TYPES } from '../../oci/index.js';
import { type BuiltContent, describeDocument } from '../build/content.js';
import { buildImage, type BuiltImage } from '../build/image-builder.js';

/**
 * A store made for one check.
 *
 * @public
 */
export interface StoreUnderTest {
  /** An empty store, with room for a few mebibytes. */
  readonly store: ImageStore;
  /** Called when the check has ended, however it ended. */
  readonly cleanup?: (() => void | Promise<void>) | undefined;
}

/**
 * A store made for one check of {@link testManagedStore}.
 *
 * @public
 */
export interface ManagedStoreUnderTest extends StoreUnderTest {
  /** An empty store, with room for a few mebibytes. */
  readonly store: ManagedStore;
}

/**
 * One thing that every store has to do.
 *
 * @public
 */
export interface StoreCheck {
  /** What is checked; fit for the name of a test. */
  readonly name: string;
  /** Makes a store and tries it; fails, saying what was wrong, when the store does not do it. */
  run(): Promise<void>;
}

/**
 * What every `ImageStore` has to do, as checks for any test runner.
 *
 * The stores of this library pass them. One of your own that does, too, can be pulled into without loss: nothing false or
 * half shows in it, and no name points to an image that is not all there.
 *
 * @param createStore - makes an empty store, once for each check
 * @returns the checks; they do not depend on each other
 * @example
 * ```ts
 * import { testStore } from 'kubepull/testing';
 * import { nodeHasher } from 'kubepull/node';
 * import { createMemoryStore } from 'kubepull/store';
 *
 * const checks = testStore(async () => ({ store: createMemoryStore({ createHasher: nodeHasher }) }));
 * for (const { name, run } of checks) {
 *   await run();
 *   console.log('ok', name);
 * }
 * ```
 * @public
 */
export function testStore(createStore: () => Promise<StoreUnderTest>): readonly StoreCheck[] {
  return toChecks(createStore, [...contentChecks(), ...writerChecks(), ...nameChecks()]);
}

/**
 * What every `ManagedStore` has to do beyond {@link testStore}: names that can be listed and taken away, and a
 * collection of garbage that takes nothing that anybody needs.
 *
 * @param createStore - makes an empty store, once for each check
 * @returns the checks; they do not depend on each other
 * @example
 * ```ts
 * import { testManagedStore } from 'kubepull/testing';
 * import { nodeHasher } from 'kubepull/node';
 * import { createMemoryStore } from 'kubepull/store';
 *
 * const checks = testManagedStore(async () => ({ store: createMemoryStore({ createHasher: nodeHasher }) }));
 * for (const { run } of checks) await run();
 * ```
 * @public
 */
export function testManagedStore(createStore: () => Promise<ManagedStoreUnderTest>): readonly StoreCheck[] {
  return toChecks(createStore, managedChecks());
}

function toChecks<Store>(
  createStore: () => Promise<Pick<StoreUnderTest, 'cleanup'> & { readonly store: Store }>,
  checks: readonly (readonly [name: string, run: (store: Store) => Promise<void>])[],
): readonly StoreCheck[] {
  check('Cannot check a store', { createStore }, { createStore: is.callable });
  return checks.map(([name, runCheck]) => ({
    name,
    async run() {
      const { store, cleanup } = await createStore();
      try {
        await runCheck(store);
      } finally {
        await cleanup?.();
      }
    },
  }));
}

/** What goes in comes out, and is absent before. */
function contentChecks(): readonly NamedCheck[] {
  return [
    ...[0, 1, 65_536, 1_000_001].map((size): NamedCheck => [
      `keeps content of ${size} bytes`,
      (store) => keeps(store, sampleContent(size)),
    ]),
    ...(['sha384', 'sha512'] as const).map((algorithm): NamedCheck => [
      `keeps content under ${algorithm}`,
      (store) => keeps(store, sampleContent(1000, 0, algorithm)),
    ]),
    [
      'has no content that was never written, and fails to read it',
      async (store) => {
        const content = sampleContent(10);
        strictEqual(await store.has(content.descriptor), false);
        await failsWith('ERR_STORE', () => readAll(store, content));
      },
    ],
    [
      'has content only with its own size',
      async (store) => {
        const { descriptor, bytes } = sampleContent(10);
        await writeContent(store, descriptor, bytes);
        for (const size of [9, 11]) {
          const other = { ...descriptor, size };
          strictEqual(await store.has(other), false);
          await failsWith('ERR_STORE', () => readAll(store, { descriptor: other, bytes }));
        }
        strictEqual(await store.has(descriptor), true, 'asking for another size must not remove the content');
      },
    ],
    [
      'gives each reader bytes of its own',
      async (store) => {
        const content = sampleContent(100_000);
        await writeContent(store, content.descriptor, content.bytes);
        for await (const chunk of store.read(content.descriptor)) chunk.fill(0);
        await givesBack(store, content);
      },
    ],
    [
      'lets a reader leave early, and several read at once',
      async (store) => {
        const content = sampleContent(1_000_000);
        await writeContent(store, content.descriptor, content.bytes);
        for await (const chunk of store.read(content.descriptor)) {
          ok(chunk.length > 0);
          break;
        }
        await Promise.all([givesBack(store, content), givesBack(store, content)]);
      },
    ],
    [
      'refuses descriptors that content cannot be held against',
      async (store) => {
        const { descriptor } = sampleContent(10);
        const digest = `sha256:../../${'0'.repeat(58)}` as Digest;
        await failsWith('ERR_DIGEST_INVALID', () => store.ingest({ ...descriptor, digest }));
        for (const size of [-1, 0.5, Number.NaN, 2 ** 53]) {
          await failsWith('ERR_OPTION_INVALID', () => store.ingest({ ...descriptor, size }));
        }
      },
    ],
    [
      'ends each call with the reason of an aborted signal',
      async (store) => {
        const content = sampleContent(10);
        const { descriptor } = content;
        await writeContent(store, descriptor, content.bytes);
        const reason = { is: 'the reason' };
        const call = { signal: AbortSignal.abort(reason) };
        await failsBecause(reason, () => store.has(descriptor, call));
        await failsBecause(reason, () => store.ingest(descriptor, call));
        await failsBecause(reason, () => store.resolve('x', call));
        await failsBecause(reason, () => store.tag('x', descriptor, call));
        await failsBecause(reason, async () => {
          for await (const chunk of store.read(descriptor, call)) ok(chunk.length === 0, 'no bytes after an abort');
        });
      },
    ],
  ];
}

async function keeps(store: ImageStore, content: ReturnType<typeof sampleContent>): Promise<void> {
  const { descriptor, bytes } = content;
  await writeContent(store, descriptor, bytes);
  await givesBack(store, content);
}

const shared = { randomBytes: 1000, seed: 'shared' };
const first = (): BuiltImage => buildImage({ layers: [shared, { randomBytes: 1000, seed: 'first' }] });
const second = (): BuiltImage => buildImage({ layers: [shared, { randomBytes: 1000, seed: 'second' }] });

type ManagedCheck = readonly [name: string, check: (store: ManagedStore) => Promise<void>];

/** What has no name goes, and nothing else. */
function managedChecks(): readonly ManagedCheck[] {
  return [
    [
      'lists each name once, and takes away the one that it is told to',
      async (store) => {
        const { descriptor, contents } = first();
        await fill(store, contents);
        deepStrictEqual(await store.names(), []);
        for (const name of ['b', 'a', '__proto__', 'b']) await store.tag(name, descriptor);
        deepStrictEqual((await store.names()).toSorted(), ['__proto__', 'a', 'b']);
        strictEqual(await store.untag('a'), true);
        strictEqual(await store.untag('a'), false, 'a name that is not there cannot be taken away');
        strictEqual(await store.untag('toString'), false);
        strictEqual(await store.resolve('a'), undefined);
        deepStrictEqual((await store.names()).toSorted(), ['__proto__', 'b']);
        for (const content of contents) await givesBack(store, content);
      },
    ],
    [
      'removes what no name leads to, and says what it was',
      async (store) => {
        const [kept, gone] = [first(), second()];
        await fill(store, [...kept.contents, ...gone.contents]);
        await store.tag('kept', kept.descriptor);
        await store.tag('gone', gone.descriptor);
        await store.untag('gone');
        const garbage = without(gone.contents, kept.contents);
        const report = await store.collectGarbage({ graceMs: 0 });
        deepStrictEqual(digestsOf(report.removed), digestsOf(garbage.map(({ descriptor }) => descriptor)));
        strictEqual(
          report.removedBytes,
          garbage.reduce((total, { bytes }) => total + bytes.length, 0),
        );
        strictEqual(report.kept, kept.contents.length);
        for (const content of kept.contents) await givesBack(store, content);
        for (const { descriptor } of garbage) strictEqual(await store.has(descriptor), false);
      },
    ],
    [
      'keeps what a signature of a named image is made of',
      async (store) => {
        const image = first();
        const signature = signatureOf(image.descriptor);
        await fill(store, [...image.contents, ...signature]);
        await store.tag('app:1', image.descriptor);
        await store.collectGarbage({ graceMs: 0 });
        for (const content of signature) await givesBack(store, content);
        await store.untag('app:1');
        await store.collectGarbage({ graceMs: 0 });
        for (const { descriptor } of [...image.contents, ...signature]) strictEqual(await store.has(descriptor), false);
      },
    ],
    [
      'spares what is young, unless it is told not to, and removes nothing in a dry run',
      async (store) => {
        const { contents } = first();
        await fill(store, contents);
        strictEqual((await store.collectGarbage()).spared, contents.length);
        const dry = await store.collectGarbage({ graceMs: 0, dryRun: true });
        strictEqual(dry.removed.length, contents.length);
        for (const content of contents) await givesBack(store, content);
      },
    ],
    [
      'keeps writers and readers going while it collects',
      async (store) => {
        const content = sampleContent(900_000);
        await writeContent(store, content.descriptor, content.bytes);
        const writer = await store.ingest(sampleContent(10, 1).descriptor);
        let length = 0;
        for await (const chunk of store.read(content.descriptor)) {
          if (length === 0) await store.collectGarbage({ graceMs: 0 });
          length += chunk.length;
        }
        strictEqual(length, content.bytes.length, 'a reader must get all of what it has begun to read');
        await writer.write(sampleContent(10, 1).bytes);
        await writer.commit();
        await givesBack(store, sampleContent(10, 1));
      },
    ],
    [
      'ends each call with the reason of an aborted signal, and refuses a grace that is no time',
      async (store) => {
        const reason = { is: 'the reason' };
        const call = { signal: AbortSignal.abort(reason) };
        await failsBecause(reason, () => store.names(call));
        await failsBecause(reason, () => store.untag('x', call));
        await failsBecause(reason, () => store.collectGarbage(call));
        for (const graceMs of [-1, Number.NaN]) {
          await failsWith('ERR_OPTION_INVALID', () => store.collectGarbage({ graceMs }));
        }
      },
    ],
  ];
}

function signatureOf(subject: Descriptor): readonly BuiltContent[] {
  const layer = sampleContent(100, 7);
  const config = sampleContent(50, 8);
  const manifest = describeDocument(MEDIA_TYPES.ociManifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: config.descriptor,
    layers: [layer.descriptor],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
  });
  return [layer, config, manifest];
}

function without(contents: readonly BuiltContent[], others: readonly BuiltContent[]): readonly BuiltContent[] {
  const known = new Set(others.map(({ descriptor }) => descriptor.digest));
  return contents.filter(({ descriptor }) => !known.has(descriptor.digest));
}

function digestsOf(contents: readonly Pick<Descriptor, 'digest'>[]): readonly string[] {
  return contents.map(({ digest }) => digest).toSorted();
}
