import { createHash, randomUUID } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { kill, pid } from 'node:process';
import { type Digest, digestAlgorithm, digestEncoded, isDigest } from '../../digest/index.js';

/**
 * Who made a temporary file or holds a lock, written into its name, so that others can tell whether it still runs.
 *
 * @public
 */
export interface LayoutOwner {
  /** A new name that says who made it; it is never given twice. */
  createToken(): string;
  /** What became of the owner of a token. `unknown`: it runs, or ran, where this process cannot look. */
  stateOf(token: string): Promise<'alive' | 'dead' | 'unknown'>;
}

/** Where the process runs, its id, when it started, and what makes the token unique. */
const TOKEN = /^([0-9a-f]{16})-([1-9]\d{0,9})-(\d{1,20})-[0-9a-f-]{36}$/;

/** Whether a file name was made by an owner. */
function isOwnerToken(name: string): boolean {
  return TOKEN.test(name);
}

/**
 * This process as an owner. Its id alone is not enough: ids are given again, and other containers and machines that share
 * the directory have their own. So a token names the boot and the process namespace, and the time of the start.
 */
export async function processOwner(): Promise<LayoutOwner> {
  const [space, started] = await Promise.all([processSpace(), startOf('self')]);
  const prefix = `${space}-${pid}-${started?.at ?? 0}`;
  return {
    createToken: () => `${prefix}-${randomUUID()}`,
    stateOf: async (token) => {
      const [, where, id, at] = TOKEN.exec(token) ?? [];
      if (where !== space || id === undefined) return 'unknown';
      return (await isRunning(Number(id), Number(at))) ? 'alive' : 'dead';
    },
  };
}

/** What process ids mean something in: one boot of one machine, and in it one process namespace. */
async function processSpace(): Promise<string> {
  const parts = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => hostname()),
    readlink('/proc/self/ns/pid').catch(() => ''),
  ]);
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 16);
}

async function isRunning(id: number, at: number): Promise<boolean> {
  try {
    kill(id, 0);
  } catch (error) {
    // Any other failure means that it is there, and not ours.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const started = await startOf(String(id));
  // Without /proc the id has to do.
  return started === undefined || (!started.ended && started.at === at);
}

/** When a process started, in ticks since the boot, and whether it only waits for its parent to take note of its end. */
async function startOf(id: string): Promise<{ readonly at: number; readonly ended: boolean } | undefined> {
  const text = await readFile(`/proc/${id}/stat`, 'latin1').catch(() => undefined);
  if (text === undefined) return undefined;
  // The command's name may hold anything; the fields behind it may not.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { at: Number(fields[19]), ended: fields[0] === 'Z' || fields[0] === 'X' };
}

/** What the name of a file in `ingest/` says. */
interface IngestName {
  /** Who writes it; `undefined` for a part that its writer gave up. */
  readonly token: string | undefined;
  /** The content it is a part of; `undefined` for a small file in the making, and for what leads to the lock. */
  readonly digest: Digest | undefined;
}

/** `<token>`, `<token>.<algorithm>-<hex>` while a writer is at it, or `<algorithm>-<hex>` when it has given up. */
export function ingestName(token: string | undefined, digest: Digest): string {
  const content = `${digestAlgorithm(digest)}-${digestEncoded(digest)}`;
  return token === undefined ? content : `${token}.${content}`;
}

/** Reads a name; `undefined` for one that is not ours. */
export function parseIngestName(name: string): IngestName | undefined {
  const [token, content] = name.includes('.')
    ? split(name)
    : isOwnerToken(name)
      ? [name, undefined]
      : [undefined, name];
  if (token !== undefined && !isOwnerToken(token)) return undefined;
  if (content === undefined) return { token, digest: undefined };
  const digest = content.replace('-', ':');
  return isDigest(digest) ? { token, digest } : undefined;
}

function split(name: string): readonly [string, string] {
  const dot = name.indexOf('.');
  return [name.slice(0, dot), name.slice(dot + 1)];
}
