import { describe, expect, it } from 'vitest';
import { createMemoryRecords } from 'kubepull/image-access';
import { createKit, ensure, failPulls, IMAGE, type Kit, MALFORMED, MALFORMED_TEXT, REF } from './fake-images.ts';

describe('back-off of pulls', () => {
  /** The delay after each failure; a number waits so many seconds before the next attempt. */
  const delays = async (kit: Kit, waits: readonly number[]): Promise<readonly number[]> => {
    const found: number[] = [];
    for (const seconds of waits) {
      await kit.clock.advance(seconds * 1000);
      const result = await ensure(kit, 'Always');
      found.push(result.status === 'waiting' ? result.retryAfterMs / 1000 : 0);
    }
    return found;
  };
  const failingKit = (): Kit => {
    const kit = createKit();
    failPulls(kit, 'denied');
    return kit;
  };
  const reasonOf = async (kit: Kit, image: string, uid = 'u1'): Promise<string> => {
    const result = await ensure(kit, 'Always', { image, uid });
    return result.status === 'waiting' ? result.reason : result.status;
  };

  it('back-off, key: of pod and raw image, so another pod and another image string pull', async () => {
    const kit = failingKit();
    expect(await reasonOf(kit, 'nginx:latest')).toBe('ErrImagePull');
    expect(await reasonOf(kit, 'nginx:latest')).toBe('ImagePullBackOff');
    expect(await reasonOf(kit, 'nginx')).toBe('ErrImagePull');
    expect(await reasonOf(kit, 'nginx:latest', 'u2')).toBe('ErrImagePull');
  });

  it('back-off, key: containers of one pod with the same image share it', async () => {
    const kit = failingKit();
    const pod = {
      metadata: { name: 'web', uid: 'u1' },
      spec: { initContainers: [{ name: 'a', image: IMAGE }], containers: [{ name: 'b', image: IMAGE }] },
    };
    expect(await kit.manager.ensureContainerImage({ pod, container: 'a' })).toMatchObject({ reason: 'ErrImagePull' });
    expect(await kit.manager.ensureContainerImage({ pod, container: 'b' })).toMatchObject({
      reason: 'ImagePullBackOff',
    });
  });

  it('back-off, end: exactly at the end of the window the pull is tried', async () => {
    const kit = failingKit();
    await ensure(kit, 'Always');
    await kit.clock.advance(9_999);
    expect(await ensure(kit, 'Always')).toMatchObject({ reason: 'ImagePullBackOff', retryAfterMs: 1 });
    await kit.clock.advance(1);
    expect(await ensure(kit, 'Always')).toMatchObject({ reason: 'ErrImagePull', retryAfterMs: 20_000 });
  });

  it('back-off, check: to ask does not lengthen the window', async () => {
    const kit = failingKit();
    expect(await delays(kit, [0, 4, 4, 2])).toEqual([10, 6, 2, 20]);
  });

  it('back-off, window: begins when the failure is known, not with the attempt', async () => {
    const kit = createKit();
    kit.images.onPull = async () => {
      await kit.clock.sleep(60_000);
      throw new Error('timed out');
    };
    const done = ensure(kit, 'Always');
    await kit.clock.advance(60_000);
    expect(await done).toMatchObject({ retryAfterMs: 10_000 });
    expect(await ensure(kit, 'Always')).toMatchObject({ reason: 'ImagePullBackOff', retryAfterMs: 10_000 });
  });

  it('back-off, any error: also that of the throttle', async () => {
    const kit = createKit({ registryBurst: 1, registryPullQPS: 1 });
    await ensure(kit, 'Always', { uid: 'u2' });
    expect(await ensure(kit, 'Always')).toMatchObject({ message: 'pull QPS exceeded', retryAfterMs: 10_000 });
    expect(await ensure(kit, 'Always')).toMatchObject({ reason: 'ImagePullBackOff' });
  });

  it('back-off, success: an entry of its own key is not reset, and not made', async () => {
    const kit = createKit();
    await ensure(kit, 'Always');
    expect(kit.manager.stats.inBackoff).toBe(0);
    const { onPull } = kit.images;
    failPulls(kit, 'denied');
    await delays(kit, [0, 10]);
    kit.images.onPull = onPull;
    await kit.clock.advance(20_000);
    await ensure(kit, 'Always');
    expect(kit.manager.stats.inBackoff).toBe(1);
    failPulls(kit, 'denied');
    expect(await ensure(kit, 'Always')).toMatchObject({ retryAfterMs: 40_000 });
  });

  it.each([
    ['InvalidImageName', 'Always', { image: 'Foo' }],
    ['ImageInspectError', 'IfNotPresent', {}],
    ['ErrImageNeverPull', 'Never', {}],
    [MALFORMED_TEXT, 'Always', { pullSecrets: [MALFORMED] }],
  ] as const)('back-off, before the pull: %s does not touch it', async (reason, policy, request) => {
    const kit = createKit();
    if (reason === 'ImageInspectError')
      kit.images.onStatus = () => {
        throw new Error('down');
      };
    expect(await ensure(kit, policy, request)).toMatchObject({ reason });
    expect(kit.manager.stats.inBackoff).toBe(0);
    failPulls(kit, 'denied');
    expect(await ensure(kit, 'Always')).toMatchObject({ retryAfterMs: 10_000 });
  });

  it('takes other delays when it is told to', async () => {
    const kit = createKit({ backoff: { initialMs: 1_000, maxMs: 1_500 } });
    failPulls(kit, 'denied');
    expect(await ensure(kit, 'Always')).toMatchObject({ retryAfterMs: 1_000 });
    await kit.clock.advance(1_000);
    expect(await ensure(kit, 'Always')).toMatchObject({ retryAfterMs: 1_500 });
  });

  it('back-off, schedule: 10 s, doubled, up to 300 s', async () => {
    const kit = failingKit();
    expect(await delays(kit, [0, 10, 20, 40, 80, 160, 300, 300])).toEqual([10, 20, 40, 80, 160, 300, 300, 300]);
  });

  it.each([
    ['100 s after the first failure', 85, 20],
    ['601 s after it', 586, 10],
    ['exactly 600 s after it', 585, 20],
  ])(
    'back-off, success between: it does not reset the entry, so the next failure, %s, has its delay',
    async (...row) => {
      const [, wait, delay] = row;
      const kit = failingKit();
      const { onPull } = kit.images;
      await ensure(kit, 'Always');
      await kit.clock.advance(15_000);
      kit.images.onPull = () => REF;
      expect(await ensure(kit, 'Always')).toMatchObject({ status: 'pulled' });
      await kit.clock.advance(wait * 1000);
      kit.images.onPull = onPull;
      expect(await ensure(kit, 'Always')).toMatchObject({ retryAfterMs: delay * 1000 });
    },
  );

  it.each([
    [301, 10],
    [300, 300],
  ])('back-off, hanging attempt: one that hangs for %d s at the longest delay leaves %d s', async (hangs, delay) => {
    const kit = failingKit();
    await delays(kit, [0, 10, 20, 40, 80, 160]);
    await kit.clock.advance(300_000);
    kit.images.onPull = async () => {
      await kit.clock.sleep(hangs * 1000);
      throw new Error('denied');
    };
    const done = ensure(kit, 'Always');
    await kit.clock.advance(hangs * 1000);
    expect(await done).toMatchObject({ retryAfterMs: delay * 1000 });
  });

  it('back-off, other pod: another UID has its own sequence, also that of a pod made anew', async () => {
    const kit = failingKit();
    await delays(kit, [0, 10, 20]);
    expect(await ensure(kit, 'Always', { uid: 'u2' })).toMatchObject({ retryAfterMs: 10_000 });
  });

  it('back-off, image changed: another image of the pod starts at 10 s', async () => {
    const kit = failingKit();
    await delays(kit, [0, 10, 20]);
    expect(await ensure(kit, 'Always', { image: `${IMAGE}.1` })).toMatchObject({ retryAfterMs: 10_000 });
    expect(kit.manager.stats.inBackoff).toBe(2);
  });

  it('back-off, restart: another manager knows nothing of it', async () => {
    const records = createMemoryRecords();
    const first = createKit({ records });
    failPulls(first, 'denied');
    await delays(first, [0, 10]);
    const second = createKit({ records });
    failPulls(second, 'denied');
    expect(await ensure(second, 'Always')).toMatchObject({ reason: 'ErrImagePull', retryAfterMs: 10_000 });
  });
});
