import { describe, expect, it } from 'vitest';
import { createBlobBudget, planRetries } from '../../../src/distribution/pull/cuts.ts';
import { createFakeClock } from 'kubepull/testing';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

function plan(size: number, { offset = 0, random = 0 }: { offset?: number; random?: number } = {}) {
  const clock = createFakeClock();
  return {
    clock,
    retries: planRetries(
      { size, offset },
      createBlobBudget(clock, () => random),
    ),
  };
}

/** The pauses when every attempt brings so many bytes more. */
function pauses(size: number, step: number, random = 0): readonly number[] {
  const { retries } = plan(size, { random });
  const all: number[] = [];
  for (let reached = step; ; reached += step) {
    const pause = retries.pauseAfter(reached);
    if (pause === undefined) return all;
    all.push(pause);
  }
}

describe('planRetries [B09]', () => {
  it('asks five times when there is no progress, with doubled pauses and jitter', () => {
    expect(pauses(GIB, 0)).toEqual([250, 500, 1000, 2000]);
    expect(pauses(GIB, 0, 1)).toEqual([500, 1000, 2000, 4000]);
  });

  it.each([
    ['a byte', GIB, 1, 5],
    ['just less than a fifth of a mebibyte', GIB, MIB / 5 - 1, 5],
    ['a quarter of a mebibyte', GIB, MIB / 4, 20],
    ['a mebibyte', GIB, MIB, 20],
    ['a tenth of a small blob', 1000, 100, 20],
    ['less than a fiftieth of a small blob', 1000, 19, 5],
  ])('takes an attempt that brings %s for what it is worth', (_, size, step, requests) => {
    expect(pauses(size, step).length + 1).toBe(requests);
  });

  it('starts with short pauses again after progress', () => {
    const { retries } = plan(GIB);
    expect([0, 0, MIB, MIB].map((reached) => retries.pauseAfter(reached))).toEqual([250, 500, 250, 500]);
  });

  it('does not count bytes again that came before', () => {
    const { retries } = plan(GIB, { offset: 10 * MIB });
    const reached = [11, 3, 6, 9, 11].map((mebibytes) => retries.pauseAfter(mebibytes * MIB));
    expect(reached).toEqual([250, 500, 1000, 2000, undefined]);
  });

  it('counts from the first byte after wrong content', () => {
    const { retries } = plan(GIB, { offset: GIB });
    retries.startOver();
    expect([0, 0, MIB].map((reached) => retries.pauseAfter(reached))).toEqual([250, 500, 250]);
  });

  it('gives up when ten minutes brought nothing, however few the attempts', async () => {
    const { clock, retries } = plan(GIB);
    await clock.advance(9 * 60_000);
    expect(retries.pauseAfter(MIB)).toBe(250);
    await clock.advance(10 * 60_000);
    expect(retries.pauseAfter(MIB)).toBe(500);
    await clock.advance(1);
    expect(retries.pauseAfter(MIB)).toBeUndefined();
  });

  it('counts the cuts of all parts of a blob together', () => {
    const budget = createBlobBudget(createFakeClock(), () => 0);
    const parts = Array.from({ length: 10 }, () => planRetries({ size: MIB, offset: 0 }, budget));
    const pauses = Array.from({ length: 20 }, (_, at) => parts[at % parts.length]?.pauseAfter(0));
    expect(pauses.map((pause) => pause !== undefined)).toEqual(pauses.map((_, at) => at < 19));
  });

  it('gives the blob up with the part that has failed for good', () => {
    const budget = createBlobBudget(createFakeClock(), () => 0);
    const [part, other] = [0, 1].map(() => planRetries({ size: MIB, offset: 0 }, budget));
    for (let attempt = 0; attempt < 5; attempt += 1) part?.pauseAfter(0);
    expect(other?.pauseAfter(MIB)).toBeUndefined();
  });

  it('ends after six hours, whatever has come', async () => {
    const { clock, retries } = plan(GIB);
    for (let hour = 1; hour <= 6; hour += 1) {
      await clock.advance(3_600_000);
      expect(retries.pauseAfter(hour * MIB)).toBeDefined();
    }
    await clock.advance(1);
    expect(retries.pauseAfter(7 * MIB)).toBeUndefined();
  });
});
