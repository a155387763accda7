// The rules by which the documents of the corpus are made: configs, manifests, replies, layouts, archives, objects of Kubernetes.
import { cross, DIGEST, HEX, placed, SECRET } from './corpus-words.mjs';

/** @typedef {import('./corpus-words.mjs').Rules} Rules */

/** Values of a wrong type, and of the right one with a wrong content, in JSON. */
const VALUES = [
  'null',
  'true',
  '0',
  '-1',
  '1e999',
  '""',
  '"a"',
  '"\\u0000"',
  '"\\ud800"',
  '[]',
  '[null]',
  '{}',
  '{"a":1}',
];
/** What is put into JSON that spoils it, or should not. */
const SPOILT = [
  '\0',
  '\ufeff',
  ',',
  ',,',
  '//',
  '/**/',
  "'",
  'NaN',
  'undefined',
  '\udcff',
  '\u2028',
  '01',
  '+1',
  '.5',
  '1.',
  '0x1',
  '\\',
  '"',
  '\\x',
  '{',
  ']',
  '\u0085',
];

/** A document of this text with one member set to each of these values. */
function withMember(/** @type {string} */ text, /** @type {string} */ name, values = VALUES) {
  const document = JSON.parse(text);
  delete document[name];
  const rest = JSON.stringify(document).slice(1);
  return values.map((value) => `{"${name}":${value}${rest === '}' ? '' : ','}${rest}`);
}

/** Each member of an object with each of the wrong values, left out, in another case, and twice. */
function everyMember(/** @type {string} */ text, values = VALUES) {
  const document = JSON.parse(text);
  return Object.keys(document).flatMap((name) => {
    const { [name]: value, ...rest } = document;
    const [json, upper] = [JSON.stringify(rest), JSON.stringify({ ...rest, [name.toUpperCase()]: value })];
    const twice = `${json.slice(0, -1)}${json === '{}' ? '' : ','}"${name}":${JSON.stringify(value)},"${name}":${JSON.stringify(value)}}`;
    return [...withMember(text, name, values), json, upper, twice];
  });
}

/** A text cut at places that lie evenly over it. */
function cuts(/** @type {string} */ text, /** @type {number} */ count) {
  return Array.from({ length: count }, (_, at) => text.slice(0, Math.floor((at * text.length) / count)));
}

/** A text with pieces put into it. */
const spoilt = (/** @type {string} */ text, pieces = SPOILT) => pieces.flatMap((piece) => placed(text, piece));

/** Lists and objects in each other. */
const nested = (/** @type {number} */ levels) => [
  '['.repeat(levels),
  `${'['.repeat(levels)}${']'.repeat(levels)}`,
  `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`,
  `${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`,
];

const NUMBERS = [
  '-0',
  '0.0',
  '1E400',
  '-1e-400',
  '1e',
  '1e+',
  '9007199254740993',
  '123456789012345678901234567890',
  '0.1e1',
  '--1',
  '00',
  '1_000',
  '\u0661',
];

/** @type {Rules} */
const json = [
  ['number', NUMBERS.flatMap((number) => [number, `[${number}]`, `{"a":${number}}`])],
  [
    'text',
    [
      '"\\u0000"',
      '"\\ud800"',
      '"\\ud83d\\ude00"',
      '"\\ude00\\ud83d"',
      '"\\u12"',
      '"\\q"',
      '"\n"',
      '"\t"',
      '"\udcff"',
      '"\\/"',
      '"a',
      '"\\"',
      "'a'",
      '"\\U0041"',
      '"\ud83d"',
      '"\ud83d\\ude00"',
    ],
  ],
  ['nesting', [1, 2, 63, 64, 65, 500].flatMap(nested)],
  [
    'member',
    [
      '{"a":1,"a":2}',
      '{"__proto__":{"x":1}}',
      '{"constructor":{"prototype":{"x":1}}}',
      '{a:1}',
      '{"a"}',
      '{"a":}',
      '{"a":1,}',
      '{,}',
      '[1,]',
      '[,1]',
      '{"":""}',
      '{"\\u0061":1,"a":2}',
      '{"1":1,"0":0}',
      '{"a" : 1}',
      '[1 2]',
      '{"a":1 "b":2}',
    ],
  ],
  [
    'around',
    [
      '',
      ' ',
      '\ufeff{}',
      '{}\ufeff',
      '{}{}',
      '{} x',
      '\0{}',
      '{}\0',
      '\u00a0{}',
      '\t\n\r {}',
      '\f{}',
      'nul',
      'nulll',
      'TRUE',
      'tru',
      '//\n{}',
    ],
  ],
];

