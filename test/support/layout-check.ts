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
  /** Whether the part of a cut download may be kept for content that is not there; else `ingest/` has to be empty. */
  readonly allowPartials?: boolean;
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

function filesOf(directory: string): LayoutFiles {
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

function checkRoot(files: LayoutFiles, options: LayoutCheckOptions, check: Check): void {
  const { allowTemps = false, allowPartials = true } = options;
  const kinds = new Map([
    ['oci-layout', 'file'],
    ['index.json', 'file'],
    ['blobs', 'directory'],
    ['ingest', 'directory'],
  ]);
  for (const { name, kind } of files.list('.')) check(kinds.get(name) === kind, `the root has a ${kind} ${name}`);
  const hasIngest = files.list('.').some(({ name }) => name === 'ingest');
  const names = hasIngest ? files.list('ingest').map(({ name }) => name) : [];
  // What is remembered of the content is no part of it, and may stand there at any time.
  const temps = names.filter((name) => name !== 'verified');
  const faults = temps.filter((name) => !allowPartials || !isPartial(files, name));
  if (!allowTemps) check(faults.length === 0, `ingest has ${faults.join(', ')}`);
}

function isPartial(files: LayoutFiles, name: string): boolean {
  const [, algorithm = '', hex] = /^(sha\d{3})-([0-9a-f]+)$/.exec(name) ?? [];
  const has = (path: string, wanted: string | undefined): boolean =>
    files.list(path).some((entry) => entry.name === wanted);
  return hex?.length === HEX_LENGTH.get(algorithm) && !(has('blobs', algorithm) && has(`blobs/${algorithm}`, hex));
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
