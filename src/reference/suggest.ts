import { type Flaw, isFlaw } from './flaw.js';
import type { ImageReference } from './types.js';

/** What does not show at either end. A run is tried once, at its start, so that the time is linear. */
const OUTER = /^[\s\p{Cc}\p{Cf}]+|(?<![\s\p{Cc}\p{Cf}])[\s\p{Cc}\p{Cf}]+$/gu;
const SCHEME = /^(?:https?|oci|(docker(?:-pullable)?)):\/\//i;
const QUAY_PAGE = /^(quay\.io\/)repository\/([^/?#\s]+\/[^/?#\s]+)(?:\/(?:tag|manifest|build)\/.*|\/?(?:[?#].*)?)$/i;
const HUB_PAGE =
  /^(?:registry\.)?hub\.docker\.com\/(?:_\/([^/?#\s]+)|(?:r|layers|repository\/docker)\/([\w-]+\/[^/?#\s]+))/i;
/** Hosts whose pages are about images and that are not registries themselves, and the API of a registry. */
const OTHER_PAGE =
  /^(?:hub\.docker|github|gitlab|artifacthub)\.[^/]+\/|^(?:gallery|console|portal|catalog)\.|^[^/]+\/(?:v[12]|api|repository|organization|user)\//i;
/** A query, a fragment, and separators with nothing behind them. */
const LOOSE_ENDS = /[?#].*|:(?=@|[?#]|$)|\/(?=\/|[?#]|$)|@$/gs;
const DIGEST_AS_TAG = /:(sha(?:256|384|512):[a-f\d]+)$/i;
/** The repository name and the digest, but not the tag, whose case counts. */
const CASELESS = /^(?:[^@]*\/)?[^:@]*|@.*/g;

/**
 * A corrected input, when one of the usual slips is all that is wrong with it. It parses, and it is in the registry that
 * the input names: what could be another image is not suggested.
 */
export function suggest(input: string, read: (input: string) => ImageReference | Flaw): string | undefined {
  const trimmed = input.replace(OUTER, '');
  const [scheme = '', tool] = SCHEME.exec(trimmed) ?? [];
  const address = trimmed.slice(scheme.length);
  const hasHost = scheme === '' || tool !== undefined || /[.:]|^localhost$/.test(firstComponent(address));
  const image = imageOfPage(address) ?? (hasHost && !OTHER_PAGE.test(address) ? address : '');
  // An image ID: it names nothing that can be pulled, but reads as a name with a tag.
  if (/^sha\d+:/i.test(image)) return undefined;
  const tidy = image
    .replace(/(?<!\s)\s*\/\s+/g, '/')
    .replace(LOOSE_ENDS, '')
    .replace(DIGEST_AS_TAG, '@$1');
  // A host alone would be read as a repository of Docker Hub.
  if (tidy !== image && !tidy.includes('/') && /\.|^localhost/.test(tidy)) return undefined;
  const host = firstComponent(tidy);
  // Without dot and port, a host in upper case may as well be meant for an organisation.
  if (host !== firstComponent(image).trimEnd() || (/[A-Z]/.test(host) && !/[.:]/.test(host))) return undefined;
  const lowered = host + tidy.slice(host.length).replace(CASELESS, (part) => part.toLowerCase());
  return [tidy, lowered].find((text) => {
    const result = read(text);
    // The grammar takes a host that is none for a part of the path.
    return text !== input && !isFlaw(result) && (host === '' || result.domain !== '');
  });
}

/** The image that a page of Quay or of Docker Hub is about. */
function imageOfPage(address: string): string | undefined {
  const [, host = '', onQuay] = QUAY_PAGE.exec(address) ?? [];
  const [, official, onHub] = HUB_PAGE.exec(address) ?? [];
  return onQuay === undefined ? (official ?? onHub) : host.toLowerCase() + onQuay;
}

/** What may be a host, which keeps its case; empty when there is one component only. */
function firstComponent(text: string): string {
  return text.slice(0, Math.max(text.indexOf('/'), 0));
}
