import { describe, expect, it } from 'vitest';
import { createSecret } from 'kubepull/docker-config';
import { nodeHasher } from 'kubepull/node';
import {
  hashCredential,
  decideMustPull,
  type ImagePullCredentials,
  type ImagePulledRecord,
  matchAllowlist,
  MAX_RECORDED_SECRETS,
  mergePullCredentials,
  parseAllowlist,
  recordPull,
  requiresCredentialVerification,
  toPullCredentials,
} from 'kubepull/image-access';
import { decidePull, needsImageStatus } from 'kubepull/pull-policy';

const NEVER = 'Container image "app:1" is not present with pull policy of Never';
const PRESENT = 'Container image "app:1" already present on machine';

describe('decidePull', () => {
  const gates = { off: { verifiesCredentials: false }, use: { mustPull: false }, must: { mustPull: true } };

  it.each([
    ['Always', true, 'off', 'pull', 'always'],
    ['Always', true, 'must', 'pull', 'always'],
    ['Always', false, 'use', 'pull', 'always'],
    ['IfNotPresent', true, 'off', 'use', 'present'],
    ['IfNotPresent', true, 'use', 'use', 'verified'],
    ['IfNotPresent', true, 'must', 'pull', 'must-verify'],
    ['IfNotPresent', false, 'use', 'pull', 'absent'],
    ['Never', true, 'off', 'use', 'present'],
    ['Never', true, 'use', 'use', 'verified'],
    ['Never', true, 'must', 'fail', 'must-verify'],
    ['Never', false, 'use', 'fail', 'absent'],
    ['odd', true, 'use', 'pull', 'unknown-policy'],
  ] as const)('%s, present %s, gate %s: %s', (policy, present, gate, action, reason) => {
    const decision = decidePull({ image: 'app:1', policy, present, ...gates[gate] });
    expect(decision).toMatchObject({ action, reason });
    if (decision.action === 'fail') {
      expect(decision).toMatchObject({
        waitingReason: 'ErrImageNeverPull',
        message: NEVER,
        event: { type: 'Warning', message: NEVER },
      });
    }
    if (decision.action === 'use') {
      const message = reason === 'verified' ? `${PRESENT} and can be accessed by the pod` : PRESENT;
      expect(decision.event).toEqual({ type: 'Normal', reason: 'Pulled', message });
    }
  });

  it('asks the runtime for the image only where it matters', () => {
    expect(['Always', 'IfNotPresent', 'Never', 'odd'].map(needsImageStatus)).toEqual([false, true, true, false]);
  });
});

describe('parseAllowlist', () => {
  it.each([
    [' r.example/app', 'leading/trailing spaces are not allowed:  r.example/app'],
    ['', 'the supplied pattern is too short: '],
    ['*', "not a valid wildcard pattern, only patterns ending with '/*' are allowed: *"],
    ['foo*', "not a valid wildcard pattern, only patterns ending with '/*' are allowed: foo*"],
    ['*.example.com/*', "not a valid wildcard pattern, only patterns ending with '/*' are allowed: *.example.com/*"],
    ['/*', 'at least registry hostname is required'],
    ['Bad', 'failed to parse as an image name: repository name must be lowercase'],
    [
      'docker.io/library/alpine:3',
      'neither tag nor digest is accepted in an image reference: docker.io/library/alpine:3',
    ],
  ])('refuses %j', (pattern, upstream) => {
    expect(() => parseAllowlist([pattern])).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID', upstream }));
  });

  it.each([
    ['alpine', 'neither tag nor digest is accepted in an image reference: alpine'],
    [
      'Bad',
      'failed to parse as an image name: invalid reference format: repository name (library/Bad) must be lowercase',
    ],
  ])('up to 1.35 refuses %j, which is no full name', (pattern, upstream) => {
    expect(() => parseAllowlist([pattern], { release: '1.35' })).toThrow(expect.objectContaining({ upstream }));
  });

  it('knows three releases', () => {
    expect(() => parseAllowlist(['a'], { release: '1.34' as never })).toThrow(
      expect.objectContaining({
        code: 'ERR_OPTION_INVALID',
        message: expect.stringContaining('"1.35" or "1.36" or "1.37"') as string,
      }),
    );
  });
});

