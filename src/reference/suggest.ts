import { type Flaw, isFlaw } from './flaw.js';
import type { ImageReference } from './types.js';

const INVISIBLE = /[\s\p{Cc}\p{Cf}]+/gu;
/** A scheme, and the address of a page of Docker Hub. */
const WEB_ADDRESS = /^(?:[a-z][\w+.-]*:\/\/)?(?:hub\.docker\.com\/(?:_|r)\/)?/i;
/** A query, a fragment, and separators with nothing behind or before them. */
const LOOSE_ENDS = /[?#].*|:(?=[/@?#]|$)|\/(?=[/:@?#]|$)|^\/|@$/g;
/** The repository name and the digest, but not the tag, whose case counts. */
const CASELESS = /^(?:[^@]*\/)?[^:@]*|@.*/g;

/** A corrected input, when one of the usual slips is all that is wrong with it. It parses. */
export function suggest(input: string, read: (input: string) => ImageReference | Flaw): string | undefined {
  const cured = input.replace(INVISIBLE, '').replace(WEB_ADDRESS, '').replace(LOOSE_ENDS, '');
  const lowered = cured.replace(CASELESS, (part) => part.toLowerCase());
  return [cured, lowered].find((text) => text !== input && !isFlaw(read(text)));
}
