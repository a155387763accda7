import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { getDigestHex } from 'kubepull/digest';
import { openOciLayout, type OciLayout, validateLayout, writeOciArchive } from 'kubepull/node';
import { copyImage } from 'kubepull/store';
import { buildImage, type BuiltImage } from 'kubepull/testing';
import { memoryStore } from '../archive/support.ts';
import { tempDir } from '../../support/temp-dir.ts';

const REF = 'org.opencontainers.image.ref.name';
const FULL = 'io.containerd.image.name';
const [a, b, c] = ['a', 'b', 'c'].map((text) => buildImage({ layers: [{ files: { text } }] })) as [
  BuiltImage,
  BuiltImage,
  BuiltImage,
];
const digestOf = ({ descriptor }: BuiltImage): string => descriptor.digest;

interface Entry {
  readonly image: BuiltImage;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What `docker save` and `ctr images export` write of an image. */
const saved = (image: BuiltImage, name: string): Entry => ({
  image,
  annotations: { [FULL]: `docker.io/library/${name}:latest`, [REF]: 'latest' },
});

/** A layout as other tools write it; `index` is the whole text of `index.json` where that is what matters. */
async function layoutOf(entries: readonly Entry[], index?: string): Promise<OciLayout> {
  const directory = join(tempDir().path, 'layout');
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  for (const { image } of entries) {
    for (const [digest, bytes] of image.blobs) {
      writeFileSync(join(directory, 'blobs/sha256', getDigestHex(digest)), bytes);
    }
  }
  const manifests = entries.map(({ image: { descriptor }, annotations }) => ({
    mediaType: descriptor.mediaType,
    digest: descriptor.digest,
    size: descriptor.size,
    ...(annotations === undefined ? {} : { annotations }),
  }));
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(directory, 'index.json'), index ?? JSON.stringify({ schemaVersion: 2, manifests }));
  return openOciLayout(directory);
}

