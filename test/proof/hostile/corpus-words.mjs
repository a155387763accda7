// The rules by which the words of the corpus are made: names, keys, globs, URLs, headers. A rule is why, and the inputs of it.

/** @typedef {readonly (readonly [why: string, inputs: readonly string[]])[]} Rules */

/** Stands where a secret stands, as SECRET of target.ts. */
export const SECRET = 'Tr0ub4dor.w0rd';
export const HEX = '0123456789abcdef'.repeat(4);
export const DIGEST = `sha256:${HEX}`;

/** Each of one list with each of others. */
export function cross(/** @type {readonly (readonly string[])[]} */ ...lists) {
  return lists.reduce(
    (/** @type {readonly string[][]} */ sum, list) => sum.flatMap((head) => list.map((item) => [...head, item])),
    [[]],
  );
}

/** What is put into a text: at its start, in its middle and at its end. */
export function placed(/** @type {string} */ text, /** @type {string} */ piece) {
  const middle = Math.floor(text.length / 2);
  return [piece + text, text.slice(0, middle) + piece + text.slice(middle), text + piece];
}

/** What no name should have, and what means something elsewhere. */
const PIECES = [
  '\0',
  '\t',
  '\n',
  '\r\n',
  '\u001b[31m',
  '\u007f',
  ' ',
  '\u0085',
  '\u00a0',
  '\u202e',
  '\u200b',
  '\uff0f',
  '\u0130',
  '\u212a',
  '\ud83d\ude00',
  '\ud800',
  '\udcff',
  '%2f',
  '%00',
  '\\',
  '"',
  '<',
  '$(id)',
  '*',
  '?',
  '#',
  '@@',
  '::',
  '//',
  '/../',
  '..',
  '___',
  '-',
  '.',
  'A',
];

const NAMES = [
  'nginx',
  'library/nginx:1.27',
  'registry.example.com:5000/team/app:v1',
  '[2001:db8::1]:5000/app',
  `app@${DIGEST}`,
  'localhost/app',
];

/** @type {Rules} */
const reference = [
  ['foreign character', NAMES.flatMap((name) => PIECES.flatMap((piece) => placed(name, piece)))],
  [
    'empty part',
    [
      '',
      '/',
      '/a',
      'a/',
      'a//b',
      ':',
      ':a',
      'a:',
      '@',
      'a@',
      '@a',
      'a:@',
      'a/:b',
      '[]/a',
      '[]:5/a',
      ':5000/a',
      'r.example:/a',
    ],
  ],
  [
    'length at a limit',
    [127, 128, 129]
      .map((length) => `a:${'t'.repeat(length)}`)
      .concat(
        [254, 255, 256].map((length) => 'p'.repeat(length)),
        [247, 248].map((length) => 'p'.repeat(length)),
        [4095, 4096, 4097].map((length) => 'a/'.repeat(length).slice(0, length)),
        [63, 64, 65, 255].map((length) => `${'d'.repeat(length)}.example/a`),
      ),
  ],
  [
    'digest that is none',
    [
      'sha256:',
      `sha256:${HEX.slice(1)}`,
      `sha256:${HEX}0`,
      `SHA256:${HEX}`,
      `sha256:${HEX.toUpperCase()}`,
      `md5:${HEX.slice(32)}`,
      `sha512:${HEX}`,
      `sha384:${HEX}${HEX.slice(32)}`,
      `sha256:${HEX}@${DIGEST}`,
      'sha256+b64:AAAA',
      HEX,
      `a${HEX}`,
      `${HEX}:a`,
    ].flatMap((text) => [`app@${text}`, text]),
  ],
  [
    'scheme',
    ['http', 'https', 'docker', 'oci', 'file', 'HTTPS', 'containers-storage'].flatMap((scheme) => [
      `${scheme}://r.example/app`,
      `${scheme}:app`,
    ]),
  ],
  ['user info', [`user:${SECRET}@r.example/app`, `https://user:${SECRET}@r.example/app:1`, `user@r.example/app`]],
  [
    'port',
    ['0', '-1', '65535', '65536', '99999999999999999999', '080', '5e3', 'http'].map(
      (port) => `r.example:${port}/app:1`,
    ),
  ],
  [
    'host',
    [
      '1.2.3.4',
      '[::1]',
      '[::ffff:1.2.3.4]',
      '[fe80::1%25eth0]',
      'xn--a',
      'a_b.example',
      '-a.example',
      'a-.example',
      'a..example',
      'EXAMPLE.com',
      'localhost.',
      '.example',
      '[',
      '[[',
      ']',
      '[::1',
      '::1]',
    ].map((host) => `${host}/app`),
  ],
];

