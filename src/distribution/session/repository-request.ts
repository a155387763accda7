import type { CallOptions } from '../../clock/index.js';
import { RequestRefusedError } from '../../errors/index.js';
import { printable, redactUrl } from '../../internal/index.js';
import type { ImageReference } from '../../reference/index.js';
import type { TransportRequest } from '../transport/transport.js';

/** A request for something in a repository. */
export interface RepositoryRequest extends CallOptions {
  readonly method: TransportRequest['method'];
  readonly ref: ImageReference;
  /** At the session's own origin. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** What to send; a function makes it once more when the registry asks for the credential first. */
  readonly body?: Uint8Array | (() => AsyncIterable<Uint8Array>) | undefined;
  /**
   * What the token must allow in the reference's repository.
   *
   * @defaultValue `'pull'`
   */
  readonly actions?: RepositoryActions | undefined;
  /** Another repository of the registry that the token must allow to pull from, to mount a blob of it. */
  readonly mountFrom?: string | undefined;
  /** How often a token that the registry takes no more is replaced; shared by the requests for one blob. */
  readonly refreshes?: RefreshBudget | undefined;
}

/** What is done in a repository, in the words of a token's scope. */
export type RepositoryActions = 'pull' | 'pull,push' | 'delete';

/** How many more tokens may be fetched in place of refused ones. */
export interface RefreshBudget {
  left: number;
}

/** All that a request needs, and no more. */
export function scopesOf({ ref, actions = 'pull', mountFrom }: RepositoryRequest): readonly string[] {
  const scope = `repository:${ref.path}:${actions}`;
  return mountFrom === undefined ? [scope] : [scope, `repository:${mountFrom}:pull`];
}

/**
 * An upload goes on where the registry says: if that is elsewhere, the credential does not go with it.
 *
 * @throws {@link RequestRefusedError} when the URL is not at the registry's origin
 */
export function checkTarget({ method, url }: RepositoryRequest, origin: string): void {
  if (URL.canParse(url) && new URL(url).origin === origin) return;
  const shown = printable(redactUrl(url));
  throw new RequestRefusedError(`Cannot ${method} ${shown}: it is not at ${origin}`, {
    url: shown,
    rule: 'foreign-origin',
  });
}
