import { describe, expect, it } from 'vitest';
import { createMemoryRecords, imageMounts, type ImageManagerOptions } from 'kubepull/image-manager';
import { createKit, GATE_OFF, IMAGE, type Kit, podOf, REF, secretOf } from './fake-images.ts';

/** Pulls that end when the test says so. */
function gatedPulls(kit: Kit) {
  const ends = new Map<string, (error?: Error) => void>();
  const begun: string[] = [];
  kit.images.onPull = ({ image: { image } }, signal) =>
    new Promise((resolve, reject) => {
      begun.push(image);
      signal?.addEventListener('abort', () => reject(new Error('cancelled')));
      ends.set(image, (error) => (error === undefined ? resolve(REF) : reject(error)));
    });
  return { begun, end: (image: string, error?: Error) => ends.get(image)?.(error) };
}

const pull = (kit: Kit, image: string, signal?: AbortSignal, uid = image) =>
  kit.manager.ensureImageExists({ pod: podOf(image, 'Always', uid), image, pullPolicy: 'Always', signal });
const settle = (kit: Kit) => kit.clock.advance(0).then(() => kit.clock.advance(0));

describe('semantics 06 §9: serial and parallel pulling', () => {
  it.each([
    [{}, 1],
    [{ maxParallelImagePulls: 3 }, 3],
    [{ maxParallelImagePulls: 1 }, 1],
    [{ serializeImagePulls: false }, 8],
    [{ serializeImagePulls: false, maxParallelImagePulls: 2 }, 2],
    [{ serializeImagePulls: true }, 1],
    [{ serializeImagePulls: true, maxParallelImagePulls: 1 }, 1],
  ] satisfies [Partial<ImageManagerOptions>, number][])('%j pulls %d at once', async (options, parallel) => {
    const kit = createKit({ ...options, registryPullQPS: 0 });
    const { begun } = gatedPulls(kit);
    for (let at = 0; at < 8; at += 1) void pull(kit, `app:${at}`);
    await settle(kit);
    expect(begun).toEqual(Array.from({ length: parallel }, (_, at) => `app:${at}`));
    expect(kit.manager.stats).toMatchObject({ pulling: parallel, queued: 8 - parallel });
  });

  it('serves in the order of arrival, and counts the waiting', async () => {
    const kit = createKit({ registryPullQPS: 0 });
    const { begun, end } = gatedPulls(kit);
    const names = Array.from({ length: 15 }, (_, at) => `app:${at}`);
    const all = names.map((name) => pull(kit, name));
    for (const name of names) {
      await kit.clock.advance(100);
      end(name);
    }
    const totals = (await Promise.all(all)).map((result) => (result.status === 'pulled' ? result.totalMs : -1));
    expect(begun).toEqual(names);
    expect(totals).toEqual(names.map((_, at) => (at + 1) * 100));
    expect(kit.said().at(-1)).toMatch(/^Normal Pulled .* in 100ms \(1\.5s including waiting\)/);
  });

  it('who gives up while waiting takes nobody else along', async () => {
    const kit = createKit({ registryPullQPS: 0 });
    const { begun, end } = gatedPulls(kit);
    const controller = new AbortController();
    const first = pull(kit, 'a:1');
    const second = pull(kit, 'b:1', controller.signal);
    const third = pull(kit, 'c:1');
    await settle(kit);
    const reason = new Error('gone');
    controller.abort(reason);
    await expect(second).rejects.toBe(reason);
    end('a:1');
    await first;
    await settle(kit);
    end('c:1');
    expect(await third).toMatchObject({ status: 'pulled' });
    expect(begun).toEqual(['a:1', 'c:1']);
    expect(kit.manager.stats).toMatchObject({ pulling: 0, queued: 0 });
  });

  it('does not merge equal pulls, nor looks again after the queue', async () => {
    const kit = createKit({ registryPullQPS: 0, ...GATE_OFF });
    const request = (uid: string) => ({
      pod: podOf(IMAGE, 'IfNotPresent', uid),
      image: IMAGE,
      pullPolicy: 'IfNotPresent',
    });
    await Promise.all(['u1', 'u2'].map((uid) => kit.manager.ensureImageExists(request(uid))));
    expect(kit.images.calls.filter((call) => call.startsWith('PullImage'))).toHaveLength(2);
  });

  it('recheckPresence: the second in the queue uses what the first has brought', async () => {
    const kit = createKit({ recheckPresence: true, ...GATE_OFF });
    const request = (uid: string) => ({
      pod: podOf(IMAGE, 'IfNotPresent', uid),
      image: IMAGE,
      pullPolicy: 'IfNotPresent',
    });
    const results = await Promise.all(['u1', 'u2'].map((uid) => kit.manager.ensureImageExists(request(uid))));
    expect(results.map(({ status }) => status)).toEqual(['pulled', 'present']);
    expect(kit.images.calls.filter((call) => call.startsWith('PullImage'))).toHaveLength(1);
    expect(kit.said().at(-1)).toBe(`Normal Pulled Container image "${IMAGE}" already present on machine`);
  });

  it('recheckPresence: what another pod has pulled with its secret is not given to a pod without', async () => {
    const kit = createKit({ recheckPresence: true });
    const pod = (uid: string) => ({ pod: podOf(IMAGE, 'IfNotPresent', uid), image: IMAGE, pullPolicy: 'IfNotPresent' });
    const { onPull } = kit.images;
    kit.images.onPull = (request) => {
      if (request.auth === undefined) throw new Error('denied');
      return onPull(request);
    };
    const results = await Promise.all([
      kit.manager.ensureImageExists({ ...pod('u1'), pullSecrets: [secretOf('A')] }),
      kit.manager.ensureImageExists(pod('u2')),
    ]);
    expect(results).toMatchObject([{ status: 'pulled' }, { status: 'waiting', reason: 'ErrImagePull' }]);
  });

  it('mergeEqualPulls: one pull for equal credentials, another for others', async () => {
    const kit = createKit({ mergeEqualPulls: true, serializeImagePulls: false });
    const gates = gatedPulls(kit);
    const users = ['A', 'A', 'B', undefined, undefined];
    const all = users.map((user, at) =>
      kit.manager.ensureImageExists({
        pod: podOf(IMAGE, 'Always', `u${at}`),
        image: IMAGE,
        pullPolicy: 'Always',
        pullSecrets: user === undefined ? [] : [secretOf(user)],
      }),
    );
    await settle(kit);
    const pulls = kit.images.calls.filter((call) => call.startsWith('PullImage'));
    expect(pulls).toEqual(['A', 'B', 'nobody'].map((user) => `PullImage(${IMAGE}, ${user})`));
    gates.end(IMAGE);
    expect(await all[4]).toMatchObject({ status: 'pulled' });
    expect(kit.said().filter((line) => line.startsWith('Normal Pulling'))).toHaveLength(5);
  });

  it('mergeEqualPulls: the pull ends when the last who wants it gives up', async () => {
    const kit = createKit({ mergeEqualPulls: true });
    const { begun, end } = gatedPulls(kit);
    const controllers = [new AbortController(), new AbortController()];
    const all = controllers.map(({ signal }, at) => pull(kit, IMAGE, signal, `u${at}`));
    const outcomes = Promise.allSettled(all);
    await settle(kit);
    expect(begun).toEqual([IMAGE]);
    controllers[0]?.abort(new Error('first'));
    await settle(kit);
    expect(kit.manager.stats.pulling).toBe(1);
    controllers[1]?.abort(new Error('second'));
    expect((await outcomes).map((one) => (one.status === 'rejected' ? String(one.reason) : one.status))).toEqual([
      'Error: first',
      'Error: second',
    ]);
    await settle(kit);
    expect(kit.manager.stats.pulling).toBe(0);
    const again = pull(kit, IMAGE);
    await settle(kit);
    end(IMAGE);
    expect(await again).toMatchObject({ status: 'pulled' });
  });
});

