import { readFileSync } from 'node:fs';

/** What somebody reported: an input, and the right answer in a few words. */
export interface Case {
  readonly id: string;
  readonly kind: string;
  readonly input: unknown;
  readonly expected: string;
}

/** Runs a case and throws where the answer is another one than `expected` has. */
export type Check = (one: Case) => void | Promise<void>;

export const CASES = JSON.parse(readFileSync(new URL('credentials.json', import.meta.url), 'utf8')) as readonly Case[];

/** The input as an object with the members that are asked for; `undefined` when it is another. */
export function inputWith<K extends string>(input: unknown, ...names: readonly K[]): Record<K, unknown> | undefined {
  const isOne = typeof input === 'object' && input !== null && names.every((name) => name in input);
  return isOne ? (input as Record<K, unknown>) : undefined;
}
