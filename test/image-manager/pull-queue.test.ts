import { describe, expect, it } from 'vitest';
import { DEFAULT_REGISTRY_BURST, DEFAULT_REGISTRY_PULL_QPS, type ImageManagerOptions } from 'kubepull/image-manager';
import {
  createKit,
  GATE_OFF,
  IMAGE,
  type Kit,
  podOf,
  PRESENT,
  REF,
  refuse,
  runtimeImage,
  secretOf,
} from './fake-images.ts';

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

describe('serial and parallel pulling', () => {
  it.each([
    ['queue, neither: serial', {}, 1],
    ['queue, only n: parallel', { maxParallelImagePulls: 2 }, 2],
    ['queue, only n: parallel', { maxParallelImagePulls: 7 }, 7],
    ['queue, only 1: serial', { maxParallelImagePulls: 1 }, 1],
    ['queue, not serialized: no limit', { serializeImagePulls: false }, 30],
    ['queue, not serialized: or n', { serializeImagePulls: false, maxParallelImagePulls: 2 }, 2],
    ['queue, not serialized: or n', { serializeImagePulls: false, maxParallelImagePulls: 1 }, 1],
    ['queue, serialized: serial', { serializeImagePulls: true }, 1],
    ['queue, serialized: serial', { serializeImagePulls: true, maxParallelImagePulls: 1 }, 1],
  ] satisfies [string, Partial<ImageManagerOptions>, number][])(
    '%s, %j pulls %d at once',
    async (_, options, parallel) => {
      const kit = createKit({ ...options, registryPullQPS: 0 });
      const { begun } = gatedPulls(kit);
      for (let at = 0; at < 30; at += 1) void pull(kit, `app:${at}`);
      await settle(kit);
      expect(begun).toEqual(Array.from({ length: parallel }, (_, at) => `app:${at}`));
      expect(kit.manager.stats).toMatchObject({ pulling: parallel, queued: 30 - parallel });
    },
  );

  it('queue, queue: serves in the order of arrival, also more than ten, and counts the waiting', async () => {
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
    expect(kit.said().at(-1)).toBe(
      'Normal Pulled Successfully pulled image "app:14" in 100ms (1.5s including waiting). Image size: 0 bytes.',
    );
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

  it('queue, no merging: equal pulls are each made, and nobody looks again after the queue', async () => {
    const kit = createKit({ registryPullQPS: 0, ...GATE_OFF });
    const request = (uid: string) => ({
      pod: podOf(IMAGE, 'IfNotPresent', uid),
      image: IMAGE,
      pullPolicy: 'IfNotPresent',
    });
    await Promise.all(['u1', 'u2'].map((uid) => kit.manager.ensureImageExists(request(uid))));
    const [status, pulls] = [`ImageStatus(${IMAGE})`, `PullImage(${IMAGE}, nobody)`];
    expect(kit.images.calls).toEqual([status, status, pulls, status, pulls, status]);
  });

  it('queue, no merging: each pulls with its own credentials, in parallel too', async () => {
    const kit = createKit({ registryPullQPS: 0, serializeImagePulls: false });
    await Promise.all(
      ['A', 'B'].map((user) =>
        kit.manager.ensureImageExists({
          pod: podOf(IMAGE, 'Always', user),
          image: IMAGE,
          pullPolicy: 'Always',
          pullSecrets: [secretOf(user)],
        }),
      ),
    );
    const pulls = kit.images.calls.filter((call) => call.startsWith('PullImage'));
    expect(pulls).toEqual([`PullImage(${IMAGE}, A)`, `PullImage(${IMAGE}, B)`]);
  });

  it('queue, one request: the whole loop of one image, with its size, before the next', async () => {
    const kit = createKit();
    const users = ['A', 'B'];
    kit.images.onPull = async ({ auth }) => {
      await kit.clock.sleep(10);
      if (auth?.credential.username === 'A') throw new Error('denied');
      return REF;
    };
    const all = ['x:1', 'y:1'].map((name) =>
      kit.manager.ensureImageExists({
        pod: podOf(`private.example/${name}`, 'Always', name),
        image: `private.example/${name}`,
        pullPolicy: 'Always',
        pullSecrets: users.map((user) => secretOf(user)),
      }),
    );
    await kit.clock.advance(40);
    await Promise.all(all);
    expect(kit.images.calls).toEqual(
      ['x:1', 'y:1'].flatMap((name) => [
        ...users.map((user) => `PullImage(private.example/${name}, ${user})`),
        `ImageStatus(private.example/${name})`,
      ]),
    );
  });

  it('queue, nodes: two managers do not wait for each other', async () => {
    const kits = [createKit(), createKit()];
    const gates = kits.map(gatedPulls);
    for (const kit of kits) void pull(kit, IMAGE);
    for (const kit of kits) await settle(kit);
    expect(gates.map(({ begun }) => begun)).toEqual([[IMAGE], [IMAGE]]);
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

  it('mergeEqualPulls: not with who has fewer credentials, or another runtime handler', async () => {
    const gates = { RuntimeClassInImageCriApi: true };
    const runtimeHandler = (name: string) => name;
    const kit = createKit({ mergeEqualPulls: true, serializeImagePulls: false, featureGates: gates, runtimeHandler });
    gatedPulls(kit);
    for (const [at, users] of [[], ['A'], ['A', 'B']].entries())
      for (const runtimeClassName of ['', 'kata']) {
        const pod = podOf(IMAGE, 'Always', `u${at}${runtimeClassName}`);
        const spec = { ...pod.spec, runtimeClassName };
        const pullSecrets = users.map((user) => secretOf(user));
        void kit.manager.ensureImageExists({ pod: { ...pod, spec }, image: IMAGE, pullPolicy: 'Always', pullSecrets });
      }
    await settle(kit);
    const pulls = kit.images.calls.filter((call) => call.startsWith('PullImage'));
    expect(pulls).toEqual(
      ['nobody', 'A', 'A'].flatMap((user) => [`PullImage(${IMAGE}, ${user})`, `PullImage(${IMAGE}, ${user}, kata)`]),
    );
  });

  it('mergeEqualPulls: not with a pull that was given up and did not end yet', async () => {
    const kit = createKit({ mergeEqualPulls: true });
    const ends: (() => void)[] = [];
    kit.images.onPull = () => new Promise((resolve) => ends.push(() => resolve(REF)));
    const controller = new AbortController();
    const first = pull(kit, IMAGE, controller.signal).catch((error: unknown) => String(error));
    await settle(kit);
    controller.abort(new Error('enough'));
    const second = pull(kit, IMAGE);
    await settle(kit);
    expect(kit.manager.stats).toMatchObject({ pulling: 1, queued: 1 });
    ends[0]?.();
    await settle(kit);
    ends[1]?.();
    expect([(await second).status, ends.length]).toEqual(['pulled', 2]);
    await first;
  });

  it('mergeEqualPulls: with recheckPresence each pod looks for itself, and is told so', async () => {
    const kit = createKit({ mergeEqualPulls: true, recheckPresence: true, ...GATE_OFF });
    const gates = gatedPulls(kit);
    const slow = pull(kit, 'slow:1');
    const request = (uid: string) => ({ pod: podOf(IMAGE, 'IfNotPresent', uid), image: IMAGE });
    const both = ['u1', 'u2'].map((uid) => kit.manager.ensureImageExists(request(uid)));
    await settle(kit);
    kit.images.present.set(IMAGE, runtimeImage(IMAGE));
    gates.end('slow:1');
    expect((await Promise.all([slow, ...both])).map(({ status }) => status)).toEqual(['pulled', 'present', 'present']);
    const present = kit.events.filter(({ message }) => message === PRESENT);
    expect(present.map(({ involvedObject }) => involvedObject.uid)).toEqual(['u1', 'u2']);
  });

  it('mergeEqualPulls: each pod is told of its own secret, and that is recorded of it', async () => {
    const kit = createKit({ mergeEqualPulls: true, serializeImagePulls: false });
    const gates = gatedPulls(kit);
    const names = ['mine', 'yours'];
    const all = names.map((name) => {
      const wrong = secretOf('A', 'private.example/app');
      const pullSecrets = [wrong, { ...secretOf('B'), metadata: { name, namespace: name, uid: name } }];
      return kit.manager.ensureImageExists({
        pod: podOf(IMAGE, 'Always', name),
        image: IMAGE,
        pullPolicy: 'Always',
        pullSecrets,
      });
    });
    refuse(kit, 'A');
    await settle(kit);
    gates.end(IMAGE);
    expect(await Promise.all(all)).toMatchObject(names.map((name) => ({ source: { name, namespace: name } })));
    const { credentialMapping } = (await kit.records.readRecord(REF)) ?? {};
    const recorded = credentialMapping?.get('private.example/app')?.kubernetesSecrets;
    expect(recorded?.map(({ uid }) => uid)).toEqual(names);
    expect(kit.images.calls.filter((call) => call.startsWith('PullImage'))).toHaveLength(2);
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

describe('the throttle of pulls', () => {
  it('throttle, bucket: ten at once, then five a second, and never more than ten', async () => {
    const kit = createKit();
    const run = async (count: number, from: number) => {
      const results: string[] = [];
      for (let at = from; at < from + count; at += 1) results.push((await pull(kit, `app:${at}`)).status);
      return results.filter((status) => status === 'pulled').length;
    };
    expect(await run(12, 0)).toBe(10);
    await kit.clock.advance(199);
    expect(await run(1, 20)).toBe(0);
    await kit.clock.advance(1);
    expect(await run(2, 30)).toBe(1);
    await kit.clock.advance(60_000);
    expect(await run(11, 40)).toBe(10);
  });

  it('throttle, exceeded: the pull fails at once, without a call, and counts for back-off', async () => {
    const kit = createKit({ registryBurst: 1 });
    await pull(kit, 'app:1');
    kit.said();
    kit.images.calls.length = 0;
    const text = 'pull QPS exceeded';
    expect(await pull(kit, 'app:2')).toMatchObject({ reason: 'ErrImagePull', message: text, retryAfterMs: 10_000 });
    expect(kit.said()).toEqual([
      'Normal Pulling Pulling image "app:2"',
      `Warning Failed Failed to pull image "app:2": ${text}`,
    ]);
    expect(await pull(kit, 'app:2')).toMatchObject({
      reason: 'ImagePullBackOff',
      message: `Back-off pulling image "app:2": ErrImagePull: ${text}`,
    });
    expect(kit.images.calls).toEqual([]);
  });

  it('throttle, when: the token is taken when the turn has come, not before the queue', async () => {
    const kit = createKit({ registryBurst: 1, registryPullQPS: 1 });
    kit.images.onPull = async () => {
      await kit.clock.sleep(1_000);
      return REF;
    };
    const all = ['app:1', 'app:2', 'app:3'].map((image) => pull(kit, image));
    await kit.clock.advance(3_000);
    expect((await Promise.all(all)).map(({ status }) => status)).toEqual(['pulled', 'pulled', 'pulled']);
  });

  it('throttle, qps 0: no limit', async () => {
    const kit = createKit({ registryPullQPS: 0, registryBurst: 0 });
    for (let at = 0; at < 50; at += 1) expect(await pull(kit, `app:${at}`)).toMatchObject({ status: 'pulled' });
  });

  it('throttle, default: 5 a second, and 10 at once', () => {
    expect([DEFAULT_REGISTRY_PULL_QPS, DEFAULT_REGISTRY_BURST]).toEqual([5, 10]);
  });

  it('throttle, one token: for a pull, not one for each credential', async () => {
    const kit = createKit({ registryBurst: 1 });
    const { onPull } = kit.images;
    kit.images.onPull = (request) => {
      if (request.auth?.credential.username === 'A') throw new Error('denied');
      return onPull(request);
    };
    const pullSecrets = [secretOf('A'), secretOf('B')];
    const request = { pod: podOf(IMAGE), image: IMAGE, pullPolicy: 'Always', pullSecrets };
    expect(await kit.manager.ensureImageExists(request)).toMatchObject({ status: 'pulled' });
  });
});

describe('a configuration with which kubelet does not start', () => {
  it.each([
    [
      'queue, both: refused',
      { serializeImagePulls: true, maxParallelImagePulls: 2 },
      'invalid configuration: maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls (--serialize-image-pulls) is set to false',
    ],
    [
      'queue, n < 1: refused',
      { maxParallelImagePulls: 0 },
      'invalid configuration: maxParallelImagePulls 0 must be a positive number',
    ],
    [
      'queue, n < 1: refused',
      { serializeImagePulls: true, maxParallelImagePulls: -3 },
      'invalid configuration: maxParallelImagePulls -3 must be a positive number',
    ],
    [
      'no whole number',
      { maxParallelImagePulls: 1.5 },
      'invalid configuration: maxParallelImagePulls 1.5 must be a whole number',
    ],
    [
      'throttle, negative qps: refused',
      { registryPullQPS: -1 },
      'invalid configuration: registryPullQPS (--registry-qps) -1 must not be a negative number',
    ],
    [
      'throttle, negative burst: refused',
      { registryBurst: -2 },
      'invalid configuration: registryBurst (--registry-burst) -2 must not be a negative number',
    ],
    [
      'verification, other value: refused',
      { imagePullCredentialsVerificationPolicy: 'Sometimes' as never },
      'invalid configuration: option "Sometimes" specified for imagePullCredentialsVerificationPolicy. Valid options are "NeverVerify", "NeverVerifyPreloadedImages", "NeverVerifyAllowlistedImages" or "AlwaysVerify"',
    ],
    [
      'allow list, refused entry: refused',
      {
        imagePullCredentialsVerificationPolicy: 'NeverVerifyAllowlistedImages',
        preloadedImagesVerificationAllowlist: ['alpine:3'],
      },
      'invalid configuration: invalid image pattern in `preloadedImagesVerificationAllowlist`: neither tag nor digest is accepted in an image reference: alpine:3',
    ],
    [
      'an allow list with another policy',
      { preloadedImagesVerificationAllowlist: ['alpine'] },
      'invalid configuration: can\'t set `preloadedImagesVerificationAllowlist` if `imagePullCredentialsVertificationPolicy` is not "NeverVerifyAllowlistedImages"',
    ],
    [
      'what has no effect while the gate is off',
      {
        ...GATE_OFF,
        imagePullCredentialsVerificationPolicy: 'AlwaysVerify',
        preloadedImagesVerificationAllowlist: ['alpine'],
      },
      '[invalid configuration: `imagePullCredentialsVerificationPolicy` must not be set if KubeletEnsureSecretPulledImages feature gate is not enabled, invalid configuration: `preloadedImagesVerificationAllowlist` must not be set if KubeletEnsureSecretPulledImages feature gate is not enabled]',
    ],
    [
      'all faults at once',
      { registryPullQPS: -1, registryBurst: -1, imagePullCredentialsVerificationPolicy: 'Bogus' as never },
      '[invalid configuration: registryBurst (--registry-burst) -1 must not be a negative number, invalid configuration: registryPullQPS (--registry-qps) -1 must not be a negative number, invalid configuration: option "Bogus" specified for imagePullCredentialsVerificationPolicy. Valid options are "NeverVerify", "NeverVerifyPreloadedImages", "NeverVerifyAllowlistedImages" or "AlwaysVerify"]',
    ],
  ] satisfies [string, Partial<ImageManagerOptions>, string][])('%s, %j', (_, options, text) => {
    const message = `Cannot create the image manager: ${text}`;
    expect(() => createKit(options)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID', message }));
  });

  it('is not one with zero values, which count as not set', () => {
    expect(() =>
      createKit({
        registryBurst: 0,
        imagePullCredentialsVerificationPolicy: '',
        preloadedImagesVerificationAllowlist: [],
      }),
    ).not.toThrow();
    expect(() => createKit({ ...GATE_OFF, imagePullCredentialsVerificationPolicy: '' })).not.toThrow();
  });

  it('is one of a release that is not known', () => {
    expect(() => createKit({ release: '1.34' as never })).toThrow(
      expect.objectContaining({
        code: 'ERR_OPTION_INVALID',
        message: 'Cannot follow a release of Kubernetes: release must be "1.35" or "1.36" or "1.37", not "1.34"',
      }),
    );
  });
});

describe('a back-off', () => {
  it('queue, back-off: is looked at before the queue, while another pull is under way', async () => {
    const kit = createKit();
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