const GLOBS = [
  '*',
  '?',
  '**',
  '*a*b*c*',
  '[a-z]*',
  '[^a]',
  '[!a]',
  '[]a]',
  '[a',
  '[a-',
  '[a-]',
  '[-a]',
  '[z-a]',
  '[^',
  '[',
  ']',
  '\\',
  '\\*',
  'a\\',
  '[\\]]',
  '[\\',
  '*[',
  '*\\',
  '?*?',
  '[a-z',
  '[/]',
  'a/b',
  '*/*',
  '[\u00e9-\u00ff]',
  '\udcff*',
  '[\ud83d\ude00]',
  `${'*a'.repeat(12)}b`,
  '[[]',
  '[]]',
  '[a]b]',
  '*.example.*',
];
const GLOB_NAMES = ['', 'a', 'abc', 'a/b', '/', '[a', '-', '\u00e9', '\udcff\udcfe', '\ud83d\ude00', 'a'.repeat(40)];

/** @type {Rules} */
const glob = [['pattern against name', cross(GLOBS, GLOB_NAMES).map((pair) => pair.join('\t'))]];

const KEYS = [
  'r.example',
  '*.example',
  '*.*.example',
  'r.*',
  '*',
  '?.example',
  '[r].example',
  '[a-z].example',
  '[r.example',
  'r.example:5000',
  'r.example:*',
  'r.example:',
  ':5000',
  'https://r.example/v1/',
  'http://r.example/v2/',
  'HTTPS://r.example',
  'https://',
  'https:///a',
  'ftp://r.example',
  'r.example/team',
  'r.example/team/',
  'r.example//team',
  'r.example/te*',
  'r.example/%74eam',
  'r.example/%',
  'r.example/%zz',
  'r.example%2fteam',
  'r.example?x',
  'r.example#x',
  'user@r.example',
  `user:${SECRET}@r.example`,
  '[::1]:5000',
  '[::1',
  '::1',
  '[fe80::1%25lo]',
  'r.example:5000:5000',
  'r.example\\team',
  'r. example',
  'r.example\n',
  '\0',
  '\u2024example',
  'xn--r-example',
  '.example',
  'example.',
  '..',
  'index.docker.io',
  'https://index.docker.io/v1/',
  'docker.io',
  'registry-1.docker.io',
  'https://https://r.example',
  '*****************a.example',
  '\udcff.example',
  '%ff.example',
  '%2a.example',
  '*.*.*.*.*.*.*.*.example',
];

/** @type {Rules} */
const key = [
  [
    'key against image',
    cross(KEYS.slice(0, 40), ['r.example/team/app', 'r.example:5000/team/app', 'app', '[::1]:5000/a']).map((pair) =>
      pair.join('\t'),
    ),
  ],
  ['image that is none', ['', 'A', '/', 'r.example/', `app@sha256:`].map((image) => `r.example\t${image}`)],
];

/** @type {Rules} */
const authsKey = [
  ['key', KEYS],
  [
    'foreign character',
    ['r.example', 'https://r.example:5000/v1/team'].flatMap((name) => PIECES.flatMap((piece) => placed(name, piece))),
  ],
  ['name of a member of every object', ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'auths', '']],
  ['length', [255, 256, 4096].map((length) => 'a.'.repeat(length).slice(0, length))],
];