const AUTH = 'dXNlcjpUcjB1YjRkb3IudzByZA==';
const ENTRY = JSON.stringify({
  username: 'user',
  password: SECRET,
  email: 'e@x',
  auth: AUTH,
  identitytoken: `t-${SECRET}`,
  registrytoken: `r-${SECRET}`,
});
const CONFIG = `{"auths":{"https://r.example/v1/":${ENTRY}},"credsStore":"desktop","credHelpers":{"r.example":"ecr"},"HttpHeaders":{"X":"y"}}`;

/** @type {Rules} */
const config = [
  ['member of an entry', everyMember(ENTRY).map((entry) => `{"auths":{"r.example":${entry}}}`)],
  ['member of the document', everyMember(CONFIG)],
  [
    'entry',
    VALUES.flatMap((value) => [
      `{"auths":{"r.example":${value}}}`,
      `{"auths":${value}}`,
      value,
      `{"r.example":${value}}`,
    ]),
  ],
  ['spoilt', spoilt(CONFIG, SPOILT.slice(0, 14))],
  ['cut', cuts(CONFIG, 30)],
  [
    'kind of file',
    [
      `{"r.example":${ENTRY}}`,
      `{"auths":{"auths":{"r.example":${ENTRY}}}}`,
      `[{"auths":{}}]`,
      Buffer.from(CONFIG).toString('base64'),
      `"${Buffer.from(CONFIG).toString('base64')}"`,
      `auths:\n  r.example:\n    password: ${SECRET}\n`,
      `password=${SECRET}`,
      '\udcff\udcfe{\0}\0',
      `machine r.example login user password ${SECRET}`,
    ],
  ],
  [
    'key',
    [
      '__proto__',
      'constructor',
      '',
      ' ',
      '*',
      '[',
      'r.example\\u0000',
      '\\ud800',
      'a/b/c/d',
      `user:${SECRET}@r.example`,
    ].map((key) => `{"auths":{"${key}":${ENTRY}}}`),
  ],
  ['nesting', [63, 64, 65].flatMap(nested).map((text) => `{"auths":{"r.example":{"x":${text}}}}`)],
  [
    'many',
    [10, 200].flatMap((count) => [
      `{"auths":{${Array.from({ length: count }, (_, at) => `"r${at}.example":{"auth":"dTpw"}`).join(',')}}}`,
      `{"auths":{${'"r.example":{"auth":"dTpw"},'.repeat(count)}"x":{}}}`,
      `{${'"auths":{},'.repeat(count)}"x":1}`,
    ]),
  ],
];

const LAYER = JSON.stringify({
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest: DIGEST,
  size: 10,
  urls: ['https://e.example/x'],
  annotations: { a: 'b' },
  data: 'e30=',
  artifactType: 'x/y',
  platform: { os: 'linux', architecture: 'arm64', variant: 'v8', 'os.version': '1', 'os.features': ['x'] },
});
const PLAIN_LAYER = JSON.stringify({
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest: DIGEST,
  size: 10,
});
const CONFIG_BLOB = JSON.stringify({ mediaType: 'application/vnd.oci.image.config.v1+json', digest: DIGEST, size: 2 });
const OCI = 'application/vnd.oci.image';
const MANIFEST = `{"schemaVersion":2,"mediaType":"${OCI}.manifest.v1+json","artifactType":"x/y","config":${CONFIG_BLOB},"layers":[${PLAIN_LAYER}],"subject":${PLAIN_LAYER},"annotations":{"a":"b"}}`;
const INDEX = `{"schemaVersion":2,"mediaType":"${OCI}.index.v1+json","manifests":[${LAYER.replace('layer.v1.tar+gzip', 'manifest.v1+json')}],"annotations":{"a":"b"}}`;
const TYPES = [
  `${OCI}.manifest.v1+json`,
  `${OCI}.index.v1+json`,
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
  'text/html',
  '',
  ' ',
  `${OCI}.manifest.v1+json; charset=utf-8`,
  `${OCI.toUpperCase()}.MANIFEST.V1+JSON`,
];
const SIZES = [
  '-1',
  '0',
  '1.5',
  '9007199254740991',
  '9007199254740992',
  '1e3',
  '1e308',
  '"10"',
  'null',
  '-0',
  '1E2',
  '0.0',
];
const DIGESTS = [
  `sha256:${HEX.slice(1)}`,
  `SHA256:${HEX}`,
  `sha512:${HEX}${HEX}`,
  'md5:a',
  `sha256:../../${HEX.slice(6)}`,
  '',
  `${DIGEST}\\n`,
  `sha256:${HEX.toUpperCase()}`,
];

