// What a caller without types can pass, or read from where it saved a state.
import { describe, expect, it } from 'vitest';
import { type BackoffState, advanceBackoff, createBackoffTracker, isInBackoff } from 'kubepull/backoff';
import { createFakeClock } from 'kubepull/testing';

const refusal = expect.objectContaining({ code: 'ERR_OPTION_INVALID' }) as Error;

describe('a state that has lost its numbers', () => {
  it.each([{}, { delayMs: null, updatedAt: 0 }, { delayMs: 10, updatedAt: '0' }])('is refused: %j', (state) => {
    expect(() => advanceBackoff(state as BackoffState, 1)).toThrow(refusal);
    expect(() => isInBackoff(state as BackoffState, 1)).toThrow(refusal);
  });

  it('is refused for a time that is none, which would hold nothing back', () => {
    expect(() => isInBackoff({ delayMs: 10, updatedAt: 0 }, Number.NaN)).toThrow(refusal);
  });
});

describe('what is refused', () => {
  const clock = createFakeClock();
  const state = { delayMs: 10, updatedAt: 0 };
  const tracker = createBackoffTracker({ clock });
  it.each<[string, () => unknown, string]>([
    ['a state', () => isInBackoff(null as unknown as BackoffState, 1), 'state'],
    ['an option', () => advanceBackoff(state, 1, { factor: 0 }), 'factor'],
    ['a time', () => advanceBackoff(state, Number.NaN), 'at'],
    ['no options', () => createBackoffTracker(null as never), 'options'],
    ['no clock', () => createBackoffTracker({ clock: {} as never }), 'clock'],
    ['a saved state', () => createBackoffTracker({ clock, state: 5 as never }), 'state'],
    ['an entry of it', () => createBackoffTracker({ clock, state: [5 as never] }), 'state'],
    ['a key of it', () => createBackoffTracker({ clock, state: [[5 as never, state]] }), 'key'],
    ['a key', () => tracker.next(5 as never), 'key'],
  ])('is named, with what cannot be done: %s', (_, call, name) => {
    expect(call).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(`^Cannot back off: .*\\b${name}\\b`) as string,
      }) as Error,
    );
    expect(call).toThrow(refusal);
  });
});
