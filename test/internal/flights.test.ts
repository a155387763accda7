import { describe, expect, it } from 'vitest';
import { createFlights } from '../../src/internal/flights.ts';

describe('createFlights', () => {
  const reason = new Error('enough');

  it('starts work once for all that need it at the same time, and anew when it is done', async () => {
    const flights = createFlights<number>();
    let starts = 0;
    const start = (): Promise<number> => Promise.resolve((starts += 1));
    expect(await Promise.all([1, 2, 3].map(async () => flights.share('a', start, undefined)))).toEqual([1, 1, 1]);
    expect(await flights.share('a', start, undefined)).toBe(2);
  });

  it('aborts the work when the last one has left, not before, and lets the next one start anew', async () => {
    const flights = createFlights<string>();
    const signals: AbortSignal[] = [];
    const start = (signal: AbortSignal): Promise<string> => {
      signals.push(signal);
      return new Promise((resolve) => {
        if (signals.length === 2) resolve('second');
      });
    };
    const [one, two] = [new AbortController(), new AbortController()];
    const first = flights.share('a', start, one.signal);
    const second = flights.share('a', start, two.signal);
    one.abort(reason);
    await expect(first).rejects.toBe(reason);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    two.abort(reason);
    await expect(second).rejects.toBe(reason);
    expect(signals.map((signal) => signal.reason as unknown)).toEqual([reason]);
    expect(await flights.share('a', start, undefined)).toBe('second');
    expect(signals.length).toBe(2);
  });

  it('does not abort work that has ended', async () => {
    const flights = createFlights<string>();
    const signals: AbortSignal[] = [];
    await flights.share('a', (signal) => Promise.resolve(String(signals.push(signal))), new AbortController().signal);
    await expect(
      flights.share('b', (signal) => Promise.reject(signals.push(signal) > 0 ? reason : reason), undefined),
    ).rejects.toBe(reason);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
  });

  it('starts nothing for a caller that has given up before', async () => {
    const flights = createFlights<string>();
    const unwanted = (): Promise<string> => expect.unreachable();
    await expect(flights.share('a', unwanted, AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