/** @type {Rules} */
const manifest = [
  ['member of a manifest', everyMember(MANIFEST, VALUES.slice(0, 8))],
  ['member of an index', everyMember(INDEX, VALUES.slice(0, 8))],
  [
    'two kinds at once',
    cross(TYPES, [
      '"manifests":[]',
      `"config":${CONFIG_BLOB},"layers":[]`,
      `"config":${CONFIG_BLOB},"layers":[],"manifests":[]`,
      '"fsLayers":[]',
    ]).map(([type, rest]) => `{"schemaVersion":2,"mediaType":"${type}",${rest}}`),
  ],
  ['size', SIZES.map((size) => MANIFEST.replace('"size":10', () => `"size":${size}`))],
  ['digest', DIGESTS.map((digest) => MANIFEST.replace(DIGEST, () => digest))],
  [
    'kind of document',
    [
      '{}',
      '[]',
      'null',
      '""',
      '',
      '<html>',
      '{"errors":[{"code":"DENIED"}]}',
      '{"schemaVersion":1,"fsLayers":[]}',
      '\ufeff{}',
    ],
  ],
  ['spoilt', spoilt(MANIFEST, SPOILT.slice(0, 4))],
];

/** @type {Rules} */
const descriptor = [
  ['member', everyMember(LAYER, VALUES.slice(0, 10))],
  ['size', SIZES.map((size) => LAYER.replace('"size":10', () => `"size":${size}`))],
  ['digest', DIGESTS.map((digest) => LAYER.replace(DIGEST, () => digest))],
];

const IMAGE_CONFIG = JSON.stringify({
  os: 'linux',
  architecture: 'arm64',
  variant: 'v8',
  'os.version': '1',
  'os.features': ['x'],
  rootfs: { type: 'layers', diff_ids: [DIGEST] },
  config: { User: '65532', Entrypoint: ['/a'] },
  history: [{ created_by: 'x' }],
});

/** @type {Rules} */
const imageConfig = [
  ['member', everyMember(IMAGE_CONFIG, VALUES.slice(0, 8))],
  ['digest', DIGESTS.map((digest) => IMAGE_CONFIG.replace(DIGEST, () => digest))],
  ['cut', cuts(IMAGE_CONFIG, 10)],
];

const REPLY = JSON.stringify({
  kind: 'CredentialProviderResponse',
  apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
  cacheKeyType: 'Image',
  cacheDuration: '5m',
  auth: { 'r.example': { username: 'user', password: SECRET } },
});

/** @type {Rules} */
const pluginReply = [
  ['member', everyMember(REPLY)],
  [
    'entry',
    VALUES.flatMap((value) => [
      REPLY.replace(/"auth":.*/, () => `"auth":{"r.example":${value}}}`),
      REPLY.replace(`"${SECRET}"`, () => value),
    ]),
  ],
  ['cut', cuts(REPLY, 15)],
  [
    'kind of answer',
    [
      '',
      '\n',
      'no credentials server URL',
      'credentials not found in native keychain',
      `{"ServerURL":"r","Username":"u","Secret":"${SECRET}"}`,
      `user:${SECRET}`,
      `${REPLY}\n${REPLY}`,
      `${REPLY}x`,
      `\ufeff${REPLY}`,
      `warning\n${REPLY}`,
      REPLY.replace('v1', 'v1alpha1'),
      REPLY.replace('Image', 'image'),
    ],
  ],
  [
    'duration',
    ['', '0s', '-5m', '1h', 'never', '9223372036854775807ns', '99999999h', '1'].map((text) =>
      REPLY.replace('5m', text),
    ),
  ],
];

const TOKEN = `{"token":"${SECRET}","access_token":"${SECRET}","expires_in":300,"issued_at":"2025-01-01T00:00:00Z","refresh_token":"${SECRET}"}`;

