import { describe, expect, it } from 'vitest';
import { durationMs, parseGoDuration, printGoDuration } from '../../../src/internal/index.ts';

describe('parseGoDuration', () => {
  it('takes as much as 63 bits hold, and no more', () => {
    expect(parseGoDuration('9223372036854775807ns')).toBe(9_223_372_036_854_775_807n);
    expect(parseGoDuration('-9223372036854775808ns')).toBe(-9_223_372_036_854_775_808n);
    expect(parseGoDuration('2562047h47m16.854775807s')).toBe(9_223_372_036_854_775_807n);
  });

  it.each([
    ['0', 0],
    ['0s', 0],
    ['-0', 0],
    ['12h', 43_200_000],
    ['1m30s', 90_000],
    ['6h0m0s', 21_600_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['1.s', 1000],
    ['+5ms', 5],
    ['-1h', -3_600_000],
    ['250us', 0.25],
    ['250µs', 0.25],
    ['250μs', 0.25],
    ['1ns', 1e-6],
    ['2540400h10m10s', 9_145_440_610_000],
  ])('reads %s', (text, ms) => {
    expect(durationMs(parseGoDuration(text) as bigint)).toBeCloseTo(ms, 9);
  });

  it.each([
    ['', 'time: invalid duration ""'],
    ['-', 'time: invalid duration "-"'],
    ['.', 'time: invalid duration "."'],
    ['.s', 'time: invalid duration ".s"'],
    ['s', 'time: invalid duration "s"'],
    ['1h s', 'time: unknown unit "h s" in duration "1h s"'],
    ['3', 'time: missing unit in duration "3"'],
    ['1h3', 'time: missing unit in duration "1h3"'],
    ['5d', 'time: unknown unit "d" in duration "5d"'],
    ['1constructor', 'time: unknown unit "constructor" in duration "1constructor"'],
    ['9223372036854775808ns', 'time: invalid duration "9223372036854775808ns"'],
    ['9999999h', 'time: invalid duration "9999999h"'],
    ['9999999h5', 'time: invalid duration "9999999h5"'],
    ['9223372036854779999', 'time: invalid duration "9223372036854779999"'],
    ['5µd', String.raw`time: unknown unit "\xc2\xb5d" in duration "5\xc2\xb5d"`],
    ['"\\\n\u007f', String.raw`time: invalid duration "\"\\\x0a${'\u007f'}"`],
  ])('refuses %j in the words of Go', (text, fault) => {
    expect(parseGoDuration(text)).toBe(fault);
  });
});

describe('printGoDuration', () => {
  it.each([
    ['0', '0s'],
    ['1ns', '1ns'],
    ['999ns', '999ns'],
    ['1500ns', '1.5µs'],
    ['2000us', '2ms'],
    ['626ms', '626ms'],
    ['1.8930s', '1.893s'],
    ['10s', '10s'],
    ['1m', '1m0s'],
    ['60m', '1h0m0s'],
    ['3600.25s', '1h0m0.25s'],
    ['-1h30s', '-1h0m30s'],
    ['9223372036854775807ns', '2562047h47m16.854775807s'],
  ])('prints %s as %s', (text, printed) => {
    expect(printGoDuration(parseGoDuration(text) as bigint)).toBe(printed);
  });
});
