import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { computeDigest, type CreateHasher } from 'kubepull/digest';
import {
  type LayoutFileSystem,
  type LayoutStat,
  nodeFileSystem,
  nodeHasher,
  type OciLayout,
  type OciLayoutOptions,
  openOciLayout,
} from 'kubepull/node';
import { readContent, writeContent } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { createCrashDisk } from '../../support/crash-fs.ts';
import { assertLayoutValid, layoutFaults } from '../../support/layout-check.ts';
import { sweepOf } from '../../support/sweeps.ts';
import { tempDir } from '../../support/temp-dir.ts';

const image = buildImage({ layers: [{ randomBytes: 200_000, seed: 'a' }] });
const [layer] = image.contents;
if (layer === undefined) throw new Error('No layer');
const { descriptor } = layer;

const blobOf = (directory: string): string => join(directory, 'blobs', descriptor.digest.replace(':', '/'));
const fileOf = (directory: string): string => join(directory, 'ingest', 'verified');

/** Waits until the clock of the file system has gone on. */
function awaitTick(directory: string): void {
  const probe = join(directory, 'ingest', 'probe');
  const now = (): bigint => (writeFileSync(probe, ''), statSync(probe, { bigint: true }).ctimeNs);
  const start = now();
  while (now() <= start);
  rmSync(probe);
}

async function fill(store: OciLayout): Promise<void> {
  for (const content of image.contents) await writeContent(store, content.descriptor, content.bytes);
  if (existsSync(store.directory)) awaitTick(store.directory);
  await store.tag('app:1', image.descriptor);
  await store.close();
}

/** A layout with an image that a store has verified, written down, and closed. */
async function filledLayout(options: OciLayoutOptions = {}): Promise<string> {
  const store = await openOciLayout(join(tempDir().path, 'layout'), options);
  await fill(store);
  return store.directory;
}

/** What a new store, as of a new process, says of the layer, and how many bytes it hashed for it. */
async function askAnew(directory: string, options: OciLayoutOptions = {}) {
  let hashed = 0;
  const createHasher: CreateHasher = (algorithm) => {
    const hasher = nodeHasher(algorithm);
    return { ...hasher, update: (chunk) => ((hashed += chunk.length), hasher.update(chunk)) };
  };
  const store = await openOciLayout(directory, { ...options, createHasher });
  const isThere = await store.has(descriptor);
  return { store, isThere, isHashed: hashed >= descriptor.size };
}

/** Other bytes of the same size in the same file, and the time of its content put back. */
function spoil(path: string): void {
  const { mtimeNs } = statSync(path, { bigint: true });
  chmodSync(path, 0o644);
  const bytes = readFileSync(path);
  bytes[7] = (bytes[7] ?? 0) ^ 1;
  writeFileSync(path, bytes, { flag: 'r+' });
  const seconds = Number(mtimeNs) / 1e9;
  utimesSync(path, seconds, seconds);
  chmodSync(path, 0o444);
}

const textWith = (body: string): string =>
  `kubepull verified files 1 ${computeDigest(new TextEncoder().encode(body), nodeHasher)}\n${body}`;

/** What a line of the file says of the layer as it is now. */
function lineOf(directory: string): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(blobOf(directory), { bigint: true });
  return `${descriptor.digest} ${dev}:${ino} ${size} ${mtimeNs} ${ctimeNs}\n`;
}

function replace(path: string, text: string, mode = 0o400): void {
  rmSync(path, { force: true });
  writeFileSync(path, text, { mode });
}

