import { readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LayoutFileSystem, nodeFileSystem, type OciLayout, openOciLayout } from 'kubepull/node';
import { writeContent } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { assertLayoutValid } from '../../support/layout-check.ts';
import { tempDir } from '../../support/temp-dir.ts';

const image = buildImage({ layers: [{ randomBytes: 3000 }] });
const { descriptor, bytes } = image.contents[0]!;
const KEPT = descriptor.digest.replace(':', '-');

const ingestOf = ({ directory }: OciLayout): string => join(directory, 'ingest');
const newLayout = (fs?: LayoutFileSystem): Promise<OciLayout> => openOciLayout(join(tempDir().path, 'layout'), { fs });

/** Puts the parts of processes that have died into a layout, in the order of their ids. */
async function leaveParts(store: OciLayout, ...parts: readonly Uint8Array[]): Promise<void> {
  const writer = await store.ingest(descriptor);
  const own = readdirSync(ingestOf(store)).find((name) => name.endsWith(`.${KEPT}`)) ?? '';
  await writer.abort();
  for (const [at, part] of parts.entries()) {
    writeFileSync(join(ingestOf(store), own.replace(`-${process.pid}-`, `-${4_194_305 + at}-`)), part);
  }
}

async function finish(store: OciLayout): Promise<number> {
  const writer = await store.ingest(descriptor);
  const { offset } = writer;
  await writer.write(bytes.subarray(offset));
  await writer.commit();
  await assertLayoutValid(store.directory, { allowPartials: true });
  return offset;
}

describe('a writer of openOciLayout that cannot be used', () => {
  it('says why, and touches nothing', async () => {
    const store = await newLayout();
    const done = await store.ingest(descriptor);
    await done.write(bytes);
    await done.commit();
    const given = await store.ingest(descriptor);
    await given.abort();
    const refused = await store.ingest(descriptor);
    expect(() => refused.write(Buffer.concat([bytes, bytes]))).toThrow('more than the expected');
    for (const [writer, reason] of [
      [done, 'closed'],
      [given, 'closed'],
      [refused, 'spoilt'],
    ] as const) {
      const message = `Cannot write content ${descriptor.digest}: the writer is ${reason}`;
      expect(() => writer.write(new Uint8Array(1))).toThrow(message);
      await expect(writer.commit()).rejects.toMatchObject({ code: 'ERR_STORE', operation: 'write', message });
    }
    await expect(done.restart()).rejects.toThrow('the writer is closed');
    await expect(given.restart()).rejects.toThrow('the writer is closed');
    expect(refused.offset).toBe(0);
    await refused.restart();
    await refused.write(bytes);
    await refused.commit();
    await assertLayoutValid(store.directory, { allowPartials: false });
  });
});

describe('a writer of openOciLayout goes on', () => {
  it('from the longest part that can be of its content', async () => {
    const store = await newLayout();
    const long = Buffer.concat([bytes, bytes]);
    await leaveParts(store, bytes.subarray(0, 10), bytes.subarray(0, 2000), long, bytes.subarray(0, 20));
    expect(await finish(store)).toBe(2000);
    expect(readdirSync(ingestOf(store)).filter((name) => name.includes(KEPT))).toEqual([]);
  });

  it('from no part that goes while it is looked for', async () => {
    const fs: LayoutFileSystem = {
      ...nodeFileSystem,
      lstat: async (path) => {
        if (path.includes(`.${KEPT}`)) rmSync(path, { force: true });
        return nodeFileSystem.lstat(path);
      },
    };
    const store = await newLayout(fs);
    await leaveParts(store, bytes.subarray(0, 1000));
    expect(await finish(store)).toBe(0);
  });

  it('from the first byte where nobody can say what parts there are', async () => {
    const store = await newLayout({
      ...nodeFileSystem,
      readdir: async (path) => {
        if (path.endsWith('/ingest')) throw Object.assign(new Error('injected'), { code: 'EIO' });
        return nodeFileSystem.readdir(path);
      },
    });
    await leaveParts(store, bytes.subarray(0, 1000));
    expect(await finish(store)).toBe(0);
  });

  it('past a link that is named as a part, which stays as it is', async () => {
    const store = await newLayout();
    const outside = join(tempDir().path, 'outside');
    writeFileSync(outside, bytes.subarray(0, 1000));
    symlinkSync(outside, join(ingestOf(store), KEPT));
    const writer = await store.ingest(descriptor);
    expect(writer.offset).toBe(0);
    await writer.abort();
    expect(statSync(outside).size).toBe(1000);
    await writeContent(store, descriptor, bytes);
    expect(await store.has(descriptor)).toBe(true);
  });
});
