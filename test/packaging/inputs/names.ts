import { createSecret, type ParseDockerConfigOptions } from 'kubepull/docker-config';
import { explainPull, type ExplainPullOptions } from 'kubepull/explain';
import { explainFailure, explainPod, type ExplainPodOptions } from 'kubepull/failures';
import { createKeyring } from 'kubepull/keyring';
import { lintDockerConfig, type LintPodOptions } from 'kubepull/lint';
import { type MatchOptions, parsePattern, toTarget } from 'kubepull/match';
import { createMirrorRoutes, createMirrorEndpoint } from 'kubepull/mirrors';
import { nodeHasher } from 'kubepull/node';
import { DEFAULT_DOCUMENT_LIMITS, MEDIA_TYPES, parseImageIndex, parseImageManifest } from 'kubepull/oci';
import { parseReference } from 'kubepull/reference';
import { digest, entry, entryOptional, pod, secret } from './decisions.ts';
import { call, CALL, image, record, root, verification } from './stores.ts';
import { all, type GoodCall, type Table } from './wrong-inputs.ts';

const parsed = parseReference('a.example/team/app:1');
/** Without its input, which nothing reads. */
const ref = { domain: parsed.domain, path: parsed.path, name: parsed.name, tag: parsed.tag, digest };
const refOptional = (place: string): readonly string[] => [`${place}.tag`, `${place}.digest`];
export { ref };

/** Of a reference, as far as a name needs it. */
const name = { domain: 'a.example', path: 'team/app' };

const matchOptions = all<MatchOptions>({ dialect: 'kubelet', pathMatch: 'segment' });
const matchOptional = (place: string): readonly string[] => [place, `${place}.dialect`, `${place}.pathMatch`];
const matchWrong = (place: string): Readonly<Record<string, readonly unknown[]>> => ({
  [`${place}.dialect`]: ['text'],
  [`${place}.pathMatch`]: ['text'],
});
const target = { ...parsePattern('a.example/team') };
const targetFree = (place: string): Readonly<Record<string, string>> => ({
  [`${place}.labels.0`]: 'parsePattern and toTarget make them',
  [`${place}.labels.1`]: 'parsePattern and toTarget make them',
});

export const match: Table = {
  matchGlob: () => ({ args: ['a*', 'ab'] }),
  normalizeKey: () => ({ args: ['a.example', matchOptions], optional: matchOptional('1'), wrong: matchWrong('1') }),
  parsePattern: () => ({ args: ['a.example', matchOptions], optional: matchOptional('1'), wrong: matchWrong('1') }),
  toTarget: () => ({ args: [name] }),
  matchImage: () => ({
    args: ['a.example', name, matchOptions],
    optional: matchOptional('2'),
    wrong: matchWrong('2'),
  }),
  matchTarget: () => ({
    args: [target, { ...toTarget(name) }, matchOptions],
    optional: matchOptional('2'),
    free: { ...targetFree('0'), ...targetFree('1') },
    wrong: matchWrong('2'),
  }),
  matchImages: () => ({
    args: [['a.example/team/*'], name, { pathMatch: 'segment' }],
    optional: ['2', '2.pathMatch'],
    wrong: { '2.pathMatch': ['text'] },
  }),
};

export const keyring: Table = {
  createKeyring: () => ({
    args: [[entry], matchOptions],
    optional: [...matchOptional('1'), ...entryOptional('0.0')],
    wrong: matchWrong('1'),
    methods: { lookup: { args: [name] } },
  }),
  formatLookup: () => ({
    args: [{ ...createKeyring([entry]).lookup(name) }],
    free: { '0.rejected.0': 'what a keyring found', '0.candidates.0': 'what a keyring found' },
  }),
  joinKeyrings: () => ({
    args: [createKeyring([entry])],
    methods: { lookup: { args: [name, call], optional: CALL('1') } },
  }),
};

/** A text is read as the parser of the default form reads it. */
const TEXT = ['text'];
const taken = (place: string): NonNullable<GoodCall['allows']> => ({ [place]: TEXT });
const NO_REFERENCE = ['', 'A', ' ', 'a:b:c'];

