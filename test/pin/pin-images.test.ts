import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TransportError } from 'kubepull/errors';
import { type LeftImage, pinImages, type ResolveDigest } from 'kubepull/pin';
import { formatReference } from 'kubepull/reference';
import { deepFreeze } from '../docker-config/support.ts';
import { canary } from '../support/canary.ts';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;
const always: ResolveDigest = () => A;

const SPEC = deepFreeze({
  initContainers: [{ name: 'i', image: 'registry.example.com/init:1', command: ['x'] }],
  containers: [
    { name: 'a', image: 'nginx', imagePullPolicy: 'Always' },
    { name: 'b', image: 'quay.io/team/b:2' },
  ],
  ephemeralContainers: [{ name: 'e', image: 'busybox:1' }],
  volumes: [
    { name: 'v', image: { reference: 'data:3', pullPolicy: 'Never' } },
    { name: 'w', emptyDir: {} },
  ],
  nodeName: 'n',
});
const PINNED = {
  initContainers: [{ name: 'i', image: `registry.example.com/init:1@${A}`, command: ['x'] }],
  containers: [
    { name: 'a', image: `nginx:latest@${A}`, imagePullPolicy: 'Always' },
    { name: 'b', image: `quay.io/team/b:2@${A}` },
  ],
  ephemeralContainers: [{ name: 'e', image: `busybox:1@${A}` }],
  volumes: [
    { name: 'v', image: { reference: `data:3@${A}`, pullPolicy: 'Never' } },
    { name: 'w', emptyDir: {} },
  ],
  nodeName: 'n',
};
const PATHS = [
  'initContainers[0].image',
  'containers[0].image',
  'containers[1].image',
  'ephemeralContainers[0].image',
  'volumes[0].image.reference',
];

const template = (spec: object): object => ({ metadata: { labels: {} }, spec });
const KINDS: readonly (readonly [string, string, (spec: object) => object])[] = [
  ['Pod', 'spec', (spec) => ({ kind: 'Pod', spec })],
  ['PodTemplate', 'template.spec', (spec) => ({ kind: 'PodTemplate', template: template(spec) })],
  ...['ReplicationController', 'ReplicaSet', 'Deployment', 'StatefulSet', 'DaemonSet', 'Job'].map(
    (kind) =>
      [
        kind,
        'spec.template.spec',
        (spec: object) => ({ kind, spec: { replicas: 2, template: template(spec) } }),
      ] as const,
  ),
  [
    'CronJob',
    'spec.jobTemplate.spec.template.spec',
    (spec) => ({ kind: 'CronJob', spec: { jobTemplate: { spec: { template: template(spec) } } } }),
  ],
];

