// Documents of the size that the API server still admits, each of what costs a reader the most.
import { Buffer } from 'node:buffer';

const MAX_BYTES = 1_048_576;

/** As many units as fit, with commas between them. */
function fill(head: string, unitOf: (index: number) => string, tail: string): string {
  const units: string[] = [];
  for (let length = head.length + tail.length + 1; ;) {
    const unit = unitOf(units.length);
    length += Buffer.byteLength(unit) + 1;
    if (length > MAX_BYTES) return head + units.join(',') + tail;
    units.push(unit);
  }
}

const nameOf = (index: number): string => index.toString(36);
const entries = (unit: string): string =>
  `{"auths":{${Array.from({ length: 9_999 }, (_, index) => `"${nameOf(index)}.example":${unit}`).join(',')}}}`;

/** One that is plain: what any document of this size costs. */
export const PLAIN: string = `{"auths":{"${'k'.repeat(MAX_BYTES - 30)}":{}}}`;

export const HOSTILE: Readonly<Record<string, string | Uint8Array>> = {
  'zeros in an entry': fill('{"auths":{"a":{"x":[', () => '0', ']}}}'),
  'lists in a list': fill('{"x":[', () => '[]', ']}'),
  'objects in a list': fill('{"x":[', () => '{}', ']}'),
  'texts in a list': fill('{"x":[', () => '""', ']}'),
  'lists that nest': fill('{"x":[', () => '['.repeat(60) + ']'.repeat(60), ']}'),
  'numbers with exponents': fill('{"x":[', () => '1.1e308', ']}'),
  'more entries than are read': fill('{"auths":{', (index) => `"${nameOf(index)}":{}`, '}}'),
  'entries of all fields': entries('{"auth":"dTpwYXNzd29yZDEyMzQ1Njc4OTA=","username":"u","email":"e"}'),
  'entries of tokens': entries('{"registrytoken":0,"registrytoken":0,"identitytoken":0,"identitytoken":0}'),
  'members of an entry': fill('{"auths":{"a":{', (index) => `"${nameOf(index)}":0`, '}}}'),
  'members of the document': fill('{', (index) => `"${nameOf(index)}":0`, '}'),
  'one field again and again': fill('{"auths":{"a":{', () => '"auth":"dTpw"', '}}}'),
  'one field in capitals': fill('{"auths":{"a":{', () => '"USERNAME":"u"', '}}}'),
  'one field in odd letters': fill('{"auths":{"a":{', () => '"\u017fername":"","u\u017fername":""', '}}}'),
  'auths again and again': fill('{', () => '"auths":{"a":{}}', '}'),
  headers: fill('{"HttpHeaders":{', (index) => `"${nameOf(index)}":""`, '}}'),
  helpers: fill('{"credHelpers":{', (index) => `"${nameOf(index)}":""`, '}}'),
  'escaped keys': fill('{"auths":{"a":{', (index) => `"\\u0041${nameOf(index)}":0`, '}}}'),
  'an escaped password': `{"auths":{"a":{"password":"${'\\ud800'.repeat(174_000)}"}}}`,
  'bytes that are not UTF-8': Buffer.concat([
    Buffer.from('{"auths":{"a":{"password":"'),
    Buffer.alloc(MAX_BYTES - 40, 0xff),
    Buffer.from('"}}}'),
  ]),
  'keys that are not UTF-8': Buffer.concat([
    Buffer.from('{"auths":{"a":{'),
    ...Array.from({ length: 100_000 }, () => Buffer.from('22ff223a22ff222c', 'hex')),
    Buffer.from('"x":""}}}'),
  ]),
  'an auth of its size': `{"auths":{"a":{"auth":"${Buffer.alloc(780_000, 'u:').toString('base64')}"}}}`,
  'an auth that is not UTF-8': `{"auths":{"a":{"auth":"${Buffer.concat([Buffer.from('u:'), Buffer.alloc(780_000, 0xff)]).toString('base64')}"}}}`,
  'an auth of line breaks': `{"auths":{"a":{"auth":"${'\\n'.repeat(520_000)}dTpw"}}}`,
  'an auth that ends in blanks': `{"auths":{"a":{"auth":"=${' '.repeat(1_000_000)}x"}}}`,
  'a list that is not closed': fill('{"auths":{"a":{"x":[', () => '0', ''),
};

export function secretOf(document: string | Uint8Array, type = 'dockerconfigjson') {
  const data = { [`.${type}`]: Buffer.from(document).toString('base64') };
  return { metadata: { name: 'hostile' }, type: `kubernetes.io/${type}`, data };
}
