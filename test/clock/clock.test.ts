import { describe, expect, it } from 'vitest';
import { systemClock } from 'kubepull/clock';

describe('systemClock', () => {
  it('tells wall time and a time that does not go back', () => {
    const before = Date.now();
    const now = systemClock.now();
    expect([before <= now, now <= Date.now()]).toEqual([true, true]);
    const first = systemClock.monotonic();
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(first);
  });

  it('waits', async () => {
    const started = systemClock.monotonic();
    await systemClock.sleep(20);
    expect(systemClock.monotonic() - started).toBeGreaterThan(15);
  });

  it('leaves no listener behind on a signal that outlives the wait', async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    await systemClock.sleep(1, { signal });
    expect(listeners).toBe(0);
  });

  it("ends a wait with the signal's reason, before and while it lasts", async () => {
    const reason = new Error('enough');
    await expect(systemClock.sleep(60_000, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = expect(systemClock.sleep(60_000, { signal: controller.signal })).rejects.toBe(reason);
    controller.abort(reason);
    await waiting;
  });
});
