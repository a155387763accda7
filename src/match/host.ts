import { unescape } from './bytes.js';

/** What Go takes in a host: some ASCII, whatever is beyond it, and escapes of bytes beyond it and of the percent sign. */
const HOST = /^(?:[\w\-.~!$&'()*+,;=:[\]<>"]|[^\u0000-\u007f]|%25|%[89a-f][0-9a-f])*$/i;
/** In the zone of an IPv6 address: the same ASCII and escapes of it, of a blank and of the percent sign. */
const ZONE =
  /^(?:[\w\-.~!$&'()*+,;=:[\]<>"]|[^\u0000-\u007f]|%(?:2[0-24-9a-e]|3[0-9a-e]|[46][1-9a-f]|5[0-9abdf]|7[0-9ae]))+$/i;
const PORT = /^(?::\d*)?$/;
const IPV4_FIELDS = /(?<=:)(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const IPV6_FIELDS = /^(?:[0-9a-f]{1,4}(?::(?!:|$)|(?=::|$)))*(?:::(?:[0-9a-f]{1,4}(?::(?!:|$)|$))*)?$/i;

/** The host and port of an authority, with escapes decoded; `undefined` where Go's `url.Parse` has an error. */
export function parseHost(authority: string): string | undefined {
  const open = authority.lastIndexOf('[');
  if (open < 0)
    return HOST.test(authority) && PORT.test(/:.*/.exec(authority)?.[0] ?? '') ? unescape(authority) : undefined;
  const close = authority.lastIndexOf(']');
  const port = authority.slice(close + 1);
  const [address = '', ...zone] = authority.slice(1, close).split(/(?=%25)/);
  const isGood = open === 0 && close > 0 && PORT.test(port) && isIpv6(address) && isZone(zone.join(''));
  return isGood ? `[${address}${unescape(zone.join(''))}]${port}` : undefined;
}

/** A zone is there when the escaped percent sign in front of it is. */
function isZone(text: string): boolean {
  return text === '' || (text !== '%25' && ZONE.test(text));
}

/** Whether text is an IPv6 address without zone, as Go's `netip.ParseAddr` reads it. */
export function isIpv6(text: string): boolean {
  const address = text.replace(IPV4_FIELDS, '0:0');
  const count = address.split(':').filter((field) => field !== '').length;
  return IPV6_FIELDS.test(address) && (address.includes('::') ? count < 8 : count === 8);
}

/** Splits a host as Go's `net.SplitHostPort` does; a host that it cannot split is all host, without a port. */
export function splitHostPort(host: string): readonly [name: string, port: string] {
  const [, address, name, port = ''] = /^(?:\[([^\]]*)\]|([^:\]]*)):([^:\]]*)$/.exec(host) ?? [];
  return [address ?? name ?? host, port];
}