describe('pinImages', () => {
  it.each(KINDS)('pins every image of a %s, with its path, and changes nothing else', async (_, at, make) => {
    const object = deepFreeze(make(SPEC));
    const { object: pinned, changes, left } = await pinImages(object, always);
    expect(pinned).toEqual(make(PINNED));
    expect(object).toEqual(make(SPEC));
    expect(changes.map(({ path }) => path)).toEqual(PATHS.map((path) => `${at}.${path}`));
    expect(changes[1]).toEqual({
      path: `${at}.containers[0].image`,
      from: 'nginx',
      to: `nginx:latest@${A}`,
      digest: A,
    });
    expect(left).toEqual([]);
  });

  it('pins the objects of a List and of several documents, and carries others along', async () => {
    const list = { kind: 'List', items: KINDS.map(([, , make]) => make(SPEC)).concat({ kind: 'Service', spec: {} }) };
    const pinned = {
      kind: 'List',
      items: KINDS.map(([, , make]) => make(PINNED)).concat({ kind: 'Service', spec: {} }),
    };
    const one = await pinImages(list, always);
    expect(one.object).toEqual(pinned);
    expect(one.changes.length).toBe(PATHS.length * KINDS.length);
    expect(one.changes[5]?.path).toBe('items[1].template.spec.initContainers[0].image');
    const documents = [{ kind: 'ConfigMap' }, KINDS[0]?.[2](SPEC) ?? {}, list];
    const several = await pinImages(documents, always);
    expect(several.object).toEqual([{ kind: 'ConfigMap' }, KINDS[0]?.[2](PINNED), pinned]);
    expect(several.changes[5]?.path).toBe('[2].items[0].spec.initContainers[0].image');
  });

  it('changes nothing the second time, and asks for nothing', async () => {
    const once = await pinImages({ kind: 'Pod', spec: SPEC }, always);
    const twice = await pinImages(once.object, () => {
      throw new Error('asked');
    });
    expect(twice.object).toEqual(once.object);
    expect(twice.changes).toEqual([]);
    expect(twice.left.map(({ path, reason }) => [path, reason])).toEqual(
      PATHS.map((path) => [`spec.${path}`, 'pinned']),
    );
  });

  it('asks once for each image, however it is written', async () => {
    const asked: string[] = [];
    const images = [
      'nginx',
      'nginx:latest',
      'docker.io/library/nginx',
      'index.docker.io/library/nginx:latest',
      'nginx:1',
      'nginx',
    ];
    const containers = images.map((image) => ({ image }));
    const { changes } = await pinImages({ spec: { containers } }, (ref) => {
      asked.push(formatReference(ref));
      return ref.tag === '1' ? B : A;
    });
    expect(asked.toSorted()).toEqual(['docker.io/library/nginx:1', 'docker.io/library/nginx:latest']);
    expect(changes.map(({ to }) => to)).toEqual([
      `nginx:latest@${A}`,
      `nginx:latest@${A}`,
      `docker.io/library/nginx:latest@${A}`,
      `index.docker.io/library/nginx:latest@${A}`,
      `nginx:1@${B}`,
      `nginx:latest@${A}`,
    ]);
  });

  it('says of each image that it leaves why', async () => {
    const password = canary('password');
    const image = (name: string): object => ({ image: name });
    const containers = ['', 'Nginx', `https://u:${password}@r.example/app`, `x@${B}`, 'gone:1', 'down:1', 'good:1'].map(
      image,
    );
    const failure = new TransportError('Cannot GET https://r.example/v2/: no connection', {
      method: 'GET',
      url: 'https://r.example/v2/',
      phase: 'connect',
      retryable: true,
    });
    const { object, changes, left } = await pinImages({ spec: { containers: [...containers, {}] } }, (ref) => {
      if (ref.path === 'library/gone') return undefined;
      if (ref.path === 'library/down') throw failure;
      return A;
    });
    const short = ({ path, reason }: LeftImage): readonly string[] => [path, reason];
    expect(left.map(short)).toEqual([
      ['spec.containers[0].image', 'invalid'],
      ['spec.containers[1].image', 'invalid'],
      ['spec.containers[2].image', 'invalid'],
      ['spec.containers[3].image', 'pinned'],
      ['spec.containers[4].image', 'not-found'],
      ['spec.containers[5].image', 'failed'],
      ['spec.containers[7].image', 'invalid'],
    ]);
    expect(left[5]).toMatchObject({ image: 'down:1', message: failure.message, error: failure });
    expect(left[2]?.image).toBe('https://***@r.example/app');
    expect(changes.map(({ to }) => to)).toEqual([`good:1@${A}`]);
    expect(object.spec.containers.slice(4, 6)).toEqual([{ image: 'gone:1' }, { image: 'down:1' }]);
  });

  it('asks for no more at once than it may', async () => {
    let [now, most] = [0, 0];
    const containers = Array.from({ length: 20 }, (_, at) => ({ image: `app:${at}` }));
    const resolve: ResolveDigest = async () => {
      now += 1;
      most = Math.max(most, now);
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
      now -= 1;
      return A;
    };
    await pinImages({ spec: { containers } }, resolve, { concurrency: 3 });
    expect(most).toBe(3);
    most = 0;
    await pinImages({ spec: { containers } }, resolve);
    expect(most).toBe(4);
  });

  it('ends with the reason of its signal, and tells resolve', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const seen: AbortSignal[] = [];
    const pinning = pinImages(
      { spec: SPEC },
      (_, { signal }) => {
        if (signal !== undefined) seen.push(signal);
        queueMicrotask(() => controller.abort(reason));
        return new Promise(() => undefined);
      },
      { signal: controller.signal },
    );
    await expect(pinning).rejects.toBe(reason);
    expect(seen.length).toBe(4);
    expect(seen.every(({ aborted }) => aborted)).toBe(true);
    await expect(pinImages({ spec: SPEC }, always, { signal: controller.signal })).rejects.toBe(reason);
  });

  it('asks for nothing more once it is aborted, whatever becomes of what is under way', async () => {
    const controller = new AbortController();
    const waiting: (() => void)[] = [];
    const resolve: ResolveDigest = () => new Promise((done) => waiting.push(() => done(A)));
    const containers = Array.from({ length: 9 }, (_, at) => ({ image: `app:${at}` }));
    const pinning = pinImages({ spec: { containers } }, resolve, { signal: controller.signal, concurrency: 2 });
    controller.abort();
    await expect(pinning).rejects.toBe(controller.signal.reason);
    for (const done of waiting) done();
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    expect(waiting).toHaveLength(2);
  });

  it('leaves what is not wanted, and does not ask for it', async () => {
    const only = (image: string): boolean => image.startsWith('nginx');
    const { changes, left } = await pinImages({ spec: SPEC }, always, { only });
    expect(changes.map(({ from }) => from)).toEqual(['nginx']);
    expect(new Set(left.map(({ reason }) => reason))).toEqual(new Set(['skipped']));
  });

  it('refuses an image that is no text', async () => {
    const bad = { kind: 'Deployment', spec: { template: { spec: { containers: [{ image: 5 }] } } } };
    await expect(pinImages(bad, always)).rejects.toThrow(
      'Cannot pin images: pod.spec.containers[0].image must be a text',
    );
  });

  it('ends all questions when one fails for a reason that is not of an image', async () => {
    const broken = new Error('a fault of the caller');
    const signals: AbortSignal[] = [];
    const pinning = pinImages({ spec: SPEC }, (ref, { signal }) => {
      if (signal !== undefined) signals.push(signal);
      if (ref.path === 'init') throw broken;
      return new Promise(() => undefined);
    });
    await expect(pinning).rejects.toBe(broken);
    expect(signals.at(-1)?.aborted).toBe(true);
    await expect(pinImages({ spec: SPEC }, () => 'latest')).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    await expect(pinImages({ kind: 'Service' }, always)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });

  it('keeps the class of an object', async () => {
    class Pod {
      readonly kind = 'Pod';
      readonly spec = { containers: [{ image: 'nginx:1' }] };
    }
    const { object } = await pinImages(new Pod(), always);
    expect(object).toBeInstanceOf(Pod);
    expect(object.spec.containers[0]?.image).toBe(`nginx:1@${A}`);
  });

  it('accounts for every image of any pod once, and is idempotent', async () => {
    const image = fc.constantFrom('', 'a', 'b:1', 'Bad', `c@${A}`, `d:1@${A}`, 'r.example:5000/e', 'gone:1');
    const list = fc.array(fc.record({ image }, { requiredKeys: [] }), { maxLength: 4 });
    const volumes = fc.array(
      fc.oneof(fc.record({ image: fc.record({ reference: image }) }), fc.record({ name: fc.constant('v') })),
      {
        maxLength: 3,
      },
    );
    const spec = fc.record(
      { containers: list, initContainers: list, ephemeralContainers: list, volumes },
      { requiredKeys: [] },
    );
    const resolve: ResolveDigest = ({ path }) => (path === 'library/gone' ? undefined : B);
    await fc.assert(
      fc.asyncProperty(spec, async (one) => {
        const once = await pinImages({ spec: one }, resolve);
        const count = [...(one.containers ?? []), ...(one.initContainers ?? []), ...(one.ephemeralContainers ?? [])]
          .length;
        const sources = (one.volumes ?? []).filter((volume) => 'image' in volume).length;
        expect(once.changes.length + once.left.length).toBe(count + sources);
        expect(once.changes.every(({ from, to }) => to.startsWith(from) && to.endsWith(`@${B}`))).toBe(true);
        const twice = await pinImages(once.object, resolve);
        expect([twice.object, twice.changes]).toEqual([once.object, []]);
      }),
    );
  });
});