describe('matchAllowlist', () => {
  it.each([
    ['docker.io/library/alpine', 'docker.io/library/alpine', true, true],
    ['docker.io/library/alpine', 'docker.io/library/alpine:3.20', false, true],
    ['docker.io/library/alpine', 'alpine', false, false],
    ['docker.io/library/alpine', 'library/alpine:3', false, false],
    ['docker.io/library/alpine', 'index.docker.io/library/alpine:3', false, false],
    ['docker.io/library/*', 'docker.io/library/alpine:3.20', true, true],
    ['docker.io/library/*', 'alpine', false, false],
    ['docker.io/*', 'nginx', false, false],
    ['registry.example/*', 'registry.example/Bad', true, true],
    ['docker.io/*', 'docker.io/foo/bar', true, true],
    ['registry.example:5000/*', `registry.example:5000/x@sha256:${'0'.repeat(64)}`, true, true],
    ['registry.example/team/*', 'registry.example/team2/app', false, false],
    ['registry.example/team/*', 'registry.example/team/a/b', true, true],
    ['registry.example/team/*', 'evil.example/registry.example/team/app', false, false],
    ['docker.io/library/alpine', 'evil.example/docker.io/library/alpine', false, false],
  ])('%s and %s: 1.35 %s, 1.36 %s', (pattern, image, old, now) => {
    const allowlist = parseAllowlist([pattern]);
    expect(matchAllowlist(allowlist, image, { release: '1.35' }) !== undefined).toBe(old);
    expect(matchAllowlist(allowlist, image)?.pattern).toBe(now ? pattern : undefined);
    expect(matchAllowlist(allowlist, image, { release: '1.37' })).toEqual(matchAllowlist(allowlist, image));
  });

  it.each([
    ['nginx', 'nginx:1', true],
    ['nginx', `nginx:1@sha256:${'0'.repeat(64)}`, true],
    ['nginx', 'docker.io/library/nginx:1', false],
    ['nginx', 'library/nginx', false],
    ['team/*', 'team/app:1', true],
    ['team/*', 'docker.io/team/app:1', false],
    ['localhost/*', 'localhost/app', true],
  ])('since 1.36 the entry %s and the image %s: %s', (pattern, image, covers) => {
    expect(matchAllowlist(parseAllowlist([pattern]), image) !== undefined).toBe(covers);
  });
});

describe('requiresCredentialVerification', () => {
  const allowlist = parseAllowlist(['docker.io/library/*']);

  it.each([
    ['NeverVerify', true, 'app', false],
    ['NeverVerifyPreloadedImages', false, 'app', false],
    ['NeverVerifyPreloadedImages', true, 'app', true],
    ['NeverVerifyAllowlistedImages', true, 'docker.io/library/alpine:3', false],
    ['NeverVerifyAllowlistedImages', true, 'alpine', true],
    ['NeverVerifyAllowlistedImages', false, 'r.example/app', true],
    ['AlwaysVerify', false, 'app', true],
  ] as const)('%s, pulled by kubelet %s, %s: %s', (policy, pulled, image, required) => {
    expect(requiresCredentialVerification(image, pulled, { policy, allowlist })).toBe(required);
  });

  it('refuses the spelling of the documentation', () => {
    const policy = 'NeverVerifyAllowListedImages' as never;
    expect(() => requiresCredentialVerification('app', true, { policy })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
    );
  });
});

const secret = (uid: string, credentialHash: string) => ({ uid, namespace: 'ns', name: 's', credentialHash });
const account = { uid: '1', namespace: 'ns', name: 'default' };
const entry = (fields: Partial<ImagePullCredentials>): ImagePullCredentials => ({
  kubernetesSecrets: [],
  kubernetesServiceAccounts: [],
  nodePodsAccessible: false,
  ...fields,
});
const record = (credentials?: ImagePullCredentials, name = 'app'): ImagePulledRecord => ({
  imageRef: 'sha256:1',
  lastUpdatedAt: 0,
  credentialMapping: new Map(credentials === undefined ? [] : [[name, credentials]]),
});
const many = Array.from({ length: MAX_RECORDED_SECRETS }, (_, at) => secret(`u${at}`, `h${at}`));

