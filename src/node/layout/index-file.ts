import type { Clock } from '../../clock/index.js';
import { createShared } from '../../internal/index.js';
import { ignoreStoreError } from '../files/errors.js';
import type { LayoutFileSystem, LayoutStat } from '../files/file-system.js';
import { type ReadIndex, readLayoutIndex } from './documents.js';
import type { LayoutIndex } from './layout-index.js';

/** The `index.json` of a layout, which other programs may change at any time. */
export interface IndexFile {
  /** What it says now. It is read again only if it may have changed since. */
  read(): Promise<LayoutIndex>;
  /** Takes what the holder of the lock has written, and the file that he made for it, as what was read. */
  keep(index: LayoutIndex, written: LayoutStat): Promise<void>;
}

/**
 * Two changes so close to each other may carry one time: Linux counts in ticks of up to 10 ms, and old file systems in whole
 * seconds, as Git knows ("racy" entries). What is this old when it is read gets another time with its next change.
 */
const SETTLED_AFTER_MS = 2_000;

/** Makes the reader of one index, which keeps the last one. */
export function createIndexFile(fs: LayoutFileSystem, path: string, clock: Pick<Clock, 'now'>): IndexFile {
  let kept: { readonly index: LayoutIndex; readonly version: string } | undefined;
  /** The last one that was read, and may have changed since without a new time: its bytes tell. */
  let last: ReadIndex | undefined;
  const look = createShared(async (): Promise<LayoutStat | undefined> =>
    fs.lstat(path).catch((error: unknown) => void ignoreStoreError(error)),
  );
  const readAnew = createShared(async (): Promise<LayoutIndex> => {
    const readAt = clock.now();
    last = await readLayoutIndex(fs, path, last);
    const { index, stat } = last;
    const version = isSettled(stat, readAt) ? versionOf(stat) : undefined;
    kept = version === undefined ? undefined : { index, version };
    if (kept !== undefined) last = undefined;
    return index;
  });
  return {
    async read() {
      const known = kept;
      return known !== undefined && versionOf(await look()) === known.version ? known.index : readAnew();
    },
    async keep(index, written) {
      const stat = await look();
      const version = versionOf(stat);
      // Who does not ask for the lock may have changed it already.
      const isOurs = stat?.inode === written.inode && stat.size === written.size && stat.changed === written.changed;
      kept = isOurs && version !== undefined ? { index, version } : undefined;
      last = undefined;
    },
  };
}

/** The same for a file that nobody has touched; `undefined` for one of which too little is known to tell. */
function versionOf(stat: Partial<LayoutStat> | undefined): string | undefined {
  if (stat === undefined) return undefined;
  const { kind, inode, size, changed, touched } = stat;
  const isKnown = kind === 'file' && isTime(changed) && isTime(touched) && Boolean(inode) && typeof size === 'number';
  return isKnown ? `${inode} ${size} ${changed} ${touched}` : undefined;
}

function isTime(value: unknown): value is bigint {
  return typeof value === 'bigint' && value > 0n;
}

function isSettled({ changed, touched }: LayoutStat, now: number): boolean {
  return (
    isTime(changed) &&
    isTime(touched) &&
    [changed, touched].every((time) => now - Number(time / 1_000_000n) >= SETTLED_AFTER_MS)
  );
}