const b64 = (/** @type {string} */ text) => Buffer.from(text, 'latin1').toString('base64');
const PAIRS = [
  'u\u0001:p',
  'domain\\user:p',
  'u:p',
  `user:${SECRET}`,
  ':',
  ':p',
  'u:',
  'u',
  '',
  'u:p:q',
  '\0:\0',
  'u:p\0\0',
  '\u00ff\u00fe:\u0080',
  '\u00c3\u00a9:p',
  'u:\n',
  ' u : p ',
  `u:${'p'.repeat(200)}`,
  '<token>:t',
  '{"a":1}',
  '\u00ef\u00bb\u00bfu:p',
  'u:\u00ed\u00a0\u0080',
  '00000000-0000-0000-0000-000000000000:t',
];
/** @type {readonly (readonly [string, (text: string) => string])[]} */
const SPELLINGS = [
  ['as it should be', (text) => text],
  ['without padding', (text) => text.replace(/=+$/, '')],
  ['too much padding', (text) => `${text}==`],
  ['padding in the middle', (text) => `${text.slice(0, 3)}=${text.slice(3)}`],
  ['letters of URLs', (text) => text.replaceAll('+', '-').replaceAll('/', '_')],
  ['a letter of URLs', (text) => `${text.slice(0, 2)}_${text.slice(3)}`],
  ['line breaks', (text) => text.replaceAll(/.{2}/g, '$&\r\n')],
  ['a line break at the end', (text) => `${text}\n`],
  ['spaces', (text) => ` ${text} `],
  ['a space within', (text) => `${text.slice(0, 2)} ${text.slice(2)}`],
  ['a character too many', (text) => `${text}A`],
  ['a character too few', (text) => text.slice(0, -1)],
  ['twice', (text) => b64(text)],
  ['a character that is none', (text) => `${text.slice(0, 1)}\u00e9${text.slice(2)}`],
  [
    'bits that are left over',
    (text) => text.replace(/([A-Za-z0-9+/])(=*)$/, (_, last, rest) => `${last === 'z' ? '/' : 'z'}${rest}`),
  ],
  ['two behind each other', (text) => text + text],
];

/** @type {Rules} */
const base64 = SPELLINGS.map(([why, spell]) => [why, PAIRS.map((pair) => spell(b64(pair)))]);

const REALM = 'realm="https://auth.example.com/token"';
const PARAMETERS = [
  REALM,
  'realm=https://auth.example.com/token',
  'realm',
  'realm=',
  'realm=""',
  'realm="',
  'realm="\\',
  'realm="a\\"b"',
  'realm=\u0000',
  'REALM="x"',
  'realm ="x"',
  'realm= "x"',
  'realm="\u00e9"',
  'realm="\ud800"',
  'service="r",service="s"',
  'scope="repository:a:pull,push"',
  'scope="a b"',
  'error="insufficient_scope"',
  '=x',
  '"x"',
  ',',
  ';',
  'realm="x";service="y"',
  'realm="x" service="y"',
  'a==',
  'realm=="x"',
  "realm='x'",
];

/** @type {Rules} */
const challenge = [
  [
    'parameter',
    cross(['Bearer ', 'Basic ', 'bearer\t', 'Negotiate ', 'Bearer'], PARAMETERS).map((pair) => pair.join('')),
  ],
  [
    'two in one header',
    cross(
      ['Basic realm="x"', 'Negotiate YWJj==', 'Bearer', `Bearer ${REALM}`, 'Digest a'],
      [', ', ',', ' ', ';'],
      [`Bearer ${REALM}`, 'Basic', 'Bearer realm="x', 'x=y'],
    ).map((list) => list.join('')),
  ],
  ['no challenge', ['', ' ', ',', ',,,,', '=', '"', '""', '\\', '\0', '\u00e9', '\r\n', 'Bearer\r\nX: y', '\ud800']],
  [
    'length',
    [8, 9, 100]
      .map((count) => 'Basic a="b", '.repeat(count))
      .concat(
        [32, 33, 34, 500].map((count) => `Bearer ${Array.from({ length: count }, (_, at) => `p${at}="v"`).join(',')}`),
        [
          `Bearer realm="${'a'.repeat(16_364)}"`,
          `Bearer realm="${'\\'.repeat(999)}"`,
          ' '.repeat(1000),
          `Bearer ${'='.repeat(500)}`,
          'a,'.repeat(400),
        ],
      ),
  ],
];

