import { describe, expect, it } from 'vitest';
import { collectBytes } from '../../src/internal/index.ts';

/** One byte at a time, out of one buffer. */
async function* bytewise(
  bytes: Uint8Array,
  state: { ended: boolean; given: number },
): AsyncGenerator<Uint8Array, void> {
  const buffer = Buffer.alloc(1);
  try {
    for (const byte of bytes) {
      buffer[0] = byte;
      state.given += 1;
      yield buffer;
    }
  } finally {
    state.ended = true;
  }
}

const SAMPLE = Uint8Array.from({ length: 40_000 }, (_, at) => at % 251);

describe('collectBytes', () => {
  it.each([0, 1, 16_384, 16_385, 40_000])('keeps %d bytes of a source that uses its buffer again', async (length) => {
    const state = { ended: false, given: 0 };
    const collected = await collectBytes(bytewise(SAMPLE.subarray(0, length), state), 100_000);
    expect(Buffer.compare(collected, SAMPLE.subarray(0, length))).toBe(0);
  });

  it('takes no more than it may, and gives the rest up', async () => {
    const state = { ended: false, given: 0 };
    expect(Buffer.compare(await collectBytes(bytewise(SAMPLE, state), 20_000), SAMPLE.subarray(0, 20_000))).toBe(0);
    expect(state).toEqual({ ended: true, given: 20_000 });
  });

  it('holds no chunk', async () => {
    const chunk = new Uint8Array([1, 2, 3]);
    const collected = await collectBytes(
      (async function* () {
        yield chunk;
        chunk.fill(0);
      })(),
      10,
    );
    expect([...collected]).toEqual([1, 2, 3]);
  });
});
