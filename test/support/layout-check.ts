// An OCI layout checked by its specification alone: nothing here uses the library.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The files of a layout, wherever they are; paths are relative to its root. */
export interface LayoutFiles {
  list(path: string): readonly { readonly name: string; readonly kind: 'file' | 'directory' | 'other' }[];
  read(path: string): Uint8Array;
}

export interface LayoutCheckOptions {
  /** Whether files in the making may stand in `ingest/`, as while somebody writes. */
  readonly allowTemps?: boolean;
}

const HEX_LENGTH: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
]);

/** Fails unless a layout on disk is valid: every blob is what its name says, every ref has all of its image. */
export async function assertLayoutValid(directory: string, options: LayoutCheckOptions = {}): Promise<void> {
  const faults = layoutFaults(filesOf(directory), options);
  if (faults.length > 0) throw new Error(`The layout ${directory} is not valid:\n${faults.join('\n')}`);
}

export function filesOf(directory: string): LayoutFiles {
  return {
    list: (path) =>
      readdirSync(join(directory, path), { withFileTypes: true }).map((entry) => ({
        name: entry.name,
        kind: entry.isFile() ? 'file' : entry.isDirectory() ? 'directory' : 'other',
      })),
    read: (path) => readFileSync(join(directory, path)),
  };
}

/** Everything that is wrong with a layout, one line each. */
export function layoutFaults(files: LayoutFiles, options: LayoutCheckOptions = {}): readonly string[] {
  const faults: string[] = [];
  const check = (holds: boolean, fault: string): void => void (holds || faults.push(fault));
  try {
    checkRoot(files, options, check);
    const sizes = checkBlobs(files, check);
    const marker = parse(files, 'oci-layout') as { imageLayoutVersion?: unknown };
    check(marker.imageLayoutVersion === '1.0.0', 'oci-layout has no version 1.0.0');
    const index = parse(files, 'index.json') as { schemaVersion?: unknown; manifests?: unknown };
    check(index.schemaVersion === 2, 'index.json has no schemaVersion 2');
    if (!Array.isArray(index.manifests)) throw new Error('index.json has no manifests');
    for (const ref of index.manifests as Named[]) checkClosure(files, sizes, ref, 'index.json', check);
  } catch (error) {
    faults.push(String(error));
  }
  return faults;
}

type Check = (holds: boolean, fault: string) => void;

interface Named {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

function checkRoot(files: LayoutFiles, { allowTemps = false }: LayoutCheckOptions, check: Check): void {
  const kinds = new Map([
    ['oci-layout', 'file'],
    ['index.json', 'file'],
    ['blobs', 'directory'],
    ['ingest', 'directory'],
  ]);
  for (const { name, kind } of files.list('.')) check(kinds.get(name) === kind, `the root has a ${kind} ${name}`);
  const temps = files.list('.').some(({ name }) => name === 'ingest') ? files.list('ingest') : [];
  if (!allowTemps) check(temps.length === 0, `ingest has ${temps.map(({ name }) => name).join(', ')}`);
}

/** The size of each blob, by digest; all are hashed. */
function checkBlobs(files: LayoutFiles, check: Check): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const { name: algorithm, kind } of files.list('blobs')) {
    const length = HEX_LENGTH.get(algorithm);
    check(kind === 'directory' && length !== undefined, `blobs has ${algorithm}`);
    if (length === undefined) continue;
    for (const { name, kind } of files.list(`blobs/${algorithm}`)) {
      const path = `blobs/${algorithm}/${name}`;
      check(kind === 'file' && name.length === length && /^[0-9a-f]+$/.test(name), `${path} is no name for a blob`);
      const bytes = files.read(path);
      check(createHash(algorithm).update(bytes).digest('hex') === name, `${path} has another digest`);
      sizes.set(`${algorithm}:${name}`, bytes.length);
    }
  }
  return sizes;
}

function checkClosure(
  files: LayoutFiles,
  sizes: ReadonlyMap<string, number>,
  named: Named,
  by: string,
  check: Check,
): void {
  const { digest, size, mediaType } = named;
  check(sizes.get(digest) === size, `${by} names ${digest} of ${size} bytes, and there are ${sizes.get(digest)}`);
  if (!sizes.has(digest) || !/manifest|index/.test(mediaType)) return;
  const document = parse(files, `blobs/${digest.replace(':', '/')}`) as Partial<Record<string, Named | Named[]>>;
  const children = [document['config'], document['layers'], document['manifests']].flat();
  check(children.length > 0, `${digest} names nothing`);
  for (const child of children) if (child !== undefined) checkClosure(files, sizes, child, digest, check);
}

function parse(files: LayoutFiles, path: string): unknown {
  return JSON.parse(Buffer.from(files.read(path)).toString());
}
