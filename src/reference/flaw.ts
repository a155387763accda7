import type { ReferenceErrorReason } from '../errors/index.js';

/** A refusal before it is an error: without message and suggestion. */
export interface Flaw {
  readonly reason: ReferenceErrorReason;
  readonly upstream: string;
  readonly position: number | undefined;
}

export function flaw(reason: ReferenceErrorReason, upstream: string, position?: number): Flaw {
  return { reason, upstream, position };
}

export function isFlaw(value: object): value is Flaw {
  return 'reason' in value;
}