/** @type {Rules} */
const tokenReply = [
  ['member', ['token', 'access_token', 'expires_in'].flatMap((name) => withMember(TOKEN, name))],
  ['token', ['a b', 'a\\nb', 'a\\r\\nX: y', '\\u00e9', '\\u0000', ''].map((text) => `{"token":"${text}"}`)],
  [
    'life',
    ['0', '-1', '1e308', '1e999', '59.9', '86401', '"300"', '9007199254740993'].map(
      (value) => `{"token":"t","expires_in":${value}}`,
    ),
  ],
  [
    'kind of answer',
    [
      '',
      '<html>',
      '[]',
      '"t"',
      `token=${SECRET}&expires_in=3`,
      `{"errors":[{"code":"DENIED","message":"${SECRET}"}]}`,
      `${TOKEN}${TOKEN}`,
      TOKEN.slice(0, -1),
      `\udcff${TOKEN}`,
    ],
  ],
];

const HELPER = `{"ServerURL":"https://r.example","Username":"user","Secret":"${SECRET}"}`;

/** @type {Rules} */
const helperReply = [
  ['member', everyMember(HELPER)],
  [
    'around',
    [
      `${HELPER}\nwarning`,
      `warning\n${HELPER}`,
      HELPER.slice(0, -1),
      '',
      '\n',
      `\udcff${HELPER}`,
      HELPER.replace('user', '<token>'),
      HELPER.toLowerCase(),
      HELPER.toUpperCase(),
      `[${HELPER}]`,
    ],
  ],
];

const ENTRIES = JSON.stringify({
  mediaType: `${OCI}.manifest.v1+json`,
  digest: DIGEST,
  size: 2,
  annotations: { 'org.opencontainers.image.ref.name': 'app', 'io.containerd.image.name': 'docker.io/library/app:1' },
});
const LAYOUT_INDEX = `{"schemaVersion":2,"manifests":[${ENTRIES}],"annotations":{}}`;
const NAMES = ['', ' ', '../x', '/etc/passwd', 'a'.repeat(5000), '\\u0000', '\\ud800', 'app@sha256:x', '-rf', 'app:1'];

/** @type {Rules} */
const layoutIndex = [
  ['member', everyMember(LAYOUT_INDEX)],
  ['name', NAMES.map((name) => LAYOUT_INDEX.replace('"app"', () => `"${name}"`))],
  [
    'spelling',
    [
      LAYOUT_INDEX.replace('manifests', '\\u006danifests'),
      LAYOUT_INDEX.replace('manifests', 'Manifests'),
      ` \n${LAYOUT_INDEX}\n`,
      `{"x":"\\"manifests\\":[1]",${LAYOUT_INDEX.slice(1)}`,
      `{"x":{"manifests":[1]},${LAYOUT_INDEX.slice(1)}`,
      `{"x":["manifests",[1]],${LAYOUT_INDEX.slice(1)}`,
      LAYOUT_INDEX.replace('[{', '[ \n {').replace('}]', '} \n ]'),
      LAYOUT_INDEX.replace(ENTRIES, () => `${ENTRIES},${ENTRIES}`),
      LAYOUT_INDEX.replace(ENTRIES, () => `null,${ENTRIES}`),
      `\ufeff${LAYOUT_INDEX}`,
      '{"schemaVersion":2}',
      '{"schemaVersion":2,"manifests":null}',
      '{"imageLayoutVersion":"1.0.0"}',
    ],
  ],
];

const layoutOf = (/** @type {Record<string, string>} */ files) =>
  JSON.stringify({ 'oci-layout': '{"imageLayoutVersion":"1.0.0"}', 'index.json': LAYOUT_INDEX, ...files });

