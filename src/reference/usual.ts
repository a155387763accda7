import type { Digest } from '../digest/index.js';
import type { ImageReference } from './types.js';

/**
 * A host, where what comes first looks like one; path, tag and digest. Nearly all references are like this. The old name of
 * `docker.io` is left out, and what looks like an image id.
 */
const USUAL =
  /^(?!index\.)(?:(?![a-f\d]{64}$|localhost\/|[^/.:]*[.:][^/]*\/)|([a-z\d]+(?:[.-][a-z\d]+)*(?::\d+)?)\/)([a-z\d]+(?:[./_-][a-z\d]+)*)(?::(\w[\w.-]{0,127}))?(?:@(sha256:[a-f\d]{64}))?$/;

/**
 * Reads a usual reference in one step, as the reader of all texts does it; `undefined` for what is unusual, or wrong: that is
 * read there, which knows what is wrong with it.
 */
export function readUsual(input: string): ImageReference | undefined {
  // What is longer may have a path that is too long.
  const parts = input.length < 240 ? USUAL.exec(input) : null;
  if (parts === null) return undefined;
  // Taken one by one: this is the path of nearly all references, and an iterator would take half of its time.
  const domain = parts[1] ?? 'docker.io';
  const path = withLibrary(domain, parts[2] ?? '');
  return { input, domain, path, name: `${domain}/${path}`, tag: parts[3], digest: parts[4] as Digest | undefined };
}

/** The path on a registry, with `library/` where Docker Hub's is left out. */
export function withLibrary(domain: string, path: string): string {
  return domain === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
}
