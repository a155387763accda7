import type { StoreError } from '../../errors/index.js';
import { decodeUtf8, quote } from '../../internal/index.js';
import { badArchive, createTarCursor, type TarCursor } from './tar-cursor.js';
import { type TarHeader, readTarHeader } from './tar-header.js';

/** Headers of one archive, those that only carry a long name included. */
const MAX_HEADERS = 65_536;
/** Bytes of a header that carries long names. */
const MAX_EXTENSION_BYTES = 1024 * 1024;
const MAX_NAME_BYTES = 4096;
/** What stands behind the end is padding; a writer into a pipe wants it taken. */
const MAX_TRAILER_BYTES = 1024 * 1024;

/** A file or a link of an archive. Names are relative, without `.` and `..`, and never a path of this machine. */
export type TarEntry =
  | { readonly kind: 'file'; readonly name: string; readonly size: number; readonly at: number }
  | { readonly kind: 'link'; readonly name: string; readonly target: string };

/** What is done with an entry: it gets the bytes of a file, and is told of their end. */
export interface TarSink {
  update(chunk: Uint8Array): void | Promise<void>;
  end(): void;
}

/** What pax and GNU headers say of the entry behind them. */
interface Extension {
  readonly name?: string | undefined;
  readonly target?: string | undefined;
  readonly size?: number | undefined;
}

/**
 * Reads a tar archive from its first byte to its end: ustar, pax and GNU, with files, directories and links. What is
 * sparse, a device, or could be read in two ways is refused, and so is an archive without its end.
 *
 * @param maxBytes - of all files together; a size that goes beyond is refused before its content is read
 */
export async function readTar(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  open: (entry: TarEntry) => TarSink | undefined,
): Promise<void> {
  const cursor = createTarCursor(chunks);
  try {
    await readEntries(cursor, maxBytes, open);
    await cursor.skipRest(MAX_TRAILER_BYTES);
  } finally {
    await cursor.close();
  }
}

async function readEntries(
  cursor: TarCursor,
  maxBytes: number,
  open: (entry: TarEntry) => TarSink | undefined,
): Promise<void> {
  let bytes = 0;
  let extension: Extension = {};
  for (let headers = 1; ; headers += 1) {
    const header = await nextHeader(cursor);
    if (header === undefined) return;
    if (headers > MAX_HEADERS) throw badArchive(`it has more than ${MAX_HEADERS} entries`);
    const carried = await readExtension(cursor, header);
    if (carried !== undefined) {
      extension = { ...extension, ...carried };
      continue;
    }
    const size = extension.size ?? header.size;
    bytes += size;
    if (bytes > maxBytes) throw badArchive(`its files have ${bytes} bytes or more, and ${maxBytes} are allowed`);
    const entry = entryOf({ ...header, size, name: extension.name ?? header.name }, extension.target, cursor.offset);
    extension = {};
    const sink = entry === undefined ? undefined : open(entry);
    await cursor.pass(size, (chunk) => sink?.update(chunk));
    sink?.end();
  }
}

/** The next header; `undefined` at the end, which is a block of zeros, and nothing or another one behind it. */
async function nextHeader(cursor: TarCursor): Promise<TarHeader | undefined> {
  const block = await cursor.block();
  if (block === undefined) throw badArchive('it is cut: it lacks the end of a tar archive');
  if (block.some((byte) => byte !== 0)) return readTarHeader(block);
  const second = await cursor.block();
  if (second?.some((byte) => byte !== 0) === true) throw badArchive('it goes on behind a block of zeros');
  return undefined;
}

/** What a header says of the next one; `undefined` for one that is an entry itself. */
async function readExtension(cursor: TarCursor, { type, size }: TarHeader): Promise<Extension | undefined> {
  if (!['x', 'g', 'L', 'K'].includes(type)) return undefined;
  if (size > MAX_EXTENSION_BYTES)
    throw badArchive(`a header of it has ${size} bytes, more than ${MAX_EXTENSION_BYTES}`);
  const parts: Uint8Array[] = [];
  await cursor.pass(size, (chunk) => void parts.push(chunk.slice()));
  const content = Buffer.concat(parts);
  if (type === 'L') return { name: textUntilZero(content) };
  if (type === 'K') return { target: textUntilZero(content) };
  const records = paxRecords(content);
  const read = extensionOf(records);
  if (type === 'x') return read;
  if (Object.keys(read).length > 0) throw badArchive('a global header of it names a path or a size');
  return {};
}

function textUntilZero(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decodeUtf8(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Records are `length key=value` and a line feed; the length counts itself. */
function paxRecords(bytes: Uint8Array): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const [digits = ''] = /^[1-9]\d{0,6}(?= )/.exec(decodeUtf8(bytes.subarray(at, at + 8))) ?? [];
    const end = at + Number(digits);
    const text = decodeUtf8(bytes.subarray(at + digits.length + 1, end - 1));
    const middle = text.indexOf('=');
    const isWhole = digits !== '' && end <= bytes.length && bytes[end - 1] === 0x0a && middle > 0;
    if (!isWhole) throw badArchive('a pax header of it is corrupt');
    records.set(text.slice(0, middle), text.slice(middle + 1));
    at = end;
  }
  return records;
}

function extensionOf(records: ReadonlyMap<string, string>): Extension {
  const sparse = [...records.keys()].find((key) => key.startsWith('GNU.sparse.'));
  if (sparse !== undefined) throw badArchive('it has a sparse file');
  const [path, linkpath, size] = [records.get('path'), records.get('linkpath'), records.get('size')];
  if (size !== undefined && !(/^\d{1,16}$/.test(size) && Number.isSafeInteger(Number(size)))) {
    throw badArchive(`a file of it has the size ${quote(size)}`);
  }
  return {
    ...(path === undefined ? {} : { name: path }),
    ...(linkpath === undefined ? {} : { target: linkpath }),
    ...(size === undefined ? {} : { size: Number(size) }),
  };
}

/** An entry as its header has it; `undefined` for a directory, which says nothing that its files do not. */
function entryOf(header: TarHeader, longTarget: string | undefined, at: number): TarEntry | undefined {
  const { type, size } = header;
  const name = placeOf(header.name, header.name);
  const isDirectory = type === '5' || (type === '0' && header.name.endsWith('/'));
  const isLink = type === '1' || type === '2';
  if ((isDirectory || isLink) && size > 0) throw badArchive(`${quote(name)} is no file, and has ${size} bytes`);
  if (isDirectory) return undefined;
  if (name === '') throw badArchive('a file of it has no name');
  if (type === '0' || type === '7') return { kind: 'file', name, size, at };
  if (!isLink) throw badArchive(`${quote(name)} is neither a file nor a directory nor a link`);
  const target = longTarget ?? header.target;
  // A symbolic link starts where it stands, a hard one at the root of the archive.
  const start = type === '2' && !target.startsWith('/') ? `${header.name}/../` : '';
  return { kind: 'link', name, target: placeOf(`${start}${target}`, header.name, start !== '') };
}

/** A name without `.` and empty parts. One that leads out of the archive is refused, and so is any `..` but in a link. */
function placeOf(path: string, shown: string, isLink = false): string {
  const leadsOut = (): StoreError => badArchive(`${quote(shown)} leads out of it`);
  if (path.startsWith('/') || path.includes('\0')) throw leadsOut();
  if (Buffer.byteLength(path) > 2 * MAX_NAME_BYTES)
    throw badArchive(`a name in it is longer than ${MAX_NAME_BYTES} bytes`);
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (!isLink || parts.pop() === undefined) throw leadsOut();
  }
  return parts.join('/');
}
