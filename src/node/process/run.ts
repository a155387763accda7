import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** A program to run. There is never a shell. */
interface ProcessCall {
  /** The path of the program. */
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: string;
  readonly timeoutMs: number;
  readonly maxStdoutBytes: number;
  readonly maxStderrBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** How a program ended; one that was stopped by us never counts as ended. */
export type ProcessResult =
  | { readonly outcome: 'exited'; readonly status: number; readonly stdout: Uint8Array; readonly stderr: string }
  | { readonly outcome: 'killed'; readonly by: string; readonly stderr: string }
  | { readonly outcome: 'stopped'; readonly why: 'timeout' | 'overflow' | 'abort'; readonly stderr: string }
  | { readonly outcome: 'unstartable'; readonly errno: string };

/** Why a program that was to end with status 0 did not, for a sentence. */
export function describeEnd(
  result: ProcessResult,
  { timeoutMs, maxStdoutBytes }: Pick<ProcessCall, 'timeoutMs' | 'maxStdoutBytes'>,
): string {
  switch (result.outcome) {
    case 'exited':
      return `it ended with status ${result.status}`;
    case 'killed':
      return `it was killed by ${result.by}`;
    case 'unstartable':
      return `it cannot be started (${result.errno})`;
    case 'stopped':
      if (result.why === 'timeout') return `it took longer than ${timeoutMs / 1000} s`;
      return result.why === 'overflow' ? `it printed more than ${maxStdoutBytes} bytes` : 'it was given up';
  }
}

/** Between asking a process to end and ending it. */
const GRACE_MS = 2000;
/** For output that is still in the pipe when a process has ended; a grandchild may hold the pipe open for ever. */
const DRAIN_MS = 200;

interface Running {
  readonly child: ChildProcess;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly ended: Promise<{ readonly status: number | null; readonly by: string | null }>;
}

/**
 * Runs a program in a process group of its own, with limits on its time and its output, and leaves nothing of it behind:
 * when it ends, by itself or not, the whole group is killed.
 *
 * It never rejects; not for arguments that no process can have either, which `spawn` reports by throwing.
 */
export async function runProcess(call: ProcessCall): Promise<ProcessResult> {
  if (call.signal?.aborted) return { outcome: 'stopped', why: 'abort', stderr: '' };
  const started = start(call);
  if (typeof started === 'string') return { outcome: 'unstartable', errno: started };
  const errno = await Promise.race([spawnError(started.child), started.ended.then(() => undefined)]);
  if (errno !== undefined) return { outcome: 'unstartable', errno };
  return watch(call, started);
}

function start({ file, args, env, stdin, maxStdoutBytes, maxStderrBytes }: ProcessCall): Running | string {
  let child: ChildProcess;
  try {
    child = spawn(file, args, { env, detached: true, shell: false, windowsHide: true, stdio: 'pipe' });
  } catch (error) {
    return errnoOf(error);
  }
  // A program that does not read its input, or cannot be started, breaks the pipes.
  for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe?.on('error', () => undefined);
  const running: Running = {
    child,
    stdout: createOutput(child.stdout, maxStdoutBytes),
    stderr: createOutput(child.stderr, maxStderrBytes),
    ended: new Promise((resolve) => child.once('exit', (status, by) => resolve({ status, by }))),
  };
  child.stdin?.end(stdin);
  return running;
}

/** The error of a program that cannot be started; never resolves to one that could. */
function spawnError(child: ChildProcess): Promise<string | undefined> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(errnoOf(error)));
    child.once('spawn', () => resolve(undefined));
  });
}

async function watch(call: ProcessCall, running: Running): Promise<ProcessResult> {
  const { child, ended, stdout, stderr } = running;
  const stop = new AbortController();
  const timeout = sleep(call.timeoutMs, 'timeout' as const, { signal: stop.signal });
  const why = await Promise.race([
    ended.then(() => undefined),
    timeout.catch(() => undefined),
    stdout.overflow.then(() => 'overflow' as const),
    untilAborted(call.signal, stop.signal),
  ]);
  stop.abort();
  if (why !== undefined) await terminate(running);
  const { status, by } = await ended;
  await within(DRAIN_MS, Promise.all([stdout.closed, stderr.closed]));
  signalGroup(child, 'SIGKILL');
  for (const pipe of child.stdio) pipe?.destroy();
  const told = stderr.text();
  // What came in after the end may be too much as well.
  const stopped = why ?? (stdout.isFull() ? 'overflow' : undefined);
  if (stopped !== undefined) return { outcome: 'stopped', why: stopped, stderr: told };
  if (status === null) return { outcome: 'killed', by: by ?? 'signal', stderr: told };
  return { outcome: 'exited', status, stdout: stdout.bytes(), stderr: told };
}

async function terminate({ child, ended }: Running): Promise<void> {
  signalGroup(child, 'SIGTERM');
  await within(GRACE_MS, ended);
  signalGroup(child, 'SIGKILL');
}

/** Waits for something, but not for ever. */
async function within(ms: number, event: Promise<unknown>): Promise<void> {
  const timer = new AbortController();
  await Promise.race([event, sleep(ms, undefined, { signal: timer.signal }).catch(() => undefined)]);
  timer.abort();
}

/** The group is gone when all of it has ended; Windows has no groups. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (process.platform === 'win32') child.kill(signal);
    else if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // It is what was wanted.
  }
}

function untilAborted(signal: AbortSignal | undefined, stop: AbortSignal): Promise<'abort' | undefined> {
  return new Promise((resolve) => {
    // It may have been aborted while the program was started, and tells nobody a second time.
    if (signal?.aborted) resolve('abort');
    signal?.addEventListener('abort', () => resolve('abort'), { once: true, signal: stop });
  });
}

function errnoOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code ?? 'EUNKNOWN';
}

/** What a process prints, up to a limit. */
interface Output {
  /** Resolves when there is more than the limit. */
  readonly overflow: Promise<void>;
  /** Resolves when nothing more can come. */
  readonly closed: Promise<void>;
  isFull(): boolean;
  bytes(): Uint8Array;
  text(): string;
}

/** Collects what comes; beyond the limit it is read on, so that nobody waits for us, and forgotten. */
function createOutput(stream: Readable | null, limit: number): Output {
  const chunks: Uint8Array[] = [];
  let kept = 0;
  let full = false;
  let onOverflow: () => void = () => undefined;
  const overflow = new Promise<void>((resolve) => (onOverflow = resolve));
  const closed = new Promise<void>((resolve) => {
    if (stream === null) resolve();
    else stream.once('close', resolve);
  });
  stream?.on('data', (chunk: Uint8Array) => {
    const part = chunk.subarray(0, limit - kept);
    if (part.length > 0) chunks.push(part);
    kept += part.length;
    if (part.length === chunk.length) return;
    full = true;
    onOverflow();
  });
  return {
    overflow,
    closed,
    isFull: () => full,
    bytes: () => Uint8Array.from(Buffer.concat(chunks)),
    text: () => Buffer.concat(chunks).toString('utf8'),
  };
}