const HOSTS = [
  'registry.example.com',
  '127.0.0.1',
  '2130706433',
  '0x7f.1',
  '017700000001',
  '127.1',
  '0',
  '10.0.0.5',
  '192.168.1.1',
  '172.16.0.1',
  '100.64.0.1',
  '169.254.169.254',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:169.254.169.254]',
  '[64:ff9b::7f00:1]',
  '[2002:7f00:1::]',
  '[fd00:ec2::254]',
  '[fe80::1]',
  'localhost',
  'localhost.',
  'a.localhost',
  'metadata.google.internal',
  '\u2460.example',
  '\uff11\uff12\uff17.0.0.1',
  '%31%32%37.0.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '1.1.1.1',
  '',
];

/** @type {Rules} */
const url = [
  ['host', cross(['https://', 'http://'], HOSTS, ['/token', ':443/']).map((list) => list.join(''))],
  [
    'user info',
    ['u:p', `user:${SECRET}`, ':', 'u%40', `${SECRET}:`].flatMap((info) => [
      `https://${info}@auth.example.com/t`,
      `https://${info}@127.0.0.1/`,
      `//${info}@auth.example.com/`,
    ]),
  ],
  [
    'secret in the query',
    [
      'https://cdn.example.com/b?sig=',
      'http://cdn.example.com/b?sig=',
      'https://10.0.0.9/b?X-Amz-Signature=',
      '/v2/x?token=',
      'ftp://a/?k=',
      'https://a.example/#',
      'https://[/?',
    ].map((start) => `${start}${SECRET}`),
  ],
  [
    'scheme',
    [
      'file:///etc/passwd',
      'ftp://a/',
      'gopher://a/',
      'javascript:alert(1)',
      'data:text/plain,a',
      'HTTPS://A/',
      'https:a',
      'https:/a',
      'https:\\\\a\\b',
      'ws://a/',
      'blob:https://a/',
      'unix:///var/run/docker.sock',
      'http+unix://%2fvar/',
      'about:blank',
    ],
  ],
  [
    'relative',
    [
      '',
      '/',
      '/v2/',
      'token',
      '../..',
      '//other.example/',
      '///other.example',
      '\\\\other.example',
      '?a=b',
      '#a',
      '/\t/other.example',
      ' https://a.example/ ',
      '/v2/%2e%2e/x',
      '/v2/../../x',
      '.',
    ],
  ],
  ['foreign character', PIECES.slice(0, 24).map((piece) => `https://auth.example.com/${piece}`)],
  [
    'length and port',
    [2048, 2049, 16_384]
      .map((length) => `https://a.example/${'a'.repeat(length)}`)
      .concat(['0', '65535', '65536', '-1', 'x', '443', '80'].map((port) => `https://registry.example.com:${port}/`)),
  ],
];

/** @type {Rules} */
const digest = [
  [
    'algorithm',
    cross(
      ['sha256', 'sha384', 'sha512', 'md5', 'SHA256', 'sha-256', 'sha256+b64', '', 'blake3', ' sha256'],
      [':', '', '::', '/', '-'],
      [HEX, HEX + HEX],
    ).map((list) => list.join('')),
  ],
  ['foreign character', PIECES.map((piece) => `sha256:${piece}${HEX.slice(piece.length)}`)],
  ['length', [0, 1, 63, 64, 65, 96, 128, 1000].map((length) => `sha256:${'a'.repeat(length)}`)],
  [
    'path',
    [
      'sha256:../../../../etc/passwd',
      `sha256:${HEX}/../x`,
      `../sha256:${HEX}`,
      `${DIGEST}\n`,
      `\n${DIGEST}`,
      `${DIGEST}\0`,
      DIGEST.toUpperCase(),
      `sha256:${HEX.replace('a', 'A')}`,
      `sha256:${HEX.replaceAll('0', '\uff10')}`,
    ],
  ],
];

