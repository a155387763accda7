import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from 'kubepull/clock';
import { createCredential, parseDockerConfigJson } from 'kubepull/docker-config';
import { createKeyring } from 'kubepull/keyring';
import { createMirrorEndpoint, createUpstreamEndpoint } from 'kubepull/mirrors';
import { createNodeRuntime, nodeHasher } from 'kubepull/node';
import { parsePlatform } from 'kubepull/platform';
import {
  checkPull,
  type CheckPullOptions,
  formatPreflight,
  formatPreflightTable,
  preflight,
  type PreflightEvent,
  type PreflightOptions,
} from 'kubepull/preflight';
import { createPullSecret } from 'kubepull/pull-secrets';
import { createImageRules } from 'kubepull/rules';
import { createMemoryStore, writeContent } from 'kubepull/store';
import { buildImage, buildIndex, type LoopbackRegistry, type LoopbackRegistryOptions } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { startRegistry } from '../support/registry.ts';

const amd64 = { os: 'linux', architecture: 'amd64' } as const;
const arm64 = { os: 'linux', architecture: 'arm64' } as const;
const [onAmd, onArm] = [amd64, arm64].map((platform) =>
  buildImage({
    platform,
    layers: [
      { randomBytes: 5000, seed: 'base' },
      { randomBytes: 3000, seed: platform.architecture },
    ],
  }),
) as [ReturnType<typeof buildImage>, ReturnType<typeof buildImage>];
const index = buildIndex([onAmd, onArm]);
const bytesOf = (contents: readonly { readonly size: number }[]) => contents.reduce((sum, { size }) => sum + size, 0);
const partsOf = ({ manifest }: typeof onAmd) => [manifest.config, ...manifest.layers];

async function start(options: LoopbackRegistryOptions = {}) {
  const registry = await startRegistry(options);
  registry.push('team/app', '1', index);
  const slept: number[] = [];
  const clock = { ...systemClock, sleep: async (ms: number) => void slept.push(ms) };
  const runtime = createNodeRuntime({ platform: amd64, clock });
  onTestFinished(() => runtime.close());
  const asking = { runtime, plainHttp: [registry.host] };
  return { registry, slept, asking, name: `${registry.host}/team/app:1` };
}

const basic = (...accounts: readonly { username: string; password: string }[]): LoopbackRegistryOptions => ({
  auth: { '': { type: 'basic', accounts } },
});
const account = (username: string) => ({ username, password: canary('password') });
const pod = (name: string, images: readonly string[], secrets: readonly string[] = [], namespace = 'shop') => ({
  kind: 'Pod',
  metadata: { name, namespace },
  spec: {
    containers: images.map((image, at) => ({ name: `c${at}`, image })),
    imagePullSecrets: secrets.map((secret) => ({ name: secret })),
  },
});
const manifestsAsked = ({ requests }: LoopbackRegistry) =>
  requests.filter(({ url, status }) => url.includes('/manifests/') && status === 200).map(({ url }) => url);

