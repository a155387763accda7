// A disk in memory whose files are as old as a clock of the test says.
import type { LayoutFile, LayoutFileSystem, LayoutStat } from 'kubepull/node';
import { createCrashDisk, type CrashDisk } from './crash-fs.ts';

interface AgedDisk extends Pick<CrashDisk, 'files'> {
  readonly fs: LayoutFileSystem;
}

/** No two changes have the same time. What stands under the name of what was verified is sealed, as on a disk. */
export function createAgedDisk(clock: { readonly now: number }): AgedDisk {
  const disk = createCrashDisk();
  const fs = disk.mount();
  const times = new Map<string, Pick<LayoutStat, 'changed' | 'touched'>>();
  let ticks = 0n;
  const mark = ({ inode, changed }: LayoutStat, isContent: boolean): void => {
    const now = BigInt(clock.now) * 1_000_000n + (ticks += 1n);
    times.set(inode, { changed: isContent ? now : (times.get(inode)?.changed ?? changed), touched: now });
  };
  const show = (path: string, stat: LayoutStat): LayoutStat => ({
    ...stat,
    ...times.get(stat.inode),
    sealed: path.endsWith('verified'),
  });
  const aged = (path: string, file: LayoutFile): LayoutFile => ({
    ...file,
    async write(parts, position) {
      const length = await file.write(parts, position);
      mark(await file.stat(), true);
      return length;
    },
    async chmod(mode) {
      await file.chmod(mode);
      mark(await file.stat(), false);
    },
    stat: async () => show(path, await file.stat()),
  });
  return {
    files: disk.files,
    fs: {
      ...fs,
      open: async (path) => aged(path, await fs.open(path)),
      async create(path) {
        const file = await fs.create(path);
        mark(await file.stat(), true);
        return aged(path, file);
      },
      lstat: async (path) => show(path, await fs.lstat(path)),
      async rename(from, to) {
        await fs.rename(from, to);
        mark(await fs.lstat(to), false);
      },
    },
  };
}