export const reference: Table = {
  parseReference: () => ({ args: ['app:1'], wrong: { '0': NO_REFERENCE } }),
  safeParseReference: () => ({ args: ['app:1'], free: { '0': 'its errors are values' } }),
  parseAnyReference: () => ({ args: ['app:1'], wrong: { '0': NO_REFERENCE } }),
  parseCanonicalReference: () => ({ args: [`docker.io/library/app@${digest}`], wrong: { '0': NO_REFERENCE } }),
  parseRawName: () => ({ args: ['a.example/app'], wrong: { '0': NO_REFERENCE } }),
  parseRawReference: () => ({ args: ['app:1'], wrong: { '0': NO_REFERENCE } }),
  formatReference: () => ({
    args: [{ domain: 'a.example', path: 'app', tag: '1', digest }, 'familiar'],
    optional: ['1', ...refOptional('0')],
    wrong: { '1': ['text'] },
  }),
  applyDefaultTag: () => ({ args: ['app'], wrong: { '0': NO_REFERENCE } }),
  parseImageName: () => ({ args: ['app'], wrong: { '0': NO_REFERENCE } }),
  joinDigest: () => ({ args: [ref, digest], optional: refOptional('0'), allows: taken('0') }),
  parseDockerReference: () => ({ args: ['app:1'], wrong: { '0': NO_REFERENCE } }),
  trimReference: () => ({ args: [ref], optional: refOptional('0'), allows: taken('0') }),
  withDefaultTag: () => ({ args: [ref], optional: refOptional('0'), allows: taken('0') }),
  withDigest: () => ({
    args: [ref, digest],
    optional: refOptional('0'),
    allows: taken('0'),
    wrong: { '1': ['', 'a'] },
  }),
  withTag: () => ({ args: [ref, '2'], optional: refOptional('0'), allows: taken('0'), wrong: { '1': ['', '-'] } }),
  stripArchSuffix: () => ({ args: [ref, ['arm64']], optional: ['1', ...refOptional('0')], allows: taken('0') }),
  withArchSuffix: () => ({
    args: [{ ...ref, digest: undefined }, 'arm64'],
    optional: refOptional('0'),
    allows: { ...taken('0'), '0.digest': TEXT },
    wrong: { '1': ['', '-'] },
  }),
  compareReferences: () => ({
    args: [ref, ref],
    free: { '0.name': 'it follows from the parts', '1.name': 'it follows from the parts' },
    optional: [...refOptional('0'), ...refOptional('1')],
  }),
  sortReferences: () => ({ args: [['app:1']] }),
};

const limits = { limits: { ...DEFAULT_DOCUMENT_LIMITS } };
const limitsOptional = ['1', '1.limits', ...Object.keys(limits.limits).map((limit) => `1.limits.${limit}`)];
const manifestOptional = [...limitsOptional, '1.mediaType'];
const manifestBytes = image.contents.at(-1)?.bytes;
const manifest = parseImageManifest(manifestBytes ?? new Uint8Array());
const encode = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const indexBytes = encode({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [root] });
const READ = 'parseManifest reads it';
const freeIn = (place: string, value: object): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.keys(value).map((key) => [`${place}.${key}`, READ]));
const index = parseImageIndex(indexBytes);

export const oci: Table = {
  isImageConfigMediaType: () => ({ args: [MEDIA_TYPES.ociConfig] }),
  isIndexMediaType: () => ({ args: [MEDIA_TYPES.ociIndex] }),
  isManifestMediaType: () => ({ args: [MEDIA_TYPES.ociManifest] }),
  classifyLayer: () => ({ args: [MEDIA_TYPES.ociLayer] }),
  normalizeMediaType: () => ({ args: [MEDIA_TYPES.ociLayer] }),
  checkMediaTypes: () => ({
    args: [{ body: 'a/b', contentType: 'a/b', descriptor: 'a/b' }],
    optional: ['0.body', '0.contentType', '0.descriptor'],
  }),
  parseDescriptor: () => ({ args: [encode(root), limits], optional: limitsOptional }),
  parseImageConfig: () => ({
    args: [encode({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [] } }), limits],
    optional: limitsOptional,
  }),
  parseImageIndex: () => ({
    args: [indexBytes, { ...limits, mediaType: MEDIA_TYPES.ociIndex }],
    optional: manifestOptional,
    allows: { '1.mediaType': ['empty text'] },
  }),
  parseImageManifest: () => ({
    args: [manifestBytes, { ...limits, mediaType: MEDIA_TYPES.ociManifest }],
    optional: manifestOptional,
  }),
  parseManifest: () => ({
    args: [manifestBytes, { ...limits, mediaType: MEDIA_TYPES.ociManifest }],
    optional: manifestOptional,
  }),
  decodeEmbeddedContent: () => ({
    args: [{ ...root, data: btoa('a') }, nodeHasher],
    optional: ['0.data'],
  }),
  annotateIndex: () => ({
    args: [
      index,
      root.digest,
      {
        annotations: { key: 'value' },
        os: 'linux',
        architecture: 'amd64',
        variant: 'v2',
        osVersion: '1',
        osFeatures: ['a'],
      },
    ],
    free: { ...freeIn('0', index), '0.manifests.0': READ },
    optional: ['annotations', 'os', 'architecture', 'variant', 'osVersion', 'osFeatures'].map((key) => `2.${key}`),
    allows: { '2.annotations': ['empty object'] },
  }),
  createIndex: () => ({
    args: [
      [root],
      { mediaType: MEDIA_TYPES.ociIndex, artifactType: 'a/b', subject: root, annotations: { key: 'value' } },
    ],
    optional: ['1', '1.mediaType', '1.artifactType', '1.subject', '1.annotations'],
    allows: { '1.annotations': ['empty object'] },
  }),
  encodeManifest: () => ({
    args: [manifest, limits],
    free: freeIn('0', manifest),
    allows: { '0': ['empty object'] },
    optional: limitsOptional,
  }),
};

