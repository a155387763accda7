import type { Clock } from '../../clock/index.js';
import { ignoreStoreError } from '../files/errors.js';
import type { LayoutFileSystem, LayoutStat } from '../files/file-system.js';
import { readLayoutIndex } from './documents.js';
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
  const look = async (): Promise<LayoutStat | undefined> =>
    fs.lstat(path).catch((error: unknown) => void ignoreStoreError(error));
  return {
    async read() {
      const known = kept;
      if (known !== undefined && versionOf(await look()) === known.version) return known.index;
      const readAt = clock.now();
      const { index, stat } = await readLayoutIndex(fs, path);
      const version = isSettled(stat, readAt) ? versionOf(stat) : undefined;
      kept = version === undefined ? undefined : { index, version };
      return index;
    },
    async keep(index, written) {
      const stat = await look();
      const version = versionOf(stat);
      // Who does not ask for the lock may have changed it already.
      const isOurs = stat?.inode === written.inode && stat.size === written.size && stat.changed === written.changed;
      kept = isOurs && version !== undefined ? { index, version } : undefined;
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
