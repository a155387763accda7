/** A copy that stays as it is. The `slice` of a `Buffer`, which most sources give, is no copy but a view. */
export function copyBytes(chunk: Uint8Array): Uint8Array {
  return new Uint8Array(chunk);
}