describe('what a layout has verified', () => {
  it('is not hashed again by a new store, which names and reads it as well', async () => {
    const directory = await filledLayout();
    const { store, isThere, isHashed } = await askAnew(directory);
    expect({ isThere, isHashed }).toEqual({ isThere: true, isHashed: false });
    expect(Buffer.compare(await readContent(store, descriptor, { maxBytes: 1e6 }), layer.bytes)).toBe(0);
    await store.tag('app:2', image.descriptor);
    await store.close();
    await assertLayoutValid(directory);
  });

  it('is hashed again where the caller wants that, and in a layout whose file is gone', async () => {
    const directory = await filledLayout();
    expect(await askAnew(directory, { rehash: true })).toMatchObject({ isThere: true, isHashed: true });
    rmSync(fileOf(directory));
    expect(await askAnew(directory)).toMatchObject({ isThere: true, isHashed: true });
  });

  it('is remembered still when a lease has moved the time of its file', async () => {
    const directory = await filledLayout();
    const { store } = await askAnew(directory);
    chmodSync(blobOf(directory), 0o444);
    awaitTick(directory);
    await store.tag('app:2', image.descriptor);
    expect(await askAnew(directory)).toMatchObject({ isThere: true, isHashed: false });
  });

  it.each<[string, boolean, (path: string) => void]>([
    ['has other bytes, and its time put back', false, spoil],
    [
      'was replaced by a copy',
      true,
      (path) => (writeFileSync(`${path}.new`, layer.bytes), renameSync(`${path}.new`, path)),
    ],
    ['has another mode', true, (path) => chmodSync(path, 0o440)],
    ['has another time', true, (path) => utimesSync(path, 1, 1)],
  ])('is hashed again when its file %s', async (_, isThere, change) => {
    const directory = await filledLayout();
    awaitTick(directory);
    change(blobOf(directory));
    expect(await askAnew(directory)).toMatchObject({ isThere, isHashed: true });
  });

  it('is hashed again when the file may have changed within one tick of the clock after it was looked at', async () => {
    const still = (stat: LayoutStat): LayoutStat => ({ ...stat, touched: 5n });
    const fs: LayoutFileSystem = {
      ...nodeFileSystem,
      lstat: async (path) => still(await nodeFileSystem.lstat(path)),
      open: async (path) => {
        const file = await nodeFileSystem.open(path);
        return { ...file, stat: async () => still(await file.stat()) };
      },
      create: async (path) => {
        const file = await nodeFileSystem.create(path);
        return { ...file, stat: async () => still(await file.stat()) };
      },
    };
    const directory = await filledLayout({ fs });
    expect(readFileSync(fileOf(directory), 'utf8')).not.toContain(descriptor.digest);
    expect(await askAnew(directory, { fs })).toMatchObject({ isThere: true, isHashed: true });
  });

  it('is taken from the file if this user wrote it', async () => {
    const directory = await filledLayout();
    rmSync(fileOf(directory));
    replace(fileOf(directory), textWith(lineOf(directory)));
    expect(await askAnew(directory)).toMatchObject({ isThere: true, isHashed: false });
  });

  it.each<[string, (path: string, text: string) => void]>([
    ['others may have written', (path, text) => replace(path, text, 0o644)],
    ['is a download that was cut', (path, text) => replace(path, text, 0o600)],
    ['is a blob that was moved there', (path, text) => replace(path, text, 0o444)],
    ['has another checksum', (path, text) => replace(path, text.replace(/sha256:./, 'sha256:x'))],
    ['has a changed line', (path, text) => replace(path, text.replace(/ (\d+)\n$/, ' $10\n'))],
    ['is cut', (path, text) => replace(path, text.slice(0, -1))],
    ['has more at its end', (path, text) => replace(path, `${text}x`)],
    ['is of another version', (path, text) => replace(path, text.replace('files 1', 'files 2'))],
    ['is empty', (path) => replace(path, '')],
    ['is binary', (path) => replace(path, '\0'.repeat(5000))],
    ['is huge', (path, text) => replace(path, text + '\n'.repeat(17 * 1024 * 1024))],
    [
      'is a link to a good one',
      (path, text) => {
        replace(`${path}.good`, text);
        symlinkSync(`${path}.good`, path);
      },
    ],
    ['is a directory', (path) => mkdirSync(path)],
  ])('is not taken from a file that %s', async (_, forge) => {
    const directory = await filledLayout();
    spoil(blobOf(directory));
    rmSync(fileOf(directory));
    forge(fileOf(directory), textWith(lineOf(directory)));
    const { store, isThere, isHashed } = await askAnew(directory);
    expect({ isThere, isHashed }).toEqual({ isThere: false, isHashed: true });
    // And the layout works on.
    await fill(store);
    expect(await store.has(descriptor)).toBe(true);
  });

  it.each<[string, string]>([
    ['a digest that is none', 'sha256:00 1:1 1 1 1\n'],
    ['too few numbers', `${descriptor.digest} 1:1 1 1\n`],
    ['a number that is none', `${descriptor.digest} 1:1 x 1 1\n`],
    ['no line', '\n\n\n'],
  ])('is hashed where the file has %s', async (_, body) => {
    const directory = await filledLayout();
    replace(fileOf(directory), textWith(body));
    expect(await askAnew(directory)).toMatchObject({ isThere: true, isHashed: true });
  });

  it('is written down once that is worth its while, and when the layout is closed', async () => {
    const directory = await filledLayout();
    const others = Array.from({ length: 2000 }, (_, at) => {
      const digest = computeDigest(new TextEncoder().encode(`${at}`), nodeHasher);
      return `${digest} 1:1 70000 1 1\n`;
    }).join('');
    replace(fileOf(directory), textWith(others));
    const text = readFileSync(fileOf(directory), 'utf8');
    const store = await openOciLayout(directory);
    expect(await store.has(descriptor)).toBe(true);
    awaitTick(directory);
    await store.tag('app:2', image.descriptor);
    expect(readFileSync(fileOf(directory), 'utf8')).toBe(text);
    await store.close();
    const after = readFileSync(fileOf(directory), 'utf8');
    expect(after).toContain(descriptor.digest);
    expect(after.split('\n').length).toBe(text.split('\n').length + 1);
    expect(statSync(fileOf(directory)).mode & 0o777).toBe(0o400);
  });

  it('keeps nobody from naming an image where it cannot be written down', async () => {
    const fs: LayoutFileSystem = {
      ...nodeFileSystem,
      async rename(from, to) {
        if (to.endsWith('verified')) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
        await nodeFileSystem.rename(from, to);
      },
    };
    const directory = await filledLayout({ fs });
    expect(existsSync(fileOf(directory))).toBe(false);
    await assertLayoutValid(directory);
  });
});

