import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import type { Descriptor } from '../../oci/index.js';
import { type ImageStore, writeContent } from '../../store/index.js';
import { describeDocument } from '../build/content.js';
import { buildImage, type BuiltImage } from '../build/image-builder.js';
import { buildIndex } from '../build/index-builder.js';
import { failsWith, fill, type NamedCheck, sampleContent } from './kit.js';

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
