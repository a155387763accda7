import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openOciLayout } from 'kubepull/node';
import { MEDIA_TYPES } from 'kubepull/oci';
import { readContent, writeContent } from 'kubepull/store';
import { buildImage, buildIndex } from 'kubepull/testing';
import { assertLayoutValid } from '../../support/layout-check.ts';
import { tempDir } from '../../support/temp-dir.ts';

const image = buildImage({ layers: [{ randomBytes: 1000 }] });
const [layer] = image.contents;
if (layer === undefined) throw new Error('No layer');
const blobPath = `blobs/${layer.descriptor.digest.replace(':', '/')}`;

/** A layout with the image in it, and a name for it. */
async function layoutWithImage(): Promise<string> {
  const directory = join(tempDir().path, 'layout');
  const store = await openOciLayout(directory);
  for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
  await store.tag('app:1', image.descriptor);
  return directory;
}

/** What a program does with a layout; the first failure, if any. */
async function useLayout(directory: string): Promise<unknown> {
  try {
    const store = await openOciLayout(directory);
    await store.resolve('app:1');
    await store.has(layer!.descriptor);
    for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
    await store.tag('app:2', image.descriptor);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('openOciLayout', () => {
  it.each(['blobs', 'blobs/sha256', 'ingest', 'ingest/lock', 'index.json', 'oci-layout', blobPath])(
    'refuses a symbolic link at %s, and writes nothing where it leads [S09]',
    async (path) => {
      const directory = await layoutWithImage();
      const outside = join(dirname(directory), 'outside');
      const link = join(directory, path);
      if (path === 'ingest/lock') mkdirSync(outside);
      else renameSync(link, outside);
      symlinkSync(outside, link);
      const before = execFileSync('ls', ['-liR', outside]).toString();
      expect(await useLayout(directory)).toMatchObject({ code: 'ERR_STORE' });
      expect(execFileSync('ls', ['-liR', outside]).toString()).toBe(before);
    },
  );

  it('works below a root that is itself reached through a link [S09]', async () => {
    const directory = await layoutWithImage();
    const link = join(dirname(directory), 'link');
    symlinkSync(directory, link);
    expect(await useLayout(link)).toBeUndefined();
    expect((await openOciLayout(link)).directory).toBe(directory);
  });

  it('fails when the root is a link to nowhere, or a file [S09]', async () => {
    const { path } = tempDir();
    symlinkSync(join(path, 'nowhere'), join(path, 'link'));
    writeFileSync(join(path, 'file'), '');
    for (const name of ['link', 'link/below', 'file', 'file/below']) {
      await expect(openOciLayout(join(path, name)), name).rejects.toMatchObject({ code: 'ERR_STORE' });
    }
    expect(existsSync(join(path, 'nowhere'))).toBe(false);
  });

  it.each([
    ['a directory', (path: string) => mkdirSync(path)],
    ['a pipe', (path: string) => execFileSync('mkfifo', [path])],
    ['a link to a device', (path: string) => symlinkSync('/dev/zero', path)],
  ])('refuses %s where a file should be, without waiting [S10]', async (_, make) => {
    for (const path of [blobPath, 'index.json', 'oci-layout']) {
      const directory = await layoutWithImage();
      rmSync(join(directory, path));
      make(join(directory, path));
      const message = expect.stringMatching(/: it is (?:not a file|a symbolic link)/) as string;
      expect(await useLayout(directory), path).toMatchObject({ code: 'ERR_STORE', message });
    }
  });

  it('refuses a pipe where the content of a manifest is asked for [S10]', async () => {
    const directory = await layoutWithImage();
    rmSync(join(directory, blobPath));
    execFileSync('mkfifo', [join(directory, blobPath)]);
    const store = await openOciLayout(directory);
    await expect(readContent(store, layer.descriptor, { maxBytes: 10_000 })).rejects.toMatchObject({
      code: 'ERR_STORE',
    });
  });

  it('replaces a hard link to a file elsewhere, and never writes through it [S10]', async () => {
    const directory = await layoutWithImage();
    const outside = join(dirname(directory), 'outside');
    writeFileSync(outside, 'x'.repeat(layer.descriptor.size));
    rmSync(join(directory, blobPath));
    linkSync(outside, join(directory, blobPath));
    expect(await useLayout(directory)).toBeUndefined();
    expect(readFileSync(outside, 'latin1')).toBe('x'.repeat(layer.descriptor.size));
    await assertLayoutValid(directory);
  });

  it('fails for a path that is too long [S10]', async () => {
    const path = join(tempDir().path, 'x'.repeat(300));
    await expect(openOciLayout(path)).rejects.toMatchObject({ code: 'ERR_STORE', errno: 'ENAMETOOLONG' });
  });

  const entry = { ...image.descriptor, annotations: { 'org.opencontainers.image.ref.name': 'app:1' } };
  const index = (manifests: unknown, more: object = {}): string =>
    JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests, ...more });
  const hostile: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['no JSON', '{"schemaVersion":2,'],
    ['two documents', `${index([])}${index([])}`],
    ['null', 'null'],
    ['an array', '[]'],
    ['a number', '2'],
    ['a byte order mark', `\ufeff${index([])}`],
    ['no manifests', '{"schemaVersion":2}'],
    ['manifests an object', index({})],
    ['manifests of text', index(['x'])],
    ['manifests twice', '{"schemaVersion":2,"manifests":[],"manifests":[]}'],
    ['manifests in other case, too', index([], { Manifests: [] })],
    ['layers, too', index([], { layers: [] })],
    ['schema version 1', '{"schemaVersion":1,"manifests":[]}'],
    ['another media type', index([], { mediaType: MEDIA_TYPES.ociManifest })],
    ['an entry without digest', index([{ ...entry, digest: undefined }])],
    ['a digest that is a path', index([{ ...entry, digest: `sha256:../../${'0'.repeat(58)}` }])],
    ['a digest in capitals', index([{ ...entry, digest: `sha256:${'A'.repeat(64)}` }])],
    ['a digest of md5', index([{ ...entry, digest: `md5:${'0'.repeat(32)}` }])],
    ['a short digest', index([{ ...entry, digest: 'sha256:00' }])],
    ['a negative size', index([{ ...entry, size: -1 }])],
    ['a size in parts', index([{ ...entry, size: 1.5 }])],
    ['a size as text', index([{ ...entry, size: '560' }])],
    ['a size beyond all', index([entry]).replace(/"size":\d+/, '"size":1e400')],
    ['a name that is no text', index([{ ...entry, annotations: { 'org.opencontainers.image.ref.name': 1 } }])],
    ['a name given twice', index([entry]).replace(/("org[^}]+)/, '$1,$1')],
    ['nesting without end', `{"schemaVersion":2,"manifests":[],"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['more bytes than are read', index([], { x: 'x'.repeat(4 * 1024 * 1024) })],
    [
      'more entries than are read',
      index(Array.from({ length: 16_385 }, () => ({ mediaType: 'a/b', digest: entry.digest, size: 1 }))),
    ],
  ];

  it.each(hostile)('refuses an index.json with %s, and leaves it alone [S11]', async (_, text) => {
    const directory = await layoutWithImage();
    writeFileSync(join(directory, 'index.json'), text);
    const store = await openOciLayout(directory);
    for (const call of [store.resolve('app:1'), store.tag('app:2', image.descriptor)]) {
      await expect(call).rejects.toMatchObject({
        code: 'ERR_STORE',
        message: expect.stringContaining('index.json') as string,
      });
    }
    expect(readFileSync(join(directory, 'index.json'), 'utf8')).toBe(text);
  });

  it('refuses an index.json whose bytes are not UTF-8 [S11]', async () => {
    const directory = await layoutWithImage();
    writeFileSync(join(directory, 'index.json'), Buffer.from(index([], { x: '\u00e9' }), 'latin1'));
    expect(await useLayout(directory)).toMatchObject({ code: 'ERR_STORE' });
  });

  it.each(['', '{}', 'null', '[]', '{"imageLayoutVersion":"2.0.0"}', '{"imageLayoutVersion":1}', 'x'.repeat(5000)])(
    'refuses a directory whose oci-layout says %j [S11]',
    async (text) => {
      const directory = await layoutWithImage();
      writeFileSync(join(directory, 'oci-layout'), text);
      await expect(openOciLayout(directory)).rejects.toMatchObject({ code: 'ERR_STORE' });
    },
  );

  it('resolves a name only to what the index says, and does not name it again while content is missing [S11]', async () => {
    const directory = await layoutWithImage();
    rmSync(join(directory, blobPath));
    const store = await openOciLayout(directory);
    expect(await store.resolve('app:1')).toEqual(image.descriptor);
    await expect(store.tag('app:2', image.descriptor)).rejects.toThrow(`the store lacks ${layer.descriptor.digest}`);
  });

  it('makes file names of digests and tokens only, whatever an image and its names say [S12]', async () => {
    const evil = '../../../../evil';
    const annotations = {
      'org.opencontainers.image.title': evil,
      'org.opencontainers.image.ref.name': evil,
      'io.containerd.image.name': evil,
    };
    const nasty = buildImage({
      platform: { os: evil, architecture: '/etc', variant: '..' },
      layers: [{ randomBytes: 100 }],
      config: { Labels: { [evil]: evil } },
      annotations,
    });
    const all = buildIndex([nasty], { annotations });
    const { path } = tempDir();
    const directory = join(path, 'a', 'b', 'c', 'd', 'layout');
    const store = await openOciLayout(directory);
    for (const { descriptor, bytes } of all.contents) await writeContent(store, { ...descriptor, annotations }, bytes);
    for (const name of [evil, '/etc/evil', 'oci-layout', 'blobs', 'x/../y']) {
      await store.tag(name, { ...all.descriptor, annotations });
    }
    const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(
      files.map(({ parentPath, name }) => join(parentPath, name)).filter((file) => !file.startsWith(directory)),
    ).toEqual([]);
    const names = files.map(({ name }) => name).filter((name) => !['oci-layout', 'index.json'].includes(name));
    for (const name of names) expect(name).toMatch(/^[0-9a-f]{64}$/);
    expect(basename(directory)).toBe('layout');
    await assertLayoutValid(directory);
    expect(readFileSync(join(directory, 'index.json'), 'utf8')).not.toContain('containerd');
  });
});
