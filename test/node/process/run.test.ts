import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { describeEnd, type ProcessResult, runProcess } from '../../../src/node/process/run.ts';
import { tempDir } from '../../support/temp-dir.ts';

type Call = Parameters<typeof runProcess>[0];

const callOf = (script: string, change: Partial<Call> = {}): Call => ({
  file: '/bin/sh',
  args: ['-c', script],
  env: { PATH: process.env['PATH'] },
  stdin: '',
  timeoutMs: 120_000,
  maxStdoutBytes: 1000,
  maxStderrBytes: 1000,
  ...change,
});

/** What became of a script; what it printed as text. */
async function run(script: string, change: Partial<Call> = {}): Promise<object> {
  const result = await runProcess(callOf(script, change));
  return result.outcome === 'exited' ? { ...result, stdout: Buffer.from(result.stdout).toString('utf8') } : result;
}

/** Whether there is such a process, other than as one whose end nobody has asked for yet. */
function isAlive(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

/** A script's way of saying that it runs: a file with its process id, which is there as a whole or not at all. */
function pidFile() {
  const path = join(tempDir().path, 'pid');
  return {
    path,
    tell: (pid = '$$') => `echo ${pid} > ${path}.new; mv ${path}.new ${path}`,
    pid: async () => {
      await vi.waitFor(() => expect(existsSync(path)).toBe(true), 60_000);
      return Number(readFileSync(path, 'utf8'));
    },
  };
}

/** A signal, with a count of who listens to it. */
function countedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  signal.addEventListener = (...[type, listener, options]: Parameters<typeof add>) => {
    listeners.add(listener);
    const { signal: until } = options as { readonly signal: AbortSignal };
    until.addEventListener('abort', () => listeners.delete(listener));
    add(type, listener, options);
  };
  return { controller, listeners };
}