describe('decideMustPull', () => {
  const decide = (more: Partial<Parameters<typeof decideMustPull>[0]>) =>
    decideMustPull({ image: 'app:1', imageRef: 'sha256:1', record: undefined, ...more });
  const offers = (...secrets: readonly ReturnType<typeof secret>[]) => ({
    credentials: { secrets, serviceAccount: undefined },
  });

  it.each([
    ['no id', { imageRef: '' }, true, 'no-image-ref'],
    ['no record, no intent', {}, false, 'not-required'],
    ['no record, an intent', { intent: true }, true, 'no-record'],
    ['no record, an intent that cannot be read', { intent: 'unreadable' }, true, 'record-unreadable'],
    ['a record that cannot be read', { record: 'unreadable' }, true, 'record-unreadable'],
    [
      'a record of another repository',
      { record: record(entry({ nodePodsAccessible: true }), 'r.example/app') },
      true,
      'other-name',
    ],
    ['open to the node', { record: record(entry({ nodePodsAccessible: true })) }, false, 'node-accessible'],
    ['an empty entry', { record: record(entry({})), ...offers(secret('1', 'h')) }, true, 'nothing-recorded'],
    ['an empty mapping', { record: record() }, true, 'other-name'],
    [
      'the same credential in another secret',
      { record: record(entry({ kubernetesSecrets: [secret('1', 'h')] })), ...offers(secret('2', 'h')) },
      false,
      'same-credential',
    ],
    [
      'the same secret with new content',
      { record: record(entry({ kubernetesSecrets: [secret('1', 'h')] })), ...offers(secret('1', 'i')) },
      false,
      'same-secret',
    ],
    [
      'another secret with other content',
      { record: record(entry({ kubernetesSecrets: [secret('1', 'h')] })), ...offers(secret('2', 'i')) },
      true,
      'no-match',
    ],
    ['no secrets', { record: record(entry({ kubernetesSecrets: [secret('1', 'h')] })), ...offers() }, true, 'no-match'],
    [
      'empty hashes',
      { record: record(entry({ kubernetesSecrets: [secret('1', '')] })), ...offers(secret('2', '')) },
      true,
      'no-match',
    ],
    [
      '100 secrets, the same with new content',
      { record: record(entry({ kubernetesSecrets: many })), ...offers(secret('u5', 'new')) },
      true,
      'no-match',
    ],
    [
      '100 secrets, another with the same content',
      { record: record(entry({ kubernetesSecrets: many })), ...offers(secret('x', 'h5')) },
      false,
      'same-credential',
    ],
    [
      'credentials that were left out',
      { record: record(entry({ kubernetesSecrets: [secret('1', 'h')] })) },
      undefined,
      'credentials-needed',
    ],
    ['an image that does not parse', { image: 'Bad', record: record() }, true, 'invalid-image'],
    ['AlwaysVerify, no record', { policy: 'AlwaysVerify' }, true, 'no-record'],
    ['NeverVerify, a record', { policy: 'NeverVerify', record: record() }, false, 'not-required'],
    [
      'the same service account',
      {
        record: record(entry({ kubernetesServiceAccounts: [account] })),
        credentials: { secrets: [], serviceAccount: account },
      },
      false,
      'same-service-account',
    ],
  ] as const)('%s', (_, more, mustPull, reason) => {
    expect(decide(more as Partial<Parameters<typeof decideMustPull>[0]>)).toMatchObject({ mustPull, reason });
  });

  it('writes another secret with the same content down, while there is room', () => {
    const one = record(entry({ kubernetesSecrets: [secret('1', 'h')] }));
    expect(decide({ record: one, ...offers(secret('2', 'h')) }).record?.kubernetesSecrets).toEqual([secret('2', 'h')]);
    expect(decide({ record: one, ...offers(secret('1', 'h')) }).record).toBeUndefined();
    expect(
      decide({ record: record(entry({ kubernetesSecrets: many })), ...offers(secret('x', 'h5')) }).record,
    ).toBeUndefined();
  });
});

describe('recordPull', () => {
  const add = (old: ImagePulledRecord | undefined, credentials: ImagePullCredentials) =>
    recordPull(old, { imageRef: 'sha256:1', name: 'app', credentials, at: 7 });

  it('unites secrets by coordinates, sorted, the new hash winning', () => {
    const first = add(undefined, toPullCredentials({ kind: 'secret', secret: secret('2', 'old') }));
    const second = add(first, toPullCredentials({ kind: 'secret', secret: secret('1', 'h') }));
    const third = add(second, toPullCredentials({ kind: 'secret', secret: secret('2', 'new') }));
    expect(third.credentialMapping.get('app')?.kubernetesSecrets).toEqual([secret('1', 'h'), secret('2', 'new')]);
    expect(add(third, toPullCredentials({ kind: 'secret', secret: secret('2', 'new') }))).toBe(third);
  });

  it('what is open to the node stays so, and loses its lists', () => {
    const node = toPullCredentials({ kind: 'node' });
    const accounts = toPullCredentials({ kind: 'service-account', serviceAccount: account });
    const open = mergePullCredentials(accounts, node);
    expect(open).toEqual(entry({ nodePodsAccessible: true }));
    expect(mergePullCredentials(open, accounts)).toBe(open);
    expect(mergePullCredentials(accounts, entry({}))).toBe(accounts);
  });
});

describe('credentialHash', () => {
  it.each([
    ['u', 'p', undefined, 'edbd57ca9372e64eb1c9070ecf3a049ac553596b0529acf034c7a71d4e618e88'],
    ['tiger', 'pass113', undefined, '6ac5f5f896fb8dc800f360c8863036222568c4e37770de82ff371a7b38cc7fa1'],
    ['tiger', 'pass113', 'tiger@acme.com', '7bf7fc606d077377b4ca6f8cf0e39af45c4a95c7c7ec6538ead727b9409cf60b'],
    ['', '', undefined, '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'],
  ])('%s, %s, %s', (username, password, email, hash) => {
    const none = { identityToken: undefined, registryToken: undefined };
    expect(hashCredential({ username, password: createSecret(password), email, ...none }, nodeHasher)).toBe(hash);
  });
});