interface Written {
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const entriesIn = ({ directory }: OciLayout): readonly Written[] =>
  (JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8')) as { readonly manifests: readonly Written[] })
    .manifests;

describe('entries without a name', () => {
  it('are listed, resolved and copied by digest', async () => {
    const store = await layoutOf([{ image: a }, { image: b, annotations: { other: 'x' } }]);
    expect(await store.names()).toEqual([digestOf(a), digestOf(b)]);
    expect((await store.resolve(digestOf(b)))?.digest).toBe(digestOf(b));
    const copied = await copyImage(store, digestOf(a), memoryStore());
    expect(copied).toMatchObject({ name: digestOf(a), root: { digest: digestOf(a) } });
  });

  it('are taken without a name where there is one entry, and not where there are two', async () => {
    const one = await layoutOf([{ image: a }]);
    expect(await copyImage(one, '', memoryStore(), { as: 'app:1' })).toMatchObject({ root: { digest: digestOf(a) } });
    await writeOciArchive(one, [{ name: '', as: 'app:1' }], join(tempDir().path, 'image.tar'));
    const two = await layoutOf([{ image: a }, { image: b }]);
    expect(await two.resolve('')).toBeUndefined();
    await expect(copyImage(two, '', memoryStore(), { as: 'app:1' })).rejects.toMatchObject({ code: 'ERR_STORE' });
  });

  it('stay when another image is named, and go by digest', async () => {
    const store = await layoutOf([{ image: a }, { image: b }]);
    await store.tag('app:1', a.descriptor);
    expect(await store.names()).toEqual([digestOf(a), digestOf(b), 'app:1']);
    expect(await store.untag(digestOf(b))).toBe(true);
    expect(await store.names()).toEqual([digestOf(a), 'app:1']);
    expect((await store.collectGarbage({ graceMs: 0 })).removed).toHaveLength(3);
  });
});

describe('names without text', () => {
  it('are none', async () => {
    const store = await layoutOf([
      { image: a, annotations: { [REF]: '', [FULL]: '' } },
      { image: b, annotations: { [REF]: 'app:1', [FULL]: '' } },
    ]);
    expect(await store.names()).toEqual([digestOf(a), 'app:1']);
    expect((await store.resolve(digestOf(a)))?.digest).toBe(digestOf(a));
    expect(await store.resolve('')).toBeUndefined();
  });
});

describe('whole names beside short ones', () => {
  it('are what an image is listed and found under, and the first of a short one counts', async () => {
    const store = await layoutOf([saved(a, 'one'), saved(b, 'two')]);
    expect(await store.names()).toEqual(['docker.io/library/one:latest', 'docker.io/library/two:latest']);
    expect((await store.resolve('docker.io/library/two:latest'))?.digest).toBe(digestOf(b));
    expect((await store.resolve('latest'))?.digest).toBe(digestOf(a));
    const { findings } = await validateLayout(store.directory);
    expect(findings).toEqual([]);
  });

  it('lose no image when a short name is given to the image that has it', async () => {
    const store = await layoutOf([saved(a, 'one'), saved(b, 'two')]);
    const before = readFileSync(join(store.directory, 'index.json'), 'utf8');
    await store.tag('latest', a.descriptor);
    expect(readFileSync(join(store.directory, 'index.json'), 'utf8')).toBe(before);
  });

  it('lose no image when a short name is given to another', async () => {
    const store = await layoutOf([saved(a, 'one'), { image: c }, saved(b, 'two')]);
    await store.tag('latest', c.descriptor);
    expect((await store.resolve('latest'))?.digest).toBe(digestOf(c));
    expect((await store.resolve('docker.io/library/one:latest'))?.digest).toBe(digestOf(a));
    expect((await store.resolve('docker.io/library/two:latest'))?.digest).toBe(digestOf(b));
    // Readers of the short name alone find the same image.
    expect(entriesIn(store).filter(({ annotations }) => annotations?.[REF] === 'latest')).toMatchObject([
      { digest: digestOf(c) },
    ]);
    expect((await store.collectGarbage({ graceMs: 0 })).removed).toEqual([]);
  });

  it('stay when the short name is taken away, and take it with them when they go', async () => {
    const store = await layoutOf([saved(a, 'one'), saved(b, 'two')]);
    expect(await store.untag('latest')).toBe(true);
    expect(await store.resolve('latest')).toBeUndefined();
    expect(await store.names()).toHaveLength(2);
    const other = await layoutOf([saved(a, 'one'), saved(b, 'two')]);
    expect(await other.untag('docker.io/library/one:latest')).toBe(true);
    expect(await other.names()).toEqual(['docker.io/library/two:latest']);
  });

  it('keep both names when they move to another image', async () => {
    const store = await layoutOf([saved(a, 'one'), { image: b }]);
    await store.tag('docker.io/library/one:latest', b.descriptor);
    expect(entriesIn(store)[0]).toMatchObject({ digest: digestOf(b), annotations: saved(b, 'one').annotations ?? {} });
  });
});

describe('a name that stands for two images', () => {
  it('is the first, and the other keeps its entry without the name when it moves', async () => {
    const named = { [REF]: 'app:1', other: 'x' };
    const store = await layoutOf([
      { image: a, annotations: named },
      { image: b, annotations: named },
    ]);
    expect((await store.resolve('app:1'))?.digest).toBe(digestOf(a));
    await store.tag('app:1', a.descriptor);
    expect(entriesIn(store)).toMatchObject([
      { digest: digestOf(a) },
      { digest: digestOf(b), annotations: { other: 'x' } },
    ]);
    expect(await store.names()).toEqual(['app:1', digestOf(b)]);
  });
});

describe('a layout without entries', () => {
  it.each([
    ['as umoci makes it', '{"schemaVersion":2,"manifests":null}', /^\{"schemaVersion":2,"manifests":\[\{.*\}\]\}$/],
    [
      'with space',
      '{ "manifests" : null , "schemaVersion":2 }\n',
      /^\{ "manifests" : \[\{.*\}\] , "schemaVersion":2 \}\n$/,
    ],
  ])('is empty, and takes an image: %s', async (_, index, expected) => {
    const store = await layoutOf([], index);
    expect(await store.names()).toEqual([]);
    expect(await store.resolve('')).toBeUndefined();
    expect(await store.untag('app:1')).toBe(false);
    expect((await store.collectGarbage()).removed).toEqual([]);
    expect((await validateLayout(store.directory)).findings).toEqual([]);
    await copyImage(await layoutOf([{ image: a }]), digestOf(a), store, { as: 'app:1' });
    expect(readFileSync(join(store.directory, 'index.json'), 'utf8')).toMatch(expected);
    expect(await store.names()).toEqual(['app:1']);
  });
});
