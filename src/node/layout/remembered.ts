import { join } from 'node:path';
import type { Clock } from '../../clock/index.js';
import { computeDigest, type Digest, isDigest } from '../../digest/index.js';
import type { Descriptor } from '../../oci/index.js';
import { ignoreStoreError, unlessMissing } from '../files/errors.js';
import type { LayoutFileSystem, LayoutStat } from '../files/file-system.js';
import { closeTemp, createTemp, discardTemp, type TempFile, writeFully } from '../files/write-atomic.js';
import { nodeHasher } from '../hasher.js';
import { readSmallFile } from './documents.js';
import type { LayoutOwner } from './owner.js';
import type { LayoutPaths } from './places.js';

/**
 * What earlier processes have verified and forced to the disk, in a file beside the content. It is trusted if this user
 * wrote it and its checksum is right, and an entry while the file that it tells of is the same: inode, size and both
 * times. See docs/decisions/0012-a-layout-remembers-what-it-verified.md.
 */
export interface RememberedFiles {
  has(descriptor: Descriptor, stat: LayoutStat): Promise<boolean>;
  /** Notes what this process has verified of some contents, in the file too as soon as that is worth its while. */
  note(contents: readonly Descriptor[]): Promise<void>;
  /** Writes what was noted. */
  flush(): Promise<void>;
}

interface RememberedContext {
  readonly fs: LayoutFileSystem;
  readonly paths: LayoutPaths;
  readonly owner: LayoutOwner;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly verified: VerifiedFiles;
  /** Whether nothing that the file says is trusted. */
  readonly rehash: boolean;
}

/** Less is hashed sooner than it is looked up. */
const MIN_BYTES = 64 * 1024;
const MAX_ENTRIES = 65_536;
const MAX_FILE_BYTES = 16 * 1024 * 1024;
/** How many bytes that need not be hashed again make up for writing one: a disk takes text far slower than a hash does. */
const WORTH = 8;
/** What may be hashed again rather than wait until the clock of the file system has gone on, and how long that takes. */
const RACY_BYTES = 16 * 1024 * 1024;
const TICK_MS = 10;
const TRIES = 3;

/** What tells a file from every other and from itself after a change, as it stands in a line. */
type Lines = ReadonlyMap<Digest, string>;

export function createRemembered(context: RememberedContext): RememberedFiles {
  const { fs, paths, verified } = context;
  const noted = new Map<Digest, Descriptor>();
  let known: { readonly version: string; readonly lines: Lines; readonly bytes: number } | undefined;

  /** The file is read again when another process has written it. */
  const load = async (): Promise<{ readonly lines: Lines; readonly bytes: number }> => {
    const stat = await unlessMissing(fs.lstat(paths.remembered));
    if (stat === undefined) return { lines: new Map(), bytes: 0 };
    const version = identityOf(stat);
    if (known?.version === version) return known;
    const read = await readLines(context);
    known = { version, lines: read, bytes: stat.size };
    return known;
  };
  const write = async (): Promise<void> => {
    const contents = [...noted.values()];
    noted.clear();
    if (contents.length > 0) await writeLines(context, (await load()).lines, contents);
  };
  return {
    async has(descriptor, stat) {
      if (context.rehash || descriptor.size < MIN_BYTES) return false;
      try {
        return (await load()).lines.get(descriptor.digest) === identityOf(stat);
      } catch (error) {
        ignoreStoreError(error);
        return false;
      }
    },
    async note(contents) {
      try {
        const { lines, bytes } = await load();
        for (const content of contents) {
          if (content.size < MIN_BYTES) continue;
          const stat = await unlessMissing(fs.lstat(paths.blob(content)));
          // Where nobody can tell who wrote the file, nobody trusts it.
          const isNew = stat?.sealed !== undefined && lines.get(content.digest) !== identityOf(stat);
          if (isNew && verified.isDurable(content, stat)) noted.set(content.digest, content);
        }
        if (sizeOf(noted.values()) >= bytes * WORTH) await write();
      } catch (error) {
        ignoreStoreError(error);
      }
    },
    flush: () => write().catch(ignoreStoreError),
  };
}

function sizeOf(contents: Iterable<Descriptor>): number {
  return [...contents].reduce((sum, { size }) => sum + size, 0);
}

/** Both times: the one of the content can be put back by whoever may write to it, and the other one cannot. */
function identityOf(stat: LayoutStat): string {
  return `${versionOf(stat)} ${stat.touched}`;
}

const HEADER = /^kubepull verified files 1 (sha256:[0-9a-f]{64})\n/;
const LINE = /^([a-z\d]+:[0-9a-f]+) (\d+:\d+ \d+ \d+ \d+)$/;

/** What the file says; nothing if it is not ours, not whole, or of another version. */
async function readLines({ fs, paths }: RememberedContext): Promise<Lines> {
  const lines = new Map<Digest, string>();
  const { bytes, stat } = await readSmallFile(fs, paths.remembered, MAX_FILE_BYTES);
  if (stat.sealed !== true) return lines;
  const text = new TextDecoder('latin1').decode(bytes);
  const [header = '', checksum] = HEADER.exec(text) ?? [];
  if (checksum !== computeDigest(bytes.subarray(header.length), nodeHasher)) return lines;
  for (const line of text.slice(header.length).split('\n').slice(0, MAX_ENTRIES)) {
    const [, digest = '', identity] = LINE.exec(line) ?? [];
    if (isDigest(digest) && identity !== undefined) lines.set(digest, identity);
  }
  return lines;
}