describe('runProcess', () => {
  it('gives what a program printed, as it came, with its status', async () => {
    expect(await run('cat; echo out; echo err >&2; sleep 0.1; echo more; exit 3', { stdin: 'in\n' })).toEqual({
      outcome: 'exited',
      status: 3,
      stdout: 'in\nout\nmore\n',
      stderr: 'err\n',
    });
  });

  it('gives the program its variables, and no others', async () => {
    expect(await run('/usr/bin/env | grep -v "^\\(PWD\\|SHLVL\\|_\\)="', { env: { ONLY: 'this' } })).toMatchObject({
      stdout: 'ONLY=this\n',
    });
  });

  it('puts characters together that came in two pieces', async () => {
    const stderr = 'printf "\\303" >&2; sleep 0.1; printf "\\244" >&2';
    expect(await run(stderr)).toMatchObject({ outcome: 'exited', stderr: 'ä' });
  });

  it.each([
    ['that is not there', { file: '/nowhere/program' }, 'ENOENT'],
    ['that is no file', { file: '/' }, 'EACCES'],
    ['with a NUL in an argument', { args: ['a\0'] }, 'ERR_INVALID_ARG_VALUE'],
  ])('says why a program cannot be started %s', async (_, change, errno) => {
    expect(await run('', change)).toEqual({ outcome: 'unstartable', errno });
  });

  it('starts nothing once the signal is aborted', async () => {
    const { path } = tempDir();
    const result = await run(`touch ${path}/started`, { signal: AbortSignal.abort() });
    expect(result).toEqual({ outcome: 'stopped', why: 'abort', stderr: '' });
    expect(existsSync(join(path, 'started'))).toBe(false);
  });

  it('says by which signal a program was killed', async () => {
    expect(await run('echo last >&2; kill -TERM $$')).toEqual({ outcome: 'killed', by: 'SIGTERM', stderr: 'last\n' });
  });

  it('stops a program that takes too long', async () => {
    expect(await run('sleep 600', { timeoutMs: 100 })).toMatchObject({ outcome: 'stopped', why: 'timeout' });
  });

  it('asks a program that it stops to end, and hears its last words', async () => {
    const file = pidFile();
    const controller = new AbortController();
    const script = `trap "echo bye >&2; exit 0" TERM; echo ready >&2; ${file.tell()}; while :; do sleep 0.1; done`;
    const running = run(script, { signal: controller.signal });
    await file.pid();
    controller.abort();
    // Some shells tell of the `sleep` that was ended as well.
    const stderr = expect.stringMatching(/^ready\n(?:Terminated\n)?bye\n$/) as string;
    expect(await running).toEqual({ outcome: 'stopped', why: 'abort', stderr });
  });

  it('ends a program whose signal is aborted just when it starts', async () => {
    const controller = new AbortController();
    const running = run('sleep 600', { signal: controller.signal, timeoutMs: 60_000 });
    controller.abort();
    expect(await running).toMatchObject({ outcome: 'stopped', why: 'abort' });
  });

  it('ends a program, and all that it started, that does not end when it is asked', async () => {
    const file = pidFile();
    const controller = new AbortController();
    const script = `trap "" TERM; (while :; do sleep 0.1; done) & ${file.tell('$!')}; wait; wait`;
    const running = run(script, { signal: controller.signal });
    const pid = await file.pid();
    controller.abort();
    expect(await running).toEqual({ outcome: 'stopped', why: 'abort', stderr: '' });
    await expect.poll(() => isAlive(pid), { timeout: 30_000 }).toBe(false);
  });

  it('ends what a program left behind, which keeps its output open', async () => {
    const file = pidFile();
    expect(await run(`sleep 600 & ${file.tell('$!')}; echo done`)).toMatchObject({ status: 0, stdout: 'done\n' });
    const pid = await file.pid();
    await expect.poll(() => isAlive(pid), { timeout: 30_000 }).toBe(false);
  });

  it('does not wait for what left the group of a program, nor listen to it', async () => {
    const file = pidFile();
    const pipes = (): number => process.getActiveResourcesInfo().filter((name) => name === 'PipeWrap').length;
    const before = pipes();
    const script = `setsid sh -c '${file.tell()}; sleep 600' & while ! [ -e ${file.path} ]; do sleep 0.05; done; echo done`;
    const result = await run(script);
    const pid = await file.pid();
    try {
      expect(result).toMatchObject({ outcome: 'exited', status: 0, stdout: 'done\n' });
      await expect.poll(pipes, { timeout: 30_000 }).toBe(before);
      expect(isAlive(pid)).toBe(true);
    } finally {
      process.kill(pid, 'SIGKILL');
    }
  });

  it('takes as much output as it may, and stops a program that prints one byte more', async () => {
    const printing = (bytes: number) => `head -c ${bytes} /dev/zero | tr "\\0" x; echo told >&2`;
    expect(await run(printing(1000))).toEqual({
      outcome: 'exited',
      status: 0,
      stdout: 'x'.repeat(1000),
      stderr: 'told\n',
    });
    expect(await run(printing(1001))).toMatchObject({ outcome: 'stopped', why: 'overflow' });
    expect(await run('printf x; sleep 600', { maxStdoutBytes: 0 })).toMatchObject({ why: 'overflow' });
  });

  it('takes the first bytes of what a program complains, and lets it go on', async () => {
    const result = await run('for i in 1 2 3; do printf abc >&2; sleep 0.1; done; echo done', { maxStderrBytes: 5 });
    expect(result).toEqual({ outcome: 'exited', status: 0, stdout: 'done\n', stderr: 'abcab' });
  });

  it('does not mind a program that does not read', async () => {
    expect(await run('exec <&-; echo done', { stdin: 'x'.repeat(1_000_000) })).toMatchObject({ stdout: 'done\n' });
  });

  it('listens to the signal until the program has ended, and no longer', async () => {
    const { controller, listeners } = countedSignal();
    const file = pidFile();
    const script = `${file.tell()}; while [ -e ${file.path} ]; do sleep 0.05; done`;
    const running = run(script, { signal: controller.signal });
    await file.pid();
    await vi.waitFor(() => expect(listeners.size).toBe(1));
    rmSync(file.path);
    expect(await running).toMatchObject({ outcome: 'exited', status: 0 });
    expect(listeners.size).toBe(0);
  });
});

describe('describeEnd', () => {
  const limits = { timeoutMs: 1500, maxStdoutBytes: 1024 };

  it.each<[string, ProcessResult]>([
    ['it ended with status 3', { outcome: 'exited', status: 3, stdout: new Uint8Array(), stderr: '' }],
    ['it was killed by SIGKILL', { outcome: 'killed', by: 'SIGKILL', stderr: '' }],
    ['it cannot be started (ENOENT)', { outcome: 'unstartable', errno: 'ENOENT' }],
    ['it took longer than 1.5 s', { outcome: 'stopped', why: 'timeout', stderr: '' }],
    ['it printed more than 1024 bytes', { outcome: 'stopped', why: 'overflow', stderr: '' }],
    ['it was given up', { outcome: 'stopped', why: 'abort', stderr: '' }],
  ])('says: %s', (text, result) => {
    expect(describeEnd(result, limits)).toBe(text);
  });
});
