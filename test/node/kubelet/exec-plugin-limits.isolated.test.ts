import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createExecPlugin } from 'kubepull/node';
import { runProcess } from '../../../src/node/process/run.ts';
import { tempDir } from '../../support/temp-dir.ts';

vi.mock('../../../src/node/process/run.ts', async (importOriginal) => ({
  ...(await importOriginal<object>()),
  runProcess: vi.fn<typeof runProcess>(() =>
    Promise.resolve({ outcome: 'exited', status: 0, stdout: new Uint8Array(), stderr: '' }),
  ),
}));

describe('createExecPlugin', () => {
  it.each([
    ['a minute, as kubelet does', {}, 60_000],
    ['what the caller says', { timeoutMs: 5 }, 5],
  ])('gives a plugin %s, whatever becomes of the pod', async (_, options, timeoutMs) => {
    const { path } = tempDir();
    writeFileSync(join(path, 'plugin'), '');
    await createExecPlugin({ binDir: path, ...options })({ provider: 'plugin', args: [], env: [], stdin: () => '' });
    expect(vi.mocked(runProcess).mock.lastCall?.[0]).toMatchObject({ timeoutMs });
    expect(vi.mocked(runProcess).mock.lastCall?.[0].signal).toBeUndefined();
  });
});
