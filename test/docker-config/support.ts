import { InvalidConfigError } from 'kubepull/errors';
import type { DockerConfigEntry } from 'kubepull/docker-config';

/** Entries as `[pattern, username, password]`. */
export function triples(entries: readonly DockerConfigEntry[]): readonly (readonly [string, string, string])[] {
  return entries.map(({ pattern, credential }) => [pattern, credential.username, credential.password.reveal()]);
}

/** Go's text of the error that a call throws; any other outcome fails the test. */
export function upstreamOf(run: () => unknown): string {
  return faultOf(run).upstream;
}

export function faultOf(run: () => unknown): InvalidConfigError {
  try {
    run();
  } catch (error) {
    if (error instanceof InvalidConfigError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
