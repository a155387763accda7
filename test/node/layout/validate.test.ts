import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { isImageError } from 'kubepull/errors';
import { type LayoutFindingCode, nodeHasher, openOciLayout, validateLayout } from 'kubepull/node';
import { type Descriptor, MEDIA_TYPES } from 'kubepull/oci';
import { writeContent } from 'kubepull/store';
import { buildImage, buildIndex, type BuiltContent } from 'kubepull/testing';
import { countFor } from '../../support/figures.ts';
import { lazyDisk } from '../../support/lazy-disk.ts';
import { sweepOf } from '../../support/sweeps.ts';
import { tempDir } from '../../support/temp-dir.ts';

const amd64 = buildImage({
  platform: { os: 'linux', architecture: 'amd64' },
  layers: [{ files: { 'etc/motd': 'hello\n' } }, { randomBytes: 2000 }],
});
const arm64 = buildImage({ platform: { os: 'linux', architecture: 'arm64' }, layers: [{ files: { a: 'b' } }] });
const all = buildIndex([amd64, arm64]);
const [layer, secondLayer, config] = amd64.contents;
if (layer === undefined || secondLayer === undefined || config === undefined) throw new Error('No contents');

const pathOf = ({ digest }: Pick<Descriptor, 'digest'>): string => `blobs/${digest.replace(':', '/')}`;

/** A layout with an index of two images, under two names. */
async function newLayout(): Promise<string> {
  const directory = join(tempDir().path, 'layout');
  const store = await openOciLayout(directory, { fs: lazyDisk });
  for (const { descriptor, bytes } of all.contents) await writeContent(store, descriptor, bytes);
  await store.tag('all', all.descriptor);
  await store.tag('amd64', amd64.descriptor);
  return directory;
}

function contentOf(mediaType: string, text: string | Uint8Array): BuiltContent {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  return { descriptor: { mediaType, digest: computeDigest(bytes, nodeHasher), size: bytes.length }, bytes };
}

/** Puts a blob there as it is, and lets `index.json` name it. */
function addNamed(directory: string, ...contents: readonly BuiltContent[]): void {
  for (const { descriptor, bytes } of contents) writeFileSync(join(directory, pathOf(descriptor)), bytes);
  const root = contents.at(-1);
  editIndex(directory, (manifests) => [...manifests, root?.descriptor]);
}

function editIndex(directory: string, edit: (manifests: readonly unknown[]) => readonly unknown[]): void {
  const path = join(directory, 'index.json');
  const index = JSON.parse(readFileSync(path, 'utf8')) as { manifests: readonly unknown[] };
  writeFileSync(path, JSON.stringify({ ...index, manifests: edit(index.manifests) }));
}

const manifestWith = (more: object, mediaType: string = MEDIA_TYPES.ociManifest): BuiltContent =>
  contentOf(mediaType, JSON.stringify({ ...amd64.manifest, mediaType, ...more }));

const indexWith = (manifests: readonly unknown[], more: object = {}): BuiltContent =>
  contentOf(
    MEDIA_TYPES.ociIndex,
    JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests, ...more }),
  );

function replaceBlob(directory: string, descriptor: Descriptor, bytes: string | Uint8Array): void {
  const path = join(directory, pathOf(descriptor));
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

function nested(levels: number): readonly BuiltContent[] {
  const contents: BuiltContent[] = [contentOf('text/plain', 'the end')];
  for (let level = 0; level < levels; level += 1) contents.push(indexWith([contents.at(-1)?.descriptor]));
  return contents;
}

type Case = readonly [what: string, code: LayoutFindingCode, spoil: (directory: string) => void];

const writeIndex =
  (text: string | Uint8Array) =>
  (directory: string): void =>
    writeFileSync(join(directory, 'index.json'), text);
const entry = { ...amd64.descriptor, annotations: { 'org.opencontainers.image.ref.name': 'x' } };
const indexText = (manifests: unknown, more: object = {}): string =>
  JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests, ...more });

