import { readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { nodeFileSystem, nodeHasher, openOciLayout } from 'kubepull/node';
import type { Descriptor } from 'kubepull/oci';
import { type ContentFile, type ContentWriter, createMemoryStore, type FilledContent } from 'kubepull/store';
import { tempDir } from '../../support/temp-dir.ts';

const bytes = Buffer.from('some content of a blob');
const blob: Descriptor = {
  mediaType: 'application/octet-stream',
  digest: computeDigest(bytes, nodeHasher),
  size: bytes.length,
};

async function openWriter(): Promise<{ writer: Required<ContentWriter>; read(): Promise<Buffer> }> {
  const directory = join(tempDir().path, 'layout');
  const store = await openOciLayout(directory);
  const writer = await store.ingest(blob);
  if (writer.fill === undefined) throw new Error('It cannot be filled');
  return {
    writer: writer as Required<ContentWriter>,
    async read() {
      const parts: Uint8Array[] = [];
      for await (const part of store.read(blob)) parts.push(part);
      return Buffer.concat(parts);
    },
  };
}

/** Puts these bytes into the file, as a carrier does. */
const putting =
  (content: Uint8Array, more: Partial<FilledContent> = {}) =>
  async ({ fd, offset, size }: ContentFile): Promise<FilledContent> => {
    writeSync(fd, content, 0, content.length, offset);
    const end = offset + content.length;
    const digest =
      end === size ? computeDigest(Buffer.concat([bytes.subarray(0, offset), content]), nodeHasher) : undefined;
    return { size: end, digest, failure: undefined, ...more };
  };

describe('a writer of a layout that somebody else fills', () => {
  it('commits what is right', async () => {
    const { writer, read } = await openWriter();
    await writer.fill(putting(bytes));
    expect(writer.offset).toBe(bytes.length);
    await writer.commit();
    expect((await read()).equals(bytes)).toBe(true);
  });

  it('takes bytes of its own before and after', async () => {
    const { writer, read } = await openWriter();
    await writer.write(bytes.subarray(0, 5));
    await writer.fill(putting(bytes.subarray(5, 9)));
    expect(writer.offset).toBe(9);
    await writer.write(bytes.subarray(9, 12));
    await writer.fill(putting(bytes.subarray(12, 15)));
    await writer.write(bytes.subarray(15));
    await writer.commit();
    expect((await read()).equals(bytes)).toBe(true);
  });

  it('refuses content with another digest [I1]', async () => {
    const { writer } = await openWriter();
    await writer.fill(putting(Buffer.from(bytes).fill(1)));
    await expect(writer.commit()).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH', expected: blob });
  });

  it('trusts no digest over less than all of it [I1]', async () => {
    const { writer } = await openWriter();
    await writer.fill(putting(bytes.subarray(0, 9), { digest: blob.digest }));
    await expect(writer.commit()).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH', actual: { size: 9 } });
  });

  it('refuses a size that the file does not have [S04]', async () => {
    const { writer } = await openWriter();
    await writer.fill(putting(bytes.subarray(0, 9), { digest: blob.digest, size: bytes.length }));
    await expect(writer.commit()).rejects.toMatchObject({ code: 'ERR_STORE' });
  });

  it('refuses to go on from bytes that the file does not have, and leaves nothing open [S04]', async () => {
    const { writer } = await openWriter();
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    await writer.fill(putting(bytes.subarray(0, 5), { size: 9 }));
    const message = expect.stringContaining('it became shorter meanwhile') as string;
    await expect(writer.write(bytes.subarray(9))).rejects.toMatchObject({ operation: 'read', message });
    expect(open()).toBe(before);
    expect(writer.offset).toBe(0);
  });

  it('refuses too much of it, and can start over', async () => {
    const { writer, read } = await openWriter();
    const more = { size: bytes.length + 1, digest: undefined };
    await expect(writer.fill(putting(bytes, more))).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
    expect(writer.offset).toBe(0);
    await writer.restart();
    await writer.fill(putting(bytes));
    await writer.commit();
    expect((await read()).equals(bytes)).toBe(true);
  });

  it('fails as its source does, and goes on from what has come', async () => {
    const { writer, read } = await openWriter();
    const error = new Error('cut');
    const cut = putting(bytes.subarray(0, 7), { failure: { at: 'source', error } });
    await expect(writer.fill(cut)).rejects.toBe(error);
    expect(writer.offset).toBe(7);
    await writer.fill(putting(bytes.subarray(7)));
    await writer.commit();
    expect((await read()).equals(bytes)).toBe(true);
  });

  it('fails as a write does when the disk does [S03]', async () => {
    const { writer } = await openWriter();
    const error = Object.assign(new Error('full'), { code: 'ENOSPC' });
    const full = putting(bytes.subarray(0, 7), { failure: { at: 'file', error } });
    await expect(writer.fill(full)).rejects.toMatchObject({ code: 'ERR_STORE', errno: 'ENOSPC', operation: 'write' });
    expect(writer.offset).toBe(0);
  });

  it('keeps the part for the next writer of the same content', async () => {
    const directory = join(tempDir().path, 'layout');
    const store = await openOciLayout(directory);
    const first = await store.ingest(blob);
    await first
      .fill?.(putting(bytes.subarray(0, 7), { failure: { at: 'source', error: new Error('cut') } }))
      .catch(() => undefined);
    await first.abort();
    const next = await store.ingest(blob);
    expect(next.offset).toBe(7);
    await next.fill?.(putting(bytes.subarray(7)));
    await next.commit();
    const [algorithm = '', hex = ''] = blob.digest.split(':');
    expect(readFileSync(join(directory, 'blobs', algorithm, hex)).equals(bytes)).toBe(true);
  });

  it('leaves its file open for as long as somebody fills it', async () => {
    const store = await openOciLayout(join(tempDir().path, 'layout'));
    const controller = new AbortController();
    const writer = await store.ingest(blob, { signal: controller.signal });
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => void (release = resolve));
    let closed: unknown;
    const filling = writer.fill?.(async (file) => {
      await released;
      try {
        writeSync(file.fd, bytes);
      } catch (error) {
        closed = error;
      }
      return { size: bytes.length, digest: undefined, failure: undefined };
    });
    controller.abort('enough');
    await expect(filling).rejects.toBe('enough');
    await writer.abort();
    release();
    await store.close();
    expect(closed).toBeUndefined();
  });

  it('is one over files of this process, whose bytes nobody else wants to see', async () => {
    const path = join(tempDir().path, 'layout');
    const own = await openOciLayout(path, { fs: { ...nodeFileSystem } });
    const hashing = await openOciLayout(path, { createHasher: (algorithm) => nodeHasher(algorithm) });
    const memory = createMemoryStore({ createHasher: nodeHasher });
    for (const store of [own, hashing, memory]) {
      const writer = await store.ingest(blob);
      expect(writer.fill).toBeUndefined();
      await writer.abort();
    }
  });
});
