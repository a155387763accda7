import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { constants, renameSync } from 'node:fs';
import { type FileHandle, open, readdir, readFile, readlink, unlink } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { kill, pid, platform } from 'node:process';
import { type Digest, getDigestAlgorithm, getDigestHex, isDigest } from '../../digest/index.js';
import { createSlots } from '../../internal/index.js';

/**
 * Who made a temporary file or holds a lock, written into its name, so that others can tell whether it still runs.
 *
 * @public
 */
export interface LayoutOwner {
  /** A new name that says who made it; it is never given twice. */
  createToken(): string;
  /** What became of the owner of a token. `unknown`: it runs, or ran, where this process cannot look. */
  stateOf(token: string): Promise<OwnerState>;
  /**
   * Is called before a token is used, and what it gives is called when nothing has that name any more. An owner can show
   * in between that it lives.
   *
   * @defaultValue nothing is done
   */
  attend?(): Promise<() => Promise<void>>;
}

/**
 * What is known of the owner of a token.
 *
 * @public
 */
export type OwnerState = 'alive' | 'dead' | 'unknown';

/**
 * The boot and the process namespace, the process id, when it started, who of that process it is, and what makes the token
 * unique; an `s` at the end when its owner answers on a socket.
 */
const TOKEN = /^([0-9a-f]{8})([0-9a-f]{8})-([1-9]\d{0,9})-(\d{1,20})-([0-9a-f-]{18})[0-9a-f-]{18}(s?)$/;
const SOCKET = /^[0-9a-f-]{18}\.sock$/;

/**
 * This process as an owner. Its id alone is not enough: ids are given again, and other containers and machines that share
 * the directory have their own. So a token names the boot and the process namespace, and the time of the start.
 *
 * To other namespaces of the same boot ids say nothing. For them the owner listens on a socket in the directory while it
 * has something there: the system closes it with the process, and lets everybody see that who reaches the directory. It also
 * tells of a process that runs on after it could not give a lock back.
 *
 * @param directory - where the socket is put; `undefined` for none
 */
export async function processOwner(directory?: string): Promise<LayoutOwner> {
  const [boot, namespace, started, isOwnTable] = await Promise.all([
    bootOf(),
    readlink('/proc/self/ns/pid').catch(() => ''),
    startOf('self'),
    seesOwnProcesses(),
  ]);
  const space = shortHash(namespace);
  const own = `${boot}${space}-${pid}-${started?.at ?? 0}-`;
  const unseen = newId();
  const createToken = (id: string, end = ''): string => `${own}${id}${randomUUID().slice(18)}${end}`;
  const presence = directory === undefined ? undefined : createPresence(directory, createToken);
  return {
    createToken() {
      const id = presence?.id();
      return id === undefined ? createToken(unseen) : createToken(id, 's');
    },
    stateOf: async (token) => {
      const [, itsBoot, itsSpace, itsPid, at, itsId = '', answers] = TOKEN.exec(token) ?? [];
      if (token.startsWith(own) && (itsId === unseen || itsId === presence?.id())) return 'alive';
      if (itsBoot !== boot) return 'unknown';
      const isVisible = itsSpace === space && isOwnTable;
      if (isVisible && !(await isRunning(Number(itsPid), Number(at)))) return 'dead';
      const state = answers === 's' && directory !== undefined ? await answerOf(directory, socketOf(itsId)) : 'unknown';
      // One that runs may have given up what it could not remove, on a disk that failed: then it does not listen any more.
      return isVisible && state !== 'dead' ? 'alive' : state;
    },
    ...(presence === undefined ? {} : { attend: presence.attend }),
  };
}

/** Who of a process it is: a part of a token, and the name of a socket. */
function newId(): string {
  return randomUUID().slice(0, 18);
}

function socketOf(id: string): string {
  return `${id}.sock`;
}

/** Removes the sockets of owners that have ended. */
export async function sweepSockets(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    if (!SOCKET.test(name) || (await answerOf(directory, name)) !== 'dead') continue;
    await unlink(join(directory, name)).catch(() => undefined);
  }
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** One boot of one machine. Where it cannot be told from others it is like none. */
async function bootOf(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => undefined);
  if (boot === undefined && platform === 'linux') return randomBytes(4).toString('hex');
  return shortHash(boot ?? hostname());
}

/** Whether the ids in `/proc` are those that this process knows; one may see those of another namespace there. */
async function seesOwnProcesses(): Promise<boolean> {
  return platform !== 'linux' || (await readlink('/proc/self').catch(() => '')) === String(pid);
}

