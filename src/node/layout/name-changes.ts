import { join } from 'node:path';
import type { CallOptions } from '../../clock/index.js';
import type { Descriptor } from '../../oci/index.js';
import type { LayoutStat } from '../files/file-system.js';
import { replaceFile } from '../files/write-atomic.js';
import { settleBlobs } from './blobs.js';
import type { Hold, LayoutContext } from './context.js';
import type { LayoutIndex } from './layout-index.js';

/** What becomes of the names in a layout. */
export interface NameChange {
  /** What has to be there, and on the disk, before the change is. */
  readonly contents: readonly Descriptor[];
  /** The index after the change; the same one where it changes nothing. */
  edit(this: void, index: LayoutIndex): LayoutIndex;
}

/** Makes a change, and resolves to whether it changed anything. */
export type ChangeNames = (change: NameChange, options: CallOptions) => Promise<boolean>;

interface Member extends NameChange {
  readonly signal: AbortSignal | undefined;
  resolve(hasChanged: boolean): void;
  reject(error: unknown): void;
}

/** The index after the changes of a group, and what each of those that succeeded has come to. */
interface Outcome {
  readonly index: LayoutIndex;
  readonly changed: ReadonlyMap<Member, boolean>;
}

/**
 * Changes names under the lock. All that are wanted when the lock is there are written together, so that who gives many
 * names at once takes the lock and replaces the file once. Each change is there, or is not, by itself: one that fails, or
 * is aborted before the file is replaced, is left out.
 */
export function createNameChanges(context: LayoutContext): ChangeNames {
  const waiting = new Set<Member>();
  let isRunning = false;
  let lockWait = new AbortController();

  const writeWaiting = async (): Promise<void> => {
    let group: readonly Member[] | undefined;
    lockWait = new AbortController();
    try {
      const outcome = await context.exclusive(
        (hold) => {
          group = [...waiting];
          waiting.clear();
          return writeGroup(context, hold, group);
        },
        { signal: lockWait.signal },
      );
      for (const [member, hasChanged] of outcome.changed) member.resolve(hasChanged);
    } catch (error) {
      // Nobody waits any more but for those who came since.
      if (group === undefined && lockWait.signal.aborted) return;
      for (const member of group ?? waiting) member.reject(error);
      if (group === undefined) waiting.clear();
    }
  };
  const run = async (): Promise<void> => {
    isRunning = true;
    while (waiting.size > 0) await writeWaiting();
    isRunning = false;
  };
  return async (change, { signal }) => {
    signal?.throwIfAborted();
    let leave = (): void => undefined;
    const made = new Promise<boolean>((resolve, reject) => {
      const member: Member = { ...change, signal, resolve, reject };
      const onAbort = (): void => {
        if (!waiting.delete(member)) return;
        reject(signal?.reason);
        if (waiting.size === 0) lockWait.abort(signal?.reason);
      };
      leave = () => signal?.removeEventListener('abort', onAbort);
      signal?.addEventListener('abort', onAbort, { once: true });
      waiting.add(member);
    });
    // Who closes the layout waits for the lock to be given back, too.
    if (!isRunning) void context.background.run(undefined, run);
    try {
      return await made;
    } finally {
      leave();
    }
  };
}

/** Is thrown when a change that is to be written is not wanted any more. */
const REGROUP = Symbol('regroup');

async function writeGroup(context: LayoutContext, hold: Hold, group: readonly Member[]): Promise<Outcome> {
  for (let live = group; ; live = live.filter(({ signal }) => signal?.aborted !== true)) {
    const before = await context.index.read();
    const outcome = await applyAll(context, before, live);
    const members = [...outcome.changed.keys()];
    for (const member of live) if (member.signal?.aborted === true) member.reject(member.signal.reason);
    if (outcome.index === before) return outcome;
    try {
      const isWanted = (): boolean => members.every(({ signal }) => signal?.aborted !== true);
      await replaceIndex(context, hold, outcome.index, () => {
        if (!isWanted()) throw REGROUP;
      });
      return outcome;
    } catch (error) {
      if (error !== REGROUP) throw error;
      for (const member of members) if (member.signal?.aborted === true) member.reject(member.signal.reason);
    }
  }
}

/** Applies one change after the other. Those that fail are told so, and change nothing. */
async function applyAll(context: LayoutContext, before: LayoutIndex, live: readonly Member[]): Promise<Outcome> {
  const changed = new Map<Member, boolean>();
  let index = before;
  for (const member of live) {
    try {
      await settleBlobs(context, member.contents, member);
      const after = member.edit(index);
      changed.set(member, after !== index);
      index = after;
    } catch (error) {
      member.reject(error);
    }
  }
  return { index, changed };
}

async function replaceIndex(
  context: LayoutContext,
  hold: Hold,
  index: LayoutIndex,
  beforeRename: () => void,
): Promise<void> {
  const document = { target: index.path, text: index.text() };
  await context.index.keep(index, await replaceDocument(context, hold, document, beforeRename));
}

/** Replaces a small file of the layout under its lock, unless that was lost or nobody wants it any more. */
export async function replaceDocument(
  { fs, paths, owner }: Pick<LayoutContext, 'fs' | 'paths' | 'owner'>,
  hold: Hold,
  { target, text }: { readonly target: string; readonly text: string },
  beforeRename: () => void,
): Promise<LayoutStat> {
  return replaceFile(fs, {
    target,
    text,
    temporary: join(hold.directory, owner.createToken()),
    directory: paths.root,
    mode: 0o644,
    async beforeRename() {
      await hold.confirm();
      beforeRename();
    },
  });
}