/** @type {Rules} */
const platform = [
  [
    'parts',
    cross(
      ['linux', 'windows(10.0.17763)', 'darwin', '', 'LINUX', 'macos', 'unknown'],
      ['', '/amd64', '/arm64', '/arm/v7', '/', '/arm/v7/x', '/arm64/v8', '/x86-64'],
    ).map((list) => list.join('')),
  ],
  ['foreign character', PIECES.map((piece) => `linux/${piece}arm64`)],
  [
    'version',
    [
      'windows()/amd64',
      'windows(',
      'windows)',
      'windows(10.0+win32k)/amd64',
      'windows(%28%29)/amd64',
      'windows(%zz)',
      'windows(%ff)/amd64',
      'linux(+)/a',
      'linux(a+a)/a',
      'linux(a))',
      '(1)/a',
      `windows(${'1.'.repeat(500)})/amd64`,
    ],
  ],
  ['length', ['a'.repeat(300), 'linux/'.repeat(100), `linux/${'a'.repeat(1000)}`]],
];

/** @type {Rules} */
const header = [
  [
    'range',
    [
      'bytes 10-49/100',
      'bytes 10-49/*',
      'bytes */100',
      'bytes 0-99/100',
      'bytes 49-10/100',
      'bytes 10-49/101',
      'Bytes 10-49/100',
      'bytes=10-49/100',
      'bytes  10-49/100',
      'bytes 10-49/100 ',
      'bytes 10-49',
      'bytes -1-49/100',
      'bytes 1e1-49/100',
      'bytes 010-49/100',
      'items 10-49/100',
      'bytes 10-49/99999999999999999999',
    ],
  ],
  [
    'retry',
    [
      '0',
      '1',
      '-1',
      '1.5',
      '1e3',
      ' 1',
      '99999999999999999999',
      '9'.repeat(400),
      'Wed, 21 Oct 2015 07:28:00 GMT',
      'Wed, 99 Foo 2015',
      'Wed, ',
      '2015-10-21',
      'Fri, 31 Dec 9999 23:59:59 GMT',
      'Sat, 01 Jan 275761 00:00:00 GMT',
      'infinity',
      'NaN',
      '0x10',
      '\u0661',
    ],
  ],
  [
    'link',
    [
      '</v2/x>; rel="next"',
      '</v2/x>; rel=next',
      '<>; rel=next',
      '<a>;rel="prev next"',
      '<a>; rel="prev"; rel="next"',
      '<a>; title="; rel=next"; rel=prev',
      '<a>, <b>; rel=next',
      '<a,b>; rel=next',
      '<a; rel=next',
      'a>; rel=next',
      '<a>; REL=NEXT',
      '<a>; rel="next',
      '<a>; rel=\\"next\\"',
      '<http://evil.example/?x>; rel="next"',
      '<\r\nX: y>; rel=next',
      '<a>;;;;rel=next',
      '<'.repeat(500),
      `${'<a>,'.repeat(100)}<b>;rel=next`,
      '<a>;"'.repeat(200),
    ],
  ],
];