/**
 * Replaces the file by one that tells of more. It need not last: a file that is torn by a power cut has another checksum.
 *
 * A change that follows a look at a file within one tick of the file system's clock may leave both times as they are. So
 * the new file is made first, and what is not older than it, by the same clock, is left out, after a short wait at most.
 */
async function writeLines(context: RememberedContext, before: Lines, contents: readonly Descriptor[]): Promise<void> {
  const { fs, paths, owner, clock } = context;
  for (let tries = 1; ; tries += 1) {
    const temp = await createTemp(fs, join(paths.ingest, owner.createToken()));
    try {
      const { touched } = await temp.file.stat();
      const { lines, racyBytes } = await lookAt(context, contents, touched);
      if (racyBytes < RACY_BYTES || tries === TRIES) {
        await place(context, temp, new Map([...before, ...lines]));
        return;
      }
    } finally {
      // After the rename nothing has its name any more.
      await discardTemp(fs, temp);
    }
    await clock.sleep(TICK_MS);
  }
}

async function lookAt(
  { fs, paths, verified }: RememberedContext,
  contents: readonly Descriptor[],
  now: bigint,
): Promise<{ readonly lines: Lines; readonly racyBytes: number }> {
  const lines = new Map<Digest, string>();
  let racyBytes = 0;
  for (const content of contents) {
    const stat = await unlessMissing(fs.lstat(paths.blob(content)));
    if (stat === undefined || !verified.isDurable(content, stat)) continue;
    if (stat.touched < now && stat.changed < now) lines.set(content.digest, identityOf(stat));
    else racyBytes += stat.size;
  }
  return { lines, racyBytes };
}

async function place({ fs, paths }: RememberedContext, temp: TempFile, lines: Lines): Promise<void> {
  const newest = [...lines].slice(-MAX_ENTRIES);
  const encoder = new TextEncoder();
  const body = encoder.encode(newest.map(([digest, identity]) => `${digest} ${identity}\n`).join(''));
  const header = encoder.encode(`kubepull verified files 1 ${computeDigest(body, nodeHasher)}\n`);
  await writeFully(temp.file, [header, body], 0);
  await temp.file.chmod(0o400);
  await closeTemp(temp);
  await fs.rename(temp.path, paths.remembered);
}

/** What one store knows of the files in its layout, so that each is hashed, and forced to the disk, only once. */
export interface VerifiedFiles {
  /** Notes that the file with this stat has the right content. */
  remember(descriptor: Descriptor, stat: LayoutStat, known: { readonly durable: boolean }): void;
  isVerified(descriptor: Descriptor, stat: LayoutStat): boolean;
  /** Whether its content outlasts a power cut, too. */
  isDurable(descriptor: Descriptor, stat: LayoutStat): boolean;
}

export function createVerifiedFiles(): VerifiedFiles {
  const files = new Map<Digest, { readonly version: string; readonly durable: boolean }>();
  const find = ({ digest }: Descriptor, stat: LayoutStat): { readonly durable: boolean } | undefined => {
    const known = files.get(digest);
    return known?.version === versionOf(stat) ? known : undefined;
  };
  return {
    remember: ({ digest }, stat, { durable }) => void files.set(digest, { version: versionOf(stat), durable }),
    isVerified: (descriptor, stat) => find(descriptor, stat) !== undefined,
    isDurable: (descriptor, stat) => find(descriptor, stat)?.durable === true,
  };
}

/** The bytes of small blobs that were read lately, each with the version of its file. */
export interface KeptBytes {
  keep(descriptor: Descriptor, kept: KeptBlob): void;
  of(descriptor: Descriptor): KeptBlob | undefined;
}

interface KeptBlob {
  readonly version: string;
  readonly bytes: Uint8Array;
}

/** What is kept costs no more memory than this. */
const KEPT_BYTES = 16 * 1024 * 1024;
/** What keeping bytes costs besides them. */
const KEPT_COST = 512;

/** Keeps bytes in two halves: when the young one is full it takes the place of the old one. */
export function createKeptBytes(): KeptBytes {
  let [young, old, cost] = [new Map<Digest, KeptBlob>(), new Map<Digest, KeptBlob>(), 0];
  return {
    keep({ digest }, blob) {
      if (cost > KEPT_BYTES / 2) [young, old, cost] = [new Map(), young, 0];
      cost += blob.bytes.length + KEPT_COST;
      young.set(digest, blob);
    },
    of: ({ digest }) => young.get(digest) ?? old.get(digest),
  };
}

/** The same for two looks at a file that did not change between them; another file, or another content, has another. */
export function versionOf({ inode, size, changed }: LayoutStat): string {
  return `${inode} ${size} ${changed}`;
}
