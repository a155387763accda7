import { checkFast } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import type { AddressClass } from './transport.js';

type Range = readonly [base: number, bits: number, AddressClass];

/** IPv4 ranges by class, the first that fits counts; what is in none is public. */
const IPV4_RANGES: readonly Range[] = [
  [0xa9fe_a9fe, 32, 'metadata'], // 169.254.169.254, most clouds
  [0x6464_64c8, 32, 'metadata'], // 100.100.100.200, Alibaba Cloud
  [0xa83f_8110, 32, 'metadata'], // 168.63.129.16, Azure, from a public range
  [0x0000_0000, 8, 'reserved'], // "this" network
  [0x0a00_0000, 8, 'private'],
  [0x6440_0000, 10, 'private'], // carrier-grade NAT
  [0x7f00_0000, 8, 'loopback'],
  [0xa9fe_0000, 16, 'link-local'],
  [0xac10_0000, 12, 'private'],
  [0xc000_0000, 24, 'reserved'],
  [0xc000_0200, 24, 'reserved'], // documentation, as the next two of /24
  [0xc633_6400, 24, 'reserved'],
  [0xcb00_7100, 24, 'reserved'],
  [0xc058_6300, 24, 'reserved'], // once the relays of 6to4
  [0xc0a8_0000, 16, 'private'],
  [0xc612_0000, 15, 'reserved'], // benchmarks
  [0xe000_0000, 3, 'reserved'], // multicast, future use, broadcast
];

/**
 * Sorts an IP address into the classes that network rules speak of.
 *
 * An IPv6 address that embeds an IPv4 address (mapped, compatible, NAT64, 6to4) has the class of that address, because
 * it may be where the packets end up.
 *
 * @param address - an IP address as `URL.hostname` or a socket gives it; IPv6 with or without brackets
 * @returns its class; `undefined` when it is no IP address but a name
 * @example
 * ```ts
 * import { classifyAddress } from 'kubepull/distribution';
 *
 * classifyAddress('::ffff:169.254.169.254'); // 'metadata'
 * ```
 * @public
 */
export function classifyAddress(address: string): AddressClass | undefined {
  checkFast('Cannot classify an address', 'address', address, is.text);
  const bare = address.startsWith('[') && address.endsWith(']') ? address.slice(1, -1) : address;
  const v4 = parseIpv4(bare);
  if (v4 !== undefined) return classifyIpv4(v4);
  const groups = parseIpv6(bare.split('%', 1)[0] ?? '');
  return groups === undefined ? undefined : classifyIpv6(groups);
}

function classifyIpv4(address: number): AddressClass {
  return IPV4_RANGES.find(([base, bits]) => (address ^ base) >>> (32 - bits) === 0)?.[2] ?? 'public';
}

function classifyIpv6(groups: readonly number[]): AddressClass {
  const [first = 0, second = 0, third = 0] = groups;
  const embedded = embeddedIpv4(groups);
  if (embedded !== undefined) return classifyIpv4(embedded);
  if (groups.slice(0, 7).every((group) => group === 0)) return groups[7] === 1 ? 'loopback' : 'reserved';
  if (first === 0xfd00 && second === 0xec2) return 'metadata'; // fd00:ec2::/32, Amazon's services
  if (first === 0xfd20 && second === 0xce && third === 0) return 'metadata'; // fd20:ce::254, Google's
  if ((first & 0xfe00) === 0xfc00) return 'private';
  if ((first & 0xffc0) === 0xfe80) return 'link-local';
  if ((first & 0xffc0) === 0xfec0) return 'private';
  // Teredo and other protocols (2001::/23), and documentation.
  if (first === 0x2001 && (second < 0x200 || second === 0xdb8)) return 'reserved';
  if (first === 0x3fff && second < 0x1000) return 'reserved';
  return (first & 0xe000) === 0x2000 ? 'public' : 'reserved';
}

/** The IPv4 address that the packets may end up at; `undefined` for an address of its own. */
function embeddedIpv4(groups: readonly number[]): number | undefined {
  const [first = 0, second = 0, third = 0, , , sixth = 0, seventh = 0, eighth = 0] = groups;
  const zeros = (from: number, to: number): boolean => groups.slice(from, to).every((group) => group === 0);
  if (first === 0x2002) return second * 0x1_0000 + third; // 6to4
  const last = seventh * 0x1_0000 + eighth;
  if (zeros(0, 5) && sixth === 0xffff) return last; // mapped
  if (zeros(0, 6) && last > 1) return last; // compatible
  return first === 0x64 && second === 0xff9b && zeros(2, 6) ? last : undefined; // NAT64
}

function parseIpv4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((address, part) => address * 256 + Number(part), 0);
}

function parseIpv6(text: string): readonly number[] | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (dotted !== null) {
    const v4 = parseIpv4(dotted[2] ?? '');
    return v4 === undefined
      ? undefined
      : parseIpv6(`${dotted[1]}${(v4 >>> 16).toString(16)}:${(v4 & 0xffff).toString(16)}`);
  }
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail];
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))
    ? groups.map((group) => Number.parseInt(group, 16))
    : undefined;
}
