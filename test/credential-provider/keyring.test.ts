import { describe, expect, it, vi } from 'vitest';
import {
  createCredentialProviderKeyring,
  type ExecPlugin,
  parseCredentialProviderConfig,
  type PodIdentity,
  type ServiceAccountAccess,
} from 'kubepull/credential-provider';
import { createSecret } from 'kubepull/docker-config';
import type { LookupResult } from 'kubepull/keyring';
import { createFakeClock } from 'kubepull/testing';
import { parseImageName } from 'kubepull/reference';
import { canary } from '../support/canary.ts';
import { imageNamed } from '../support/image-name.ts';

const PROTOCOL = 'credentialprovider.kubelet.k8s.io/v1';

function configOf(...providers: readonly object[]) {
  const defaults = { name: 'p', matchImages: ['r.io'], defaultCacheDuration: '0s', apiVersion: PROTOCOL };
  return parseCredentialProviderConfig({
    apiVersion: 'kubelet.config.k8s.io/v1',
    kind: 'CredentialProviderConfig',
    providers: providers.map((provider) => ({ ...defaults, ...provider })),
  });
}

type Auth = Readonly<Record<string, { readonly username: string; readonly password: string } | null>>;

function answer(auth: Auth | null, change: object = {}): Uint8Array {
  const response = { kind: 'CredentialProviderResponse', apiVersion: PROTOCOL, cacheKeyType: 'Image', auth, ...change };
  return new TextEncoder().encode(JSON.stringify(response));
}

const user = (username: string) => ({ username, password: canary('password') });
const execOf = (run: (provider: string, image: string) => Uint8Array | Promise<Uint8Array>) =>
  vi.fn<ExecPlugin>(async ({ provider, stdin }) => run(provider, (JSON.parse(stdin()) as { image: string }).image));
const users = ({ candidates }: LookupResult): readonly string[] =>
  candidates.map(({ entry }) => entry.credential.username);