describe('semantics 06 §10: QPS throttle', () => {
  it('ten at once, then five a second; beyond it a pull fails at once and counts for back-off', async () => {
    const kit = createKit();
    const run = async (count: number, from: number) => {
      const results: string[] = [];
      for (let at = from; at < from + count; at += 1) results.push((await pull(kit, `app:${at}`)).status);
      return results.filter((status) => status === 'pulled').length;
    };
    expect(await run(12, 0)).toBe(10);
    expect(kit.said().slice(-2)).toEqual([
      'Normal Pulling Pulling image "app:11"',
      'Warning Failed Failed to pull image "app:11": pull QPS exceeded',
    ]);
    expect(await pull(kit, 'app:11')).toMatchObject({
      reason: 'ImagePullBackOff',
      message: 'Back-off pulling image "app:11": ErrImagePull: pull QPS exceeded',
    });
    await kit.clock.advance(199);
    expect(await run(1, 20)).toBe(0);
    await kit.clock.advance(1);
    expect(await run(2, 30)).toBe(1);
    await kit.clock.advance(60_000);
    expect(await run(11, 40)).toBe(10);
  });

  it('takes one token for a pull, not one for each credential; 0 means no limit', async () => {
    const kit = createKit({ registryBurst: 1 });
    const { onPull } = kit.images;
    kit.images.onPull = (request) => {
      if (request.auth?.credential.username === 'A') throw new Error('denied');
      return onPull(request);
    };
    const pullSecrets = [secretOf('A'), secretOf('B')];
    const request = { pod: podOf(IMAGE), image: IMAGE, pullPolicy: 'Always', pullSecrets };
    expect(await kit.manager.ensureImageExists(request)).toMatchObject({ status: 'pulled' });
    const free = createKit({ registryPullQPS: 0, registryBurst: 0 });
    for (let at = 0; at < 50; at += 1) expect(await pull(free, `app:${at}`)).toMatchObject({ status: 'pulled' });
  });
});

