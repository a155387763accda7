import { hideUserInfo } from '../internal/index.js';
import { type Flaw, flaw } from './flaw.js';
import { lowerCase, splitReference, upperCaseAt } from './grammar.js';
import type { ImageReference } from './types.js';

const MAX_PATH = 255;
const BAD_FORMAT = 'invalid reference format';

/** Reads a reference as it stands; a first component without a dot is a host as well. */
export function readRaw(input: string): ImageReference | Flaw {
  return input === '' ? flaw('empty', 'repository name must have at least one component', 0) : readText(input, input);
}

/**
 * Reads a reference as Docker and kubelet do, with `docker.io` and `library/` where they are left out. Only what looks
 * like a host is one: it has a dot, a colon or an upper-case letter, or it is `localhost`.
 */
export function readNormalized(input: string): ImageReference | Flaw {
  if (/^[a-f\d]{64}$/.test(input)) {
    return flaw('identifier', `invalid repository name (${input}), cannot specify 64-byte hexadecimal strings`);
  }
  const slash = input.indexOf('/');
  const first = slash < 0 ? '' : input.slice(0, slash);
  const isHost = /^localhost$|[.:]|\p{CWL}/u.test(first);
  const domain = isHost && first !== 'index.docker.io' ? first : 'docker.io';
  const rest = isHost ? input.slice(slash + 1) : input;
  const path = domain === 'docker.io' && !rest.includes('/') ? `library/${rest}` : rest;

  const repository = path.replace(/:[^]*/, '');
  const upper = upperCaseAt(repository);
  if (upper < 0) return readText(`${domain}/${path}`, input);
  // Go quotes the repository, which has a part of the password when there is one.
  const shown = hideUserInfo(input) === input ? repository : '***';
  const upstream = `${BAD_FORMAT}: repository name (${shown}) must be lowercase`;
  return flaw('uppercase', upstream, upper + input.length - path.length);
}

/** @param text - `input`, or something with the same end */
function readText(text: string, input: string): ImageReference | Flaw {
  const shift = input.length - text.length;
  const reference = splitReference(text, input);
  if (typeof reference === 'number') return misfit(text, shift, reference);
  const { name, path, digest } = reference;
  if (path.length > MAX_PATH) return tooLong(name.length - path.length + MAX_PATH + shift);
  return (digest && digestFlaw(digest, input.length - digest.length)) ?? reference;
}

export function tooLong(position: number): Flaw {
  return flaw('too-long', `repository name must not be more than ${MAX_PATH} characters`, position);
}

function misfit(text: string, shift: number, index: number): Flaw {
  return typeof splitReference(lowerCase(text), text) === 'number'
    ? flaw('format', BAD_FORMAT, Math.max(index + shift, 0))
    : flaw('uppercase', 'repository name must be lowercase', upperCaseAt(text) + shift);
}

/** The checks of go-digest, in its order, on what the grammar has let through. */
export function digestFlaw(digest: string, position: number): Flaw | undefined {
  const colon = digest.indexOf(':');
  const bits = /^sha(256|384|512):/.exec(digest)?.[1];
  const upper = digest.search(/[A-Z]/);
  if (bits === undefined && (upper < 0 || upper > colon)) {
    return flaw('digest-algorithm', 'unsupported digest algorithm', position);
  }
  if (bits !== undefined && (digest.length - colon - 1) * 4 !== Number(bits)) {
    return flaw('digest-length', 'invalid checksum digest length', position + colon + 1);
  }
  return upper < 0 ? undefined : flaw('digest-format', 'invalid checksum digest format', position + upper);
}