const dockerConfig = '{"auths":{"a.example":{"auth":"dXNlcjp3b3Jk"}}}';
const readOptions = all<ParseDockerConfigOptions>({
  mode: 'kubelet',
  format: 'dockerconfigjson',
  source: { kind: 'file', path: '/config.json' },
  maxBytes: 1000,
  maxEntries: 10,
  maxDepth: 10,
});
const source = {
  args: [dockerConfig, readOptions.source],
  optional: ['1'],
  free: { '1.path': 'each kind has members of its own' },
};

export const dockerConfigs: Table = {
  decodeAuth: () => ({ args: [btoa('user:word')], wrong: { '0': ['', '%'] } }),
  encodeAuth: () => ({ args: ['user', createSecret('word')], allows: { '1': ['text', 'empty text'] } }),
  createCredential: () => ({
    args: [{ username: 'user', password: 'word', identityToken: 'a', registryToken: 'b', email: 'c' }],
    optional: ['username', 'password', 'identityToken', 'registryToken', 'email'].map((key) => `0.${key}`),
  }),
  createSecret: () => ({ args: ['word'] }),
  formatCredentialSource: () => ({
    args: [readOptions.source],
    free: { '0.path': 'each kind has members of its own' },
  }),
  parseDockerConfigJson: () => source,
  parseDockercfg: () => ({ ...source, args: ['{"a.example":{"auth":"dXNlcjp3b3Jk"}}', readOptions.source] }),
  parseDockerConfig: () => ({
    args: [dockerConfig, readOptions],
    optional: ['1', ...Object.keys(readOptions).map((key) => `1.${key}`)],
    free: { '1.source.path': 'each kind has members of its own' },
    wrong: { '1.mode': ['text'], '1.format': ['text'], '1.maxBytes': [0, 0.5], '1.maxDepth': [0] },
  }),
};

const LINTED = 'the linter finds fault with it, whatever it is';
const finding = { ...lintDockerConfig('{}')[0], suggestion: 'a' };

export const lint: Table = {
  compareNodeConfigs: () => ({
    args: [[{ node: 'a', entries: [entry] }]],
    optional: entryOptional('0.0.entries.0'),
  }),
  formatFinding: () => ({ args: [finding], optional: ['0.suggestion'] }),
  lintDockerConfig: () => ({
    args: [dockerConfig, { format: 'dockerconfigjson', image: 'a.example/app' }],
    free: { '0': LINTED, '1.image': LINTED },
    optional: ['1', '1.format', '1.image'],
    wrong: { '1.format': ['text'] },
  }),
  lintPod: () => ({
    args: [
      pod,
      all<LintPodOptions>({
        secrets: [secret],
        serviceAccount: { metadata: { name: 'robot' } },
        nodeConfig: [entry],
        nodes: [{ metadata: { name: 'a', labels: { os: 'linux' } }, status: { images: [{ names: ['nginx:1'] }] } }],
      }),
    ],
    api: ['1.nodes.0'],
    free: { '0': LINTED, '1.secrets.0': LINTED, '1.serviceAccount': LINTED },
    optional: ['1', '1.secrets', '1.serviceAccount', '1.nodeConfig', '1.nodes', ...entryOptional('1.nodeConfig.0')],
  }),
  lintPullSecret: () => ({
    args: [secret, { image: 'a.example/app' }],
    free: { '0': LINTED, '1.image': LINTED },
    optional: ['1', '1.image'],
  }),
};

