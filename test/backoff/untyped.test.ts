// What a caller without types can pass, or read from where it saved a state.
import { describe, expect, it } from 'vitest';
import { type BackoffState, isInBackoff, advanceBackoff } from 'kubepull/backoff';

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