/** @type {Rules} */
const layout = [
  [
    'marker',
    ['', '{}', '{"imageLayoutVersion":"2.0.0"}', '{"imageLayoutVersion":1}', '1.0.0', '[', 'a'.repeat(5000)].map(
      (text) => layoutOf({ 'oci-layout': text }),
    ),
  ],
  ['index', everyMember(LAYOUT_INDEX, VALUES.slice(0, 6)).map((index) => layoutOf({ 'index.json': index }))],
  [
    'blob',
    ['', 'x', '{}', MANIFEST, INDEX, LAYOUT_INDEX].flatMap((text) =>
      [`blobs/sha256/${HEX}`, `blobs/sha512/${HEX}`, 'blobs/sha256/x', `blobs/md5/${HEX.slice(32)}`].map((path) =>
        layoutOf({ [path]: text }),
      ),
    ),
  ],
  [
    'other file',
    [
      'ingest/x',
      'ingest/partial-x',
      'x',
      'blobs/x',
      'blobs/sha256/a/b',
      'index.json.tmp',
      'lock',
      '.lock',
      `blobs/sha256/${HEX.toUpperCase()}`,
      `blobs/sha256/${HEX}\n`,
    ].map((path) => layoutOf({ [path]: 'x' })),
  ],
  ['name', NAMES.map((name) => layoutOf({ 'index.json': LAYOUT_INDEX.replace('"app"', () => `"${name}"`) }))],
];

const HOSTS = `server = "https://r.example"\n\n[host."https://m.example"]\n  capabilities = ["pull", "resolve"]\n  ca = "ca.crt"\n  client = [["a.cert", "a.key"]]\n  skip_verify = true\n  override_path = true\n  [host."https://m.example".header]\n    authorization = "Basic ${SECRET}"\n`;
const TOML_VALUES = [
  '""',
  'true',
  '1',
  '-1',
  '1.5',
  'inf',
  'nan',
  '1979-05-27',
  '[]',
  '[1]',
  '[[""]]',
  '{}',
  '{a=1}',
  "'x'",
  '"\\u0000"',
  '"""a"""',
  'x',
];

/** @type {Rules} */
const hostsToml = [
  [
    'value',
    [
      'server',
      'capabilities',
      'ca',
      'client',
      'skip_verify',
      'override_path',
      'header',
      'dial_timeout',
      'host',
    ].flatMap((name) => TOML_VALUES.map((value) => `${name} = ${value}\n`)),
  ],
  [
    'host',
    [
      '',
      'http://',
      'https://u:p@m.example',
      'https://m.example?x',
      'https://m.example/%2e',
      'ftp://m',
      'm.example:99999',
      'm example',
      '[::1]',
      '__proto__',
      'HTTPS://M',
    ].flatMap((host) => [`[host."${host}"]\n`, `server = "${host}"\n`]),
  ],
  [
    'header',
    ['host', 'a b', '', 'a:', '__proto__', 'content-length', 'x\\u0000'].map(
      (name) => `[header]\n"${name}" = "${SECRET}"\n`,
    ),
  ],
  ['spoilt', spoilt(HOSTS, ['\0', '\ufeff', '[', ']', '=', '"', '\r', '\udcff', '#', '\u0085'])],
  [
    'twice',
    [
      'a = 1\na = 2',
      '[a]\n[a]',
      '[a]\n[[a]]',
      'a.b = 1\n[a]',
      '[[a]]\n[a]',
      'a = {b=1}\na.b=2',
      '__proto__.x = 1',
      '[__proto__]\nx = 1',
    ],
  ],
];

const REGISTRIES = `unqualified-search-registries = ["docker.io"]\n\n[[registry]]\nprefix = "*.example.com"\nlocation = "r.example/x"\ninsecure = true\nblocked = false\nmirror-by-digest-only = true\n\n[[registry.mirror]]\nlocation = "m.example"\npull-from-mirror = "all"\n`;

/** @type {Rules} */
const registriesConf = [
  [
    'value',
    ['prefix', 'location', 'insecure', 'blocked', 'mirror', 'mirror-by-digest-only'].flatMap((name) =>
      TOML_VALUES.map((value) => `[[registry]]\n${name} = ${value}\n`),
    ),
  ],
  [
    'place',
    [
      '',
      '*.example',
      '*',
      'a.*',
      'r.example/',
      'r.example/x/',
      'https://r.example',
      `user:${SECRET}@r.example`,
      'r.example:99999',
      'r.example:1:2',
      '[::1]',
      'r.example/A',
      'r.example/x@sha256:y',
      '../x',
    ].flatMap((place) => [
      `[[registry]]\nprefix = "${place}"\nlocation = "r.example"\n`,
      `[[registry]]\nlocation = "${place}"\n`,
    ]),
  ],
  ['spoilt', spoilt(REGISTRIES, ['\0', '[', '"', '\udcff'])],
  [
    'version 1',
    [
      '[registries.search]\nregistries = ["a"]',
      '[registries]\n',
      'registry = 1',
      '[registry]\nprefix = "a"',
      'short-name-mode = 1',
      '[aliases]\na = "b"',
      'credential-helpers = 1',
    ],
  ],
];