export const mirrors: Table = {
  checkEndpoints: () => ({
    args: [[createMirrorEndpoint('https://mirror.example', parsed)]],
    optional: ['0.0.namespace'],
    wrong: { '0.0.origin': ['', 'a'], '0.0.repository': [''] },
  }),
  createMirrorEndpoint: () => ({
    args: ['https://mirror.example', ref, { capabilities: ['pull'] }],
    free: { '1.name': 'it follows from the parts' },
    optional: ['2', '2.capabilities', ...refOptional('1')],
    wrong: { '0': ['', 'ftp://a'], '2.capabilities.0': ['text'] },
  }),
  createUpstreamEndpoint: () => ({
    args: [ref, { plainHttp: true }],
    free: { '0.name': 'it follows from the parts' },
    optional: ['1', '1.plainHttp', ...refOptional('0')],
  }),
  createMirrorEndpoints: () => ({
    args: [createMirrorRoutes([]), { plainHttp: ['a.example'] }],
    optional: ['1', '1.plainHttp'],
    wrong: { '1.plainHttp.0': ['', 'https://a'] },
  }),
  getRegistryOrigin: () => ({
    args: ['a.example', { plainHttp: true }],
    optional: ['1', '1.plainHttp'],
    wrong: { '0': ['', 'a b'] },
  }),
  createMirrorRoutes: () => ({
    args: [[{ match: 'a.example/**', endpoints: ['https://m.example'], capabilities: ['pull'], upstream: true }]],
    optional: ['0.0.capabilities', '0.0.upstream'],
    wrong: {
      '0.0.match': [''],
      '0.0.endpoints.0': ['', 'ftp://a'],
      '0.0.capabilities.0': ['text'],
      '0.0.endpoints': [[]],
    },
    methods: { choose: { args: [{ name: 'a.example/app' }] } },
  }),
};

export const errors: Table = {
  listBlobFailures: () => ({ args: [new Error('any')], free: { '0': 'it answers for anything' } }),
  isImageError: () => ({ args: [new Error('any')], free: { '0': 'it answers for anything' } }),
};

export const explain: Table = {
  explainPull: () => ({
    args: [
      pod,
      'web',
      all<ExplainPullOptions>({
        secrets: [secret],
        serviceAccount: { metadata: { name: 'robot' }, imagePullSecrets: [{ name: 'creds' }] },
        nodeConfig: [entry],
        nodeLookup: createKeyring([entry]).lookup(name),
        present: { imageRef: 'sha256:1', record, verification, createHasher: nodeHasher },
      }),
    ],
    api: ['0', '2.secrets.0', '2.serviceAccount'],
    free: {
      '2.secrets.0.data..dockerconfigjson': 'a fault of the content',
      '2.nodeLookup.candidates.0': 'what a keyring found',
      '2.nodeLookup.rejected': 'it is found when somebody reads it',
      '2.present.verification': 'judged by decideMustPull',
      '2.present.record': 'judged by decideMustPull',
    },
    optional: [
      ...['', '.secrets', '.serviceAccount', '.nodeConfig', '.nodeLookup', '.present'].map((key) => `2${key}`),
      ...entryOptional('2.nodeConfig.0'),
    ],
    wrong: { '1': ['', 'other'] },
  }),
  formatExplanation: () => ({
    args: [explainPull(pod, 'web')],
    free: Object.fromEntries(
      [
        'policy',
        'name',
        'secrets',
        'lookup',
        'decision',
        'mustPull',
        'failure',
        'skipped',
        'listedBy',
        'runtimeImage',
        'nameError',
        'configError',
      ].map((key) => [`0.${key}`, 'explainPull makes it']),
    ),
    allows: { '0': [] },
  }),
};

export const kubernetes: Table = {
  listPodImages: () => ({ args: [pod], api: ['0'], wrong: { '0': [{ kind: 'Service' }] } }),
};

export const failures: Table = {
  explainPod: () => ({
    args: [
      pod,
      all<ExplainPodOptions>({
        secrets: [secret],
        serviceAccounts: [{ metadata: { name: 'robot' }, imagePullSecrets: [{ name: 'creds' }] }],
        nodeConfig: [entry],
        events: [{ reason: 'Failed', message: 'Error: ErrImagePull', involvedObject: { name: 'web' } }],
        nodeLookup: () => undefined,
        present: () => undefined,
      }),
    ],
    api: ['0', '1.secrets.0', '1.serviceAccounts.0', '1.events.0'],
    free: { '1.secrets.0.data..dockerconfigjson': 'a fault of the content' },
    optional: [
      ...['', '.secrets', '.serviceAccounts', '.nodeConfig', '.nodeLookup', '.events', '.present'].map(
        (key) => `1${key}`,
      ),
      ...entryOptional('1.nodeConfig.0'),
    ],
  }),
  formatPodExplanation: () => ({
    args: [explainPod(pod).slice(0, 1)],
    free: { '0.0': 'explainPod makes it' },
  }),
  explainFailure: () => ({ args: ['Back-off pulling image "nginx"'] }),
  formatFailure: () => ({
    args: [explainFailure('Back-off pulling image "nginx"')],
    free: Object.fromEntries(
      ['words', 'reason', 'image', 'suggestion', 'registry', 'host', 'status', 'runtime'].map((key) => [
        `0.${key}`,
        'explainFailure makes it',
      ]),
    ),
  }),
};