async function isRunning(id: number, at: number): Promise<boolean> {
  try {
    kill(id, 0);
  } catch (error) {
    // Any other failure means that it is there, and not ours.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const started = await startOf(String(id));
  // Without /proc, there or here, the id has to do.
  return started === undefined || (!started.ended && (at === 0 || started.at === at));
}

/** When a process started, in ticks since the boot, and whether it only waits for its parent to take note of its end. */
async function startOf(id: string): Promise<{ readonly at: number; readonly ended: boolean } | undefined> {
  const text = await readFile(`/proc/${id}/stat`, 'latin1').catch(() => undefined);
  if (text === undefined) return undefined;
  // The command's name may hold anything; the fields behind it may not.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { at: Number(fields[19]), ended: fields[0] === 'Z' || fields[0] === 'X' };
}

/**
 * A socket that is there while somebody attends. It has a new name each time: who found out that one is gone, and removes it
 * late, removes no other.
 */
interface Presence {
  /** Who listens; `undefined` while nobody does. */
  id(): string | undefined;
  attend(): Promise<() => Promise<void>>;
}

function createPresence(directory: string, createToken: (id: string) => string): Presence {
  const turns = createSlots(1);
  let users = 0;
  let open: { readonly id: string; readonly close: () => Promise<void> } | undefined;
  return {
    id: () => open?.id,
    async attend() {
      await turns.run(async () => {
        users += 1;
        if (users > 1) return;
        const id = newId();
        // Where there can be no socket, the owner is one that others cannot look at.
        const close = await listen(directory, socketOf(id), createToken(id)).catch(() => undefined);
        open = close && { id, close };
      });
      return () =>
        turns.run(async () => {
          users -= 1;
          if (users > 0) return;
          const last = open;
          open = undefined;
          await last?.close();
        });
    },
  };
}

/**
 * Listens under a name in a directory, and returns how to end that. It does not keep the process from ending.
 *
 * A socket refuses between its making and the moment at which it listens, as one of a process that has ended does. So it
 * is made under another name, and gets its own, by which others ask it, once it answers.
 */
async function listen(directory: string, name: string, made: string): Promise<() => Promise<void>> {
  const place = await open(directory, constants.O_RDONLY);
  const server = createServer((socket) => void socket.destroy());
  const end = async (): Promise<void> => {
    await unlink(join(directory, name)).catch(() => undefined);
    await new Promise<void>((resolve) => void server.close(() => resolve()));
    await place.close();
  };
  try {
    const listens = once(server, 'listening');
    server.listen({ path: shortPath(place, made), exclusive: true, writableAll: true });
    // At once, so that hardly any kill leaves a socket with the other name.
    if (server.listening) renameSync(join(directory, made), join(directory, name));
    await listens;
    server.unref();
    return end;
  } catch (error) {
    await end();
    throw error;
  }
}

/** A socket's path may have no more than 107 bytes; through the open directory it is always short enough. */
function shortPath({ fd }: FileHandle, name: string): string {
  return `/proc/self/fd/${fd}/${name}`;
}

/** Whether an owner answers. Its socket is gone, or refuses, when it has ended. */
async function answerOf(directory: string, name: string): Promise<OwnerState> {
  const place = await open(directory, constants.O_RDONLY).catch(() => undefined);
  if (place === undefined) return 'unknown';
  try {
    return await new Promise((resolve) => {
      const socket = connect({ path: shortPath(place, name) });
      socket.once('connect', () => {
        socket.destroy();
        resolve('alive');
      });
      socket.once('error', ({ code }: NodeJS.ErrnoException) => {
        if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve('dead');
        // A process that was stopped takes no calls once many have been made.
        else resolve(code === 'EAGAIN' ? 'alive' : 'unknown');
      });
    });
  } finally {
    await place.close();
  }
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
  const content = `${getDigestAlgorithm(digest)}-${getDigestHex(digest)}`;
  return token === undefined ? content : `${token}.${content}`;
}

/** Reads a name; `undefined` for one that is not ours. */
export function parseIngestName(name: string): IngestName | undefined {
  const [token, content] = name.includes('.') ? split(name) : TOKEN.test(name) ? [name, undefined] : [undefined, name];
  if (token !== undefined && !TOKEN.test(token)) return undefined;
  if (content === undefined) return { token, digest: undefined };
  const digest = content.replace('-', ':');
  return isDigest(digest) ? { token, digest } : undefined;
}

function split(name: string): readonly [string, string] {
  const dot = name.indexOf('.');
  return [name.slice(0, dot), name.slice(dot + 1)];
}
