import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createKeyLock } from '../../src/image-access/ledger.ts';

describe('createKeyLock', () => {
  it('lets one in at a time, in the order of arrival, also who comes while another waits', async () => {
    const lock = createKeyLock();
    const log: string[] = [];
    const leave = new Map<string, () => void>();
    const enter = (name: string) =>
      lock.run('key', async () => {
        log.push(`${name} in`);
        await new Promise<void>((resolve) => leave.set(name, resolve));
        log.push(`${name} out`);
      });
    const tasks = [enter('first'), enter('second')];
    await setImmediate();
    leave.get('first')?.();
    await tasks[0];
    tasks.push(enter('third'));
    await setImmediate();
    leave.get('second')?.();
    await tasks[1];
    await setImmediate();
    leave.get('third')?.();
    await Promise.all(tasks);
    expect(log).toEqual(['first in', 'first out', 'second in', 'second out', 'third in', 'third out']);
  });

  it('keeps keys apart, and goes on after a failure', async () => {
    const lock = createKeyLock();
    const failed = lock.run('key', () => Promise.reject(new Error('bad')));
    const next = lock.run('key', () => Promise.resolve('next'));
    expect(await lock.run('other', () => Promise.resolve('other'))).toBe('other');
    await expect(failed).rejects.toThrow('bad');
    expect(await next).toBe('next');
  });
});
