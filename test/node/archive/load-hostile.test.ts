import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { isImageError } from 'kubepull/errors';
import { type ImageArchive, loadImageArchive, nodeFileSystem, nodeHasher, openOciLayout } from 'kubepull/node';
import { MEDIA_TYPES } from 'kubepull/oci';
import { createMemoryStore } from 'kubepull/store';
import { buildImage, buildIndex } from 'kubepull/testing';
import { countFor } from '../../support/figures.ts';
import { lazyDisk } from '../../support/lazy-disk.ts';
import { least } from '../../support/least.ts';
import { placesOf, sweepOf } from '../../support/sweeps.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { openFiles } from './support.ts';
import { blobOf, dockerMembers, indexOf, MARKER, type Member, ociMembers, pax, replace, tarOf } from './tar-kit.ts';

const app = buildImage({ layers: [{ files: { a: 'b' } }] });
const other = buildImage({ layers: [{ files: { a: 'c' } }] });
const multi = buildIndex([app, buildImage({ layers: [{ files: { a: 'd' } }] })]);
const { descriptor } = app;
const entry = { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size };
const good = ociMembers({ 'app:1': app });
const layer = tarOf([{ name: 'a', content: 'b' }]);
const docker = dockerMembers({ layers: [layer] });
const goodTar = tarOf(good);

/** 2 MiB: what the archives here may unpack to. */
const LIMIT = 2 * 1024 * 1024;
const zeros = Buffer.alloc(LIMIT + 1);

const withIndex = (index: string | Member): Buffer =>
  tarOf([MARKER, typeof index === 'string' ? { name: 'index.json', content: index } : index, ...good.slice(2)]);
const withMembers = (...members: readonly Member[]): Buffer => tarOf([...good, ...members]);
const withManifest = (document: unknown): Buffer =>
  tarOf(replace(docker, /^manifest\.json$/, ({ name }) => ({ name, content: JSON.stringify(document) })));
const hexOf = (place: number): string => `${place}`.padStart(64, '0');
/** An image whose manifest is any text. */
const withRoot = (text: string, mediaType: string = MEDIA_TYPES.ociManifest): Buffer => {
  const bytes = Buffer.from(text);
  const root = { mediaType, digest: computeDigest(bytes, nodeHasher), size: bytes.length };
  return tarOf([MARKER, indexOf([root]), blobOf(bytes), ...good.slice(2)]);
};
const manifestWith = (change: object): string => JSON.stringify({ ...app.manifest, ...change });
const indexesWithin = (levels: number): Buffer => {
  const blobs: Member[] = [];
  let inner: object = entry;
  let root = entry as typeof entry & { readonly mediaType: string };
  for (let level = 0; level < levels; level += 1) {
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [inner] }),
    );
    root = { mediaType: MEDIA_TYPES.ociIndex, digest: computeDigest(bytes, nodeHasher), size: bytes.length };
    inner = root;
    blobs.push(blobOf(bytes));
  }
  return tarOf([MARKER, indexOf([root]), ...blobs, ...good.slice(2)]);
};
const gzipBomb = gzipSync(tarOf([...good, { name: 'zeros', content: zeros }]));
const configOf = (members: readonly Member[]): Member =>
  members.find(({ name }) => /^[0-9a-f]{64}\.json$/.test(name)) ?? MARKER;
const [dockerLayer] = docker.filter(({ name }) => name.endsWith('/layer.tar')) as [Member];
const diffIds = [computeDigest(layer, nodeHasher)];

