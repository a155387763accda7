import { isIpv6 } from './host.js';
import { type Location, splitAt } from './location.js';
import { makeTarget } from './parsed-target.js';
import type { ParsedTarget } from './types.js';

/**
 * A key as the Images page reads it: a glob for the host, with `?`, classes and escapes, and a plain path. Go's URL parser
 * stays out of it, because it takes `?` for a query and refuses `[` and `\`.
 */
export function documentedLocation(text: string): Location {
  const [host, path] = splitAt(text, text.indexOf('/'));
  return { host, path };
}

/**
 * The parts of such a key. Labels are split at dots as ever; the whole host is matched, so they are joined again. An IPv6
 * address in brackets would be a character class, so it is escaped; with a port, images have no brackets either.
 */
export function documentedTarget(location: Location): ParsedTarget {
  const [name, port] = splitAt(location.host, location.host.search(/:\d*$/));
  const isAddress = name.startsWith('[') && name.endsWith(']') && isIpv6(name.slice(1, -1));
  const glob = !isAddress ? name : port === '' ? `\\${name}` : name.slice(1, -1);
  return makeTarget(location, glob, port.slice(1));
}
