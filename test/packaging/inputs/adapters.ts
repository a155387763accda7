import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { systemClock } from 'kubepull/clock';
import type { CommandIo } from 'kubepull/cli';
import { createSecret } from 'kubepull/docker-config';
import {
  type ArchiveFileOptions,
  type DockerArchiveOptions,
  type DockerLoginOptions,
  type ExecPluginOptions,
  type HostsTomlOptions,
  type LoadArchiveOptions,
  nodeFileSystem,
  nodeHasher,
  type NodeKeyringOptions,
  type NodeRuntimeOptions,
  type OciLayoutOptions,
  type RegistriesConfOptions,
  type UndiciTransportOptions,
  type ValidateLayoutOptions,
} from 'kubepull/node';
import { onTestFinished } from 'vitest';
import { entry, TRACE } from './decisions.ts';
import { call, CALL, recordsMethods, storeMethods, storeWith } from './stores.ts';
import { all, type GoodCall, type Table } from './wrong-inputs.ts';

function temporary(): string {
  const path = mkdtempSync(join(tmpdir(), 'kubepull-options-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const optionalIn = (place: string, options: object, ...needed: readonly string[]): readonly string[] =>
  Object.keys(options)
    .filter((key) => !needed.includes(key))
    .map((key) => `${place}.${key}`);

const name = { domain: 'a.example', path: 'team/app' };
const lookup: GoodCall = { args: [name, call], optional: CALL('1') };
const secret = createSecret('word');
const host = { os: 'linux', architecture: 'amd64', variant: 'v2', 'os.version': '1', 'os.features': ['a'] };
const hostOptional = (place: string): readonly string[] =>
  ['variant', 'os.version', 'os.features'].map((key) => `${place}.${key}`);
const tracing = { trace: <T>(_operation: unknown, _context: unknown, action: () => Promise<T>) => action() };
const request = {
  method: 'GET',
  url: 'http://127.0.0.1:1/v2/',
  headers: { a: 'b' },
  body: new Uint8Array(1),
  allowAddresses: ['loopback'],
  registry: 'http://a.example',
  shownUrl: 'shown',
  ...call,
};
const send: GoodCall = {
  args: [request],
  free: { '0.headers.a': 'the client of the platform judges it' },
  optional: optionalIn('0', request, 'method', 'url', 'headers'),
  allows: { '0.headers': ['empty object'] },
};
/** It sends nothing. */
const dispatcher = {
  dispatch(_request: unknown, handler: { onResponseError(controller: unknown, error: Error): void }) {
    handler.onResponseError(undefined, new Error('nothing is sent'));
    return true;
  },
};
const transportOptions = all<UndiciTransportOptions>({
  lookup: async () => ['127.0.0.1'],
  ca: ['pem'],
  tls: { 'a.example': { insecureSkipVerify: true, headers: { a: secret } } },
  proxy: { http: 'http://p', https: secret, noProxy: '*' },
  dispatcher: dispatcher as never,
  connectTimeoutMs: 1000,
  headersTimeoutMs: 1000,
  bodyTimeoutMs: 1000,
  minBytesPerSecond: 5,
  minRateWindowMs: 1000,
  maxHeaderBytes: 1000,
});
const transportCall: Omit<GoodCall, 'args'> = {
  optional: [
    '0',
    ...optionalIn('0', transportOptions),
    '0.tls.a.example.insecureSkipVerify',
    '0.tls.a.example.headers',
    ...['http', 'https', 'noProxy'].map((key) => `0.proxy.${key}`),
  ],
  allows: {
    '0.ca': ['text', 'empty text'],
    '0.tls': ['empty object'],
    '0.tls.a.example.headers': ['empty object'],
    '0.proxy.https': ['text', 'empty text'],
  },
  wrong: {
    '0.connectTimeoutMs': [0, 0.5, 2 ** 31],
    '0.minBytesPerSecond': [0.5],
    '0.maxHeaderBytes': [0, 2 ** 21],
    '0.proxy': ['other'],
  },
};

const layoutOptions = all<OciLayoutOptions>({
  fs: nodeFileSystem,
  createHasher: nodeHasher,
  clock: systemClock,
  owner: { createToken: () => 'token', stateOf: async () => 'alive' },
  lockTimeoutMs: 1000,
  maxPartialAgeMs: 1000,
  maxPartialBytes: 1000,
  isolated: true,
  rehash: true,
  ...call,
});

const archiveOptions = all<DockerArchiveOptions & ArchiveFileOptions>({
  platform: host,
  strictPlatform: true,
  createHasher: nodeHasher,
  onEvent: () => undefined,
  layers: 'stored',
  maxUnpackedBytes: 1000,
  fs: nodeFileSystem,
  ...call,
});
const { layers: _layers, maxUnpackedBytes: _max, ...ociOptions } = archiveOptions;
const images = ['a.example/app:1', { name: 'a.example/app:1', as: 'b.example/app:1' }];

/** The archives take the options at the last place, and a sink before them where they write. */
function archiveOf(options: object, store: object, ...sink: readonly unknown[]): GoodCall {
  const at = 2 + sink.length;
  return {
    args: [store, images, ...sink, options],
    optional: [String(at), ...optionalIn(String(at), options), ...hostOptional(`${at}.platform`)],
    wrong: { '1': [[]], [`${at}.layers`]: ['text'], [`${at}.maxUnpackedBytes`]: [0.5] },
    allows: { '1.1': ['text', 'empty text'], ...(sink.length === 0 ? {} : { '2': ['text'] }) },
  };
}

const places = { rootDir: '/nowhere', workingDir: '/nowhere', home: '/nowhere' };

export const node: Table = {
  nodeHasher: () => ({
    args: ['sha256'],
    wrong: { '0': ['md5', ''] },
    methods: { update: { args: [new Uint8Array(1)] }, digest: { args: [] } },
  }),
  openOciLayout: () => ({
    args: [join(temporary(), 'layout'), { ...layoutOptions, owner: undefined, isolated: false }],
    optional: ['1', ...optionalIn('1', layoutOptions)],
    wrong: { '1.isolated': ['text'] },
    methods: { ...storeMethods, close: { args: [] } },
  }),
  validateLayout: () => ({
    args: [
      temporary(),
      all<ValidateLayoutOptions>({ unpack: true, fs: nodeFileSystem, createHasher: nodeHasher, ...call }),
    ],
    optional: ['1', '1.unpack', '1.fs', '1.createHasher', '1.signal'],
  }),
  createUndiciTransport: () => ({
    ...transportCall,
    args: [transportOptions],
    methods: { transport: send, close: { args: [] } },
  }),
  createDiagnosticsTracing: () => ({ args: [], methods: { trace: TRACE } }),
  createNodeRuntime: () => {
    const carrying = { workers: 0, minCarriedBytes: 1024 };
    const options = all<NodeRuntimeOptions>({
      ...transportOptions,
      ...carrying,
      platform: host,
      clock: systemClock,
      tracing,
    });
    return {
      ...transportCall,
      args: [options],
      optional: [...(transportCall.optional ?? []), ...optionalIn('0', options), ...hostOptional('0.platform')],
      methods: { transport: send, close: { args: [] } },
    };
  },
  readHostPlatform: () => ({ args: [] }),
  loadNodeKeyring: () => ({
    args: [{ ...places, dialect: 'kubelet', pathMatch: 'prefix' }],
    optional: ['0', '0.rootDir', '0.workingDir', '0.home', '0.dialect', '0.pathMatch'],
    wrong: { '0.dialect': ['text'], '0.pathMatch': ['text'] },
  }),
  readNodeDockerConfig: () => ({ args: [places], optional: ['0', '0.rootDir', '0.workingDir', '0.home'] }),
  loadImageArchive: async () => {
    const { layers: _, ...options } = archiveOptions;
    const whole: Required<LoadArchiveOptions> = { ...options, as: 'b.example/app:1' };
    return {
      args: ['/nowhere/images.tar', await storeWith('has', 'read', 'ingest', 'tag'), whole],
      optional: ['2', ...optionalIn('2', whole), ...hostOptional('2.platform')],
      wrong: { '0': [''], '2.as': [''], '2.maxUnpackedBytes': [0.5] },
    };
  },
  streamOciArchive: async () => {
    const { fs: _fs, ...options } = ociOptions;
    return archiveOf(options, await storeWith('has', 'read', 'resolve'));
  },
  writeOciArchive: async () =>
    archiveOf(ociOptions, await storeWith('has', 'read', 'resolve'), new PassThrough().resume()),
  streamDockerArchive: async () => {
    const { fs: _fs, ...options } = archiveOptions;
    return archiveOf(options, await storeWith('has', 'read', 'resolve'));
  },
  writeDockerArchive: async () =>
    archiveOf(archiveOptions, await storeWith('has', 'read', 'resolve'), new PassThrough().resume()),
  createExecPlugin: () => ({
    args: [
      all<ExecPluginOptions>({ binDir: '/nowhere', inheritEnv: ['PATH'], timeoutMs: 1000, maxParallelPlugins: 2 }),
    ],
    optional: ['0.inheritEnv', '0.timeoutMs', '0.maxParallelPlugins'],
    wrong: { '0.inheritEnv': ['some'], '0.timeoutMs': [0, 0.5, 2 ** 31], '0.maxParallelPlugins': [0] },
  }),
  readCredentialProviderConfig: () => {
    const path = join(temporary(), 'config.json');
    const config = { apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig', providers: [provider] };
    writeFileSync(path, JSON.stringify(config));
    return { args: [path, { serviceAccountTokens: true }], optional: ['1', '1.serviceAccountTokens'] };
  },
  openNodeKeyring: () => {
    const options = all<NodeKeyringOptions>({
      ...places,
      dialect: 'kubelet',
      pathMatch: 'prefix',
      plugins: undefined,
      clock: systemClock,
      tracing,
    });
    return {
      args: [options],
      optional: ['0', ...optionalIn('0', options)],
      wrong: { '0.dialect': ['text'], '0.pathMatch': ['text'], '0.plugins': [{ binDir: '/' }, { configPath: '/' }] },
      methods: {
        lookup,
        forPod: { args: [{ namespace: 'default', name: 'web', uid: 'u', serviceAccountName: 'robot' }] },
      },
    };
  },
  readHostsToml: () => ({
    args: [all<HostsTomlOptions>({ directories: ['/nowhere'], plainHttp: ['a.example'] })],
    optional: ['0', '0.directories', '0.plainHttp'],
    wrong: { '0.plainHttp.0': ['', 'https://a'] },
  }),
  readRegistriesConf: () => ({
    args: [
      all<RegistriesConfOptions>({
        path: '/nowhere/a.conf',
        dropInDirectories: ['/nowhere'],
        plainHttp: ['a.example'],
      }),
    ],
    optional: ['0', '0.path', '0.dropInDirectories', '0.plainHttp'],
    wrong: { '0.plainHttp.0': ['', 'https://a'] },
  }),
  createDockerHelper: () => ({
    args: [{ env: { HOME: '/nowhere' }, timeoutMs: 1000 }],
    optional: ['0', '0.env', '0.env.HOME', '0.timeoutMs'],
    allows: { '0.env': ['empty object'] },
    wrong: { '0.timeoutMs': [0, 0.5, 2 ** 31] },
  }),
  loadDockerKeyring: () => ({
    args: [{ env: { HOME: '/nowhere' }, helperTimeoutMs: 1000 }],
    optional: ['0', '0.env', '0.env.HOME', '0.helperTimeoutMs'],
    allows: { '0.env': ['empty object'] },
    wrong: { '0.helperTimeoutMs': [0, 0.5, 2 ** 31] },
  }),
  logInToDocker: () => ({
    args: ['a.example', entry.credential, loginOptions()],
    optional: ['1.identityToken', '1.registryToken', '1.email', '2', '2.path', '2.env', '2.env.HOME'],
    allows: { '2.env': ['empty object'] },
    wrong: { '0': ['', 'a/b'], '2.path': [''] },
  }),
  logOutOfDocker: () => ({
    args: ['a.example', loginOptions()],
    optional: ['1', '1.path', '1.env', '1.env.HOME'],
    allows: { '1.env': ['empty object'] },
    wrong: { '0': ['', 'a/b'], '1.path': [''] },
  }),
  openPulledRecords: () => ({ args: [temporary()], methods: recordsMethods }),
};

const provider = {
  name: 'plugin',
  matchImages: ['a.example'],
  defaultCacheDuration: '12h',
  apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
};

function loginOptions(): Required<DockerLoginOptions> {
  return { path: join(temporary(), 'config.json'), env: { HOME: '/nowhere' } };
}

export const cli: Table = {
  runCommand: () => {
    const output = { write: () => true, isTTY: false, colors: false };
    const io = all<CommandIo>({
      readFile: async () => new Uint8Array(),
      readStdin: async () => new Uint8Array(),
      stdout: output,
      stderr: output,
      ...call,
    });
    const optional = ['1.signal', ...['stdout', 'stderr'].flatMap((to) => [`1.${to}.isTTY`, `1.${to}.colors`])];
    return {
      args: [['--version'], io],
      optional,
      free: { '0.0': 'a command line that cannot be understood is told to the person who typed it' },
      allows: { '0': ['list'] },
    };
  },
  listCommands: () => ({ args: [] }),
  getOutputSchema: () => ({ args: ['explain'], wrong: { '0': ['completion', ''] } }),
};