/** @type {Rules} */
const httpHead = [
  [
    'framing',
    [
      'Content-Length: 5',
      'Content-Length: 5\r\nContent-Length: 5',
      'Content-Length: 5\r\nContent-Length: 6',
      'Content-Length: 5, 5',
      'Content-Length: -1',
      'Content-Length: +5',
      'Content-Length: 0x5',
      'Content-Length: 5 ',
      'Content-Length:',
      'Content-Length: 99999999999999999',
      'Transfer-Encoding: chunked',
      'Transfer-Encoding: chunked\r\nContent-Length: 5',
      'Transfer-Encoding: gzip, chunked',
      'Transfer-Encoding: chunked, gzip',
      'Transfer-Encoding: xchunked',
      'Transfer-Encoding : chunked',
      'Transfer-Encoding:\tchunked',
      'transfer-encoding: Chunked',
      'Connection: close',
      'Connection: keep-alive, Close',
    ].map((line) => `HTTP/1.1 200 OK\r\n${line}\r\n\r\n`),
  ],
  [
    'status line',
    [
      'HTTP/1.1 200',
      'HTTP/1.1 200 ',
      'HTTP/1.0 200 OK',
      'HTTP/1.2 200 OK',
      'HTTP/2 200 OK',
      'HTTP/1.1  200 OK',
      'HTTP/1.1 2000 OK',
      'HTTP/1.1 099 OK',
      'HTTP/1.1 -20 OK',
      'http/1.1 200 OK',
      'HTTP/1.1\t200 OK',
      'HTTP/1.1 200 \u00e9',
      'ICY 200 OK',
      '',
      '<html>',
    ].map((line) => `${line}\r\nA: b\r\n\r\n`),
  ],
  [
    'line break',
    [
      'HTTP/1.1 200 OK\nA: b\n\n',
      'HTTP/1.1 200 OK\r\rA: b\r\r',
      'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n',
      'HTTP/1.1 200 OK\r\n\r\n',
      'HTTP/1.1 200 OK\r\n: b\r\n\r\n',
      'HTTP/1.1 200 OK\r\nA b\r\n\r\n',
      'HTTP/1.1 200 OK\r\nA: \0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nA: b\r\n',
      'HTTP/1.1 200 OK\r\nA: \udcff\r\n\r\n',
      'HTTP/1.1 200 OK\r\nA\u00e9: b\r\n\r\n',
      `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(500)}\r\n`,
      `HTTP/1.1 200 OK\r\nA:${' '.repeat(9000)}b\r\n\r\n`,
    ],
  ],
];

/** @type {Rules} */
const duration = [
  [
    'number',
    cross(
      ['', '-', '+', '--'],
      [
        '0',
        '1h',
        '1.5h',
        '.5s',
        '1.s',
        '.s',
        '1',
        'h',
        '1h30m',
        '1m1m',
        '1d',
        '1 h',
        '9223372036854775807ns',
        '9223372036854775808ns',
        '99999999999h',
        '0.000000000000000000000000001s',
        '1\u00b5s',
        '1\u03bcs',
      ],
    ).map((list) => list.join('')),
  ],
  [
    'text',
    [
      '',
      ' ',
      '1e3s',
      '0x1s',
      '1,5s',
      '\u0661s',
      '1s\0',
      'Infinity',
      `${'1'.repeat(500)}s`,
      '1h'.repeat(200),
      `0.${'9'.repeat(400)}s`,
    ],
  ],
];

const START = 'Failed to pull image "r.example/app:1": ';
const CAUSES = [
  'rpc error: code = NotFound desc = failed to pull and unpack image',
  'unauthorized: authentication required',
  'pull access denied',
  'x509: certificate signed by unknown authority',
  'dial tcp 10.0.0.1:443: i/o timeout',
  'toomanyrequests: rate limit',
  'no space left on device',
  'no match for platform in manifest',
  'manifest unknown',
  'context deadline exceeded',
  '',
  'lookup r.example: no such host',
];

/** @type {Rules} */
const failure = [
  [
    'message',
    cross(['', START, 'Back-off pulling image "', 'Error response from daemon: '], CAUSES).map((list) => list.join('')),
  ],
  [
    'secret',
    [
      `${START}Get "https://user:${SECRET}@r.example/v2/": unauthorized`,
      `${START}Get "https://auth.example/t?token=${SECRET}": 401`,
      `Failed to pull image "user:${SECRET}@r.example/app": x`,
      `${START}failed to authorize: https://r.example/?access_token=${SECRET}&a=b`,
      `Get "https://cdn.example/b?X-Amz-Signature=${SECRET}": EOF`,
    ],
  ],
  ['foreign character', PIECES.map((piece) => `${START}${piece}unauthorized`)],
  [
    'shape',
    [
      '"',
      '""',
      '"'.repeat(500),
      '\\"'.repeat(300),
      ': '.repeat(500),
      'https://'.repeat(200),
      '@'.repeat(500),
      'a@'.repeat(300),
      `${START.repeat(50)}x`,
      'code = '.repeat(100),
      '{"errors":[{"code":"DENIED"}]}',
      '\n'.repeat(100),
      'a'.repeat(20_000),
    ],
  ],
];

