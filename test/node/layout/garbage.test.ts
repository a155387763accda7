import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LayoutOwner, nodeFileSystem, nodeHasher, type OciLayout, openOciLayout } from 'kubepull/node';
import { computeDigest } from 'kubepull/digest';
import { type Descriptor, MEDIA_TYPES } from 'kubepull/oci';
import { writeContent } from 'kubepull/store';
import { buildImage, buildIndex, type BuiltContent, createFakeClock, type FakeClock } from 'kubepull/testing';
import { createCrashDisk } from '../../support/crash-fs.ts';
import { countFor } from '../../support/figures.ts';
import { assertLayoutValid, layoutFaults } from '../../support/layout-check.ts';
import { isMutated } from '../../support/property-runs.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { sweepOf } from '../../support/sweeps.ts';

const HOUR = 60 * 60 * 1000;
const base = { randomBytes: 2000, seed: 'base' };
const first = buildImage({ layers: [base, { randomBytes: 1000, seed: 'a' }] });
const second = buildImage({ layers: [base, { randomBytes: 1000, seed: 'b' }] });

/** A clock that says what the real one does, plus what it is advanced by. */
function laterClock(): FakeClock {
  const clock = createFakeClock();
  clock.setWallClock(Date.now());
  return clock;
}

async function fill(store: OciLayout, contents: readonly BuiltContent[]): Promise<void> {
  for (const { descriptor, bytes } of contents) await writeContent(store, descriptor, bytes);
}

async function newLayout(clock = laterClock()): Promise<{ store: OciLayout; clock: FakeClock; directory: string }> {
  const directory = join(tempDir().path, 'layout');
  return { store: await openOciLayout(directory, { clock }), clock, directory };
}

function blobsIn(directory: string): readonly string[] {
  return readdirSync(join(directory, 'blobs/sha256'))
    .map((hex) => `sha256:${hex}`)
    .toSorted();
}

const digestsOf = (...contents: readonly BuiltContent[]): readonly string[] =>
  [...new Set(contents.map(({ descriptor }) => descriptor.digest))].toSorted();

function documentOf(mediaType: string, document: object): BuiltContent {
  const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType, ...document }));
  return { descriptor: { mediaType, digest: computeDigest(bytes, nodeHasher), size: bytes.length }, bytes };
}

function blobOf(text: string): BuiltContent {
  const bytes = new TextEncoder().encode(text);
  return {
    descriptor: { mediaType: 'text/plain', digest: computeDigest(bytes, nodeHasher), size: bytes.length },
    bytes,
  };
}

/** A manifest that says that it is about another. */
function referrerOf(subject: Descriptor, layer: BuiltContent): readonly BuiltContent[] {
  const config = blobOf('{}');
  const manifest = documentOf(MEDIA_TYPES.ociManifest, {
    artifactType: 'application/vnd.example.signature',
    config: { ...config.descriptor, mediaType: MEDIA_TYPES.ociEmpty },
    layers: [layer.descriptor],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
  });
  return [config, layer, manifest];
}

