import { readFileSync } from 'node:fs';

/** The named text fields of every case of a vector file; empty where a case has none. */
export function readInputs(file: string, fields: readonly string[]): readonly (readonly string[])[] {
  const text = readFileSync(new URL(`../test/vectors/${file}`, import.meta.url), 'utf8');
  const { cases } = JSON.parse(text) as { readonly cases: readonly Readonly<Record<string, unknown>>[] };
  return cases.map((vector) => fields.map((field) => (typeof vector[field] === 'string' ? vector[field] : '')));
}
