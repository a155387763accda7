import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { isImageError } from '../../errors/index.js';
import { type ContentWriter, type ImageStore, writeContent } from '../../store/index.js';
import { type BuiltContent, describeDocument } from '../build/content.js';
import {
  chunksOf,
  failsBecause,
  failsWith,
  givesBack,
  type NamedCheck,
  readAll,
  sampleContent,
  writeAll,
  fill,
} from './kit.js';
import type { Descriptor } from '../../oci/index.js';
import { buildImage, type BuiltImage } from '../build/image-builder.js';
import { buildIndex } from '../build/index-builder.js';

/** Wrong content, by what is wrong with it. */
const WRONG: readonly (readonly [string, (bytes: Uint8Array) => Uint8Array])[] = [
  ['with its first bit flipped', (bytes) => flip(bytes, 0)],
  ['with a bit in the middle flipped', (bytes) => flip(bytes, bytes.length >> 1)],
  ['with its last bit flipped', (bytes) => flip(bytes, bytes.length - 1)],
  ['without its last byte', (bytes) => bytes.subarray(0, -1)],
  ['with a byte too many', (bytes) => Uint8Array.from([...bytes, 0])],
  ['with nothing in it', () => new Uint8Array()],
];

/** Nothing shows before it is whole and right. */
export function writerChecks(): readonly NamedCheck[] {
  return [
    [
      'shows content at its commit, not before, and counts what it took',
      async (store) => {
        const content = sampleContent(300_000);
        const writer = await openEmpty(store, content);
        await writeAll(writer, chunksOf(content.bytes, 65_536));
        strictEqual(writer.offset, content.bytes.length);
        strictEqual(await store.has(content.descriptor), false);
        await writer.commit();
        await givesBack(store, content);
      },
    ],
    ...[1, 7, 4096, 262_144, 524_289].map((size): NamedCheck => [
      `takes content in pieces of ${size} bytes, from one buffer used over and over`,
      async (store) => {
        const content = sampleContent(size === 1 ? 3000 : 600_000);
        const writer = await openEmpty(store, content);
        // One of Node's: it is what sources have, and its `slice` copies nothing.
        const buffer = Buffer.alloc(size);
        for (const chunk of chunksOf(content.bytes, size)) {
          buffer.set(chunk);
          await writer.write(buffer.subarray(0, chunk.length));
        }
        buffer.fill(0);
        await writer.commit();
        await givesBack(store, content);
      },
    ]),
    ...WRONG.map(([how, spoil]): NamedCheck => [`refuses content ${how}`, (store) => refuses(store, spoil)]),
    [
      'starts anew after restart, and after content that it refused',
      async (store) => {
        const content = sampleContent(300_000);
        const writer = await openEmpty(store, content);
        await writer.write(new Uint8Array(100));
        await writer.restart();
        strictEqual(writer.offset, 0);
        await writer.write(flip(content.bytes, 0));
        await failsWith('ERR_CONTENT_MISMATCH', () => writer.commit());
        await writer.restart();
        await writer.write(content.bytes);
        await writer.commit();
        await givesBack(store, content);
      },
    ],
    [
      'leaves nothing to see after abort, which never fails, also not twice or after a commit',
      async (store) => {
        const content = sampleContent(1000);
        const given = await openEmpty(store, content);
        await given.write(content.bytes);
        await given.abort();
        await given.abort();
        strictEqual(await store.has(content.descriptor), false);
        const kept = await openEmpty(store, content);
        await kept.write(content.bytes);
        await kept.commit();
        await kept.abort();
        await givesBack(store, content);
      },
    ],
    [
      'takes nothing after commit or abort',
      async (store) => {
        const content = sampleContent(10);
        for (const end of ['commit', 'abort'] as const) {
          const writer = await openEmpty(store, content);
          await writer.write(content.bytes);
          await writer[end]();
          await failsWith('ERR_STORE', async () => writer.write(new Uint8Array()));
          await failsWith('ERR_STORE', () => writer.commit());
          await failsWith('ERR_STORE', () => writer.restart());
        }
      },
    ],
    [
      'lets several write the same content at once, and the same again later',
      async (store) => {
        const content = sampleContent(300_000);
        const writers = await Promise.all([0, 1, 2].map(() => openEmpty(store, content)));
        await Promise.all(writers.map((writer) => writeAll(writer, chunksOf(content.bytes, 65_536))));
        await Promise.all(writers.map((writer) => writer.commit()));
        await writeContent(store, content.descriptor, content.bytes);
        await givesBack(store, content);
      },
    ],
    [
      'keeps content when a writer of the same fails or is given up',
      async (store) => {
        const content = sampleContent(1000);
        await writeContent(store, content.descriptor, content.bytes);
        await failsWith('ERR_CONTENT_MISMATCH', () => writeContent(store, content.descriptor, flip(content.bytes, 5)));
        await (await store.ingest(content.descriptor)).abort();
        await givesBack(store, content);
      },
    ],
    [
      'goes on after a writer that was given up, from as much as it says that it kept',
      async (store) => {
        const content = sampleContent(900_000);
        await giveUp(store, content, content.bytes.subarray(0, 700_000));
        const writer = await store.ingest(content.descriptor);
        ok(writer.offset <= 700_000, 'the store cannot have more than it was given');
        await writeAll(writer, chunksOf(content.bytes.subarray(writer.offset), 65_536));
        await writer.commit();
        await givesBack(store, content);
      },
    ],
    [
      'goes on once at most from bytes that were wrong',
      async (store) => {
        const content = sampleContent(900_000);
        await giveUp(store, content, flip(content.bytes, 10).subarray(0, 700_000));
        const writer = await store.ingest(content.descriptor);
        const isPoisoned = writer.offset > 0;
        await writeAll(writer, chunksOf(content.bytes.subarray(writer.offset), 65_536));
        if (isPoisoned) await failsWith('ERR_CONTENT_MISMATCH', () => writer.commit());
        else await writer.commit();
        await writer.abort();
        strictEqual(await store.has(content.descriptor), !isPoisoned);
        const next = await store.ingest(content.descriptor);
        strictEqual(next.offset, 0, 'bytes that were refused must not be kept');
        await writeAll(next, chunksOf(content.bytes, 65_536));
        await next.commit();
        await givesBack(store, content);
      },
    ],
    [
      'does not commit once the signal of the writer is aborted',
      async (store) => {
        const content = sampleContent(1000);
        const controller = new AbortController();
        const writer = await store.ingest(content.descriptor, { signal: controller.signal });
        await writer.write(content.bytes);
        const reason = { is: 'the reason' };
        controller.abort(reason);
        await failsBecause(reason, () => writer.commit());
        await writer.abort();
        strictEqual(await store.has(content.descriptor), false);
      },
    ],
  ];
}

