import type { Digest } from '../digest/index.js';
import { hideUserInfo } from '../internal/index.js';
import { type Flaw, flaw } from './flaw.js';
import { lowerCase, splitReference, upperCaseAt } from './grammar.js';
import type { ImageReference } from './types.js';

/** Reads a reference as it stands; a first component without a dot is a host as well. */
export function readRaw(input: string): ImageReference | Flaw {
  return input === '' ? flaw('empty', 'repository name must have at least one component', 0) : readText(input, input);
}

/**
 * Reads a reference as Docker and kubelet do, with `docker.io` and `library/` where they are left out. Only what looks
 * like a host is one: it has a dot, a colon or an upper-case letter, or it is `localhost`.
 */
export function readNormalized(input: string): ImageReference | Flaw {
  return readUsual(input) ?? readUnusual(input);
}

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
function withLibrary(domain: string, path: string): string {
  return domain === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
}

/** The reader for all texts. */
export function readUnusual(input: string): ImageReference | Flaw {
  if (/^[a-f\d]{64}$/.test(input)) {
    return flaw('identifier', `invalid repository name (${input}), cannot specify 64-byte hexadecimal strings`);
  }
  const slash = input.indexOf('/');
  const first = input.slice(0, Math.max(slash, 0));
  const isHost = /^localhost$|[.:]|\p{CWL}/u.test(first);
  const domain = isHost && first !== 'index.docker.io' ? first : 'docker.io';
  const path = withLibrary(domain, isHost ? input.slice(slash + 1) : input);

  const repository = path.replace(/:[^]*/, '');
  const upper = upperCaseAt(repository);
  if (upper < 0) return readText(`${domain}/${path}`, input);
  // Go quotes the repository, which has a part of the password when there is one.
  const shown = hideUserInfo(input) === input ? repository : '***';
  return flaw(
    'uppercase',
    `invalid reference format: repository name (${shown}) must be lowercase`,
    upper + input.length - path.length,
  );
}

/** @param text - `input`, or something with the same end */
function readText(text: string, input: string): ImageReference | Flaw {
  const shift = input.length - text.length;
  const reference = splitReference(text, input);
  if (typeof reference === 'number') {
    return typeof splitReference(lowerCase(text), text) === 'number'
      ? flaw('format', 'invalid reference format', Math.max(reference + shift, 0))
      : flaw('uppercase', 'repository name must be lowercase', upperCaseAt(text) + shift);
  }
  const { name, path, digest } = reference;
  if (path.length > 255) return tooLong(name.length - path.length + 255 + shift);
  return (digest && digestFlaw(digest, input.length - digest.length)) ?? reference;
}

export function tooLong(position: number): Flaw {
  return flaw('too-long', 'repository name must not be more than 255 characters', position);
}

/** The checks of go-digest, in its order, on what the grammar has let through. */
export function digestFlaw(digest: string, position: number): Flaw | undefined {
  const [{ length }, algorithm = '', bits] = /^((?:sha(256|384|512)|[^A-Z:]*):)?[^A-Z]*/.exec(digest) ?? [''];
  if (algorithm !== '' && bits === undefined) return flaw('digest-algorithm', 'unsupported digest algorithm', position);
  const isLength = algorithm !== '' && (digest.length - algorithm.length) * 4 !== Number(bits);
  const what = isLength ? 'length' : 'format';
  return isLength || length < digest.length
    ? flaw(`digest-${what}`, `invalid checksum digest ${what}`, position + (isLength ? algorithm.length : length))
    : undefined;
}
