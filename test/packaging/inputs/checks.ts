import { type CheckPullOptions, preflight, type PreflightOptions } from 'kubepull/preflight';
import { createKeyring } from 'kubepull/keyring';
import { createImageRules } from 'kubepull/rules';
import { entry, entryOptional, pod, secret } from './decisions.ts';
import { call, storeWith } from './stores.ts';
import { host, hostOptional, retry, retryOptional, runtime } from './transfers.ts';
import { all, type GoodCall, type Table } from './wrong-inputs.ts';

const keyring = createKeyring([entry]);

const common = async (): Promise<Omit<Required<CheckPullOptions>, 'credential'>> => ({
  runtime,
  endpoints: () => [],
  plainHttp: ['a.example'],
  realmPolicy: 'guarded',
  redirectPolicy: 'guarded',
  maxRedirects: 5,
  limits: { maxLayers: 5, maxManifests: 5, maxValues: 5 },
  retry,
  platforms: [host],
  store: (await storeWith('has', 'resolve')) as CheckPullOptions['store'] & object,
  read: 'digest',
  network: false,
  maxPerRegistry: 2,
  keyring,
  onEvent: () => undefined,
  ...call,
});

const rules: Omit<GoodCall, 'args'> = {
  optional: [
    'endpoints plainHttp realmPolicy redirectPolicy maxRedirects limits retry platforms store read network',
    'maxPerRegistry keyring onEvent signal credential secrets serviceAccounts nodeConfig rules',
    'limits.maxLayers limits.maxManifests limits.maxValues runtime.clock runtime.tokenCache runtime.tracing',
  ]
    .flatMap((names) => names.split(' '))
    .map((name) => `1.${name}`)
    .concat(retryOptional('1.retry'), hostOptional('1.platforms.0'), hostOptional('1.runtime.platform'))
    .concat(entryOptional('1'), entryOptional('1.nodeConfig.0')),
  wrong: {
    '1.read': ['text'],
    '1.realmPolicy': ['trusted'],
    '1.redirectPolicy': ['trusted'],
    '1.maxRedirects': [0.5, 11],
    '1.limits.maxLayers': [0, 0.5, 16_385],
    '1.plainHttp.0': ['', 'https://a'],
    '1.retry.attempts': [0, 0.5],
    '1.maxPerRegistry': [0, 0.5],
  },
  allows: { '1.realmPolicy': ['function'], '1.redirectPolicy': ['function'] },
};

const made = ['images', 'totals', 'pods', 'failed', 'ok', 'network', 'rateLimits'];
const report = async (): Promise<GoodCall> => ({
  args: [await preflight(pod, { runtime, network: false })],
  free: Object.fromEntries(made.map((name) => [`0.${name}`, 'preflight makes it'])),
});

export const checks: Table = {
  checkPull: async () => ({
    ...rules,
    args: ['a.example/app:1', { ...(await common()), keyring: undefined, credential: entry.credential }],
  }),
  preflight: async () => ({
    ...rules,
    args: [
      pod,
      all<PreflightOptions>({
        ...(await common()),
        secrets: [secret],
        serviceAccounts: [{ metadata: { name: 'robot' }, imagePullSecrets: [{ name: 'creds' }] }],
        rules: createImageRules({ deny: ['b.example/**'] }),
        nodeConfig: [entry],
      }),
    ],
    api: ['0', '1.secrets.0', '1.serviceAccounts.0'],
    free: { '1.secrets.0.data..dockerconfigjson': 'a fault of the content is a result' },
  }),
  formatPreflight: report,
  formatPreflightTable: report,
};
