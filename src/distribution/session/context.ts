import type { Clock } from '../../clock/index.js';
import type { CreateHasher } from '../../digest/index.js';
import type { Tracing } from '../../tracing/index.js';
import type { Session } from './session.js';

/** What the verbs of one client share. */
export interface ClientContext {
  readonly session: Session;
  readonly createHasher: CreateHasher;
  readonly clock: Clock;
  readonly tracing: Tracing | undefined;
  /** Whether layers may be fetched from the URLs that an image names. */
  readonly foreignLayers: boolean;
}
