import { describe, expect, it } from 'vitest';
import { mergeCredentialProviderConfigs, parseCredentialProviderConfig } from 'kubepull/credential-provider';
import { InvalidConfigError } from 'kubepull/errors';
import { canary } from '../support/canary.ts';

const PROTOCOL = 'credentialprovider.kubelet.k8s.io/v1';
const good = {
  name: 'ecr',
  matchImages: ['*.dkr.ecr.*.amazonaws.com'],
  defaultCacheDuration: '12h',
  apiVersion: PROTOCOL,
};
const tokens = {
  serviceAccountTokenAudience: 'registry',
  requireServiceAccount: true,
  cacheType: 'Token',
};

function document(providers: readonly unknown[], version = 'v1'): unknown {
  return { apiVersion: `kubelet.config.k8s.io/${version}`, kind: 'CredentialProviderConfig', providers };
}

function faultOf(value: unknown, options?: Parameters<typeof parseCredentialProviderConfig>[1]): string {
  try {
    parseCredentialProviderConfig(value, options);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidConfigError);
    return (error as InvalidConfigError).upstream;
  }
  return 'none';
}

describe('parseCredentialProviderConfig', () => {
  it.each(['v1', 'v1beta1', 'v1alpha1'])('reads %s', (version) => {
    const { providers } = parseCredentialProviderConfig(document([good], version));
    expect(providers).toEqual([
      {
        name: 'ecr',
        matchImages: ['*.dkr.ecr.*.amazonaws.com'],
        defaultCacheDurationMs: 43_200_000,
        apiVersion: PROTOCOL,
        args: [],
        env: [],
        tokenAttributes: undefined,
      },
    ]);
  });

  it('keeps arguments, and variables as secrets', () => {
    const secret = canary('plugin-output');
    const { providers } = parseCredentialProviderConfig(
      document([{ ...good, args: ['get', '-v'], env: [{ name: 'KEY', value: secret }] }]),
    );
    expect(providers[0]?.args).toEqual(['get', '-v']);
    expect(providers[0]?.env[0]?.value.reveal() === secret).toBe(true);
    expect(JSON.stringify(providers)).toContain('[redacted]');
  });

  it('reads the attributes of tokens, in v1 only', () => {
    const { providers } = parseCredentialProviderConfig(document([{ ...good, tokenAttributes: tokens }]));
    expect(providers[0]?.tokenAttributes).toEqual({
      ...tokens,
      requiredServiceAccountAnnotationKeys: [],
      optionalServiceAccountAnnotationKeys: [],
    });
    expect(faultOf(document([{ ...good, tokenAttributes: tokens }], 'v1beta1'))).toBe(
      'strict decoding error: unknown field "providers[0].tokenAttributes"',
    );
  });

  describe('validates in the words of kubelet', () => {
    const supported = [PROTOCOL, `${PROTOCOL}alpha1`, `${PROTOCOL}beta1`].map((text) => `"${text}"`).join(', ');
    it.each<[string, readonly unknown[], string]>([
      ['no providers', [], 'providers: Required value: at least 1 item in plugins is required'],
      ['a slash', [{ ...good, name: 'a/b' }], `providers.name: Invalid value: "a/b": provider name cannot contain '/'`],
      [
        'a space',
        [{ ...good, name: 'a b' }],
        'providers.name: Invalid value: "a b": provider name cannot contain spaces',
      ],
      ['a dot', [{ ...good, name: '.' }], `providers.name: Invalid value: ".": provider name cannot be '.'`],
      ['two dots', [{ ...good, name: '..' }], `providers.name: Invalid value: "..": provider name cannot be '..'`],
      ['a name twice', [good, good], 'providers.name: Duplicate value: "ecr"'],
      ['no version', [{ ...good, apiVersion: '' }], 'providers.apiVersion: Required value'],
      [
        'another version',
        [{ ...good, apiVersion: 'v1' }],
        `providers.apiVersion: Unsupported value: "v1": supported values: ${supported}`,
      ],
      [
        'no patterns',
        [{ ...good, matchImages: [] }],
        'providers.matchImages: Required value: at least 1 item in matchImages is required',
      ],
      ['no duration', [{ ...good, defaultCacheDuration: null }], 'providers.defaultCacheDuration: Required value'],
      [
        'a negative duration',
        [{ ...good, defaultCacheDuration: '-1h30s' }],
        'providers.defaultCacheDuration: Invalid value: "-1h0m30s": must be greater than or equal to 0',
      ],
    ])('%s', (_, providers, text) => {
      expect(faultOf(document(providers))).toBe(`failed to validate credential provider config: ${text}`);
    });

    it('a pattern that is no URL', () => {
      expect(faultOf(document([{ ...good, matchImages: ['a:b:c'] }]))).toContain(
        'providers.matchImages: Invalid value: "a:b:c": match image is invalid: parse "https://a:b:c"',
      );
    });

    const place = 'providers.tokenAttributes';
    it.each<[string, object, string]>([
      ['no audience', { serviceAccountTokenAudience: '' }, `${place}.serviceAccountTokenAudience: Required value`],
      ['no requirement', { requireServiceAccount: null }, `${place}.requireServiceAccount: Required value`],
      [
        'keys that are required of nobody',
        { requireServiceAccount: false, requiredServiceAccountAnnotationKeys: ['a'] },
        `${place}.requiredServiceAccountAnnotationKeys: Forbidden: requireServiceAccount cannot be false when requiredServiceAccountAnnotationKeys is set`,
      ],
      [
        'keys that are required, and not of whom',
        { requireServiceAccount: null, requiredServiceAccountAnnotationKeys: ['a'] },
        `${place}.requireServiceAccount: Required value`,
      ],
      [
        'a key twice',
        { optionalServiceAccountAnnotationKeys: ['a', 'a'] },
        `${place}.optionalServiceAccountAnnotationKeys: Duplicate value: "a"`,
      ],
      [
        'a key required and optional',
        { requiredServiceAccountAnnotationKeys: ['k'], optionalServiceAccountAnnotationKeys: ['k'] },
        `${place}: Invalid value: ["k"]: annotation keys cannot be both required and optional`,
      ],
      [
        'no cache type',
        { cacheType: '' },
        `${place}.cacheType: Required value: cacheType is required to be set when tokenAttributes is specified. Supported values are: ServiceAccount, Token`,
      ],
      [
        'another cache type',
        { cacheType: 'Pod' },
        `${place}.cacheType: Unsupported value: "Pod": supported values: "ServiceAccount", "Token"`,
      ],
    ])('%s', (_, change, text) => {
      const provider = { ...good, tokenAttributes: { ...tokens, ...change } };
      expect(faultOf(document([provider]))).toBe(`failed to validate credential provider config: ${text}`);
    });

    it.each([
      ['a b', 'name part must consist of'],
      ['', 'name part must be non-empty'],
      ['/a', 'prefix part must be non-empty'],
      ['_.example/a', 'prefix part a lowercase RFC 1123 subdomain must consist of'],
      ['a/b/c', 'a valid label key must consist of'],
      ['x'.repeat(64), 'name part must be no more than 63 bytes'],
    ])('the annotation key %j', (key, text) => {
      const provider = { ...good, tokenAttributes: { ...tokens, requiredServiceAccountAnnotationKeys: [key] } };
      expect(faultOf(document([provider]))).toContain(text);
    });

    it('upper case in an annotation key is none', () => {
      const provider = {
        ...good,
        tokenAttributes: { ...tokens, requiredServiceAccountAnnotationKeys: ['Example.COM/Role'] },
      };
      expect(faultOf(document([provider]))).toBe('none');
    });

    it('an older protocol with tokens', () => {
      const provider = { ...good, apiVersion: `${PROTOCOL}beta1`, tokenAttributes: tokens };
      expect(faultOf(document([provider]))).toContain(
        `${place}: Forbidden: tokenAttributes is only supported for ${PROTOCOL} API version`,
      );
    });

    it('tokens with the gate off', () => {
      expect(faultOf(document([{ ...good, tokenAttributes: tokens }]), { serviceAccountTokens: false })).toContain(
        `${place}: Forbidden: tokenAttributes is not supported when KubeletServiceAccountTokenForCredentialProviders feature gate is disabled`,
      );
    });

    it('all faults at once, each once', () => {
      const bad = { ...good, apiVersion: '', matchImages: [] };
      expect(faultOf(document([bad, { ...bad, name: 'b' }]))).toBe(
        'failed to validate credential provider config: [providers.apiVersion: Required value, providers.matchImages: Required value: at least 1 item in matchImages is required]',
      );
    });
  });

  describe('refuses', () => {
    it.each<[string, unknown, string]>([
      ['another kind', { apiVersion: 'kubelet.config.k8s.io/v1', kind: 'Pod' }, 'failed to decode "Pod" (wrong Kind)'],
      [
        'another group',
        { apiVersion: 'v1', kind: 'CredentialProviderConfig' },
        'failed to decode CredentialProviderConfig, unexpected Group: ',
      ],
      [
        'another version',
        { apiVersion: 'kubelet.config.k8s.io/v2', kind: 'CredentialProviderConfig' },
        'no kind "CredentialProviderConfig" is registered for version "kubelet.config.k8s.io/v2"',
      ],
      ['no kind', {}, "Object 'Kind' is missing"],
      ['nothing', null, "Object 'Kind' is missing"],
      ['a list', [], 'document must be of type object, not list'],
      [
        'fields that it does not know',
        document([{ ...good, image: 'x' }]),
        'strict decoding error: unknown field "providers[0].image"',
      ],
      [
        'a name that is a number',
        document([{ ...good, name: 1 }]),
        'providers[0].name must be of type string, not number',
      ],
      [
        'a duration without unit',
        document([{ ...good, defaultCacheDuration: '5' }]),
        'time: missing unit in duration "5"',
      ],
      [
        'a duration in days',
        document([{ ...good, defaultCacheDuration: '5d' }]),
        'time: unknown unit "d" in duration "5d"',
      ],
    ])('%s', (_, value, text) => {
      expect(faultOf(value)).toBe(text);
    });

    it('takes the names of prototypes for plain keys [C01]', () => {
      const value: unknown = JSON.parse(
        '{"apiVersion":"kubelet.config.k8s.io/v1","kind":"CredentialProviderConfig","__proto__":{"providers":[]}}',
      );
      expect(faultOf(value)).toBe('strict decoding error: unknown field "__proto__"');
    });

    it('a secret in a wrong place without showing it', () => {
      const value = document([{ ...good, args: { token: canary('bearer-token') } }]);
      expect(faultOf(value)).toBe('providers[0].args must be of type list, not object');
    });
  });
});

describe('mergeCredentialProviderConfigs', () => {
  it('puts the providers of several files behind each other', () => {
    const { providers } = mergeCredentialProviderConfigs([
      { path: '/etc/a.yaml', value: document([good]) },
      { path: '/etc/b.json', value: document([{ ...good, name: 'gcr' }]) },
    ]);
    expect(providers.map(({ name }) => name)).toEqual(['ecr', 'gcr']);
  });

  it('refuses a name that two files use, and names the file that cannot be decoded', () => {
    const twice = [
      { path: 'a', value: document([good]) },
      { path: 'b', value: document([good]) },
    ];
    expect(() => mergeCredentialProviderConfigs(twice)).toThrow(
      'duplicate provider name "ecr" found in configuration file(s)',
    );
    expect(() => mergeCredentialProviderConfigs([{ path: '/etc/b.yaml', value: [] }])).toThrow(
      'error decoding config "/etc/b.yaml": document must be of type object, not list',
    );
  });
});
