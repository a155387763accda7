/** The two parts of a URL that matching looks at, decoded. */
export interface Location {
  /** Host with port. */
  readonly host: string;
  /** Empty, or from the first slash on. */
  readonly path: string;
}

const BAD_ESCAPE = /%(?![0-9a-f]{2})/i;
const CONTROL = /[\u0000-\u001f\u007f]/;
const USER_INFO = /^(?:[\w\-.:~!$&'()*+,;=@]|%[0-9a-f]{2})*$/i;

/**
 * Reads what stands behind `https://` as Go's `url.Parse` does (Go 1.26). User info, query and fragment are checked and
 * forgotten. WHATWG's `URL` will not do: it drops default ports, folds case, resolves dots and refuses globs.
 *
 * @returns `undefined` where Go has an error
 */
export function parseLocation(text: string): Location | undefined {
  const [url, fragment] = splitAt(text, text.indexOf('#'));
  const [beforeQuery] = splitAt(url, url.indexOf('?'));
  const [authority, path] = splitAt(beforeQuery, beforeQuery.indexOf('/'));
  const at = authority.lastIndexOf('@');
  const host = parseHost(authority.slice(at + 1));
  const isBad = CONTROL.test(url) || BAD_ESCAPE.test(fragment) || BAD_ESCAPE.test(path);
  if (host === undefined || isBad || !USER_INFO.test(authority.slice(0, at + 1))) return undefined;
  return { host, path: decodeEscapes(path) };
}

/** Text before and from a place on; all of it before when the place is -1. */
export function splitAt(text: string, at: number): readonly [before: string, after: string] {
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)];
}

/** What Go takes in a host: some ASCII, whatever is beyond it, and escapes of bytes beyond it and of the percent sign. */
const HOST = /^(?:[\w\-.~!$&'()*+,;=:[\]<>"]|[^\u0000-\u007f]|%25|%[89a-f][0-9a-f])*$/i;
const PORT = /^(?::\d*)?$/;
const IPV4 = /(?<=:)(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const IPV6 = /^(?:[0-9a-f]{1,4}(?::(?!:|$)|(?=::|$)))*(?:::(?:[0-9a-f]{1,4}(?::(?!:|$)|$))*)?$/i;

/** The host and port of an authority, with escapes decoded; `undefined` where Go's `url.Parse` has an error. */
function parseHost(authority: string): string | undefined {
  const close = authority.lastIndexOf(']');
  const colon = authority.indexOf(':', authority.startsWith('[') ? close : 0);
  const port = colon < 0 ? '' : authority.slice(colon);
  if (!HOST.test(withPlainZone(authority, close)) || !PORT.test(port)) return undefined;
  const host = authority.slice(0, authority.length - port.length);
  const isGood = !host.includes('[') || (host.endsWith(']') && isAddress(host));
  return isGood ? decodeEscapes(authority) : undefined;
}

/**
 * The same with the zone of an IPv6 address as it is checked: there Go takes escapes of what may stand in a host as it is,
 * and of a space, but none of bytes beyond ASCII.
 */
function withPlainZone(authority: string, close: number): string {
  const zone = authority.startsWith('[') ? authority.slice(0, close).indexOf('%25') : -1;
  if (zone < 0) return authority;
  const plain = authority.slice(zone + 3, close).replace(/%([\da-f]{2})/gi, (_, hex: string) => {
    const code = Number.parseInt(hex, 16);
    // No hex digit, so that nothing joins with a percent sign in front of it.
    return code === 0x20 || code === 0x25 || (code < 0x80 && HOST.test(String.fromCharCode(code))) ? 'x' : '/';
  });
  return authority.slice(0, zone + 3) + plain + authority.slice(close);
}

/** Whether a host is an IPv6 address in brackets, with or without a zone behind an escaped percent sign. */
function isAddress(host: string): boolean {
  const [, address = '', zone] = /^\[([^%[]*)(?:%25([^[]*))?\]$/.exec(host) ?? [];
  return zone !== '' && isIpv6(address);
}

/** Whether text is an IPv6 address without zone, as Go's `netip.ParseAddr` reads it. */
export function isIpv6(text: string): boolean {
  const address = text.replace(IPV4, '0:0');
  const count = address.split(':').filter((field) => field !== '').length;
  return IPV6.test(address) && (address.includes('::') ? count < 8 : count === 8);
}

/** Splits a host as Go's `net.SplitHostPort` does; a host that it cannot split is all host, without a port. */
export function splitHostPort(host: string): readonly [name: string, port: string] {
  const [, address, name, port = ''] = /^(?:\[([^[\]]*)\]|([^:\]]*)):([^:\]]*)$/.exec(host) ?? [];
  return [address ?? name ?? host, port];
}

/**
 * Decodes well-formed `%XX`. In a run of escapes that is not UTF-8, each byte beyond ASCII becomes a lone surrogate, as
 * `decodeUtf8` has it.
 */
function decodeEscapes(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURIComponent(run);
    } catch {
      return run.replace(/%(..)/g, (_, hex: string) => byteText(Number.parseInt(hex, 16)));
    }
  });
}

function byteText(byte: number): string {
  return String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte);
}