/** Archives that are not loaded, by what is wrong with them, with words of the reason. */
const hostile: Readonly<Record<string, readonly [archive: Uint8Array | (() => Uint8Array), reason: RegExp]>> = {
  // No archive, or a part of one.
  'nothing at all': [Buffer.alloc(0), /lacks the end/],
  'one zero': [Buffer.alloc(1), /is cut after 1 byte/],
  'zeros only': [Buffer.alloc(1024), /neither an OCI layout nor a docker-archive/],
  'a web page': [Buffer.from('<html>'.repeat(200)), /no tar archive/],
  'a layer in the place of an archive': [layer, /neither an OCI layout nor a docker-archive/],
  'an archive before manifest.json': [tarOf([{ name: 'repositories', content: '{}' }]), /neither an OCI layout/],
  'a gzip of nothing': [gzipSync(''), /lacks the end/],
  'a gzip in a gzip': [gzipSync(gzipSync(goodTar)), /no tar archive|is cut/],
  'a gzip that is cut': [gzipSync(goodTar).subarray(0, -20), /corrupt gzip|is cut/],
  'a gzip that goes wrong': [
    Buffer.concat([gzipSync(goodTar).subarray(0, 40), Buffer.alloc(100, 7)]),
    /corrupt gzip|no tar/,
  ],
  'a header of gzip alone': [Buffer.from([0x1f, 0x8b, 8]), /corrupt gzip|lacks the end/],
  'a cut in a header': [goodTar.subarray(0, 300), /is cut after 300 bytes/],
  'a cut in a file': [goodTar.subarray(0, 520), /is cut after 520 bytes/],
  'a cut between files': [goodTar.subarray(0, 1024), /lacks the end/],
  'no end': [tarOf(good, Buffer.alloc(0)), /lacks the end/],
  'an archive behind a block of zeros': [tarOf(good, Buffer.concat([Buffer.alloc(512), goodTar])), /goes on behind/],
  'a wrong checksum': [withMembers({ name: 'x', off: 1 }), /a checksum is wrong/],
  'a checksum that is no number': [withMembers({ name: 'x', off: Number.NaN }), /no number/],
  // Sizes.
  'a size that is no number': [
    withMembers({ name: 'x', header: (header) => void header.write('99999999999\0', 124) }),
    /a size is no number/,
  ],
  'a size that is negative': [
    withMembers({ name: 'x', header: (header) => void header.fill(0xff, 124, 136) }),
    /negative, or beyond all measure/,
  ],
  'a size of many exabytes': [
    withMembers({ name: 'x', header: (header) => void header.fill(0x80, 124, 125).fill(0x7f, 125, 136) }),
    /beyond all measure/,
  ],
  'a size of 8 GiB and no content': [withMembers({ name: 'x', size: 0o77777777777 }), /bytes or more, and 2097152 are/],
  'a file beyond the limit': [withMembers({ name: 'x', content: zeros }), /2097152 are allowed/],
  'files beyond the limit together': [
    withMembers(
      { name: 'x', content: zeros.subarray(0, LIMIT / 2) },
      { name: 'y', content: zeros.subarray(0, LIMIT / 2) },
    ),
    /2097152 are allowed/,
  ],
  'a bomb in gzip': [gzipBomb, /2097152 are allowed/],
  'a size in pax that is no number': [
    withMembers({ name: 'p', type: 'x', content: pax('size', '1e9') }, { name: 'x' }),
    /size "1e9"/,
  ],
  'a size in pax beyond the limit': [
    withMembers({ name: 'p', type: 'x', content: pax('size', '9007199254740991') }, { name: 'x' }),
    /2097152 are allowed/,
  ],
  'a size in pax that hides a file': [
    tarOf([{ name: 'p', type: 'x', content: pax('size', '512') }, { name: 'x' }, ...good]),
    /no tar archive/,
  ],
  'a directory with content': [withMembers({ name: 'd', type: '5', content: 'x' }), /no file, and has 1 bytes/],
  'a link with content': [withMembers({ name: 'l', type: '2', link: 'oci-layout', content: 'x' }), /no file, and has/],
  'a header for long names of 2 MiB': [
    withMembers({ name: 'p', type: 'x', content: zeros.subarray(0, LIMIT - 1) }),
    /a header of it has 2097151 bytes/,
  ],
  'a pax header that is corrupt': [
    withMembers({ name: 'p', type: 'x', content: '99 path=x\n' }, { name: 'x' }),
    /pax header/,
  ],
  'a pax header without a length': [
    withMembers({ name: 'p', type: 'x', content: 'path=x\n' }, { name: 'x' }),
    /pax header/,
  ],
  'a global header with a path': [
    withMembers({ name: 'g', type: 'g', content: pax('path', 'index.json') }),
    /global header/,
  ],
  'a sparse file': [
    withMembers({ name: 'p', type: 'x', content: pax('GNU.sparse.realsize', '1') }, { name: 'x' }),
    /sparse/,
  ],
  'a sparse file of old GNU': [withMembers({ name: 'x', type: 'S' }), /neither a file nor/],
  'more entries than any archive has': [
    () => tarOf([...good, ...Array.from({ length: 65_536 }, () => ({ name: 'd/', type: '5' }))]),
    /more than 65536 entries/,
  ],
  // Names and links.
  'a file above the archive': [withMembers({ name: '../x', content: 'x' }), /leads out of it/],
  'a file above it by way of a folder': [withMembers({ name: 'blobs/../../x', content: 'x' }), /leads out of it/],
  'a file at a path of the machine': [withMembers({ name: '/etc/passwd', content: 'x' }), /leads out of it/],
  'a file without a name': [withMembers({ name: '.', content: 'x' }), /has no name/],
  'a long name that leads out': [
    withMembers({ name: 'l', type: 'L', content: `${'a/'.repeat(100)}../../../x` }, { name: 'x' }),
    /leads out/,
  ],
  'a name in pax that leads out': [
    withMembers({ name: 'p', type: 'x', content: pax('path', '../x') }, { name: 'x' }),
    /leads out/,
  ],
  'a name in pax with a zero': [
    withMembers({ name: 'p', type: 'x', content: pax('path', 'a\0b') }, { name: 'x' }),
    /leads out/,
  ],
  'a name of 20,000 characters': [
    withMembers({ name: 'p', type: 'x', content: pax('path', 'x'.repeat(20_000)) }, { name: 'x' }),
    /longer than 4096/,
  ],
  'a symbolic link out of it': [withMembers({ name: 'l', type: '2', link: '../x' }), /leads out of it/],
  'a symbolic link to a path of the machine': [withMembers({ name: 'l', type: '2', link: '/etc/passwd' }), /leads out/],
  'a hard link out of it': [withMembers({ name: 'a/l', type: '1', link: '../x' }), /leads out of it/],
  'a hard link to a path of the machine': [withMembers({ name: 'l', type: '1', link: '/etc/shadow' }), /leads out/],
  'a link to itself': [
    tarOf(replace(docker, /layer\.tar$/, ({ name }) => ({ name, type: '2', link: 'layer.tar' }))),
    /more than 8 links/,
  ],
  'links in a circle': [
    tarOf(
      replace(docker, /layer\.tar$/, ({ name }) => [
        { name, type: '1', link: 'b' },
        { name: 'b', type: '1', link: name },
      ]),
    ),
    /more than 8 links/,
  ],
  'a link to nothing': [
    tarOf(replace(docker, /layer\.tar$/, ({ name }) => ({ name, type: '2', link: 'none' }))),
    /it lacks/,
  ],
  'a layer that is a link to a folder': [
    tarOf(replace(docker, /layer\.tar$/, ({ name }) => ({ name, type: '2', link: '..' }))),
    /it lacks|no name|leads/,
  ],
  'a device': [withMembers({ name: 'null', type: '3' }), /neither a file nor/],
  'a pipe': [withMembers({ name: 'pipe', type: '6' }), /neither a file nor/],
  // What is there twice.
  'two files of one name': [withMembers({ name: 'x', content: '1' }, { name: './x', content: '2' }), /twice/],
  'two index.json': [withMembers(indexOf([])), /twice/],
  'a link in the place of a file': [withMembers({ name: 'index.json', type: '2', link: 'other.json' }), /twice/],
  'two links of one name': [
    withMembers({ name: 'l', type: '2', link: 'index.json' }, { name: 'l', type: '2', link: 'oci-layout' }),
    /twice/,
  ],
  // A layout.
  'another version of the layout': [
    tarOf(replace(good, /^oci-layout$/, ({ name }) => ({ name, content: '{"imageLayoutVersion":"2.0.0"}' }))),
    /version 1\.0\.0/,
  ],
  'no images': [withIndex(indexOf([])), /no images/],
  'an index that is no JSON': [withIndex('{'), /is not JSON/],
  'an index of zeros': [withIndex(`[${'0,'.repeat(300_000)}0]`), /more than 262144 values/],
  'an index nested beyond measure': [withIndex('['.repeat(100_000)), /is not JSON|nested/],
  'a blob that is not what its name says': [
    withMembers({ name: `blobs/sha256/${hexOf(1)}`, content: 'x' }),
    /has the digest/,
  ],
  'a blob with one bit turned': [
    tarOf(
      replace(good, new RegExp(app.manifest.config.digest.slice(7)), ({ name, content = '' }) => ({
        name,
        content: `${Buffer.from(content).toString()} `,
      })),
    ),
    /has the digest/,
  ],
  'no manifest': [tarOf(replace(good, new RegExp(descriptor.digest.slice(7)), () => [])), /it lacks/],
  'no config': [tarOf(replace(good, new RegExp(app.manifest.config.digest.slice(7)), () => [])), /it lacks/],
  'no layer': [tarOf(replace(good, new RegExp(app.manifest.layers[0]?.digest.slice(7) ?? '-'), () => [])), /it lacks/],
  'an index without any of its images': [
    tarOf([
      MARKER,
      indexOf([{ mediaType: MEDIA_TYPES.ociIndex, digest: multi.descriptor.digest, size: multi.descriptor.size }]),
      blobOf(multi.blobs.get(multi.descriptor.digest) ?? ''),
    ]),
    /no image of an index/,
  ],
  'a size of a manifest that is wrong': [withIndex(indexOf([{ ...entry, size: entry.size + 1 }])), /it lacks/],
  'a size of a layer that is wrong': [
    withRoot(manifestWith({ layers: app.manifest.layers.map((one) => ({ ...one, size: one.size + 1 })) })),
    /it lacks/,
  ],
  'a manifest that is no JSON': [withRoot('x'), /is not JSON/],
  'a manifest that is also an index': [withRoot(manifestWith({ manifests: [] })), /manifests/],
  'a manifest in the place of an index': [withRoot(manifestWith({}), MEDIA_TYPES.ociIndex), /media type|manifest/i],
  'a layer in the place of a manifest': [
    withIndex(
      indexOf([{ ...entry, digest: app.manifest.layers[0]?.digest ?? '', size: app.manifest.layers[0]?.size ?? 0 }]),
    ),
    /not UTF-8|not JSON/,
  ],
  'an unknown type in index.json': [
    withIndex(indexOf([{ ...entry, mediaType: 'text/plain' }])),
    /neither a manifest nor an index/,
  ],
  'indexes within each other without end': [indexesWithin(6), /nested deeper/],
  'one name for two images': [
    tarOf([
      MARKER,
      indexOf(
        [app, other].map(({ descriptor: { mediaType, digest, size } }) => ({
          mediaType,
          digest,
          size,
          annotations: { 'org.opencontainers.image.ref.name': 'app:1' },
        })),
      ),
      ...[...app.blobs.values(), ...other.blobs.values()].map((bytes) => blobOf(bytes)),
    ]),
    /is two images/,
  ],
  'a name with a line break': [
    withIndex(indexOf([{ ...entry, annotations: { 'org.opencontainers.image.ref.name': 'a\nb' } }])),
    /is no name/,
  ],
  // A docker-archive.
  'a manifest.json that is no JSON': [
    tarOf(replace(docker, /^manifest\.json$/, ({ name }) => ({ name, content: '[' }))),
    /no JSON/,
  ],
  'a manifest.json that is no list': [withManifest({}), /no list/],
  'a manifest.json without images': [withManifest([]), /no images/],
  'a manifest.json of 5,000 images': [withManifest(Array.from({ length: 5000 }, () => ({}))), /5000 entries/],
  'a manifest.json of 2 MiB': [
    tarOf(replace(docker, /^manifest\.json$/, ({ name }) => ({ name, content: ' '.repeat(LIMIT - 20_000) }))),
    /no JSON/,
  ],
  'an image without config': [withManifest([{ Layers: [] }]), /Config of its manifest\.json is no text/],
  'a config that is not there': [withManifest([{ Config: 'x.json', Layers: [] }]), /it lacks "x\.json"/],
  'a config above the archive': [withManifest([{ Config: '../x.json', Layers: [] }]), /it lacks/],
  'a config that is no object': [
    tarOf([
      ...replace(docker, /^manifest\.json$/, () => []),
      { name: 'c', content: '[]' },
      { name: 'manifest.json', content: '[{"Config":"c"}]' },
    ]),
    /must be an object/,
  ],
  'a config that is not what its name says': [
    tarOf(
      replace(docker, /^[0-9a-f]{64}\.json$/, ({ name, content = '' }) => ({
        name,
        content: `${Buffer.from(content).toString()} `,
      })),
    ),
    /has the digest/,
  ],
  'a config in the place of a layer': [
    withManifest([{ Config: configOf(docker).name, Layers: [configOf(docker).name] }]),
    /the config says/,
  ],
  'a layer that is not there': [
    withManifest([{ Config: configOf(docker).name, Layers: ['x/layer.tar'] }]),
    /it lacks "x/,
  ],
  'more layers than the config names': [
    withManifest([{ Config: configOf(docker).name, Layers: [dockerLayer.name, dockerLayer.name] }]),
    /names 1 layers, and manifest\.json 2/,
  ],
  'fewer layers than the config names': [
    withManifest([{ Config: configOf(docker).name, Layers: null }]),
    /names 1 layers/,
  ],
  'a layer that is not what the config says': [
    tarOf(dockerMembers({ layers: [layer], diffIds: [`sha256:${hexOf(1)}`] })),
    /the config says sha256:0/,
  ],
  'a packed layer that is not what the config says': [
    tarOf(dockerMembers({ layers: [gzipSync('other')], diffIds })),
    /unpacks to sha256:.*the config says/,
  ],
  'a packed layer that is cut': [
    tarOf(dockerMembers({ layers: [gzipSync(layer).subarray(0, -9)], diffIds })),
    /corrupt gzip/,
  ],
  'a packed layer that is a bomb': [
    tarOf(dockerMembers({ layers: [gzipSync(zeros)], diffIds })),
    /unpacks to more than/,
  ],
  'a tag that is no reference': [tarOf(dockerMembers({ layers: [layer], tags: ['a b'] })), /no reference/],
  'a tag that is no text': [
    withManifest([{ Config: configOf(docker).name, RepoTags: [1], Layers: [dockerLayer.name] }]),
    /no text/,
  ],
};

