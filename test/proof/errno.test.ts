// A call of the file system fails, for each call of a pull and each error that a disk may give: alone, or with every later call
// that changes something, as on a disk that is full. Nothing is committed that may not have reached the disk, the failure is told
// as one of the store, and once the trouble is over the same store and the next process go on.
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { isImageError } from 'kubepull/errors';
import { type OciLayout, openOciLayout } from 'kubepull/node';
import { type Call, createCrashDisk, type Fault } from '../support/crash-fs.ts';
import {
  createBriskClock,
  createProcesses,
  LOOKS,
  NAME,
  prepareDisk,
  pullInto,
  pullWith,
  recoveryFaults,
  ROOT,
  STARTS,
  violationsOf,
} from '../support/crash-pull.ts';
import { countFor, proofRuns } from '../support/figures.ts';
import { chooseEvenly } from '../support/sweeps.ts';

const ERRNOS = ['ENOSPC', 'EIO', 'EDQUOT', 'EACCES', 'EROFS', 'EMFILE', 'EINTR', 'short write'] as const;
/** Calls of each pull that fail with each error. */
const CALLS = proofRuns({ fast: 2, full: 60 });
/** Whether it fails alone, or with all later ones, too. */
const WAYS = proofRuns({ fast: 1, full: 2 });

type Errno = (typeof ERRNOS)[number];

async function traceCalls(kind: (typeof STARTS)[number]): Promise<readonly Call[]> {
  const { disk, promised } = await prepareDisk(kind, createCrashDisk());
  const fs = disk.mount();
  await pullInto(fs, createProcesses().start(), 'own', promised);
  return fs.calls;
}

const prepared = new Map<string, Awaited<ReturnType<typeof prepareDisk>>>();

/** The same disk each time, before anything is done with it. */
async function preparedDisk(kind: (typeof STARTS)[number]): ReturnType<typeof prepareDisk> {
  const first = prepared.get(kind) ?? (await prepareDisk(kind, createCrashDisk()));
  prepared.set(kind, first);
  const { opened, names } = first.promised;
  return { disk: first.disk.copy(), promised: { opened, names: new Map(names) } };
}

interface Trouble {
  readonly kind: (typeof STARTS)[number];
  readonly call: Call;
  readonly errno: Errno;
  /** Whether every later call that changes something fails, too. */
  readonly lasts: boolean;
}

/** What went wrong in a pull on such a disk that should not have. */
async function faultsOf({ kind, call: { n, operation }, errno, lasts }: Trouble): Promise<readonly string[]> {
  const faults: string[] = [];
  const check = (holds: boolean, fault: string): void => void (holds || faults.push(fault));
  const { disk, promised } = await preparedDisk(kind);
  const running = createProcesses();
  let isOver = false;
  const fault = (call: Call): Fault => {
    const fails = call.n === n || (lasts && call.n > n && !LOOKS.includes(call.operation));
    if (isOver || !fails) return undefined;
    // A part of what was to be written, and with the next call the rest.
    if (errno === 'short write') return call.operation === 'write' ? 4099 : undefined;
    return { errno };
  };
  const fs = disk.mount(fault);
  let store: OciLayout | undefined;
  const attempt = async (): Promise<void> => {
    store ??= await openOciLayout(ROOT, { fs, owner: running.start(), clock: createBriskClock() });
    promised.opened = true;
    await pullWith(store, 'own', promised);
  };
  const error = await attempt().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (errno === 'short write') check(error === undefined, `failed because of a short write: ${inspect(error)}`);
  else if (error !== undefined) {
    const isTyped = isImageError(error) && error.code === 'ERR_STORE' && error.errno === errno;
    check(isTyped, `not told as a failure of the store: ${inspect(error)}`);
  }
  const failed = fs.calls[n - 1];
  if (operation === 'fsync' && errno !== 'short write' && failed?.path.includes('/ingest/') === true) {
    const commits = fs.calls.filter(
      (later) => later.n > n && later.operation === 'rename' && later.path === failed.path,
    );
    check(commits.length === 0, 'committed after a failed fsync');
  }
  faults.push(...violationsOf(disk, promised));
  isOver = true;
  await attempt().catch((reason: unknown) => faults.push(`no second try: ${inspect(reason)}`));
  check(promised.names.has('own') && promised.names.has(NAME), 'the second try has named nothing');
  running.endAll();
  faults.push(...(await recoveryFaults(disk, running.start(), promised)));
  return faults;
}

describe.each(STARTS)('a pull into %s', (kind) => {
  it.each(ERRNOS)('fails as a store does, and goes on when the trouble is over: %s [S03 S04]', async (errno) => {
    const calls = (await traceCalls(kind)).filter(({ operation }) => errno !== 'short write' || operation === 'write');
    // Every kind of call once, and more of those that are made more often.
    const kinds = kind !== 'a new layout' ? [] : [...new Map(calls.map((call) => [call.operation, call])).values()];
    const some = CALLS < calls.length ? chooseEvenly(calls, CALLS, Number(process.env['KUBEPULL_TEST_SEED'])) : calls;
    const operations = new Set<string>();
    for (const call of new Set([...kinds, ...some])) {
      for (const lasts of [call.n % 2 === 0, call.n % 2 > 0].slice(0, WAYS)) {
        const told = `${call.operation} ${call.path} (call ${call.n}) with ${errno}${lasts ? ', and all later' : ''}`;
        expect(await faultsOf({ kind, call, errno, lasts }), told).toEqual([]);
        countFor('calls of a disk that failed in a pull');
      }
      operations.add(call.operation);
    }
    if (kind === 'a new layout') countFor('kinds of calls x errors of a disk', operations.size);
  });
});