const PATTERNS = [
  'docker.io/library/*',
  '**',
  '*',
  '*/*',
  '**/app',
  '{a,b}/app',
  '{a,{b,c}}/app',
  '{',
  '}',
  '{a',
  '{}',
  '{,}',
  '[a-z]*/app',
  '[!a]/app',
  '[[:digit:]]/a',
  '[',
  ']',
  '\\[::1\\]/app',
  '[::1]:5000/app',
  '!a',
  '+(a|b)',
  '@(a)',
  '(a|b)',
  '?(a)',
  'a..b',
  '{1..9}',
  '\\',
  '/',
  '//',
  'r.example:5000/app',
  'app:v1',
  `app@${DIGEST}`,
  '*******a',
  '*a*a*a*a*',
  '***/***',
  'A/b',
];

/** @type {Rules} */
const rules = [
  [
    'pattern against image',
    cross(PATTERNS, ['app', 'r.example:5000/a/b/app', 'docker.io/library/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab']).map(
      (pair) => pair.join('\t'),
    ),
  ],
  [
    'length',
    [
      '{a,b}'.repeat(20),
      `${'{'.repeat(500)}a${'}'.repeat(500)}`,
      '[a]'.repeat(340),
      '*/'.repeat(500),
      '?'.repeat(1024),
      'a'.repeat(1025),
      `{${'a,'.repeat(500)}}`,
    ],
  ],
];

const REPLY = (/** @type {string} */ message) =>
  JSON.stringify({ errors: [{ code: 'DENIED', message, detail: [{ Type: 'repository', Name: message }] }] });

/** @type {Rules} */
const errorReply = [
  [
    'secret',
    [
      REPLY(SECRET),
      REPLY(`token ${SECRET}!`),
      REPLY(encodeURIComponent(SECRET)),
      REPLY(b64(`user:${SECRET}`)),
      REPLY(b64(SECRET)),
      SECRET,
      `"${SECRET}"`,
      REPLY('x').replace('DENIED', SECRET),
      REPLY(`T\\u0072${SECRET.slice(2)}`),
      REPLY(SECRET).replace('T', '\\u0054'),
      REPLY(SECRET.repeat(40)),
      REPLY(`${'a'.repeat(505)}${SECRET}`),
    ],
  ],
  ['foreign character', PIECES.map((piece) => REPLY(`a${piece}b`))],
  [
    'shape',
    [
      '',
      '[]',
      '{}',
      '{"errors":null}',
      '{"errors":{}}',
      '{"errors":[]}',
      '{"errors":[null,1,"a",[],{}]}',
      '{"errors":[{"code":1,"message":[],"detail":null}]}',
      `{"errors":[${'{"code":"A"},'.repeat(30)}{}]}`,
      '<html>',
      REPLY('a'.repeat(8000)),
      `{"errors":[${Array.from({ length: 8 }, () => JSON.stringify({ code: 'C'.repeat(100), message: 'm'.repeat(600) })).join(',')}]}`,
      '\udcff',
      '{"errors":[{"code":"A","code":"B"}]}',
    ],
  ],
];

/** @type {Readonly<Record<string, Rules>>} */
export const WORDS = {
  rules,
  'error-reply': errorReply,
  reference,
  glob,
  key,
  'auths-key': authsKey,
  base64,
  challenge,
  url,
  digest,
  platform,
  header,
  'http-head': httpHead,
  duration,
  failure,
};