interface Target {
  readonly store: Parameters<typeof loadImageArchive>[1];
  /** What is in it. */
  left(): Promise<readonly string[]>;
}

async function targets(): Promise<readonly Target[]> {
  const memory = createMemoryStore({ createHasher: nodeHasher });
  const layout = await openOciLayout(join(tempDir().path, 'layout'), { fs: lazyDisk });
  const list = (folder: string): readonly string[] => {
    const path = join(layout.directory, folder);
    return existsSync(path) ? readdirSync(path, { recursive: true }).map(String) : [];
  };
  return [
    {
      store: memory,
      left: async () => [
        ...(await memory.names()),
        ...(await memory.collectGarbage({ graceMs: 0 })).removed.map(({ digest }) => digest),
      ],
    },
    { store: layout, left: async () => [...(await layout.names()), ...list('blobs'), ...list('ingest')] },
  ];
}

const fileOf = (archive: Uint8Array): string => {
  const path = join(tempDir().path, 'images.tar');
  writeFileSync(path, archive);
  return path;
};

async function* streamOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 40_009) yield bytes.subarray(at, at + 40_009);
}

let temporary = '';
let files = 0;
beforeEach(() => {
  temporary = tempDir().path;
  vi.stubEnv('TMPDIR', temporary);
  files = openFiles();
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** Nothing is left: no temporary file, and no file that is open. */
function expectNoTraces(): void {
  expect(readdirSync(temporary).filter((name) => name.startsWith('.'))).toEqual([]);
  expect(openFiles()).toBe(files);
}

const load = (archive: ImageArchive, store: Target['store'], signal?: AbortSignal): Promise<unknown> =>
  loadImageArchive(archive, store, { maxUnpackedBytes: LIMIT, signal });

describe('loadImageArchive of a hostile archive [S11] [S12]', () => {
  it('is tried with 60 of them or more', () => {
    expect(Object.keys(hostile).length).toBeGreaterThanOrEqual(60);
  });

  it.each(sweepOf(Object.entries(hostile), 40))('refuses %s, and leaves nothing', async (_, [given, reason]) => {
    const archive = typeof given === 'function' ? given() : given;
    const sources = [() => fileOf(archive), () => streamOf(archive)];
    const pairs = (await targets()).flatMap((target) => sources.map((source) => ({ ...target, source })));
    for (const { store, left, source } of sweepOf(pairs, 2)) {
      const error = await load(source(), store).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(isImageError(error), String(error)).toBe(true);
      expect((error as Error).message).toMatch(reason);
      expect(await left()).toEqual([]);
    }
    expectNoTraces();
    countFor('hostile archives and layouts');
  });
});

describe('loadImageArchive of an archive that was damaged', () => {
  it('refuses it wherever it is cut, and leaves nothing', async () => {
    for (const place of placesOf(Math.ceil((goodTar.length - 1024) / 97), 20)) {
      const at = place * 97;
      const [{ store, left }] = (await targets()) as readonly [Target, Target];
      const error = await load(streamOf(goodTar.subarray(0, at)), store).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(isImageError(error), `cut after ${at} bytes: ${String(error)}`).toBe(true);
      expect(await left()).toEqual([]);
    }
    expectNoTraces();
  });

  it('refuses it, or loads the right image, whatever bit of it is turned', async () => {
    let refused = 0;
    for (const place of placesOf(Math.ceil(goodTar.length / 53), 40)) {
      const at = place * 53;
      const damaged = Buffer.from(goodTar);
      damaged.writeUInt8((damaged[at] ?? 0) ^ (1 << (at % 8)), at);
      const [{ store, left }] = (await targets()) as readonly [Target, Target];
      try {
        // Nothing vouches for a name, but all for what it names.
        expect(await load(streamOf(damaged), store)).toMatchObject([{ root: { digest: descriptor.digest } }]);
      } catch (error) {
        expect(isImageError(error), `bit in byte ${at}: ${String(error)}`).toBe(true);
        expect(await left()).toEqual([]);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(20);
    expectNoTraces();
  });

  it('names no image and leaves no temporary file when the disk for it is full', async () => {
    const failure = Object.assign(new Error('full'), { code: 'ENOSPC' });
    const fs = {
      ...nodeFileSystem,
      create: async (path: string) => ({
        ...(await nodeFileSystem.create(path)),
        write: () => Promise.reject(failure),
      }),
    };
    const [{ store, left }] = (await targets()) as readonly [Target, Target];
    await expect(loadImageArchive(streamOf(goodTar), store, { fs })).rejects.toMatchObject({
      code: 'ERR_STORE',
      errno: 'ENOSPC',
    });
    expect(await left()).toEqual([]);
    expectNoTraces();
  });
});

describe('loadImageArchive of a large archive', () => {
  it('holds no more than a few chunks in memory', async () => {
    const size = 96 * 1024 * 1024;
    const zeros = Buffer.alloc(1024 * 1024);
    async function* large(): AsyncGenerator<Uint8Array> {
      yield tarOf(docker, Buffer.alloc(0));
      yield tarOf([{ name: 'large', size }], Buffer.alloc(0));
      for (let sent = 0; sent < size; sent += zeros.length) yield zeros;
      yield Buffer.alloc(1024);
    }
    const grown = async (): Promise<number> => {
      const before = process.memoryUsage().arrayBuffers;
      let most = 0;
      async function* watched(): AsyncGenerator<Uint8Array> {
        for await (const chunk of large()) {
          most = Math.max(most, process.memoryUsage().arrayBuffers - before);
          yield chunk;
        }
      }
      await loadImageArchive(watched(), createMemoryStore({ createHasher: nodeHasher }));
      return most;
    };
    expect(await least(size / 2, grown)).toBeLessThan(size / 2);
  });
});

describe('loadImageArchive that is aborted', () => {
  it('ends with the reason, and leaves no name and no temporary file, wherever it is [B14]', async () => {
    const reason = new Error('Enough');
    for (const packed of [goodTar, gzipSync(goodTar)]) {
      for (const steps of placesOf(40, 8)) {
        const { store } = (await targets())[steps % 2] ?? expect.fail();
        const controller = new AbortController();
        let left = steps;
        const counted = { ...store, has: step(store.has), ingest: step(store.ingest), tag: step(store.tag) };
        function step<T extends readonly unknown[], R>(call: (...args: T) => Promise<R>): (...args: T) => Promise<R> {
          return (...args) => {
            left -= 1;
            if (left < 0) controller.abort(reason);
            return call(...args);
          };
        }
        async function* chunks(): AsyncGenerator<Uint8Array> {
          for (let at = 0; at < packed.length; at += 1000) {
            left -= 1;
            if (left < 0) controller.abort(reason);
            yield packed.subarray(at, at + 1000);
          }
        }
        const ended = await load(chunks(), counted, controller.signal).then(
          () => 'loaded',
          (error: unknown) => error,
        );
        expect(ended).toBe(controller.signal.aborted ? reason : 'loaded');
        if (ended === reason) expect(await store.resolve('app:1')).toBeUndefined();
      }
    }
    await vi.waitFor(expectNoTraces);
  });

  it('does not wait for a stream that hangs', async () => {
    const controller = new AbortController();
    async function* hanging(): AsyncGenerator<Uint8Array> {
      yield goodTar.subarray(0, 1000);
      controller.abort(new Error('Enough'));
      await new Promise(() => undefined);
    }
    const [memory] = await targets();
    await expect(load(hanging(), memory?.store ?? expect.fail(), controller.signal)).rejects.toThrow('Enough');
    expectNoTraces();
  });
});

describe('loadImageArchive whose source fails', () => {
  it.each([
    ['is not there', () => join(temporary, 'none.tar'), /realpath/],
    ['is a folder', () => temporary, /it is not a file|is a directory/],
    [
      'is a stream that fails',
      async function* (): AsyncGenerator<Uint8Array> {
        yield goodTar.subarray(0, 600);
        throw new Error('Gone');
      },
      /its stream failed/,
    ],
    [
      'is a stream of text',
      async function* (): AsyncGenerator<Uint8Array> {
        yield 'text' as unknown as Uint8Array;
      },
      /something else than bytes/,
    ],
  ])('fails with a StoreError when it %s', async (_, source, reason) => {
    for (const { store, left } of await targets()) {
      await expect(load(source(), store)).rejects.toMatchObject({
        code: 'ERR_STORE',
        message: expect.stringMatching(reason) as string,
      });
      expect(await left()).toEqual([]);
    }
    expectNoTraces();
  });
});
