/** A case as it stands in a vector file. */
export type VectorCase = Readonly<Record<string, unknown>>;

/** What the Go code gave for a case, and what the public API gives, as plain JSON values; equal when the case holds. */
export interface Outcome {
  readonly want: unknown;
  readonly got: unknown;
}

/** Runs one case through the public API. */
export type Check = (vector: VectorCase) => Outcome;

/** The named fields of a case, without those that are absent. */
export function pick(vector: object, ...names: readonly string[]): VectorCase {
  const fields = new Map(Object.entries(vector));
  return Object.fromEntries(names.filter((name) => fields.get(name) !== undefined).map((name) => [name, fields.get(name)]));
}

/** Drops what is `undefined`, as JSON does. */
export function plain(fields: object): VectorCase {
  return pick(fields, ...Object.keys(fields));
}

/** A field that is text; empty when it is absent. */
export function text(vector: VectorCase, name: string): string {
  const value = vector[name];
  return typeof value === 'string' ? value : '';
}

/** Where a newer Go decides otherwise, its result counts: Kubernetes is built with the newest. */
export function newest(vector: VectorCase, name: string): VectorCase {
  const { newGo } = vector;
  if (newGo === undefined) return vector;
  return typeof newGo === 'object' && newGo !== null ? { ...newGo } : { [name]: newGo };
}