const PLUGINS = `apiVersion: kubelet.config.k8s.io/v1\nkind: CredentialProviderConfig\nproviders:\n- name: ecr\n  matchImages: ["*.dkr.ecr.*.amazonaws.com"]\n  defaultCacheDuration: 12h\n  apiVersion: credentialprovider.kubelet.k8s.io/v1\n  args: [get]\n  env:\n  - name: TOKEN\n    value: ${SECRET}\n`;
const YAML_VALUES = [
  '',
  '~',
  'yes',
  '1',
  '1.5',
  '[]',
  '{}',
  '[a]',
  '{a: b}',
  '|',
  '*x',
  '&x',
  '!!binary aGk=',
  '"',
  "'",
  '- a',
  '@a',
  '`a`',
  '%a',
  '<<',
];

/** @type {Rules} */
const pluginConfig = [
  [
    'value',
    [
      'name: ecr',
      'matchImages: ["*.dkr.ecr.*.amazonaws.com"]',
      'defaultCacheDuration: 12h',
      'args: [get]',
      `value: ${SECRET}`,
    ].flatMap((line) =>
      YAML_VALUES.map((value) => PLUGINS.replace(line, () => `${line.slice(0, line.indexOf(':'))}: ${value}`)),
    ),
  ],
  [
    'pattern',
    ['*.example', '"*"', '"[a"', '""', '"a b"', '"https://a"', '"a/*"', '"a:*"'].map((pattern) =>
      PLUGINS.replace('"*.dkr.ecr.*.amazonaws.com"', () => pattern),
    ),
  ],
  ['spoilt', spoilt(PLUGINS, ['\0', '\t', ':', '- ', '"', '\udcff', '\u2028', '---\n'])],
  [
    'kind of document',
    [
      '',
      '---',
      '{}',
      '[]',
      'a',
      'null',
      '{"apiVersion":"kubelet.config.k8s.io/v1","kind":"CredentialProviderConfig","providers":[]}',
      PLUGINS.replace('/v1', '/v1alpha1'),
      PLUGINS.replace('/v1', '/v9'),
      `${PLUGINS}---\n${PLUGINS}`,
      PLUGINS.replaceAll('\n', '\r\n'),
      PLUGINS.replaceAll('  ', '\t'),
    ],
  ],
];

/** @type {Rules} */
const yaml = [
  ['value', YAML_VALUES.flatMap((value) => [`a: ${value}\n`, `- ${value}\n`, value, `? ${value}\n: b\n`])],
  [
    'alias',
    [
      'a: &x [1]\nb: *x\n',
      'a: &x [*x]\n',
      'a: *x\n',
      `a: &a [${'x,'.repeat(9)}]\n${Array.from({ length: 9 }, (_, at) => `b${at}: &b${at} [${`*${at === 0 ? 'a' : `b${at - 1}`},`.repeat(9)}]`).join('\n')}\n`,
      '<<: &x {a: 1}\nb: {<<: *x}\n',
      '<<: [1]\n',
      '<<: a\n',
      '&x a: *x\n',
      '*x : a\n',
    ],
  ],
  [
    'nesting',
    [63, 64, 65, 300].flatMap((levels) => [
      '['.repeat(levels),
      '- '.repeat(levels),
      '{a: '.repeat(levels),
      Array.from({ length: levels }, (_, at) => `${' '.repeat(at)}a:`).join('\n'),
    ]),
  ],
  [
    'scalar',
    [
      '0o17',
      '0x1f',
      '1_0',
      '1e3',
      '.inf',
      '.nan',
      '0b1',
      '190:20:30',
      '2001-01-01',
      '!!str 1',
      '!!int a',
      '!!float "1"',
      '!!null x',
      '!!timestamp x',
      '!x y',
      '"\\x41"',
      '"\\u12"',
      '"\\q"',
      '"\\\n"',
      "'a''b'",
      '>\n a\n b',
      '|+\n a\n\n',
      '|9\n a',
      '%YAML 1.2\n---\na',
      '%YAML 1.1\n---\na',
      '%TAG ! x\n---\na',
    ],
  ],
  [
    'object',
    [
      'kind: Pod\nspec: {containers: [{name: a, image: app}]}\n',
      'kind: List\nitems: [{kind: Pod}, {kind: List, items: []}]\n',
      'kind: Pod\nspec:\n  containers: a\n',
      'kind: 1\n',
      'kind: Deployment\nspec: {template: {spec: {containers: [1]}}}\n',
    ],
  ],
];