describe('semantics 06 §9, §10, 02 §6, §7: a configuration with which kubelet does not start', () => {
  it.each([
    [
      { serializeImagePulls: true, maxParallelImagePulls: 2 },
      'invalid configuration: maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls (--serialize-image-pulls) is set to false',
    ],
    [{ maxParallelImagePulls: 0 }, 'invalid configuration: maxParallelImagePulls 0 must be a positive number'],
    [{ maxParallelImagePulls: 1.5 }, 'invalid configuration: maxParallelImagePulls 1.5 must be a whole number'],
    [
      { registryPullQPS: -1 },
      'invalid configuration: registryPullQPS (--registry-qps) -1 must not be a negative number',
    ],
    [{ registryBurst: -2 }, 'invalid configuration: registryBurst (--registry-burst) -2 must not be a negative number'],
    [
      { imagePullCredentialsVerificationPolicy: 'Sometimes' as never },
      'unknown image pull credential verification policy: Sometimes',
    ],
  ] satisfies [Partial<ImageManagerOptions>, string][])('%j', (options, text) => {
    expect(() => createKit(options)).toThrow(`Cannot create the image manager: ${text}`);
  });

  it('refuses an entry of the allow list; with the gate off nobody looks at it', () => {
    const options = { preloadedImagesVerificationAllowlist: ['alpine'] };
    expect(() => createKit(options)).toThrow(/allow-list pattern "alpine"/);
    expect(() => createKit({ ...options, ...GATE_OFF })).not.toThrow();
  });
});

