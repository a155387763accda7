import { describe, expect, it } from 'vitest';
import { createShared } from '../../src/internal/shared.ts';

/** Work whose runs end when they are told to. */
function workInSteps() {
  const runs: { end(value: string): void; fail(error: Error): void }[] = [];
  const share = createShared(
    () => new Promise<string>((resolve, reject) => void runs.push({ end: resolve, fail: reject })),
  );
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { runs, share, settle };
}

describe('createShared', () => {
  it('runs at once for who comes first, and once more for all who come meanwhile', async () => {
    const { runs, share, settle } = workInSteps();
    const first = share();
    const others = Array.from({ length: 50 }, () => share());
    expect(runs).toHaveLength(1);
    runs[0]?.end('old');
    expect(await first).toBe('old');
    await settle();
    expect(runs).toHaveLength(2);
    runs[1]?.end('new');
    expect(new Set(await Promise.all(others))).toEqual(new Set(['new']));
  });

  it('gives nobody what was found before he asked', async () => {
    const { runs, share, settle } = workInSteps();
    const asked = [share()];
    runs[0]?.end('1');
    await asked[0];
    asked.push(share(), share());
    runs[1]?.end('2');
    await settle();
    asked.push(share());
    runs[2]?.end('3');
    await settle();
    runs[3]?.end('4');
    expect(await Promise.all(asked)).toEqual(['1', '2', '3', '4']);
  });

  it('fails for those of one run only', async () => {
    const { runs, share, settle } = workInSteps();
    const [first, second] = [share(), share()];
    runs[0]?.fail(new Error('the disk failed'));
    await expect(first).rejects.toThrow('the disk failed');
    await settle();
    runs[1]?.end('good');
    expect(await second).toBe('good');
  });
});