/** A writer at the first byte: a store may have kept a part of an earlier one. */
async function openEmpty(store: ImageStore, { descriptor }: BuiltContent): Promise<ContentWriter> {
  const writer = await store.ingest(descriptor);
  if (writer.offset > 0) await writer.restart();
  return writer;
}

async function giveUp(store: ImageStore, content: BuiltContent, bytes: Uint8Array): Promise<void> {
  const writer = await openEmpty(store, content);
  await writeAll(writer, chunksOf(bytes, 65_536));
  await writer.abort();
}

async function refuses(store: ImageStore, spoil: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  const { descriptor, bytes } = sampleContent(100_000);
  const wrong = spoil(bytes);
  const write = async (): Promise<void> => writeContent(store, descriptor, wrong);
  const error: unknown = await write().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  ok(isImageError(error) && error.code === 'ERR_CONTENT_MISMATCH', 'the content must be refused as a mismatch');
  deepStrictEqual(error.expected, descriptor);
  strictEqual(await store.has(descriptor), false);
  await failsWith('ERR_STORE', () => readAll(store, { descriptor, bytes }));
  await writeContent(store, descriptor, bytes);
  strictEqual(await store.has(descriptor), true);
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

const layers = [{ files: { 'etc/motd': 'hello\n' } }, { randomBytes: 100_000 }];
const amd64 = (): BuiltImage => buildImage({ platform: { os: 'linux', architecture: 'amd64' }, layers });
const arm64 = (): BuiltImage => buildImage({ platform: { os: 'linux', architecture: 'arm64' }, layers });
/** What an image is made of, in the order of its contents. */
const PARTS = ['first layer', 'second layer', 'config', 'manifest'];

/** Names that a careless store takes for paths or for properties that every object has. */
const ODD_NAMES = [
  'registry.example.com:5000/team/app@sha256:0',
  '../../x',
  '/etc/passwd',
  '__proto__',
  'toString',
  'é ',
];

/** A name points to nothing but a whole image. */
export function nameChecks(): readonly NamedCheck[] {
  return [
    [
      'resolves a name to what it was given to, and no other name',
      async (store) => {
        const { descriptor, contents } = amd64();
        await fill(store, contents);
        strictEqual(await store.resolve('app:1'), undefined);
        await store.tag('app:1', descriptor);
        await pointsTo(store, 'app:1', descriptor);
        strictEqual(await store.resolve('app:2'), undefined);
      },
    ],
    [
      'moves a name, and keeps all others',
      async (store) => {
        const [old, young] = [amd64(), arm64()];
        await fill(store, [...old.contents, ...young.contents]);
        for (const name of ['a', 'b', 'c']) await store.tag(name, old.descriptor);
        await store.tag('b', young.descriptor);
        await pointsTo(store, 'a', old.descriptor);
        await pointsTo(store, 'b', young.descriptor);
        await pointsTo(store, 'c', old.descriptor);
      },
    ],
    [
      'gives many names at once',
      async (store) => {
        const { descriptor, contents } = amd64();
        await fill(store, contents);
        const names = Array.from({ length: 20 }, (_, place) => `app:${place}`);
        await Promise.all(names.map((name) => store.tag(name, descriptor)));
        for (const name of names) await pointsTo(store, name, descriptor);
      },
    ],
    ...ODD_NAMES.map((name): NamedCheck => [
      `takes ${JSON.stringify(name)} for a name and nothing else`,
      async (store) => {
        const { descriptor, contents } = amd64();
        await fill(store, contents);
        strictEqual(await store.resolve(name), undefined);
        await store.tag(name, descriptor);
        await pointsTo(store, name, descriptor);
      },
    ]),
    ...['', 'a\nb', '\ud800', 'x'.repeat(5000)].map((name): NamedCheck => [
      `refuses a name ${JSON.stringify(name.slice(0, 10))} of ${name.length} characters`,
      async (store) => {
        const { descriptor, contents } = amd64();
        await fill(store, contents);
        await failsWith('ERR_OPTION_INVALID', () => store.tag(name, descriptor));
      },
    ]),
    ...PARTS.map((part, place): NamedCheck => [
      `does not name an image that lacks its ${part}`,
      async (store) => {
        const { descriptor, contents } = amd64();
        await fill(store, contents.toSpliced(place, 1));
        await namesOnlyWhole(store, descriptor, () => fill(store, contents));
      },
    ]),
    [
      'does not name an index that lacks a layer of one image',
      async (store) => {
        const { descriptor, contents } = buildIndex([amd64(), buildIndex([arm64()])]);
        const lacking = arm64().manifest.layers.map(({ digest }) => digest);
        await fill(store, contents, lacking);
        await namesOnlyWhole(store, descriptor, () => fill(store, contents));
      },
    ],
    [
      'does not name an image whose manifest gives a wrong size for a layer',
      async (store) => {
        const { contents, manifest } = amd64();
        const layers = manifest.layers.map((layer) => ({ ...layer, size: layer.size + 1 }));
        const lying = describeDocument(manifest.mediaType, { ...manifest, layers });
        await fill(store, [...contents, lying]);
        await failsWith('ERR_STORE', () => store.tag('app:1', lying.descriptor));
        strictEqual(await store.resolve('app:1'), undefined);
      },
    ],
    [
      'does not name what is neither a manifest nor an index',
      async (store) => {
        const { descriptor, bytes } = sampleContent(100);
        await writeContent(store, descriptor, bytes);
        await failsWith('ERR_REGISTRY_DOCUMENT', () => store.tag('app:1', descriptor));
        const disguised = { ...descriptor, mediaType: amd64().descriptor.mediaType };
        await failsWith('ERR_REGISTRY_DOCUMENT', () => store.tag('app:1', disguised));
        strictEqual(await store.resolve('app:1'), undefined);
      },
    ],
    [
      'keeps no annotations with a name',
      async (store) => {
        const { descriptor, contents } = amd64();
        await fill(store, contents);
        const annotations = { 'io.containerd.image.name': 'docker.io/library/nginx:latest' };
        await store.tag('app:1', { ...descriptor, annotations });
        await pointsTo(store, 'app:1', descriptor);
      },
    ],
  ];
}

async function pointsTo(store: ImageStore, name: string, descriptor: Descriptor): Promise<void> {
  deepStrictEqual(await store.resolve(name), descriptor);
}

async function namesOnlyWhole(store: ImageStore, descriptor: Descriptor, complete: () => Promise<void>): Promise<void> {
  await failsWith('ERR_STORE', () => store.tag('app:1', descriptor));
  strictEqual(await store.resolve('app:1'), undefined);
  await complete();
  await store.tag('app:1', descriptor);
  deepStrictEqual(await store.resolve('app:1'), descriptor);
}
