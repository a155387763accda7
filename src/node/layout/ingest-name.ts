import { type Digest, digestAlgorithm, digestEncoded, isDigest } from '../../digest/index.js';
import { isOwnerToken } from './owner.js';

/** What the name of a file in `ingest/` says. */
export interface IngestName {
  /** Who writes it; `undefined` for a part that its writer gave up. */
  readonly token: string | undefined;
  /** The content it is a part of; `undefined` for a small file in the making, and for what leads to the lock. */
  readonly digest: Digest | undefined;
}

/** `<token>`, `<token>.<algorithm>-<hex>` while a writer is at it, or `<algorithm>-<hex>` when it has given up. */
export function ingestName(token: string | undefined, digest: Digest): string {
  const content = `${digestAlgorithm(digest)}-${digestEncoded(digest)}`;
  return token === undefined ? content : `${token}.${content}`;
}

/** Reads a name; `undefined` for one that is not ours. */
export function parseIngestName(name: string): IngestName | undefined {
  const [token, content] = name.includes('.')
    ? split(name)
    : isOwnerToken(name)
      ? [name, undefined]
      : [undefined, name];
  if (token !== undefined && !isOwnerToken(token)) return undefined;
  if (content === undefined) return { token, digest: undefined };
  const digest = content.replace('-', ':');
  return isDigest(digest) ? { token, digest } : undefined;
}

function split(name: string): readonly [string, string] {
  const dot = name.indexOf('.');
  return [name.slice(0, dot), name.slice(dot + 1)];
}