const POD = JSON.stringify({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    containers: [{ name: 'a', image: 'app:1', imagePullPolicy: 'Always' }],
    initContainers: [{ name: 'i', image: 'b' }],
    ephemeralContainers: [{ name: 'e', image: 'c' }],
    volumes: [{ name: 'v', image: { reference: 'd', pullPolicy: 'Never' } }],
    imagePullSecrets: [{ name: 's' }],
    serviceAccountName: 'sa',
    nodeName: 'n',
  },
  status: {
    phase: 'Pending',
    containerStatuses: [{ name: 'a', state: { waiting: { reason: 'ErrImagePull', message: 'unauthorized' } } }],
  },
});
const setIn = (/** @type {string} */ path, /** @type {string} */ value) => {
  const object = JSON.parse(POD);
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  steps.reduce((place, step) => place[step], object)[last] = '\u0001';
  return JSON.stringify(object).replace('"\\u0001"', () => value);
};
const PLACES = [
  'kind',
  'metadata',
  'metadata.name',
  'spec',
  'spec.containers',
  'spec.containers.0',
  'spec.containers.0.image',
  'spec.containers.0.imagePullPolicy',
  'spec.volumes',
  'spec.volumes.0.image',
  'spec.volumes.0.image.reference',
  'spec.imagePullSecrets',
  'spec.imagePullSecrets.0',
  'spec.imagePullSecrets.0.name',
  'status',
  'status.containerStatuses',
  'status.containerStatuses.0.state',
  'status.containerStatuses.0.state.waiting.message',
];
const WORKLOADS = ['Deployment', 'CronJob', 'Job', 'List', 'PodList', 'DeploymentList', 'Secret', '', 'pod'];

/** @type {Rules} */
const pod = [
  ['value', PLACES.flatMap((place) => VALUES.slice(0, 6).map((value) => setIn(place, value)))],
  [
    'kind',
    WORKLOADS.flatMap((kind) => [
      `{"kind":"${kind}"}`,
      `{"kind":"${kind}","items":[${POD}]}`,
      `{"kind":"${kind}","spec":{"template":${POD},"jobTemplate":{"spec":{"template":${POD}}}}}`,
      `{"kind":"${kind}","items":[{"kind":"List","items":[${POD}]}]}`,
    ]),
  ],
  ['list', ['[]', '[null]', `[${POD},${POD}]`, '[[]]', '[1]']],
  [
    'secret',
    [
      setIn('spec.containers.0.image', `"user:${SECRET}@r.example/app"`),
      setIn('status.containerStatuses.0.state.waiting.message', `"Get \\"https://user:${SECRET}@r.example/v2/\\": x"`),
    ],
  ],
];

const DATA = Buffer.from(CONFIG).toString('base64');
const SECRET_OBJECT = JSON.stringify({
  kind: 'Secret',
  apiVersion: 'v1',
  metadata: { name: 's', namespace: 'default' },
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': DATA },
});