describe('semantics 06 §11: image volumes', () => {
  const pod = (policies: readonly [string, string][]) => ({
    metadata: { name: 'web', namespace: 'default', uid: 'u1', annotations: { a: '1' } },
    spec: {
      volumes: [
        { name: 'scratch' },
        ...policies.map(([name, reference]) => ({ name, image: { reference, pullPolicy: 'IfNotPresent' } })),
      ],
      containers: [
        {
          name: 'app',
          image: IMAGE,
          volumeMounts: [{ name: 'data', mountPath: '/data', subPath: 'x' }, { name: 'scratch' }],
        },
        { name: 'other', image: IMAGE },
      ],
    },
  });

  it('are ensured in order, with events on the pod, and are mounted read-only', async () => {
    const kit = createKit();
    const subject = pod([
      ['data', 'data:1'],
      ['more', 'more:1'],
    ]);
    const volumes = await kit.manager.ensureImageVolumes({ pod: subject });
    expect([...volumes.keys()]).toEqual(['data', 'more']);
    expect(kit.events.map(({ involvedObject }) => involvedObject.fieldPath)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    const [app = {}] = subject.spec.containers;
    const image = { image: REF, userSpecifiedImage: 'data:1', annotations: { a: '1' }, runtimeHandler: '' };
    expect(imageMounts(app, volumes)).toEqual([
      { containerPath: '/data', hostPath: '', readonly: true, image, imageSubPath: 'x' },
    ]);
  });

  it('one that fails keeps back the containers that mount it, and no other', async () => {
    const kit = createKit();
    const { onPull } = kit.images;
    kit.images.onPull = (request) => {
      if (request.image.image === 'data:1') throw new Error('denied');
      return onPull(request);
    };
    const subject = pod([
      ['data', 'data:1'],
      ['more', 'more:1'],
    ]);
    const volumes = await kit.manager.ensureImageVolumes({ pod: subject });
    expect(volumes.get('data')).toMatchObject({ result: { reason: 'ErrImagePull' }, image: undefined });
    expect(volumes.get('more')).toMatchObject({ result: { status: 'pulled' } });
    kit.said();
    const request = { pod: subject, volumes };
    expect(await kit.manager.ensureContainerImage({ ...request, container: 'app' })).toMatchObject({
      status: 'waiting',
      reason: 'ErrImagePull',
      message: 'denied',
    });
    expect(kit.said()).toEqual(['Warning Failed Error: ErrImagePull']);
    expect(kit.events.at(-1)?.involvedObject.fieldPath).toBe('spec.containers{app}');
    expect(await kit.manager.ensureContainerImage({ ...request, container: 'other' })).toMatchObject({
      status: 'pulled',
    });
  });

  it('share the back-off with a container of the same image string', async () => {
    const kit = createKit();
    kit.images.onPull = () => {
      throw new Error('denied');
    };
    const subject = pod([['more', IMAGE]]);
    await kit.manager.ensureImageVolumes({ pod: subject });
    expect(await kit.manager.ensureContainerImage({ pod: subject, container: 'other' })).toMatchObject({
      reason: 'ImagePullBackOff',
    });
  });
});

describe('semantics 06 §12: RuntimeClass', () => {
  const subject = {
    metadata: { name: 'web', uid: 'u1' },
    spec: { runtimeClassName: 'kata', containers: [{ name: 'app', image: IMAGE, imagePullPolicy: 'IfNotPresent' }] },
  };
  const runtimeHandler = (name: string) => `${name}-handler`;
  const on = { featureGates: { RuntimeClassInImageCriApi: true } } as const;

  it.each([
    [on, ', kata-handler'],
    [{}, ''],
  ])('%j: the handler is %j', async (options, handler) => {
    const kit = createKit({ runtimeHandler, ...options });
    await kit.manager.ensureContainerImage({ pod: subject, container: 'app' });
    expect(kit.images.calls.slice(0, 2)).toEqual([
      `ImageStatus(${IMAGE}${handler})`,
      `PullImage(${IMAGE}, nobody${handler})`,
    ]);
  });

  it('a look-up that fails comes before the first step', async () => {
    const text = 'RuntimeClass "kata" not found';
    const kit = createKit({ ...on, runtimeHandler: () => Promise.reject(new Error(text)) });
    const result = await kit.manager.ensureContainerImage({ pod: subject, container: 'app' });
    expect(result).toMatchObject({ status: 'error', reason: text, message: '' });
    expect([kit.images.calls, kit.said()]).toEqual([[], []]);
  });
});

describe('07 §3: a back-off is looked at before the queue', () => {
  it('answers while another pull is under way', async () => {
    const kit = createKit({ records: createMemoryRecords() });
    kit.images.onPull = () => {
      throw new Error('denied');
    };
    await pull(kit, 'bad:1');
    const gates = gatedPulls(kit);
    const slow = pull(kit, 'slow:1');
    await settle(kit);
    expect(await pull(kit, 'bad:1')).toMatchObject({ reason: 'ImagePullBackOff' });
    gates.end('slow:1');
    await slow;
  });
});
