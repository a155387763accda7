import fc from 'fast-check';

const SURROGATES = { first: 0xd800, count: 0x800 };

/** Any character but halves of one. As fast-check's own `binary`, which takes a second to make itself ready in each file. */
const character = fc
  .integer({ min: 0, max: 0x10_ffff - SURROGATES.count })
  .map((at) => String.fromCodePoint(at < SURROGATES.first ? at : at + SURROGATES.count), numberOf);

/** The way back, by which fast-check also finds out which of its own list of dangerous words may stand in a text. */
function numberOf(text: unknown): number {
  const point = typeof text === 'string' ? (text.codePointAt(0) ?? -1) : -1;
  if (point < 0 || String.fromCodePoint(point) !== text) throw new Error('Not one character');
  return point < SURROGATES.first ? point : point - SURROGATES.count;
}

/** Text of any characters. */
export function anyText(length: Pick<fc.StringConstraints, 'minLength' | 'maxLength'> = {}): fc.Arbitrary<string> {
  return fc.string({ ...length, unit: character });
}
