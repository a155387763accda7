import { InvalidReferenceError } from '../errors/index.js';
import { hideUserInfo, printable, quote } from '../internal/index.js';
import { type Flaw, isFlaw } from './flaw.js';
import { tooLong } from './read.js';
import type { ImageReference } from './types.js';

const MAX_INPUT = 4096;

/** Reads a text as a reference of some form. */
export type Read = (input: string) => ImageReference | Flaw;

/** The error of a flaw: what was refused, why, where, and what was probably meant. */
export function refuse(
  input: string,
  flaw: Flaw,
  suggestion?: string,
  what = 'image reference',
): InvalidReferenceError {
  const place = flaw.position === undefined ? '' : ` at ${flaw.position}`;
  const advice = suggestion === undefined ? '' : `; did you mean ${quote(suggestion)}?`;
  const shown = hideUserInfo(input);
  const message = `Cannot parse ${what} ${quote(shown)}: ${printable(flaw.upstream)}${place}${advice}`;
  return new InvalidReferenceError(message, shown, { ...flaw, suggestion });
}

/** Reads, or gives the error with a suggestion where there is one. */
export function tryRead(input: string, read: Read): ImageReference | InvalidReferenceError {
  // A caller without types may have no image to pass.
  const text = typeof input === 'string' ? input : '';
  const result = text.length > MAX_INPUT ? tooLong(MAX_INPUT) : read(text);
  if (!isFlaw(result)) return result;
  return refuse(text, result, result.reason === 'too-long' ? undefined : suggest(text, read));
}

export function readOrThrow(input: string, read: Read): ImageReference {
  const result = tryRead(input, read);
  if (result instanceof InvalidReferenceError) throw result;
  return result;
}

/** What does not show at either end. A run is tried once, at its start, so that the time is linear. */
const OUTER = /^[\s\p{C}]+|(?<![\s\p{C}])[\s\p{C}]+$/gu;
/** A web address of a host without dot and port, an image ID, which reads as a name with a tag, and pages of other things. */
const OTHER =
  /^(?:https?|oci):\/\/(?:(?!localhost\/)[^./:]*\/|[^/]*$)|^(?:docker:\/\/)?sha\d+:|\/\/(?:git(?:hub|lab)|gallery|[^/]+\/(?:v2|u|organization)\/)/i;
const SCHEME = /^(?:https?|oci|docker(?:-pullable)?):\/\//i;
const QUAY_PAGE = /^quay\.io\/repository\/([^/]+\/[^/?#]+).*/is;
const HUB_PAGE = /^(?:registry\.)?hub\.docker\.com\/(?:_\/|(?:r|layers|repository\/docker)\/([^/]+\/))([^/?#]+).*/is;
/** A query, a fragment, and an empty tag. */
const LOOSE_END = /[?#].*|:(?=@|$)|@$/s;

/**
 * A corrected input, when one of the usual slips is all that is wrong with it. It parses, and it is in the registry that
 * the input names: what could be another image is not suggested.
 */
function suggest(input: string, read: (input: string) => ImageReference | Flaw): string | undefined {
  const trimmed = input.replace(OUTER, '');
  const image = trimmed.replace(SCHEME, '').replace(QUAY_PAGE, 'quay.io/$1').replace(HUB_PAGE, '$1$2');
  const parts = image.split('/').map((part) => part.trim());
  const host = parts[1] === undefined ? '' : `${parts.shift()}/`;
  const rest = parts
    .filter(Boolean)
    .join('/')
    .replace(LOOSE_END, '')
    .replace(/:(?=sha\d+:)/i, '@');
  // The name and the digest have no upper case, but the host and the tag may.
  const text = host + rest.replace(/^[^:@]*|@.*/g, (part) => part.toLowerCase());
  const result = read(text);
  if (isFlaw(result)) return undefined;
  // A host alone reads as a repository of Docker Hub, one in upper case may be an organisation, a spoilt one reads as a path.
  const isHost = host === '' ? /^[^:@]*\./.test(text) : result.domain === '' || !/[.:]|^[^A-Z]*$/.test(host);
  return isHost || OTHER.test(trimmed) ? undefined : text;
}
