import { systemClock } from 'kubepull/clock';
import type {
  AcrOptions,
  AwsCredentialOptions,
  AzureIdentityOptions,
  CloudOptions,
  EcrOptions,
  GcrOptions,
  IbmOptions,
  OcirOptions,
} from 'kubepull/cloud';
import type { CredentialProviderConfig, CredentialProviderOptions } from 'kubepull/credential-provider';
import { createSecret } from 'kubepull/docker-config';
import { call, CALL } from './stores.ts';
import { transport } from './transfers.ts';
import { all, type GoodCall, type Table } from './wrong-inputs.ts';

const name = { domain: 'a.example', path: 'team/app' };
const lookup: GoodCall = { args: [name, call], optional: CALL('1') };
const methods = { lookup };
/** Of a keyring that answers at once: nothing to abort. */
const atOnce = { lookup: { args: [name] } };
const secret = createSecret('word');
const token = async () => ({ token: secret, lifetimeMs: 1000 });

const cloudOptions = all<CloudOptions>({ transport, clock: systemClock, timeoutMs: 1000, random: () => 0.5 });
/** A cloud with its own options; `needed` are those that are not left out. */
function cloudOf<T extends CloudOptions>(
  own: Required<Omit<T, keyof CloudOptions>>,
  ...needed: readonly string[]
): GoodCall {
  const options = { ...cloudOptions, ...own };
  return {
    args: [options],
    optional: [
      ...Object.keys(options)
        .filter((key) => ![...needed, 'transport'].includes(key))
        .map((key) => `0.${key}`),
      '0.env.NAME',
    ],
    allows: { '0.env': ['empty object'] },
    wrong: { '0.timeoutMs': [0, 0.5, 2 ** 31] },
  };
}
const environment = { env: { NAME: 'value' }, readFile: async () => 'text' };

export const cloud: Table = {
  createAcrAdminUser: () => ({ args: ['team.azurecr.io', 'user', secret], methods: atOnce }),
  createAcrServicePrincipal: () => ({ args: ['client', secret], methods: atOnce }),
  createAcrKeyring: () => ({ ...cloudOf<AcrOptions>({ entraToken: token, tenant: 'a' }, 'entraToken'), methods }),
  createAzureManagedIdentity: () => cloudOf<AzureIdentityOptions>({ clientId: 'a', ...environment }),
  createAwsCredentials: () => cloudOf<AwsCredentialOptions>(environment),
  createEcrKeyring: () => ({
    ...cloudOf<EcrOptions>(
      { credentials: async () => ({ accessKeyId: 'a', secretAccessKey: secret, sessionToken: undefined }) },
      'credentials',
    ),
    methods,
  }),
  createGcrKeyring: () => {
    const good = cloudOf<GcrOptions>({ serviceAccount: 'a', accessToken: token, env: { NAME: 'value' } });
    return { ...good, wrong: { ...good.wrong, '0.serviceAccount': ['', 'a/b'] }, methods };
  },
  createGcrServiceAccountKey: () => ({
    args: [createSecret('{"type":"service_account","private_key":"a"}')],
    wrong: { '0': [secret] },
    methods: atOnce,
  }),
  createIbmKeyring: () => ({ ...cloudOf<IbmOptions>({ apiKey: secret }, 'apiKey'), methods }),
  createIbmApiKey: () => ({ args: [secret], methods: atOnce }),
  createOcirKeyring: () => ({ ...cloudOf<OcirOptions>({ sign: async () => ({}) }, 'sign'), methods }),
  createOcirAuthToken: () => ({ args: ['tenancy/user', secret], methods: atOnce }),
};

const document = {
  apiVersion: 'kubelet.config.k8s.io/v1',
  kind: 'CredentialProviderConfig',
  providers: [
    {
      name: 'plugin',
      matchImages: ['a.example'],
      defaultCacheDuration: '12h',
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    },
  ],
};
const config: CredentialProviderConfig = {
  providers: [
    {
      name: 'plugin',
      matchImages: ['b.example'],
      defaultCacheDurationMs: 0,
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      args: ['-v'],
      env: [{ name: 'NAME', value: secret }],
      tokenAttributes: {
        serviceAccountTokenAudience: 'a',
        requireServiceAccount: true,
        cacheType: 'Token',
        requiredServiceAccountAnnotationKeys: ['a'],
        optionalServiceAccountAnnotationKeys: ['b'],
      },
    },
  ],
};
const JUDGED = 'a fault of the content, told in the words of kubelet';

export const credentialProvider: Table = {
  createCredentialProviderKeyring: () => ({
    args: [
      config,
      all<CredentialProviderOptions>({
        exec: async () => new Uint8Array(),
        serviceAccounts: {
          get: async () => ({ uid: 'u', annotations: {} }),
          createToken: async () => secret,
        },
        clock: systemClock,
        tracing: { trace: (_operation, _context, action) => action() },
      }),
    ],
    optional: ['0.providers.0.tokenAttributes', '1.serviceAccounts', '1.clock', '1.tracing'],
    allows: { '0.providers.0.defaultCacheDurationMs': ['negative'] },
    wrong: { '0.providers.0.tokenAttributes.cacheType': ['text'] },
    methods: {
      lookup,
      forPod: {
        args: [{ namespace: 'default', name: 'web', uid: 'u', serviceAccountName: 'robot' }],
        methods,
      },
    },
  }),
  mergeCredentialProviderConfigs: () => ({
    args: [[{ path: '/a.yaml', value: document }], { serviceAccountTokens: true }],
    free: { '0.0.value': JUDGED },
    optional: ['1', '1.serviceAccountTokens'],
  }),
  parseCredentialProviderConfig: () => ({
    args: [document, { serviceAccountTokens: true }],
    free: { '0.providers': JUDGED },
    optional: ['1', '1.serviceAccountTokens'],
  }),
};