/** @type {Rules} */
const secret = [
  ['member', everyMember(SECRET_OBJECT)],
  [
    'data',
    [
      ...VALUES,
      `"${DATA.slice(0, -3)}"`,
      `"${DATA}="`,
      `"${DATA.slice(0, 8)}\\n${DATA.slice(8)}"`,
      '"!!"',
      `"${Buffer.from('{').toString('base64')}"`,
      `"${Buffer.from('[]').toString('base64')}"`,
      `"${Buffer.from('{"auths":[]}').toString('base64')}"`,
    ].map((value) => SECRET_OBJECT.replace(`"${DATA}"`, () => value)),
  ],
  [
    'type',
    [
      'Opaque',
      '',
      'kubernetes.io/dockercfg',
      'kubernetes.io/DockerConfigJson',
      'kubernetes.io/service-account-token',
    ].map((type) => SECRET_OBJECT.replace('kubernetes.io/dockerconfigjson', type)),
  ],
  [
    'key',
    ['.dockercfg', '.DOCKERCONFIGJSON', 'config.json', '__proto__', '', '../x', 'a b', 'a'.repeat(300)].map((key) =>
      SECRET_OBJECT.replace('.dockerconfigjson"', () => `${key}"`),
    ),
  ],
  [
    'text',
    [
      JSON.stringify({ type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': CONFIG } }),
      JSON.stringify({ type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': CONFIG } }),
    ],
  ],
];

const RECORD = JSON.stringify({
  kind: 'ImagePulledRecord',
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  lastUpdatedTime: '2025-01-01T00:00:00Z',
  imageRef: DIGEST,
  credentialMapping: {
    'r.example/app': {
      kubernetesSecrets: [{ uid: 'u', namespace: 'n', name: 's', credentialHash: 'h' }],
      kubernetesServiceAccounts: [{ uid: 'u', namespace: 'n', name: 's' }],
      nodePodsAccessible: true,
    },
  },
});

/** @type {Rules} */
const record = [
  ['member', everyMember(RECORD, VALUES.slice(0, 8))],
  [
    'time',
    [
      '2025-02-30T00:00:00Z',
      '2025-01-01T24:00:00Z',
      '2025-01-01T00:00:60Z',
      '2025-01-01t00:00:00z',
      '2025-01-01T00:00:00',
      '2025-01-01T00:00:00.123456789Z',
      '2025-01-01T00:00:00+25:00',
      '0000-01-01T00:00:00Z',
      '9999-12-31T23:59:59-12:00',
      '10000-01-01T00:00:00Z',
    ].map((time) => RECORD.replace('2025-01-01T00:00:00Z', time)),
  ],
  ['cut', cuts(RECORD, 12)],
];

const member = (/** @type {object} */ more) => JSON.stringify({ name: 'a', content: 'x', ...more });
const ARCHIVE_NAMES = [
  '',
  '.',
  '..',
  '/',
  '/etc/passwd',
  '../a',
  'a/../../b',
  './a',
  'a//b',
  'a/',
  'a\\b',
  'a\0b',
  '\udcff',
  'C:\\a',
  'a'.repeat(100),
  'index.json',
];

/** @type {Rules} */
const archive = [
  [
    'name',
    ARCHIVE_NAMES.flatMap((name) => [
      `[${member({ name })}]`,
      `[${member({ type: 'L', content: `${name}\0` })},${member({})}]`,
    ]),
  ],
  ['link', ARCHIVE_NAMES.flatMap((link) => ['1', '2'].map((type) => `[${member({ type, link, content: '' })}]`))],
  ['type', ['0', '3', '4', '5', '6', '7', 'S', 'V', 'x', 'g', 'K', '\0', 'z'].map((type) => `[${member({ type })}]`)],
  ['size', [0, 1, 511, 512, 513, 8_589_934_591, 1_000_001].map((size) => `[${member({ size })}]`)],
  [
    'pax',
    [
      '9 path=a\n',
      '11 path=../\n',
      '13 size=1000\n',
      '99 path=a\n',
      '0 a=b\n',
      '-1 a=b\n',
      'path=a\n',
      '9 path=a',
      '12 =empty\n',
      '29 GNU.sparse.realsize=1000\n',
      '15 linkpath=..\n',
      '10 size=-1\n',
      '30 size=99999999999999999999\n',
      '',
    ].flatMap((content) => ['x', 'g'].map((type) => `[${member({ type, content })},${member({})}]`)),
  ],
  ['checksum', [`[${member({ off: 1 })}]`, `[${member({ off: -1 })}]`]],
  [
    'no archive',
    [
      '',
      '\0',
      '\0'.repeat(512),
      '\0'.repeat(1024),
      'x'.repeat(512),
      '<html>'.repeat(200),
      '\u001f\udc8b',
      'a'.repeat(513),
      '[]',
      '[1]',
    ],
  ],
];

/** @type {Readonly<Record<string, Rules>>} */
export const DOCUMENTS = {
  json,
  config,
  manifest,
  descriptor,
  'image-config': imageConfig,
  'plugin-reply': pluginReply,
  'plugin-config': pluginConfig,
  yaml,
  'token-reply': tokenReply,
  'helper-reply': helperReply,
  'layout-index': layoutIndex,
  layout,
  'hosts-toml': hostsToml,
  'registries-conf': registriesConf,
  pod,
  secret,
  record,
  archive,
};
