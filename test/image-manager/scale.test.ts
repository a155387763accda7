import { describe, expect, it } from 'vitest';
import { amountOf } from '../support/property-runs.ts';
import { createKit, podOf, REF, runtimeImage } from './fake-images.ts';

const [PODS, IMAGES, PARALLEL] = [amountOf({ here: 200, inCi: 1_000 }), 20, 5];

describe('createImageManager with hundreds of pods of 20 images', () => {
  it('wakes everybody, keeps the order and the limit, and holds on to nothing', async () => {
    const { images, manager, clock, events } = createKit({ maxParallelImagePulls: PARALLEL, registryPullQPS: 0 });
    const begun: string[] = [];
    let [running, most] = [0, 0];
    images.onPull = async ({ image: { image }, sandbox }) => {
      const fails = begun.push(`${sandbox?.uid} ${image}`) % 10 === 0;
      most = Math.max(most, (running += 1));
      await Promise.resolve();
      running -= 1;
      if (fails) throw new Error('denied');
      images.present.set(image, runtimeImage(image));
      return REF;
    };
    const all = Array.from({ length: PODS * IMAGES }, async (_, at) => {
      const [uid, image] = [`u${at % PODS}`, `app:${Math.floor(at / PODS)}`];
      return manager.ensureImageExists({ pod: podOf(image, 'Always', uid), image, pullPolicy: 'Always' });
    });
    const results = await Promise.all(all);
    const failed = results.filter(({ status }) => status === 'waiting');
    expect([results.length, failed.length, most]).toEqual([PODS * IMAGES, (PODS * IMAGES) / 10, PARALLEL]);
    // Whoever says that it pulls stands in the queue from then on.
    const queued = events
      .filter(({ reason }) => reason === 'Pulling')
      .map(({ involvedObject: { uid }, message }) => `${uid} ${message.slice('Pulling image "'.length, -1)}`);
    expect(begun.filter((one, at) => one !== queued[at])).toEqual([]);
    expect(new Set(begun).size).toBe(PODS * IMAGES);
    expect(manager.stats).toEqual({ pulling: 0, queued: 0, inBackoff: failed.length });
    // What has expired is forgotten with the next success.
    await clock.advance(600_001);
    await manager.ensureImageExists({ pod: podOf('last:1'), image: 'last:1', pullPolicy: 'Always' });
    expect(manager.stats.inBackoff).toBe(0);
  });
});
