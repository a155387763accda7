import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LayoutFileSystem, nodeFileSystem, type OciLayout, openOciLayout } from 'kubepull/node';
import { writeContent } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { createIndexFile } from '../../../src/node/layout/index-file.ts';
import { assertLayoutValid } from '../../support/layout-check.ts';
import { tempDir } from '../../support/temp-dir.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';
const image = buildImage({ layers: [{ files: { a: 'b' } }] });
const other = buildImage({ layers: [{ files: { a: 'c' } }] });
const { mediaType, digest, size, platform } = image.descriptor;

/** The entry that `tag` writes. */
const entry = (name: string): string =>
  JSON.stringify({ mediaType, digest, size, platform, annotations: { [REF_NAME]: name } });

async function layoutWith(text: string): Promise<{ store: OciLayout; read(): string }> {
  const store = await openOciLayout(join(tempDir().path, 'layout'));
  for (const { descriptor, bytes } of [...image.contents, ...other.contents]) {
    await writeContent(store, descriptor, bytes);
  }
  const path = join(store.directory, 'index.json');
  writeFileSync(path, text);
  return { store, read: () => readFileSync(path, 'utf8') };
}

/** The real file system; what is done to a file of this name is counted. */
function counting(name: string): { readonly fs: LayoutFileSystem; readonly calls: Record<'lstat' | 'open', number> } {
  const calls = { lstat: 0, open: 0 };
  const count = (operation: 'lstat' | 'open', path: string): void =>
    void (path.endsWith(name) && (calls[operation] += 1));
  const fs: LayoutFileSystem = {
    ...nodeFileSystem,
    lstat: (path) => (count('lstat', path), nodeFileSystem.lstat(path)),
    open: (path) => (count('open', path), nodeFileSystem.open(path)),
  };
  return { fs, calls };
}