const INDEXES: readonly (readonly [string, string | Uint8Array])[] = [
  ['nothing', ''],
  ['space', ' \n'],
  ['no JSON', '{"schemaVersion":2,'],
  ['two documents', `${indexText([])}${indexText([])}`],
  ['null', 'null'],
  ['an array', '[]'],
  ['text', '"x"'],
  ['a number', '2'],
  ['a byte order mark', `\ufeff${indexText([])}`],
  ['UTF-16', Buffer.from(indexText([]), 'utf16le')],
  ['bytes that are no text', Buffer.from(indexText([], { x: '\u00e9' }), 'latin1')],
  ['a NUL', `${indexText([])}\0`],
  ['no manifests', '{"schemaVersion":2}'],
  ['manifests an object', indexText({})],
  ['manifests of text', indexText(['x'])],
  ['manifests of null', indexText([null])],
  ['manifests twice', '{"schemaVersion":2,"manifests":[],"manifests":[]}'],
  ['manifests in other case, too', indexText([], { Manifests: [] })],
  ['layers, too', indexText([], { layers: [] })],
  ['a config, too', indexText([], { config: entry })],
  ['fsLayers', indexText([], { fsLayers: [] })],
  ['schema version 1', '{"schemaVersion":1,"manifests":[]}'],
  ['a schema version as text', '{"schemaVersion":"2","manifests":[]}'],
  ['another media type', indexText([], { mediaType: MEDIA_TYPES.ociManifest })],
  ['an unknown media type', indexText([], { mediaType: 'text/html' })],
  ['an entry without digest', indexText([{ ...entry, digest: undefined }])],
  ['an entry without size', indexText([{ ...entry, size: undefined }])],
  ['an entry without media type', indexText([{ ...entry, mediaType: undefined }])],
  ['a digest that is a path', indexText([{ ...entry, digest: `sha256:../../${'0'.repeat(58)}` }])],
  ['a digest with a NUL', indexText([{ ...entry, digest: `${entry.digest}\0` }])],
  ['a digest in capitals', indexText([{ ...entry, digest: `sha256:${'A'.repeat(64)}` }])],
  ['a digest of md5', indexText([{ ...entry, digest: `md5:${'0'.repeat(32)}` }])],
  ['a short digest', indexText([{ ...entry, digest: 'sha256:00' }])],
  ['a digest of another length', indexText([{ ...entry, digest: `sha512:${'0'.repeat(64)}` }])],
  ['a digest that is an array', indexText([{ ...entry, digest: [entry.digest] }])],
  ['a negative size', indexText([{ ...entry, size: -1 }])],
  ['a size in parts', indexText([{ ...entry, size: 1.5 }])],
  ['a size as text', indexText([{ ...entry, size: '560' }])],
  ['a size beyond all', indexText([entry]).replace(/"size":\d+/, '"size":1e400')],
  ['a size that cannot be exact', indexText([entry]).replace(/"size":\d+/, '"size":9007199254740993')],
  ['a media type that is a path', indexText([{ ...entry, mediaType: '../../x' }])],
  ['a media type with a line break', indexText([{ ...entry, mediaType: 'a/b\nc' }])],
  ['a name that is no text', indexText([{ ...entry, annotations: { 'org.opencontainers.image.ref.name': 1 } }])],
  ['annotations that are an array', indexText([{ ...entry, annotations: [] }])],
  ['a name given twice', indexText([entry]).replace(/("org[^}]+)/, '$1,$1')],
  ['a digest given twice', indexText([entry]).replace(/("digest":"[^"]+")/, '$1,$1')],
  ['urls that are text', indexText([{ ...entry, urls: 'http://x' }])],
  ['nesting without end', `{"schemaVersion":2,"manifests":[],"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ['more bytes than are read', indexText([], { x: 'x'.repeat(4 * 1024 * 1024) })],
  [
    'more entries than are read',
    indexText(Array.from({ length: 16_385 }, () => ({ mediaType: 'a/b', digest: entry.digest, size: 1 }))),
  ],
];

const MARKERS = [
  '',
  '{}',
  'null',
  '[]',
  '"1.0.0"',
  '{"imageLayoutVersion":"2.0.0"}',
  '{"imageLayoutVersion":1}',
  '{"imageLayoutVersion":["1.0.0"]}',
  'x'.repeat(5000),
];

const CASES: readonly Case[] = [
  // Read as Go reads it, it names nothing of what is there.
  ['an index.json with manifests null', 'CONTENT_UNREFERENCED', writeIndex(indexText(null))],
  ['an index.json with no schema version', 'CONTENT_UNREFERENCED', writeIndex('{"manifests":[]}')],
  ...INDEXES.map(([what, text]): Case => [`an index.json with ${what}`, 'INDEX_INVALID', writeIndex(text)]),
  ...MARKERS.map((text): Case => [
    `an oci-layout that says ${JSON.stringify(text.slice(0, 40))}`,
    'MARKER_INVALID',
    (directory) => writeFileSync(join(directory, 'oci-layout'), text),
  ]),
  ['no index.json', 'INDEX_INVALID', (directory) => rmSync(join(directory, 'index.json'))],
  ['no oci-layout', 'MARKER_INVALID', (directory) => rmSync(join(directory, 'oci-layout'))],
  ['no blobs', 'LAYOUT_UNREADABLE', (directory) => rmSync(join(directory, 'blobs'), { recursive: true })],
  [
    'a directory for index.json',
    'LAYOUT_UNREADABLE',
    (directory) => {
      rmSync(join(directory, 'index.json'));
      mkdirSync(join(directory, 'index.json'));
    },
  ],
  [
    'a pipe for index.json',
    'INDEX_INVALID',
    (directory) => {
      rmSync(join(directory, 'index.json'));
      execFileSync('mkfifo', [join(directory, 'index.json')]);
    },
  ],
  ['a link for blobs', 'LAYOUT_UNREADABLE', (directory) => linkAway(directory, 'blobs')],
  ['a link for a directory of blobs', 'FILE_UNKNOWN', (directory) => linkAway(directory, 'blobs/sha256')],
  ['a link for a blob', 'BLOB_NOT_A_FILE', (directory) => linkAway(directory, pathOf(layer.descriptor))],
  ['a link for index.json', 'INDEX_INVALID', (directory) => linkAway(directory, 'index.json')],
  [
    'a directory for a blob',
    'BLOB_NOT_A_FILE',
    (directory) => mkdirSync(join(directory, `blobs/sha256/${'0'.repeat(64)}`)),
  ],
  ['a file beside the layout', 'FILE_UNKNOWN', (directory) => writeFileSync(join(directory, 'manifest.json'), '[]')],
  ['a file with a strange name', 'FILE_UNKNOWN', (directory) => writeFileSync(join(directory, 'a\nb\u001b[31m'), '')],
  [
    'a temporary file among blobs',
    'FILE_UNKNOWN',
    (directory) => writeFileSync(join(directory, 'blobs/sha256/.tmp'), ''),
  ],
  [
    'a blob in capitals',
    'FILE_UNKNOWN',
    (directory) => writeFileSync(join(directory, `blobs/sha256/${'A'.repeat(64)}`), ''),
  ],
  ['blobs of an unknown algorithm', 'FILE_UNKNOWN', (directory) => mkdirSync(join(directory, 'blobs/md5'))],
  [
    'a blob with one bit flipped',
    'BLOB_CORRUPT',
    (directory) => replaceBlob(directory, layer.descriptor, flipped(layer.bytes, 9)),
  ],
  [
    'a blob cut short',
    'BLOB_CORRUPT',
    (directory) => replaceBlob(directory, layer.descriptor, layer.bytes.subarray(1)),
  ],
  ['an empty blob', 'BLOB_CORRUPT', (directory) => replaceBlob(directory, layer.descriptor, '')],
  [
    'a tampered manifest',
    'BLOB_CORRUPT',
    (directory) =>
      replaceBlob(
        directory,
        amd64.descriptor,
        amd64.contents.at(-1)!.bytes.map((byte) => (byte === 0x32 ? 0x33 : byte)),
      ),
  ],
  ['a layer missing', 'CONTENT_MISSING', (directory) => rmSync(join(directory, pathOf(layer.descriptor)))],
  ['a config missing', 'CONTENT_MISSING', (directory) => rmSync(join(directory, pathOf(config.descriptor)))],
  ['a manifest missing', 'CONTENT_MISSING', (directory) => rmSync(join(directory, pathOf(arm64.descriptor)))],
  ['an index missing', 'CONTENT_MISSING', (directory) => rmSync(join(directory, pathOf(all.descriptor)))],
  [
    'a wrong size in index.json',
    'CONTENT_SIZE',
    (directory) => editIndex(directory, ([first, ...rest]) => [{ ...(first as object), size: 1 }, ...rest]),
  ],
  [
    'a wrong size of a layer',
    'CONTENT_SIZE',
    (directory) =>
      addNamed(directory, manifestWith({ layers: amd64.manifest.layers.map((of) => ({ ...of, size: of.size + 1 })) })),
  ],
  [
    'a wrong size of a config',
    'CONTENT_SIZE',
    (directory) => addNamed(directory, manifestWith({ config: { ...amd64.manifest.config, size: 1 } })),
  ],
  [
    'a name that occurs twice',
    'NAME_REPEATED',
    (directory) => editIndex(directory, (manifests) => [...manifests, manifests[0]]),
  ],
  [
    'a manifest that is no JSON',
    'DOCUMENT_INVALID',
    (directory) => addNamed(directory, contentOf(MEDIA_TYPES.ociManifest, '<html>')),
  ],
  [
    'a manifest that is an index',
    'DOCUMENT_INVALID',
    (directory) => addNamed(directory, contentOf(MEDIA_TYPES.ociManifest, indexText([]))),
  ],
  [
    'an index that is a manifest',
    'DOCUMENT_INVALID',
    (directory) => addNamed(directory, contentOf(MEDIA_TYPES.ociIndex, JSON.stringify(amd64.manifest))),
  ],
  [
    'a manifest with manifests, too',
    'DOCUMENT_INVALID',
    (directory) => addNamed(directory, manifestWith({ manifests: [] })),
  ],
  [
    'a manifest without config',
    'DOCUMENT_INVALID',
    (directory) => addNamed(directory, manifestWith({ config: undefined })),
  ],
  [
    'a manifest of too many layers',
    'DOCUMENT_INVALID',
    (directory) => addNamed(directory, manifestWith({ layers: Array(1025).fill(amd64.manifest.layers[0]) })),
  ],
  [
    'a manifest too large',
    'DOCUMENT_INVALID',
    (directory) => addNamed(directory, manifestWith({ x: 'x'.repeat(4 * 1024 * 1024) })),
  ],
  [
    'a manifest of Docker schema 1',
    'DOCUMENT_INVALID',
    (directory) => addNamed(directory, manifestWith({ schemaVersion: 1, fsLayers: [] })),
  ],
  [
    'a manifest nested without end',
    'DOCUMENT_INVALID',
    (directory) => addNamed(directory, contentOf(MEDIA_TYPES.ociManifest, '['.repeat(200_000))),
  ],
  [
    'a config that is no JSON',
    'DOCUMENT_INVALID',
    (directory) => {
      const broken = contentOf(MEDIA_TYPES.ociConfig, '[');
      addNamed(directory, broken, manifestWith({ config: broken.descriptor }));
    },
  ],
  ['indexes nested too deep', 'NESTING_TOO_DEEP', (directory) => addNamed(directory, ...nested(7))],
  [
    'fewer layers than the config says',
    'LAYERS_MISCOUNTED',
    (directory) => addNamed(directory, manifestWith({ layers: amd64.manifest.layers.slice(1) })),
  ],
  [
    'layers in another order than the config says',
    'DIFF_ID_MISMATCH',
    (directory) => addNamed(directory, manifestWith({ layers: amd64.manifest.layers.toReversed() })),
  ],
  [
    'a layer that is not packed as it says',
    'LAYER_INVALID',
    (directory) => addNamedLayer(directory, new TextEncoder().encode('not gzip at all')),
  ],
  [
    'a layer that is packed garbage at its end',
    'LAYER_INVALID',
    (directory) => addNamedLayer(directory, gzipSync('x'.repeat(1000)).subarray(0, -9)),
  ],
  [
    'a layer that registries do not hand out',
    'CONTENT_ELSEWHERE',
    (directory) =>
      addNamed(
        directory,
        manifestWith({
          layers: [
            {
              mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
              digest: `sha256:${'1'.repeat(64)}`,
              size: 5,
            },
          ],
        }),
      ),
  ],
  [
    'a blob that nothing names',
    'CONTENT_UNREFERENCED',
    (directory) => writeFileSync(join(directory, pathOf(contentOf('a/b', 'x').descriptor)), 'x'),
  ],
];

function linkAway(directory: string, path: string): void {
  const outside = join(dirname(directory), 'outside');
  renameSync(join(directory, path), outside);
  symlinkSync(outside, join(directory, path));
}

function addNamedLayer(directory: string, bytes: Uint8Array): void {
  const bad = contentOf(MEDIA_TYPES.ociLayerGzip, bytes);
  addNamed(directory, bad, manifestWith({ layers: [bad.descriptor, ...amd64.manifest.layers.slice(1)] }));
}

/** Everything below a directory, as it is on the disk. */
function listingOf(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true })
    .map(String)
    .toSorted()
    .map((path) => {
      const { mode, ino, nlink, size, mtimeMs } = lstatSync(join(directory, path));
      return `${path} ${mode} ${ino} ${nlink} ${size} ${mtimeMs}`;
    });
}

/** What a program does with a layout that somebody gave it; only errors of ours may come of it. */
async function useLayout(directory: string): Promise<void> {
  const steps = async (): Promise<void> => {
    const store = await openOciLayout(directory, { fs: lazyDisk });
    for (const step of [
      () => store.resolve('all'),
      () => store.names(),
      () => store.has(layer!.descriptor),
      () => writeContent(store, layer!.descriptor, layer!.bytes),
      () => store.tag('mine', amd64.descriptor),
      () => store.untag('mine'),
      () => store.collectGarbage({ graceMs: 0 }),
    ]) {
      await step().catch((error: unknown) => expect(isImageError(error), String(error)).toBe(true));
    }
  };
  await steps().catch((error: unknown) => expect(isImageError(error), String(error)).toBe(true));
}

describe('validateLayout', () => {
  it('finds nothing in a layout of ours, and counts', async () => {
    const directory = await newLayout();
    const contents = new Map(all.contents.map(({ descriptor, bytes }) => [descriptor.digest, bytes.length]));
    expect(await validateLayout(directory)).toEqual({
      valid: true,
      findings: [],
      blobs: contents.size,
      bytes: [...contents.values()].reduce((sum, size) => sum + size, 0),
    });
  });

  it('finds nothing wrong with a layout of Docker types, of other algorithms, and of an artifact', async () => {
    const directory = join(tempDir().path, 'layout');
    const store = await openOciLayout(directory, { fs: lazyDisk });
    const docker = buildImage({ mediaTypes: 'docker', layers: [{ files: { a: 'b' } }] });
    for (const { descriptor, bytes } of docker.contents) await writeContent(store, descriptor, bytes);
    await store.tag('docker', docker.descriptor);
    expect(await validateLayout(directory)).toMatchObject({ valid: true, findings: [] });
  });

  it('says so when there is no layout, and makes none', async () => {
    const { path } = tempDir();
    for (const place of ['nothing', 'file']) {
      writeFileSync(join(path, 'file'), '');
      const { valid, findings } = await validateLayout(join(path, place));
      expect(valid).toBe(false);
      expect(findings.map(({ code }) => code)).toContain('LAYOUT_UNREADABLE');
    }
  });

  it('lists all that is wrong, each with its place', async () => {
    const directory = await newLayout();
    rmSync(join(directory, 'oci-layout'));
    replaceBlob(directory, layer.descriptor, 'x');
    rmSync(join(directory, pathOf(arm64.descriptor)));
    writeFileSync(join(directory, 'stray'), '');
    const { valid, findings } = await validateLayout(directory);
    expect(valid).toBe(false);
    const short = findings.map(({ code, severity, place }) => `${severity} ${code} ${place}`);
    expect(short).toEqual([
      'warning FILE_UNKNOWN stray',
      'error MARKER_INVALID oci-layout',
      `error BLOB_CORRUPT ${pathOf(layer.descriptor)}`,
      `error CONTENT_MISSING ${pathOf(all.descriptor)}#manifests[1]`,
      `error CONTENT_SIZE ${pathOf(amd64.descriptor)}#layers[0]`,
      ...arm64.contents
        .slice(0, -1)
        .map(({ descriptor }) => `info CONTENT_UNREFERENCED ${pathOf(descriptor)}`)
        .toSorted(),
    ]);
  });

  it('does not unpack layers when it is told not to', async () => {
    const directory = await newLayout();
    addNamed(directory, manifestWith({ layers: amd64.manifest.layers.toReversed() }));
    expect((await validateLayout(directory, { unpack: false })).findings).toEqual([]);
  });

  it('says when it cannot unpack a layer, or unpacks it', async () => {
    const directory = await newLayout();
    const zstd = contentOf(MEDIA_TYPES.ociLayerZstd, 'not zstd');
    addNamed(directory, zstd, manifestWith({ layers: [zstd.descriptor, ...amd64.manifest.layers.slice(1)] }));
    const { findings } = await validateLayout(directory);
    expect(['LAYER_UNCHECKED', 'LAYER_INVALID']).toContain(findings[0]?.code);
  });

  it('ends with the reason of its signal', async () => {
    const reason = { is: 'the reason' };
    const directory = await newLayout();
    await expect(validateLayout(directory, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const createHasher: typeof nodeHasher = (algorithm) => {
      controller.abort(reason);
      return nodeHasher(algorithm);
    };
    await expect(validateLayout(directory, { signal: controller.signal, createHasher })).rejects.toBe(reason);
  });

  it('has at least 80 hostile layouts [S11]', () => {
    expect(CASES.length).toBeGreaterThanOrEqual(80);
  });

  it.each(sweepOf(CASES, 30))('finds %s: %s [S11]', async (_, code, spoil) => {
    const directory = await newLayout();
    spoil(directory);
    const before = listingOf(dirname(directory));
    const { findings, valid } = await validateLayout(directory);
    expect(findings.map((finding) => finding.code)).toContain(code);
    expect(valid).toBe(findings.every(({ severity }) => severity !== 'error'));
    for (const { place, message } of findings) expect(`${place}${message}`).toMatch(/^[\x20-\x7e\u00a0-\uffff]*$/);
    expect(listingOf(dirname(directory))).toEqual(before);
    await useLayout(directory);
    countFor('hostile archives and layouts');
  });
});