describe('checkPull', () => {
  it('tells who gave the image out, for which credential, and what each platform has to fetch', async () => {
    const [wrong, right] = [account('ci'), account('ci')];
    const { asking, name, registry } = await start(basic(right));
    const store = createMemoryStore({ createHasher: nodeHasher });
    const [base] = onAmd.manifest.layers;
    if (base === undefined) throw new Error('No layer');
    await writeContent(store, base, onAmd.blobs.get(base.digest) ?? Buffer.alloc(0));
    const entry = (path: string, given: typeof right) => ({
      pattern: `${registry.host}${path}`,
      credential: createCredential(given),
      source: { kind: 'file' as const, path: `config${path}` },
    });
    const keyring = createKeyring([entry('', right), entry('/team', wrong)]);
    const found = await checkPull(name, {
      ...asking,
      keyring,
      store,
      platforms: [amd64, arm64, parsePlatform('linux/s390x')],
    });
    expect(found).toMatchObject({
      status: 'failed',
      image: name,
      name,
      served: { rank: 2, source: { path: 'config' }, endpoint: { origin: registry.origin } },
      attempts: [{ rank: 1, source: { path: 'config/team' }, cause: 'auth-wrong' }],
      planned: [{ rank: 1 }, { rank: 2 }],
      root: { digest: index.descriptor.digest },
      available: [amd64, arm64],
      failure: { cause: 'platform' },
      unknown: [],
    });
    const [first, second, third] = found.platforms;
    expect(first).toMatchObject({ manifest: { digest: onAmd.descriptor.digest }, bytes: bytesOf(partsOf(onAmd)) });
    expect(first?.missingBytes).toBe(bytesOf(partsOf(onAmd)) - base.size);
    expect(second).toMatchObject({ manifest: { digest: onArm.descriptor.digest }, failure: undefined });
    expect(third).toMatchObject({ manifest: undefined, failure: { cause: 'platform' } });
    expect(manifestsAsked(registry)).toHaveLength(3);
  });

  it('asks by one HEAD with `read: digest`, and says what stays unknown', async () => {
    const { asking, name, registry } = await start();
    const found = await checkPull(name, { ...asking, read: 'digest' });
    expect(found).toMatchObject({
      status: 'ok',
      root: { digest: index.descriptor.digest },
      platforms: [],
      unknown: ['platforms', 'bytes'],
    });
    expect(registry.requests.map(({ method }) => method)).toEqual(['HEAD']);
  });

  it('asks nobody without network, and says what would be tried and what cannot be known', async () => {
    const { asking, name, registry } = await start();
    const keyring = createKeyring(
      parseDockerConfigJson(JSON.stringify({ auths: { [registry.host]: account('ci') } }), { kind: 'file', path: 'c' }),
    );
    expect(await checkPull(name, { ...asking, keyring, network: false })).toMatchObject({
      status: 'unknown',
      failure: undefined,
      planned: [{ rank: 1, source: { kind: 'file', path: 'c' }, endpoint: { origin: registry.origin } }],
      unknown: ['reachable', 'authorized', 'digest', 'platforms', 'bytes', 'rate-limit'],
    });
    expect(registry.requests).toEqual([]);
  });

  it('says that the platform of an image without index is in its config, which it does not read', async () => {
    const { asking, registry } = await start();
    registry.push('team/single', '1', onArm);
    const found = await checkPull(`${registry.host}/team/single:1`, asking);
    expect(found).toMatchObject({ status: 'ok', unknown: ['platforms'], available: [] });
    expect(registry.requests.some(({ url }) => url.includes('/blobs/'))).toBe(false);
  });

  it('goes on to the next endpoint as a pull does, with the credentials of each', async () => {
    const { asking, name, registry } = await start();
    const mirror = await startRegistry();
    const found = await checkPull(name, {
      ...asking,
      endpoints: (ref) => [createMirrorEndpoint(mirror.origin, ref), createUpstreamEndpoint(ref, { plainHttp: true })],
    });
    expect(found).toMatchObject({
      status: 'ok',
      attempts: [{ endpoint: { origin: mirror.origin }, cause: 'repository' }],
      served: { endpoint: { origin: registry.origin } },
    });
  });

  it('takes one credential in place of a keyring', async () => {
    const right = account('ci');
    const { asking, name } = await start(basic(right));
    const check = (credential: CheckPullOptions['credential']) => checkPull(name, { ...asking, credential });
    expect((await check(createCredential(right))).served?.source).toEqual({ kind: 'inline' });
    expect((await check(createCredential(account('ci')))).failure?.cause).toBe('auth-wrong');
    expect((await check(undefined)).failure?.cause).toBe('auth-missing');
  });

  it('rejects with the reason of its signal', async () => {
    const { asking, name, registry } = await start();
    registry.fault({ action: { kind: 'stall' } });
    const controller = new AbortController();
    const checking = checkPull(name, { ...asking, signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(checking).rejects.toThrow('enough');
  });
});

describe('preflight', () => {
  it('asks for each manifest once, whoever wants it and however many namespaces have the same credential', async () => {
    const right = account('ci');
    const { asking, registry } = await start(basic(right));
    const names = Array.from({ length: 40 }, (_, at) => {
      registry.push(
        `team/app${at}`,
        '1',
        buildIndex([buildImage({ platform: amd64, layers: [{ randomBytes: 10, seed: String(at) }] })]),
      );
      return `${registry.host}/team/app${at}:1`;
    });
    const namespaces = ['shop', 'bank', 'mill'];
    const secrets = namespaces.map((namespace) =>
      createPullSecret({ name: 'creds', namespace, server: registry.host, ...right }),
    );
    const items = Array.from({ length: 500 }, (_, at) =>
      pod(`p${at}`, [names[at % names.length] ?? ''], ['creds'], namespaces[at % namespaces.length]),
    );
    const report = await preflight({ kind: 'List', items }, { ...asking, secrets });
    expect(report).toMatchObject({ ok: true, pods: 500, failed: 0 });
    const asked = manifestsAsked(registry);
    expect(asked).toHaveLength(80);
    expect(new Set(asked).size).toBe(80);
    // The source is told for each namespace, though its registry was asked once.
    expect(report.images).toHaveLength(120);
    for (const { served, usedBy } of report.images) {
      const [namespace] = usedBy[0]?.object.replace('Pod ', '').split('/') ?? [];
      expect(served?.source).toMatchObject({ kind: 'secret', namespace, name: 'creds' });
    }
    expect(report.images.reduce((sum, { usedBy }) => sum + usedBy.length, 0)).toBe(500);
  });

  it('asks again where the credentials differ', async () => {
    const [one, two] = [account('one'), account('two')];
    const { asking, name, registry } = await start(basic(one, two));
    const secret = (from: typeof one) =>
      createPullSecret({ name: from.username, namespace: 'shop', server: registry.host, ...from });
    const pods = [pod('a', [name], ['one']), pod('b', [name], ['two']), pod('c', [name])];
    const report = await preflight(pods, { ...asking, secrets: [secret(one), secret(two)] });
    expect(report.images.map(({ status, served }) => [status, served?.source.kind])).toEqual([
      ['ok', 'secret'],
      ['ok', 'secret'],
      ['failed', undefined],
    ]);
    // The index for each who may have it, the manifest that it names once.
    expect(manifestsAsked(registry)).toHaveLength(3);
  });

  it('reads the lists of service accounts, node configuration and every kind of container', async () => {
    const [ofAccount, ofNode] = [account('account'), account('node')];
    const { asking, name, registry } = await start(basic(ofNode));
    const secrets = [createPullSecret({ name: 'given', namespace: 'shop', server: registry.host, ...ofAccount })];
    const serviceAccounts = [
      { metadata: { name: 'runner', namespace: 'shop' }, imagePullSecrets: [{ name: 'given' }] },
    ];
    const nodeConfig = parseDockerConfigJson(JSON.stringify({ auths: { [registry.host]: ofNode } }), {
      kind: 'file',
      path: 'node',
    });
    const workload = {
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'shop' },
      spec: {
        template: {
          spec: {
            serviceAccountName: 'runner',
            initContainers: [{ name: 'init', image: name }],
            containers: [{ name: 'app', image: name }],
            volumes: [{ name: 'data', image: { reference: name } }],
          },
        },
      },
    };
    const report = await preflight(workload, { ...asking, secrets, serviceAccounts, nodeConfig });
    expect(report.images).toHaveLength(1);
    expect(report.images[0]).toMatchObject({
      status: 'ok',
      attempts: [{ rank: 1, source: { kind: 'secret', name: 'given' }, cause: 'auth-wrong' }],
      served: { rank: 2, source: { kind: 'file', path: 'node' } },
      usedBy: [
        {
          object: 'Deployment shop/web',
          container: 'init',
          path: 'spec.template.spec.initContainers[0]',
          policy: 'IfNotPresent',
        },
        { container: 'app' },
        { container: 'data', kind: 'volume', path: 'spec.template.spec.volumes[0].image' },
      ],
    });
  });

  it('asks nobody for an image that the rules refuse', async () => {
    const { asking, name, registry } = await start();
    const rules = createImageRules({ deny: [`${registry.host}/team/**`] });
    const report = await preflight(pod('a', [name]), { ...asking, rules });
    expect(report.images[0]?.failure).toMatchObject({
      cause: 'policy',
      message: expect.stringContaining('it is denied by the rule') as string,
    });
    expect(registry.requests).toEqual([]);
  });

  it('counts a layer once in what all images have to fetch', async () => {
    const { asking, name, registry } = await start();
    registry.push('team/other', '1', index);
    const report = await preflight(pod('a', [name, `${registry.host}/team/other:1`]), asking);
    expect(report.totals).toEqual([{ platform: amd64, missingBytes: bytesOf(partsOf(onAmd)) }]);
  });

  it('tells what is left of a rate limit', async () => {
    const { asking, name, registry } = await start();
    registry.fault({ action: { kind: 'header', name: 'ratelimit-limit', value: '100;w=21600' } });
    registry.fault({ action: { kind: 'header', name: 'ratelimit-remaining', value: '7;w=21600' } });
    const report = await preflight(pod('a', [name]), asking);
    const limit = { origin: registry.origin, limit: 100, remaining: 7, windowSeconds: 21_600 };
    expect(report.rateLimits).toEqual([limit]);
    expect(report.images[0]?.rateLimit).toEqual(limit);
    expect(formatPreflight(report)).toContain(`left at ${registry.origin}: 7 of 100 pulls in 6 hours`);
  });

  it('looks for an image with the policy Never in the store, and asks no registry for it', async () => {
    const { asking, name, registry } = await start();
    const never = (policy: string) => ({ spec: { containers: [{ name: 'c', image: name, imagePullPolicy: policy }] } });
    const store = createMemoryStore({ createHasher: nodeHasher });
    const status = async (options: Partial<PreflightOptions>) => {
      const report = await preflight(never('Never'), { ...asking, ...options });
      return [report.images[0]?.status, report.images[0]?.failure?.cause, report.images[0]?.unknown];
    };
    expect(await status({})).toEqual(['unknown', undefined, ['present']]);
    expect(await status({ store })).toEqual(['failed', 'never', []]);
    for (const { descriptor, bytes } of onAmd.contents) await writeContent(store, descriptor, bytes);
    await store.tag(name, onAmd.descriptor);
    expect(await status({ store })).toEqual(['ok', undefined, []]);
    expect(registry.requests).toEqual([]);
  });

  it('tells its plan, then each image, and hands on pauses and notices', async () => {
    const { asking, name, registry } = await start();
    registry.fault({ times: 1, action: { kind: 'status', status: 503, headers: { 'retry-after': '2' } } });
    registry.fault({ action: { kind: 'header', name: 'warning', value: '299 - "soon gone"' } });
    const events: PreflightEvent[] = [];
    await preflight(pod('a', [name]), { ...asking, onEvent: (event) => void events.push(event) });
    expect(events.map(({ type }) => type)).toEqual(['plan', 'checking', 'retry', 'notice', 'checked']);
    expect(events[0]).toEqual({ type: 'plan', pods: 1, images: 1 });
    expect(events.at(-1)).toMatchObject({ check: { status: 'ok' }, done: 1, images: 1 });
  });

  it('has no secret in what it gives and tells', async () => {
    const wrong = account('ci');
    const { asking, name, registry } = await start(basic(account('ci')));
    const secrets = [createPullSecret({ name: 'creds', namespace: 'shop', server: registry.host, ...wrong })];
    const events: PreflightEvent[] = [];
    const report = await preflight(pod('a', [name], ['creds']), {
      ...asking,
      secrets,
      onEvent: (event) => void events.push(event),
    });
    expect(report.images[0]?.failure?.cause).toBe('auth-wrong');
    for (const shown of [
      JSON.stringify(report),
      JSON.stringify(events),
      formatPreflight(report),
      formatPreflightTable(report),
    ])
      expect(shown).not.toContain(wrong.password);
  });

  it('rejects with what its listener throws, and gives up what is under way', async () => {
    const { asking, registry } = await start();
    registry.fault({ path: /slow/, action: { kind: 'stall' } });
    const onEvent = ({ type }: PreflightEvent) => {
      if (type === 'checked') throw new Error('of the listener');
    };
    const images = [`${registry.host}/team/slow:1`, `${registry.host}/team/app:1`];
    await expect(preflight(pod('a', images), { ...asking, onEvent })).rejects.toThrow('of the listener');
  });

  it('rejects with the reason of its signal, and asks for nothing more', async () => {
    const { asking, registry } = await start();
    const images = Array.from({ length: 20 }, (_, at) => `${registry.host}/team/app${at}:1`);
    const controller = new AbortController();
    const onEvent = (event: PreflightEvent) => event.type === 'checked' && controller.abort(new Error('enough'));
    await expect(
      preflight(pod('a', images), { ...asking, maxPerRegistry: 1, signal: controller.signal, onEvent }),
    ).rejects.toThrow('enough');
    const asked = registry.requests.length;
    expect(asked).toBeLessThan(5);
  });
});

describe('the requests of a preflight', () => {
  it('are no more at once to a registry than it is to bear', async () => {
    const { asking, registry } = await start();
    const images = Array.from({ length: 12 }, (_, at) => {
      registry.push(`team/app${at}`, '1', onAmd);
      return `${registry.host}/team/app${at}:1`;
    });
    let [running, most] = [0, 0];
    const transport: typeof asking.runtime.transport = async (request) => {
      running += 1;
      most = Math.max(most, running);
      try {
        return await asking.runtime.transport(request);
      } finally {
        running -= 1;
      }
    };
    const runtime = { ...asking.runtime, transport };
    await preflight(pod('a', images), { ...asking, runtime, maxPerRegistry: 3 });
    expect(most).toBe(3);
  });

  it('wait, all of them, as long as a busy registry wants', async () => {
    const { asking, registry, slept } = await start();
    const images = Array.from({ length: 3 }, (_, at) => {
      registry.push(`team/app${at}`, '1', onAmd);
      return `${registry.host}/team/app${at}:1`;
    });
    registry.fault({ times: 1, action: { kind: 'status', status: 429, headers: { 'retry-after': '5' } } });
    let now = 0;
    const clock = {
      ...systemClock,
      monotonic: () => now,
      sleep: async (ms: number) => void ((now += ms), slept.push(ms)),
    };
    const report = await preflight(pod('a', images), {
      ...asking,
      runtime: { ...asking.runtime, clock },
      maxPerRegistry: 1,
    });
    expect(report.ok).toBe(true);
    expect(registry.requests.filter(({ status }) => status === 429)).toHaveLength(1);
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThanOrEqual(5000);
  });

  it('are not sent any more to a registry that wants a long pause', async () => {
    const { asking, registry } = await start();
    const images = Array.from({ length: 10 }, (_, at) => `${registry.host}/team/app${at}:1`);
    registry.fault({ action: { kind: 'status', status: 429, headers: { 'retry-after': '3600' } } });
    const report = await preflight(pod('a', images), { ...asking, maxPerRegistry: 1 });
    expect(new Set(report.images.map(({ failure }) => failure?.cause))).toEqual(new Set(['rate-limit']));
    expect(registry.requests).toHaveLength(1);
  });
});

describe('formatPreflight and formatPreflightTable', () => {
  it('put what failed first, and each image on a line', async () => {
    const { asking, name, registry } = await start();
    const gone = `${registry.host}/team/app:gone`;
    const report = await preflight(pod('a', [name, gone], ['lost']), asking);
    const text = formatPreflight(report);
    const blocks = text.split('\n\n');
    expect(blocks[0]).toMatch(/^2 images of 1 pods, 1 cannot be pulled\nto fetch for linux\/amd64: /);
    expect(blocks[1]).toMatch(new RegExp(`^${gone}: failed \\(tag\\)\\n {2}.*\\n {2}cure: .*\\n {2}said: Cannot GET `));
    expect(blocks[1]).toContain('used by Pod shop/a, c1');
    expect(blocks[1]).toContain('secrets that are not there: shop/lost');
    expect(blocks[2]).toMatch(/: ok\n/);
    expect(blocks[2]).toContain('its index names linux/amd64; linux/arm64');
    const lines = formatPreflightTable(report).split('\n');
    expect(lines[0]).toMatch(/^IMAGE +STATUS +CAUSE +CREDENTIAL +PLATFORMS +TO FETCH$/);
    expect(lines.slice(1)).toEqual([
      expect.stringMatching(/team\/app:1 +ok +- +1 anonymous +linux\/amd64 +\d+\.\d KiB$/) as string,
      expect.stringMatching(/team\/app:gone +failed +tag +- +- +-$/) as string,
    ]);
  });

  it('says of a preflight without network that no registry was asked', async () => {
    const { asking, name } = await start();
    const text = formatPreflight(await preflight(pod('a', [name]), { ...asking, network: false }));
    expect(text).toContain('1 not known (no registry was asked)');
    expect(text).toContain('not known: whether the registry answers, ');
    expect(text).toContain('would be tried: ');
  });
});
