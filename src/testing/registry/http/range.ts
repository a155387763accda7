/** A part of content; `end` is behind its last byte. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a `Range` header as RFC 9110 has it: what is not one well-formed byte range counts for nothing.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/i.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined;
  if (first === '') return satisfiable(Math.max(0, size - Number(last)), size, size);
  if (last !== '' && Number(last) < Number(first)) return undefined;
  return satisfiable(Number(first), last === '' ? size : Math.min(Number(last) + 1, size), size);
}

function satisfiable(start: number, end: number, size: number): ByteRange | 'unsatisfiable' {
  return start < size ? { start, end } : 'unsatisfiable';
}
