import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { type Descriptor, MEDIA_TYPES } from '../../oci/index.js';
import { type ManagedStore, writeContent } from '../../store/index.js';
import { type BuiltContent, describeDocument } from '../build/content.js';
import { buildImage, type BuiltImage } from '../build/image-builder.js';
import { failsBecause, failsWith, fill, givesBack, sampleContent } from './kit.js';

const shared = { randomBytes: 1000, seed: 'shared' };
const first = (): BuiltImage => buildImage({ layers: [shared, { randomBytes: 1000, seed: 'first' }] });
const second = (): BuiltImage => buildImage({ layers: [shared, { randomBytes: 1000, seed: 'second' }] });

type ManagedCheck = readonly [name: string, check: (store: ManagedStore) => Promise<void>];

/** What has no name goes, and nothing else. */
export function managedChecks(): readonly ManagedCheck[] {
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