describe('createCredentialProviderKeyring', () => {
  it('asks with one line of JSON, and takes what fits the image', async () => {
    const exec = execOf(() => answer({ 'r.io': user('a'), 'other.io': user('b') }));
    const result = await createCredentialProviderKeyring(configOf({ args: ['get'] }), { exec }).lookup(
      parseImageName('r.io/team/app'),
    );
    expect(users(result)).toEqual(['a']);
    expect(result.rejected.map(({ key }) => key)).toEqual(['other.io']);
    expect(exec.mock.calls[0]?.[0]).toMatchObject({ provider: 'p', args: ['get'], env: [] });
    expect(exec.mock.calls[0]?.[0].stdin()).toBe(
      `{"kind":"CredentialProviderRequest","apiVersion":"${PROTOCOL}","image":"r.io/team/app"}\n`,
    );
    expect(result.sources).toEqual([
      {
        source: { kind: 'plugin', provider: 'p', serviceAccount: undefined },
        outcome: 'fetched',
        detail: 'not kept',
        error: undefined,
      },
    ]);
  });

  it('puts the answers of all plugins into one order, where equal keys keep the order of the configuration', async () => {
    const exec = execOf((provider) =>
      provider === '1'
        ? answer({ '*.reg.example': user('A'), 'a.reg.example/team': user('B') })
        : answer({ 'a.reg.example': user('C'), '*.reg.example': user('D') }),
    );
    const config = configOf(
      { name: '1', matchImages: ['*.reg.example'] },
      { name: '2', matchImages: ['*.reg.example'] },
    );
    const result = await createCredentialProviderKeyring(config, { exec }).lookup(
      parseImageName('a.reg.example/team/x'),
    );
    expect(users(result)).toEqual(['B', 'C', 'A', 'D']);
  });

  it.each([
    ['r.io:8080/x', 'r.io'],
    ['eu.gcr.io/x', 'gcr.io'],
    ['docker.io/library/nginx', 'index.docker.io'],
    ['gcr.io/x', 'https://gcr.io'],
    ['gcr.io/x', '*'],
  ])('does not run a plugin for %s that is for %s', async (image, pattern) => {
    const exec = execOf(() => answer(null));
    const { sources } = await createCredentialProviderKeyring(configOf({ matchImages: [pattern] }), { exec }).lookup(
      imageNamed(image),
    );
    expect(exec).not.toHaveBeenCalled();
    expect(sources[0]?.outcome).toBe('unmatched');
  });

  describe('caches', () => {
    it.each([
      ['Image', ['r.io/a', 'r.io/b', 'r.io/a'], ['r.io/a', 'r.io/b']],
      ['Registry', ['r.io/a', 'r.io/b', 'x.io/a'], ['r.io/a', 'x.io/a']],
      ['Global', ['r.io/a', 'x.io/b'], ['r.io/a']],
    ])('by %s', async (cacheKeyType, asked, run) => {
      const exec = execOf((_, image) => answer({ 'r.io': user(image), 'x.io': user(image) }, { cacheKeyType }));
      const config = configOf({ matchImages: ['r.io', 'x.io'], defaultCacheDuration: '1h' });
      const keyring = createCredentialProviderKeyring(config, { exec, clock: createFakeClock() });
      for (const image of asked) await keyring.lookup(imageNamed(image));
      expect(exec.mock.calls.map(([{ stdin }]) => (JSON.parse(stdin()) as { image: string }).image)).toEqual(run);
    });

    it.each([
      ['the default, when the answer names no duration', '1h', {}, 3_600_000],
      ['the duration of the answer', '1h', { cacheDuration: '10m' }, 600_000],
      ['the default, when the answer has null for it', '1h', { cacheDuration: null }, 3_600_000],
      ['nothing for a duration of 0', '1h', { cacheDuration: '0s' }, -1],
      ['nothing when the default is 0', '0s', {}, -1],
      ['nothing for a negative duration', '1h', { cacheDuration: '-5m' }, -1],
    ])('%s', async (_, defaultCacheDuration, change, keptMs) => {
      const clock = createFakeClock();
      const exec = execOf(() => answer({ 'r.io': user('a') }, change));
      const keyring = createCredentialProviderKeyring(configOf({ defaultCacheDuration }), { exec, clock });
      await keyring.lookup(parseImageName('r.io/x'));
      clock.setWallClock(0);
      await clock.advance(Math.max(0, keptMs));
      const last = await keyring.lookup(parseImageName('r.io/x'));
      expect(last.sources[0]?.outcome).toBe(keptMs < 0 ? 'fetched' : 'cached');
      expect(users(last)).toEqual(['a']);
      await clock.advance(1);
      expect((await keyring.lookup(parseImageName('r.io/x'))).sources[0]?.outcome).toBe('fetched');
    });

    it('under several kinds side by side, of which the narrowest counts', async () => {
      const kinds = ['Image', 'Registry', 'Global'];
      const exec = execOf(() => {
        const [cacheKeyType = ''] = kinds.splice(0, 1);
        return answer({ '*.io': user(cacheKeyType) }, { cacheKeyType });
      });
      const config = configOf({ matchImages: ['*.io'], defaultCacheDuration: '1h' });
      const keyring = createCredentialProviderKeyring(config, { exec });
      const asked = ['a.io/x', 'a.io/y', 'b.io/z'];
      for (const _ of ['asked', 'kept'])
        expect(await Promise.all(asked.map(async (image) => users(await keyring.lookup(imageNamed(image)))))).toEqual([
          ['Image'],
          ['Registry'],
          ['Global'],
        ]);
      expect(users(await keyring.lookup(parseImageName('a.io/other')))).toEqual(['Registry']);
      expect(exec).toHaveBeenCalledTimes(3);
    });

    it('by Registry keeps the ports of a host apart', async () => {
      const exec = execOf((_, image) =>
        answer({ 'r.io:1': user(image), 'r.io:2': user(image) }, { cacheKeyType: 'Registry' }),
      );
      const config = configOf({ matchImages: ['r.io:1', 'r.io:2'], defaultCacheDuration: '1h' });
      const keyring = createCredentialProviderKeyring(config, { exec });
      for (const image of ['r.io:1/a', 'r.io:2/a'])
        expect(users(await keyring.lookup(imageNamed(image)))).toEqual([image]);
    });

    it('an answer without credentials as well', async () => {
      const exec = execOf(() => answer(null));
      const keyring = createCredentialProviderKeyring(configOf({ defaultCacheDuration: '1h' }), { exec });
      await keyring.lookup(parseImageName('r.io/x'));
      expect(await keyring.lookup(parseImageName('r.io/x'))).toMatchObject({
        candidates: [],
        sources: [{ outcome: 'cached' }],
      });
      expect(exec).toHaveBeenCalledTimes(1);
    });

    it('the entries for other images, and gives them to the images that they fit only [X08]', async () => {
      const exec = execOf(() => answer({ 'a.io': user('a'), 'b.io': user('b') }, { cacheKeyType: 'Global' }));
      const config = configOf({ matchImages: ['a.io', 'b.io'], defaultCacheDuration: '1h' });
      const keyring = createCredentialProviderKeyring(config, { exec });
      expect(users(await keyring.lookup(parseImageName('a.io/x')))).toEqual(['a']);
      expect(users(await keyring.lookup(parseImageName('b.io/x')))).toEqual(['b']);
      expect(exec).toHaveBeenCalledTimes(1);
    });
  });

  it('runs a plugin once for 1,000 look-ups of an image at the same time [X09]', async () => {
    const exec = execOf(() => answer({ 'r.io': user('a') }));
    const keyring = createCredentialProviderKeyring(configOf({}), { exec });
    const all = await Promise.all(Array.from({ length: 1000 }, async () => keyring.lookup(parseImageName('r.io/x'))));
    expect(all.every((result) => users(result).join() === 'a')).toBe(true);
    expect(exec).toHaveBeenCalledTimes(1);
    await keyring.lookup(parseImageName('r.io/x'));
    expect(exec).toHaveBeenCalledTimes(2);
  });

  it('lets one caller give up without ending the plugin for the others', async () => {
    let finish: (stdout: Uint8Array) => void = () => undefined;
    const exec = execOf(() => new Promise<Uint8Array>((resolve) => (finish = resolve)));
    const keyring = createCredentialProviderKeyring(configOf({}), { exec });
    const controller = new AbortController();
    const reason = new Error('enough');
    const first = keyring.lookup(parseImageName('r.io/x'), { signal: controller.signal });
    const second = keyring.lookup(parseImageName('r.io/x'));
    controller.abort(reason);
    await expect(first).rejects.toBe(reason);
    finish(answer({ 'r.io': user('a') }));
    expect(users(await second)).toEqual(['a']);
    expect(exec).toHaveBeenCalledTimes(1);
  });

  it('ends the plugin when the last caller has given up, and runs it anew for the next', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    const exec = vi.fn<ExecPlugin>((_, { signal } = {}) => {
      signals.push(signal);
      return signals.length === 1 ? new Promise(() => undefined) : Promise.resolve(answer({ 'r.io': user('a') }));
    });
    const keyring = createCredentialProviderKeyring(configOf({}), { exec });
    const controllers = [new AbortController(), new AbortController()];
    const lookups = controllers.map(({ signal }) => keyring.lookup(parseImageName('r.io/x'), { signal }));
    await vi.waitFor(() => expect(exec).toHaveBeenCalled());
    for (const [at, controller] of controllers.entries()) {
      expect(signals[0]?.aborted).toBe(false);
      controller.abort(new Error('enough'));
      await expect(lookups[at]).rejects.toThrow('enough');
    }
    expect(signals[0]?.aborted).toBe(true);
    expect(users(await keyring.lookup(parseImageName('r.io/x')))).toEqual(['a']);
    expect(exec).toHaveBeenCalledTimes(2);
  });

  describe('gives nothing, says why and hides no other plugin when an answer [X06]', () => {
    const text = (value: string): Uint8Array => new TextEncoder().encode(value);
    const hidden = 'error decoding credential provider plugin response from stdout';
    it.each<[string, () => Uint8Array, string]>([
      ['is empty', () => text(''), 'error reading GVK from response'],
      ['is YAML', () => text('kind: CredentialProviderResponse'), 'error reading GVK from response'],
      ['is a list', () => text('[]'), 'error reading GVK from response'],
      [
        'has another version',
        () => answer(null, { apiVersion: `${PROTOCOL}beta1` }),
        `expected apiVersion:${PROTOCOL}, actual apiVersion:${PROTOCOL}beta1`,
      ],
      ['has no version', () => answer(null, { apiVersion: undefined }), 'actual apiVersion:'],
      ['is of another kind', () => answer(null, { kind: 'Pod' }), hidden],
      ['has a field that is not known', () => answer(null, { extra: canary('plugin-output') }), hidden],
      [
        'has a field twice',
        () =>
          text(
            `{"kind":"CredentialProviderResponse","apiVersion":"${PROTOCOL}","cacheKeyType":"Image","cacheKeyType":"Image"}`,
          ),
        hidden,
      ],
      [
        'has credentials twice for one key',
        () =>
          text(
            `{"kind":"CredentialProviderResponse","apiVersion":"${PROTOCOL}","cacheKeyType":"Image","auth":{"r.io":null,"r.io":null}}`,
          ),
        hidden,
      ],
      [
        'has its version twice, of which the last counts',
        () =>
          text(
            `{"kind":"CredentialProviderResponse","apiVersion":"x","apiVersion":"${PROTOCOL}","cacheKeyType":"Image"}`,
          ),
        hidden,
      ],
      ['has a field in other case', () => answer(null, { Auth: {} }), hidden],
      [
        'has no cacheKeyType',
        () => answer(null, { cacheKeyType: undefined }),
        'did not return a valid cacheKeyType: ""',
      ],
      [
        'has another cacheKeyType',
        () => answer(null, { cacheKeyType: 'image' }),
        'did not return a valid cacheKeyType: "image"',
      ],
      ['has a duration that is none', () => answer(null, { cacheDuration: '1 day' }), hidden],
      ['has a duration that is a number', () => answer(null, { cacheDuration: 60 }), hidden],
      ['has a duration that overflows', () => answer(null, { cacheDuration: '9999999h' }), hidden],
      ['has auth that is a list', () => answer(null, { auth: [] }), hidden],
      [
        'has a password that is a number',
        () => answer(null, { auth: { 'r.io': { username: 'u', password: 1 } } }),
        hidden,
      ],
      [
        'has an entry with a token',
        () => answer(null, { auth: { 'r.io': { username: 'u', password: 'p', token: 't' } } }),
        hidden,
      ],
      [
        'has text behind it',
        () => text(`${new TextDecoder().decode(answer(null))} x`),
        'error reading GVK from response',
      ],
    ])('%s', async (_, stdout, reason) => {
      const exec = execOf((provider) => (provider === 'bad' ? stdout() : answer({ 'r.io': user('good') })));
      const keyring = createCredentialProviderKeyring(
        configOf({ name: 'bad', defaultCacheDuration: '1h' }, { name: 'good' }),
        { exec },
      );
      const result = await keyring.lookup(parseImageName('r.io/x'));
      expect(users(result)).toEqual(['good']);
      expect(result.sources.map(({ outcome }) => outcome)).toEqual(['failed', 'fetched']);
      expect(result.sources[0]?.detail).toContain(reason);
      expect(result.sources[0]?.error).toMatchObject({ code: 'ERR_CREDENTIAL_PROVIDER' });
      await keyring.lookup(parseImageName('r.io/x'));
      expect(exec, 'a failure is not cached').toHaveBeenCalledTimes(4);
    });

    it('never comes, with an error that may say anything', async () => {
      const exec: ExecPlugin = () => Promise.reject(new Error(canary('plugin-output')));
      const { sources } = await createCredentialProviderKeyring(configOf({}), { exec }).lookup(
        parseImageName('r.io/x'),
      );
      expect(sources[0]).toMatchObject({
        outcome: 'failed',
        detail: 'Cannot get credentials for "r.io/x" from plugin "p": it failed',
      });
    });
  });

  it('takes names of prototypes for patterns, and empty and missing credentials for empty ones [C01]', async () => {
    const stdout = `{"kind":"CredentialProviderResponse","apiVersion":"${PROTOCOL}","cacheKeyType":"Image","auth":{"__proto__":{"username":"x"},"r.io":null}}`;
    const exec: ExecPlugin = () => Promise.resolve(new TextEncoder().encode(stdout));
    const result = await createCredentialProviderKeyring(configOf({}), { exec }).lookup(parseImageName('r.io/x'));
    expect(users(result)).toEqual(['']);
    expect(result.rejected.map(({ key }) => key)).toEqual(['__proto__']);
  });

  describe('with tokens of service accounts', () => {
    const pod: PodIdentity = { namespace: 'ns', name: 'web-0', uid: 'pod-uid', serviceAccountName: 'builder' };
    const attributes = { serviceAccountTokenAudience: 'aud', requireServiceAccount: true, cacheType: 'ServiceAccount' };
    const access = (token: string, annotations: Record<string, string> = {}) => ({
      get: vi.fn<ServiceAccountAccess['get']>(() => Promise.resolve({ uid: 'sa-uid', annotations })),
      createToken: vi.fn<ServiceAccountAccess['createToken']>(() => Promise.resolve(createSecret(token))),
    });

    it('sends token and annotations, and names the account as source', async () => {
      const token = canary('service-account-token');
      const serviceAccounts = access(token, { role: '', other: 'o', hint: '<h>' });
      const exec = execOf(() => answer({ 'r.io': user('a') }));
      const tokenAttributes = {
        ...attributes,
        requiredServiceAccountAnnotationKeys: ['role'],
        optionalServiceAccountAnnotationKeys: ['hint', 'absent'],
      };
      const keyring = createCredentialProviderKeyring(configOf({ tokenAttributes }), { exec, serviceAccounts });
      const { candidates } = await keyring.forPod(pod).lookup(parseImageName('r.io/x'));
      const stdin = exec.mock.calls[0]?.[0].stdin() ?? '';
      expect(stdin.replace(token, 'TOKEN')).toBe(
        `{"kind":"CredentialProviderRequest","apiVersion":"${PROTOCOL}","image":"r.io/x","serviceAccountToken":"TOKEN","serviceAccountAnnotations":{"hint":"\\u003ch\\u003e","role":""}}\n`,
      );
      expect(candidates[0]?.entry.source).toEqual({
        kind: 'plugin',
        provider: 'p',
        serviceAccount: { namespace: 'ns', name: 'builder', uid: 'sa-uid' },
      });
      expect(serviceAccounts.createToken.mock.calls[0]?.[0]).toEqual({
        namespace: 'ns',
        serviceAccountName: 'builder',
        serviceAccountUid: 'sa-uid',
        audience: 'aud',
        pod: { name: 'web-0', uid: 'pod-uid' },
      });
    });

    // What kubelet writes around them: four bytes, two for each part, and the names of the account and of the annotation.
    it.each([
      ['ServiceAccount', 65_535 - 4 - 5 * 2 - 'nsbuildersa-uidhint'.length],
      ['Token', 65_535 - 4 - 7 * 2 - 'nsbuildersa-uidhinttokensha256:'.length - 64],
    ] as const)('is not asked when kubelet cannot count the bytes of the annotations (%s)', async (cacheType, most) => {
      const tokenAttributes = { ...attributes, cacheType, optionalServiceAccountAnnotationKeys: ['hint'] };
      const ask = async (hint: string) => {
        const exec = execOf(() => answer(null));
        const serviceAccounts = access(canary('service-account-token'), { hint, other: 'x'.repeat(70_000) });
        const keyring = createCredentialProviderKeyring(configOf({ tokenAttributes }), { exec, serviceAccounts });
        const { sources } = await keyring.forPod(pod).lookup(parseImageName('r.io/x'));
        return { calls: exec.mock.calls.length, source: sources[0] };
      };
      expect((await ask('é'.repeat(Math.floor(most / 2)))).calls).toBe(1);
      expect((await ask('x'.repeat(most))).calls).toBe(1);
      const refused = await ask('x'.repeat(most + 1));
      expect(refused).toMatchObject({ calls: 0, source: { outcome: 'unsuited' } });
      expect(JSON.stringify(refused.source)).toContain('65,536 bytes');
    });

    it.each([
      ['no service account', { ...pod, serviceAccountName: '' }, attributes, {}, 'the pod has no service account'],
      [
        'no annotation that is required',
        pod,
        { ...attributes, requiredServiceAccountAnnotationKeys: ['role'] },
        {},
        'the service account has no annotation "role"',
      ],
    ])('is not asked for a pod with %s', async (_, identity, tokenAttributes, annotations, detail) => {
      const exec = execOf(() => answer(null));
      const serviceAccounts = access(canary('service-account-token'), annotations);
      const keyring = createCredentialProviderKeyring(configOf({ tokenAttributes }), { exec, serviceAccounts });
      const { sources } = await keyring.forPod(identity).lookup(parseImageName('r.io/x'));
      expect(sources[0]).toMatchObject({ outcome: 'unsuited', detail });
      expect(exec).not.toHaveBeenCalled();
    });

    it('asks without a token for a static pod, when none is required', async () => {
      const exec = execOf(() => answer({ 'r.io': user('a') }));
      const tokenAttributes = { ...attributes, requireServiceAccount: false };
      const keyring = createCredentialProviderKeyring(configOf({ tokenAttributes }), { exec });
      const { candidates } = await keyring.lookup(parseImageName('r.io/x'));
      expect(exec.mock.calls[0]?.[0].stdin()).not.toContain('serviceAccountToken');
      expect(candidates[0]?.entry.source).toMatchObject({ serviceAccount: undefined });
    });

    it.each([
      ['ServiceAccount', 1],
      ['Token', 2],
    ])('cached by %s runs the plugin %i times for two tokens of one account', async (cacheType, times) => {
      const exec = execOf(() => answer({ 'r.io': user('a') }));
      const serviceAccounts = access('');
      const tokens = [canary('service-account-token'), canary('service-account-token')];
      serviceAccounts.createToken.mockImplementation(() => Promise.resolve(createSecret(tokens.shift() ?? '')));
      const tokenAttributes = { ...attributes, cacheType };
      const keyring = createCredentialProviderKeyring(configOf({ tokenAttributes, defaultCacheDuration: '1h' }), {
        exec,
        serviceAccounts,
      });
      await keyring.forPod(pod).lookup(parseImageName('r.io/x'));
      await keyring.forPod({ ...pod, name: 'web-1' }).lookup(parseImageName('r.io/x'));
      expect(exec).toHaveBeenCalledTimes(times);
      expect(serviceAccounts.createToken, 'also for a hit').toHaveBeenCalledTimes(2);
    });

    it('keeps the answers of two accounts apart, whatever the plugin says [A11]', async () => {
      const exec = execOf(() => answer({ 'r.io': user('a') }, { cacheKeyType: 'Global' }));
      const serviceAccounts = access(canary('service-account-token'));
      const keyring = createCredentialProviderKeyring(
        configOf({ tokenAttributes: attributes, defaultCacheDuration: '1h' }),
        { exec, serviceAccounts },
      );
      await keyring.forPod(pod).lookup(parseImageName('r.io/x'));
      await keyring.forPod({ ...pod, serviceAccountName: 'other' }).lookup(parseImageName('r.io/x'));
      expect(exec).toHaveBeenCalledTimes(2);
    });

    it('runs a plugin for each account and each token, also at the same time [A11]', async () => {
      const exec = execOf(() => answer({ 'r.io': user('a') }));
      const serviceAccounts = access('');
      serviceAccounts.createToken.mockImplementation(() =>
        Promise.resolve(createSecret(canary('service-account-token'))),
      );
      const keyring = createCredentialProviderKeyring(configOf({ tokenAttributes: attributes }), {
        exec,
        serviceAccounts,
      });
      const pods = [pod, { ...pod, name: 'web-1' }, { ...pod, serviceAccountName: 'other' }];
      const results = await Promise.all(pods.map(async (one) => keyring.forPod(one).lookup(parseImageName('r.io/x'))));
      expect(exec).toHaveBeenCalledTimes(3);
      expect(results.map(({ candidates }) => candidates[0]?.entry.source)).toMatchObject(
        pods.map(({ serviceAccountName: name }) => ({ serviceAccount: { name } })),
      );
    });

    it.each([
      ['ServiceAccount', 'failed'],
      ['Token', 'fetched'],
    ])('with cache type %s: an answer that gives the token back has %s', async (cacheType, outcome) => {
      const token = canary('service-account-token');
      const exec = execOf(() => answer({ 'r.io': { username: 'u', password: token } }));
      const keyring = createCredentialProviderKeyring(configOf({ tokenAttributes: { ...attributes, cacheType } }), {
        exec,
        serviceAccounts: access(token),
      });
      expect((await keyring.forPod(pod).lookup(parseImageName('r.io/x'))).sources[0]?.outcome).toBe(outcome);
    });

    it('gives nothing when the API server does not answer, and tells no foreign text', async () => {
      const serviceAccounts = access('');
      serviceAccounts.get.mockRejectedValue(new Error(canary('bearer-token')));
      const keyring = createCredentialProviderKeyring(configOf({ tokenAttributes: attributes }), {
        exec: execOf(() => answer(null)),
        serviceAccounts,
      });
      const { sources } = await keyring.forPod(pod).lookup(parseImageName('r.io/x'));
      expect(sources[0]).toMatchObject({ outcome: 'failed' });
    });
  });
});
