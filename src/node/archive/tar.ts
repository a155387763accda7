import { copyBytes } from '../files/copy-bytes.js';
import { cannotArchive } from './images.js';

const BLOCK = 512;
/** Sizes that have more octal digits are written in binary. */
const MAX_OCTAL_SIZE = 0o77777777777;
const MAX_NAME_BYTES = 100;

/** A file of an archive. Its name is made of fixed words and checked digests, never of what an image says. */
export interface TarFile {
  readonly name: string;
  readonly size: number;
  /** Opens the content, when its turn comes. */
  readonly open: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/**
 * The bytes of a tar archive, made while they are read. Whatever fails, the archive lacks its end then. Equal files give
 * equal archives, whenever and by whomever they are written.
 */
export async function* packTar(
  files: readonly TarFile[],
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const file of files) {
    signal?.throwIfAborted();
    yield* headersOf(file);
    if (!file.name.endsWith('/')) yield* contentOf(file, signal);
  }
  signal?.throwIfAborted();
  yield new Uint8Array(2 * BLOCK);
}

async function* contentOf(
  { name, size, open }: TarFile,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let length = 0;
  for await (const chunk of open()) {
    signal?.throwIfAborted();
    length += chunk.length;
    // A copy, because the store may reuse its buffer for the next one, and chunks of an archive stay as they are.
    yield copyBytes(chunk);
  }
  if (length !== size) throw cannotArchive(name, `the store gave ${length} of its ${size} bytes`);
  yield new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}

/** The header of a file; before it, where its name is too long, a pax header with the name. */
function headersOf({ name, size }: TarFile): readonly Uint8Array[] {
  const isDirectory = name.endsWith('/');
  const entry = { mode: isDirectory ? '0755' : '0644', type: isDirectory ? '5' : '0', size };
  const { prefix, rest } = splitName(name);
  if (rest.length <= MAX_NAME_BYTES) return [headerOf({ ...entry, name: rest, prefix })];
  const record = new TextEncoder().encode(paxRecord(name));
  const long = { mode: entry.mode, type: 'x', size: record.length, name: 'PaxHeader', prefix: '' };
  const padding = new Uint8Array((BLOCK - (record.length % BLOCK)) % BLOCK);
  return [headerOf(long), record, padding, headerOf({ ...entry, name: 'PaxHeader', prefix: '' })];
}

/** A name of which as little as can be stands in the prefix. */
function splitName(name: string): { readonly prefix: string; readonly rest: string } {
  let at = 0;
  while (name.length - at > MAX_NAME_BYTES) {
    const next = name.indexOf('/', at) + 1;
    if (next === 0) break;
    at = next;
  }
  return { prefix: name.slice(0, Math.max(0, at - 1)), rest: name.slice(at) };
}

/** The length counts its own digits. */
function paxRecord(name: string): string {
  const text = ` path=${name}\n`;
  const digits = String(text.length).length;
  const length = text.length + digits;
  return `${String(length).length > digits ? length + 1 : length}${text}`;
}

interface Header {
  readonly name: string;
  readonly prefix: string;
  readonly mode: string;
  readonly type: string;
  readonly size: number;
}

function headerOf({ name, prefix, mode, type, size }: Header): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0);
  block.write(`00${mode} `, 100);
  block.write('000000 '.padEnd(8, '\0').repeat(2), 108);
  writeSize(block, size);
  block.write(`${octal(0, 11)} `, 136);
  block.write(type, 156);
  block.write('ustar\u000000', 257);
  block.write('000000 '.padEnd(8, '\0').repeat(2), 329);
  block.write(prefix, 345);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)} \0`, 148);
  return block;
}

function writeSize(block: Buffer, size: number): void {
  if (size <= MAX_OCTAL_SIZE) {
    block.write(`${octal(size, 11)} `, 124);
  } else {
    block.writeUInt8(0x80, 124);
    block.writeBigUInt64BE(BigInt(size), 128);
  }
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