describe('names and untag of openOciLayout', () => {
  it('lists each name once, also those that others wrote, and takes one away without touching the rest', async () => {
    const { store, directory } = await newLayout();
    await fill(store, first.contents);
    for (const name of ['b', 'a', '../c']) await store.tag(name, first.descriptor);
    const index = join(directory, 'index.json');
    const foreign = readFileSync(index, 'utf8').replace('"manifests":[', '"x": 1e2,\n "manifests":[ ');
    writeFileSync(index, foreign);
    expect((await store.names()).toSorted()).toEqual(['../c', 'a', 'b']);
    expect(await store.untag('a')).toBe(true);
    expect(await store.untag('a')).toBe(false);
    expect(await store.resolve('a')).toBeUndefined();
    expect(readFileSync(index, 'utf8')).toMatch(/"x": 1e2,\n "manifests":\[ \{.*"b".*,\{.*"\.\.\/c".*\}\]/);
    for (const name of ['b', '../c']) expect(await store.untag(name)).toBe(true);
    expect(await store.names()).toEqual([]);
    expect(await store.has(first.descriptor)).toBe(true);
    await assertLayoutValid(directory);
  });

  it('takes away all entries of a name that occurs twice', async () => {
    const { store, directory } = await newLayout();
    await fill(store, [...first.contents, ...second.contents]);
    await store.tag('a', first.descriptor);
    await store.tag('b', second.descriptor);
    const index = join(directory, 'index.json');
    writeFileSync(index, readFileSync(index, 'utf8').replace('"b"', '"a"'));
    expect(await store.names()).toEqual(['a']);
    expect(await store.untag('a')).toBe(true);
    expect(JSON.parse(readFileSync(index, 'utf8'))).toMatchObject({ manifests: [] });
  });
});

describe('collectGarbage of openOciLayout', () => {
  it('removes what nothing names, after an hour, and says so', async () => {
    const { store, clock, directory } = await newLayout();
    await fill(store, [...first.contents, ...second.contents]);
    await store.tag('app:1', first.descriptor);
    const all = digestsOf(...first.contents, ...second.contents);
    const garbage = second.contents.filter(
      ({ descriptor }) => !digestsOf(...first.contents).includes(descriptor.digest),
    );
    await clock.advance(HOUR - 60_000);
    expect(await store.collectGarbage()).toEqual({ removed: [], removedBytes: 0, kept: 4, spared: garbage.length });
    expect(blobsIn(directory)).toEqual(all);
    await clock.advance(2 * 60_000);
    const dry = await store.collectGarbage({ dryRun: true });
    expect(blobsIn(directory)).toEqual(all);
    const report = await store.collectGarbage();
    expect(report).toEqual(dry);
    expect(report.removed.map(({ digest }) => digest).toSorted()).toEqual(digestsOf(...garbage));
    expect(report.removedBytes).toBe(garbage.reduce((sum, { bytes }) => sum + bytes.length, 0));
    expect(report).toMatchObject({ kept: 4, spared: 0 });
    expect(blobsIn(directory)).toEqual(digestsOf(...first.contents));
    await assertLayoutValid(directory, { allowPartials: false });
  });

  it('keeps what a manifest names that takes several reads', async () => {
    const { store, clock, directory } = await newLayout();
    const [config, layer, garbage] = [blobOf('{}'), blobOf('layer'), blobOf('garbage')];
    const manifest = documentOf(MEDIA_TYPES.ociManifest, {
      config: { ...config.descriptor, mediaType: MEDIA_TYPES.ociEmpty },
      annotations: { padding: 'x'.repeat(3_000_000) },
      layers: [layer.descriptor],
    });
    await fill(store, [config, layer, manifest, garbage]);
    await store.tag('app:1', manifest.descriptor);
    await clock.advance(2 * HOUR);
    expect((await store.collectGarbage()).removed.map(({ digest }) => digest)).toEqual(digestsOf(garbage));
    expect(blobsIn(directory)).toEqual(digestsOf(config, layer, manifest));
  });

  it('keeps all that a name leads to: nested indexes, subjects, and referrers of any of it', async () => {
    const { store, directory } = await newLayout();
    const index = buildIndex([buildIndex([first]), second]);
    const signature = referrerOf(first.descriptor, blobOf('signature'));
    const onSignature = referrerOf(signature.at(-1)!.descriptor, blobOf('signature of the signature'));
    const [, , aboutIndex] = referrerOf(index.descriptor, blobOf('about the index'));
    const stranger = referrerOf(blobOf('what is not there').descriptor, blobOf('lost'));
    const subject = buildImage({ layers: [{ randomBytes: 10, seed: 'subject' }] });
    const about = referrerOf(subject.descriptor, blobOf('named'));
    const kept = [...index.contents, ...signature, ...onSignature, aboutIndex!, ...about, ...subject.contents];
    await fill(store, [...kept, ...stranger, blobOf('{"not":"a manifest"}'), blobOf('plain')]);
    await store.tag('app:1', index.descriptor);
    await store.tag('artifact', about.at(-1)!.descriptor);
    await store.collectGarbage({ graceMs: 0 });
    expect(blobsIn(directory)).toEqual(digestsOf(...kept));
    await assertLayoutValid(directory);
    await store.untag('app:1');
    await store.untag('artifact');
    await store.collectGarbage({ graceMs: 0 });
    expect(blobsIn(directory)).toEqual([]);
  });

  it('spares what a pull has found there, however old it is', async () => {
    const { store, clock, directory } = await newLayout();
    await fill(store, first.contents);
    await clock.advance(3 * HOUR);
    // Only real time moves what the disk says, so a new clock is the time at which the blob is found.
    const finder = await openOciLayout(directory, { clock });
    const [layer, ...others] = first.contents;
    const fs = { ...nodeFileSystem, lstat: async (path: string) => late(await nodeFileSystem.lstat(path)) };
    const touched = new Set<string>();
    const late = <T extends { inode: string; touched: bigint }>(stat: T): T =>
      touched.has(stat.inode) ? { ...stat, touched: stat.touched + BigInt(3 * HOUR) * 1_000_000n } : stat;
    const watching = {
      ...fs,
      open: async (path: string) => {
        const file = await nodeFileSystem.open(path);
        const chmod = async (mode: number): Promise<void> => {
          await file.chmod(mode);
          touched.add((await file.stat()).inode);
        };
        return { ...file, chmod };
      },
    };
    expect(await finder.has(others[0]!.descriptor)).toBe(true);
    const pulling = await openOciLayout(directory, { clock, fs: watching });
    expect(await pulling.has(layer!.descriptor)).toBe(true);
    expect(touched.size).toBe(1);
    const report = await pulling.collectGarbage();
    expect(report.spared).toBe(1);
    expect(blobsIn(directory)).toEqual([layer!.descriptor.digest]);
    expect(await pulling.has(others[0]!.descriptor)).toBe(false);
  });

  it('spares what was found a moment ago for as long as the grace says, however short that is', async () => {
    const { store, clock, directory } = await newLayout();
    await fill(store, first.contents);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    // As old as it is on the disk, by our clock.
    clock.setWallClock(Date.now());
    const [found, ...others] = first.contents;
    expect(await store.has(found!.descriptor)).toBe(true);
    clock.setWallClock(Date.now() + 200);
    const report = await store.collectGarbage({ graceMs: 1 });
    expect(blobsIn(directory)).toEqual([found!.descriptor.digest]);
    expect(report).toMatchObject({ spared: 1, removed: { length: others.length } });
  });

  it('touches no blob that is young, and has those that it may not touch', async () => {
    const { store, clock, directory } = await newLayout();
    await fill(store, first.contents);
    let touches = 0;
    const fs = {
      ...nodeFileSystem,
      open: async (path: string) => {
        const file = await nodeFileSystem.open(path);
        const chmod = async (): Promise<void> => {
          touches += 1;
          throw Object.assign(new Error('not yours'), { code: 'EPERM' });
        };
        return { ...file, chmod };
      },
    };
    const other = await openOciLayout(directory, { fs, clock });
    expect(await other.has(first.descriptor)).toBe(true);
    expect(touches).toBe(0);
    await clock.advance(HOUR);
    expect(await other.has(first.descriptor)).toBe(true);
    expect(touches).toBe(1);
  });

  it('does not remove what another process writes anew while it is about to be removed', async () => {
    const { store, clock, directory } = await newLayout();
    await fill(store, first.contents);
    await clock.advance(2 * HOUR);
    const { descriptor, bytes } = first.contents[0]!;
    const path = join(directory, 'blobs', descriptor.digest.replace(':', '/'));
    const fs = {
      ...nodeFileSystem,
      rename: async (from: string, to: string) => {
        if (from === path) await writeContent(await openOciLayout(directory), descriptor, bytes);
        await nodeFileSystem.rename(from, to);
      },
    };
    const report = await (await openOciLayout(directory, { fs, clock })).collectGarbage();
    expect(report.spared).toBe(1);
    expect(blobsIn(directory)).toEqual([descriptor.digest]);
    await assertLayoutValid(directory, { allowPartials: false });
  });

  it('removes nothing when a manifest that has a name cannot be read', async () => {
    const { store, clock, directory } = await newLayout();
    await fill(store, [...first.contents, blobOf('garbage')]);
    await store.tag('app:1', first.descriptor);
    await clock.advance(2 * HOUR);
    const path = join(directory, 'blobs', first.descriptor.digest.replace(':', '/'));
    chmodSync(path, 0o644);
    const before = blobsIn(directory);
    for (const text of ['x'.repeat(first.descriptor.size), '{', '']) {
      writeFileSync(path, text);
      await expect(store.collectGarbage()).rejects.toThrow(`Cannot collect garbage: ${first.descriptor.digest}`);
      expect(blobsIn(directory)).toEqual(before);
    }
    // What is not there needs nothing.
    rmSync(path);
    expect((await store.collectGarbage()).kept).toBe(0);
  });

  it('leaves alone in blobs what is not ours', async () => {
    const { store, directory } = await newLayout();
    await fill(store, first.contents);
    for (const name of ['blobs/README', 'blobs/sha256/notes', `blobs/sha256/${'A'.repeat(64)}`]) {
      writeFileSync(join(directory, name), '');
    }
    await store.collectGarbage({ graceMs: 0 });
    expect(blobsIn(directory)).toEqual([`sha256:${'A'.repeat(64)}`, 'sha256:notes']);
    expect(readdirSync(join(directory, 'blobs')).toSorted()).toEqual(['README', 'sha256']);
  });

  it.each([-1, Number.NaN])('refuses a grace of %d ms', async (graceMs) => {
    const { store } = await newLayout();
    await expect(store.collectGarbage({ graceMs })).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });

  it('stays valid when it is killed, or the power is cut, at any call [S01 S02 S13]', async () => {
    const run = async (fs: ReturnType<ReturnType<typeof createCrashDisk>['mount']>, ids: { next: number }) => {
      const id = (ids.next += 1);
      let tokens = 0;
      const owner: LayoutOwner = {
        createToken: () => `${'0'.repeat(16)}-${id}-1-${String((tokens += 1)).padStart(36, '0')}`,
        stateOf: async (token) => (token.split('-')[1] === String(id) ? 'alive' : 'dead'),
      };
      const store = await openOciLayout('/layout', { fs, owner });
      await fill(store, [...first.contents, ...second.contents]);
      await store.tag('app:1', first.descriptor);
      await store.tag('app:2', second.descriptor);
      await store.untag('app:2');
      await store.collectGarbage({ graceMs: 0 });
    };
    const clean = createCrashDisk().mount();
    await run(clean, { next: 0 });
    const looks = ['realpath', 'open', 'lstat', 'fstat', 'read', 'readdir'];
    const from =
      clean.calls.findIndex(({ operation, path }) => operation === 'rename' && path.includes('/blobs/')) - 60;
    const changes = clean.calls.filter(({ n, operation }) => n > from && !looks.includes(operation));
    expect(changes.length).toBeGreaterThan(20);
    for (const { n } of sweepOf(changes, isMutated ? 2 : 10)) {
      for (const how of [undefined, 'nothing', 'everything', 'subsets'] as const) {
        const disk = createCrashDisk();
        const ids = { next: 0 };
        await run(
          disk.mount((call) => (call.n === n ? 'kill' : undefined)),
          ids,
        ).catch(() => undefined);
        if (how !== undefined) disk.losePower(how, Math.random);
        expect(layoutFaults(disk.files('/layout'), { allowTemps: true }), `call ${n}, ${how}`).toEqual([]);
        await run(disk.mount(), ids);
        expect(layoutFaults(disk.files('/layout'), { allowPartials: false }), `call ${n}, ${how}`).toEqual([]);
        expect(disk.files('/layout').list('blobs/sha256')).toHaveLength(digestsOf(...first.contents).length);
        countFor('kills and power cuts at a call of a layout');
      }
    }
  });
});