/** A crash disk whose times stand still between changes, and that tells which file is sealed. */
function timed(fs: LayoutFileSystem): LayoutFileSystem {
  const show = (path: string, stat: LayoutStat): LayoutStat => ({
    ...stat,
    touched: stat.changed,
    // Elsewhere it is known that the file is not.
    sealed: path.endsWith('verified'),
  });
  return {
    ...fs,
    lstat: async (path) => show(path, await fs.lstat(path)),
    open: async (path) => {
      const file = await fs.open(path);
      return { ...file, stat: async () => show(path, await file.stat()) };
    },
    create: async (path) => {
      const file = await fs.create(path);
      return { ...file, stat: async () => show(path, await file.stat()) };
    },
  };
}

/** A process that sees all others as ended. */
function newOwner(id: number) {
  let tokens = 0;
  return {
    createToken: () => `${'0'.repeat(16)}-${id}-1-${String((tokens += 1)).padStart(36, '0')}`,
    stateOf: async (token: string) => (token.split('-')[1] === `${id}` ? ('alive' as const) : ('dead' as const)),
  };
}

describe('what a layout has verified, after a crash', () => {
  const ROOT = '/srv/layout';

  it.each(['nothing', 'everything', 'prefixes', 'subsets'] as const)(
    'is right wherever it is trusted, when the power is cut at any call and %s of what was not synced outlast',
    async (how) => {
      const clean = createCrashDisk().mount();
      await fill(await openOciLayout(ROOT, { fs: timed(clean), owner: newOwner(1) }));
      expect(clean.calls.some(({ operation, path }) => operation === 'rename' && path.includes('ingest'))).toBe(true);
      let trusted = 0;
      // It is written last.
      for (const { n } of new Set([...sweepOf(clean.calls, 16), ...clean.calls.slice(-12)])) {
        const disk = createCrashDisk();
        const dying = disk.mount((call) => (call.n === n ? 'kill' : undefined));
        await openOciLayout(ROOT, { fs: timed(dying), owner: newOwner(1) })
          .then(fill)
          .catch(() => undefined);
        let at = 0;
        disk.losePower(how, () => ((at += 7) % 10) / 10);
        const { store, isThere, isHashed } = await askAnew(ROOT, { fs: timed(disk.mount()), owner: newOwner(2) });
        if (isThere && !isHashed) {
          trusted += 1;
          expect(
            Buffer.compare(await readContent(store, descriptor, { maxBytes: 1e6 }), layer.bytes),
            `call ${n}`,
          ).toBe(0);
        }
        await fill(store);
        expect(layoutFaults(disk.files(ROOT), { allowPartials: false }), `call ${n}`).toEqual([]);
      }
      if (how === 'everything') expect(trusted).toBeGreaterThan(0);
    },
  );
});