describe('index.json of openOciLayout', () => {
  it('is looked at a few times for a hundred who ask at once, and tells each what was there when he asked', async () => {
    const { store } = await layoutWith(`{"schemaVersion":2,"manifests":[${entry('app:1')}]}`);
    utimesSync(join(store.directory, 'index.json'), 1, 1);
    const { fs, calls } = counting('index.json');
    const other = await openOciLayout(store.directory, { fs });
    const found = await Promise.all(Array.from({ length: 100 }, () => other.resolve('app:1')));
    expect(found.every((target) => target?.digest === digest)).toBe(true);
    expect(calls.lstat + calls.open).toBeLessThan(10);
    const before = other.resolve('app:2');
    await store.tag('app:2', image.descriptor);
    expect((await other.resolve('app:2'))?.digest).toBe(digest);
    await before;
  });

  it('is not parsed again while it has the same bytes, however young it is', async () => {
    const { store } = await layoutWith(`{"schemaVersion":2,"manifests":[${entry('app:1')}]}`);
    const path = join(store.directory, 'index.json');
    const { now } = Date;
    const file = createIndexFile(nodeFileSystem, path, { now });
    const first = await file.read();
    expect(await file.read()).toBe(first);
    writeFileSync(path, `{"schemaVersion":2,"manifests":[${entry('app:2')}]}`);
    expect((await file.read()).text()).toContain('app:2');
  });

  it('has the descriptor of what is named, with its platform, and the name as annotation', async () => {
    const { store, read } = await layoutWith('{"schemaVersion":2,"manifests":[]}');
    await store.tag('app:1', image.descriptor);
    expect(read()).toBe(`{"schemaVersion":2,"manifests":[${entry('app:1')}]}`);
    await assertLayoutValid(store.directory);
  });

  it('refuses four million bytes of zeros before they are parsed', async () => {
    const { store } = await layoutWith(`{"schemaVersion":2,"manifests":[${'0,'.repeat(2_000_000)}0]}`);
    await expect(store.names()).rejects.toThrow(/has more than 262144 values/);
  });

  it('refuses to write an index that it could not read again', async () => {
    const zeros = `[${'0,'.repeat(262_000)}0]`;
    const { store, read } = await layoutWith(`{"schemaVersion":2,"x":${zeros},"manifests":[]}`);
    const before = read();
    for (let at = 0; at < 12; at += 1) await store.tag(`app:${at}`, image.descriptor);
    expect(read()).not.toBe(before);
    await expect(
      (async () => {
        for (let at = 0; at < 12; at += 1) await store.tag(`app:x${at}`, image.descriptor);
      })(),
    ).rejects.toThrow(/it would have \d+ entries with \d+ values/);
    expect((await store.names()).length).toBeGreaterThan(11);
  });

  // What stands before and after the new entry, and what stood between them.
  it.each([
    ['an empty array', '{"schemaVersion":2,"manifests":[', '', ']}'],
    ['an empty array with space in it', '{"schemaVersion":2,"manifests":[', ' \n ', ']}'],
    [
      'fields and numbers that we do not know',
      '{"x":1e400,"y":12345678901234567890,"schemaVersion":2,"manifests":[',
      '',
      '],"z":{"manifests":[1]}}',
    ],
    [
      'a key that is a value elsewhere',
      '{"v":"manifests","schemaVersion":2,"w":["manifests",["x"]],"manifests":[',
      '',
      ']}',
    ],
    ['escapes', '{"\\u00e9":"\\"[{,","schemaVersion":2,"manif\\u0065sts":[', '', '],"t":"\\\\"}'],
    ['line breaks', '{\n  "schemaVersion": 2,\n  "manifests" : [', '', ']\n}\n'],
    [
      'annotations of the index',
      '{"schemaVersion":2,"annotations":{"a":"b"},"manifests":[',
      '',
      '],"annotations2":null}',
    ],
  ])('keeps every other byte: %s [S11]', async (_, before, between, after) => {
    const { store, read } = await layoutWith(`${before}${between}${after}`);
    await store.tag('app:1', image.descriptor);
    expect(read()).toBe(`${before}${entry('app:1')}${after}`);
    await store.tag('app:2', image.descriptor);
    expect(read()).toBe(`${before}${entry('app:1')},${entry('app:2')}${after}`);
    expect(await store.resolve('app:2')).toEqual(image.descriptor);
  });

  it('keeps the entries of others as they are, and the way in which they are set [S11]', async () => {
    const { digest, size, mediaType } = other.descriptor;
    const foreign = (name: string): string =>
      `{ "digest":"${digest}", "size":${size}, "mediaType":"${mediaType}", "x": [1.50, {"y":"]"}],\n "annotations":{"${REF_NAME}":"${name}","a":"\\u00e9"} }`;
    const unnamed = `{"mediaType":"${mediaType}","digest":"${digest}","size":${size}}`;
    const text = (...entries: readonly string[]): string =>
      `{"schemaVersion":2,"manifests":[\n    ${entries.join(',\n    ')}\n  ]}`;
    const { store, read } = await layoutWith(text(foreign('a'), unnamed, foreign('b'), foreign('c'), foreign('b')));
    await store.tag('b', image.descriptor);
    expect(read()).toBe(text(foreign('a'), unnamed, entry('b'), foreign('c')));
    await store.tag('d', image.descriptor);
    expect(read()).toBe(text(foreign('a'), unnamed, entry('b'), foreign('c'), entry('d')));
    expect((await store.resolve('a'))?.digest).toBe(digest);
    expect(await store.resolve('e')).toBeUndefined();
    await assertLayoutValid(store.directory);
  });

  it('takes the first of several entries with the name', async () => {
    const of = (digest: string): string => entry('app:1').replace(image.descriptor.digest, digest);
    const { store } = await layoutWith(
      `{"schemaVersion":2,"manifests":[${of(image.descriptor.digest)},${of(other.descriptor.digest)}]}`,
    );
    expect((await store.resolve('app:1'))?.digest).toBe(image.descriptor.digest);
  });

  it('names more images than an index from a registry may list', async () => {
    const names = Array.from({ length: 10_000 }, (_, at) => `app:${at}`);
    const { store } = await layoutWith(`{"schemaVersion":2,"manifests":[${names.map(entry).join(',')}]}`);
    await store.tag('app:new', other.descriptor);
    expect((await store.resolve('app:9999'))?.digest).toBe(image.descriptor.digest);
    expect((await store.resolve('app:new'))?.digest).toBe(other.descriptor.digest);
    const { removed } = await store.collectGarbage({ graceMs: 0 });
    expect(removed).toEqual([]);
  });

  it('does not write an index that could not be read again', async () => {
    const text = `{"schemaVersion":2,"manifests":[],"x":"${'x'.repeat(4 * 1024 * 1024 - 100)}"}`;
    const { store, read } = await layoutWith(text);
    await expect(store.tag('app:1', image.descriptor)).rejects.toMatchObject({ code: 'ERR_STORE', operation: 'tag' });
    expect(read()).toBe(text);
    await assertLayoutValid(store.directory);
  });
});
