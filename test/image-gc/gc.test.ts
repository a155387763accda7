import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createImageCollector, type ImageGcQuestion, type ImageUse, planImageGc } from 'kubepull/image-gc';
import { createImageManager } from 'kubepull/image-manager';
import { createMemoryRecords } from 'kubepull/image-access';
import { nodeHasher } from 'kubepull/node';
import { createFakeClock } from 'kubepull/testing';
import { createFakeImages, runtimeImage } from '../image-manager/fake-images.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function image(id: string, fields: Partial<ImageUse> = {}): ImageUse {
  return { id, runtimeHandler: '', size: 10, pinned: false, inUse: false, firstSeenAt: 0, lastUsedAt: 0, ...fields };
}

function plan(question: Partial<ImageGcQuestion>) {
  const disk = { capacityBytes: 100, availableBytes: 10 };
  const made = planImageGc({ images: [], disk, now: HOUR, startedAt: 0, ...question });
  const lines = [...made.old, ...made.forSpace, ...made.kept].map(({ image: { id }, reason }) => `${id} ${reason}`);
  return { ...made, lines };
}

describe('planImageGc', () => {
  it.each([
    [16, 0],
    [15, 5],
    [10, 10],
    [0, 20],
    [150, 0],
  ])('with %d %% available frees %d: from 85 down to 80 % used', (availableBytes, bytesToFree) => {
    expect(plan({ disk: { capacityBytes: 100, availableBytes } }).bytesToFree).toBe(bytesToFree);
  });

  it('frees the least recently used first, never used before all, and only as much as it must', () => {
    const images = [
      image('recent', { lastUsedAt: 30 }),
      image('never-late', { lastUsedAt: undefined, firstSeenAt: 2, size: 4 }),
      image('old', { lastUsedAt: 10, size: 6 }),
      image('never-early', { lastUsedAt: undefined, firstSeenAt: 1, size: 1 }),
    ];
    const made = plan({ images });
    expect(made.lines).toEqual(['never-early space', 'never-late space', 'old space', 'recent spare']);
    expect([made.missingBytes, made.failure]).toEqual([0, undefined]);
  });

  it('leaves alone what is in use, pinned, too young, or used at this moment', () => {
    const images = [
      image('used', { inUse: true }),
      image('pinned', { pinned: true }),
      image('young', { firstSeenAt: HOUR - 2 * MINUTE + 1 }),
      image('just-old-enough', { firstSeenAt: HOUR - 2 * MINUTE, size: 3 }),
      image('now', { lastUsedAt: HOUR }),
    ];
    const made = plan({ images });
    expect(made.lines).toEqual([
      'just-old-enough space',
      'used in-use',
      'pinned pinned',
      'young too-young',
      'now too-young',
    ]);
    expect(made.failure).toBe(
      'Failed to garbage collect required amount of images. Attempted to free 10 bytes, but only found 3 bytes eligible to free.',
    );
  });

  it('removes what was not used for longer than imageMaximumGCAge, once it ran for so long itself', () => {
    const images = [
      image('old', { lastUsedAt: 0 }),
      image('edge', { lastUsedAt: 30 * MINUTE }),
      image('never', { lastUsedAt: undefined, firstSeenAt: HOUR - 1 }),
    ];
    const disk = { capacityBytes: 100, availableBytes: 50 };
    const config = { images, disk, imageMaximumGCAge: '30m' };
    expect(plan(config).lines).toEqual(['never age', 'old age', 'edge enough-room']);
    expect(plan({ ...config, agesFromFirstSeen: true }).lines).toEqual([
      'old age',
      'never enough-room',
      'edge enough-room',
    ]);
    expect(plan({ ...config, startedAt: 30 * MINUTE }).old).toEqual([]);
    expect(plan({ ...config, imageMaximumGCAge: 0 }).old).toEqual([]);
  });

  it('says what is wrong with a disk without capacity', () => {
    expect(plan({ disk: { capacityBytes: 0, availableBytes: 0 } }).failure).toBe(
      'invalid capacity 0 on image filesystem',
    );
  });

  it.each([
    [
      { imageGCHighThresholdPercent: 101 },
      'imageGCHighThresholdPercent (--image-gc-high-threshold) 101 must be between 0 and 100, inclusive',
    ],
    [
      { imageGCLowThresholdPercent: -1 },
      'imageGCLowThresholdPercent (--image-gc-low-threshold) -1 must be between 0 and 100, inclusive',
    ],
    [
      { imageGCLowThresholdPercent: 85 },
      'imageGCLowThresholdPercent (--image-gc-low-threshold) 85 must be less than imageGCHighThresholdPercent (--image-gc-high-threshold) 85',
    ],
    [{ imageMaximumGCAge: '-1s' }, 'imageMaximumGCAge -1s must not be negative'],
    [{ imageMaximumGCAge: '1m' }, 'imageMaximumGCAge 1m0s must be greater than imageMinimumGCAge 2m0s'],
    [{ imageMinimumGCAge: '2' }, 'time: missing unit in duration "2"'],
  ])('refuses %j', (config, text) => {
    expect(() => plan(config)).toThrow(text);
  });

  it('keeps its promises for any images', () => {
    const use = fc.record({
      id: fc.uuid(),
      runtimeHandler: fc.constant(''),
      size: fc.integer({ min: 1, max: 50 }),
      pinned: fc.boolean(),
      inUse: fc.boolean(),
      firstSeenAt: fc.integer({ min: 0, max: HOUR }),
      lastUsedAt: fc.option(fc.integer({ min: 0, max: HOUR }), { nil: undefined }),
    });
    const question = fc.record({
      images: fc.array(use, { maxLength: 12 }),
      disk: fc.record({ capacityBytes: fc.constant(200), availableBytes: fc.integer({ min: 0, max: 200 }) }),
      imageMaximumGCAge: fc.constantFrom(0, 10 * MINUTE),
    });
    fc.assert(
      fc.property(question, (input) => {
        const made = plan(input);
        const going = [...made.old, ...made.forSpace.filter(({ reason }) => reason === 'space')];
        expect(made.lines).toHaveLength(input.images.length);
        expect(going.every(({ image: { pinned, inUse } }) => !pinned && !inUse)).toBe(true);
        const space = made.forSpace.filter(({ reason }) => reason === 'space').map(({ image: { size } }) => size);
        const won = space.reduce((sum, size) => sum + size, 0);
        // Without the last one it would be too little.
        expect(space.length === 0 || won - (space.at(-1) ?? 0) < made.bytesToFree).toBe(true);
        expect(made.missingBytes).toBe(Math.max(0, made.bytesToFree - won));
      }),
    );
  });
});

describe('createImageCollector', () => {
  const setUp = (sizes: Readonly<Record<string, number>>, capacityBytes = 100) => {
    const images = createFakeImages();
    const clock = createFakeClock();
    for (const [name, size] of Object.entries(sizes)) images.present.set(name, runtimeImage(name, `id-${name}`, size));
    const used = new Set<string>();
    const diskRoom = () => {
      const taken = [...images.present.values()].reduce((sum, { size }) => sum + size, 0);
      return { capacityBytes, availableBytes: capacityBytes - taken };
    };
    const records = createMemoryRecords({
      records: Object.keys(sizes).map((name) => ({
        imageRef: `id-${name}`,
        lastUpdatedAt: 0,
        credentialMapping: new Map(),
      })),
    });
    const manager = createImageManager({ images, clock, records, createHasher: nodeHasher });
    return { images, clock, used, records, options: { images, clock, manager, diskRoom, imagesInUse: () => used } };
  };

  it('removes until there is room, forgets the records, and remembers what was used', async () => {
    const { images, clock, used, records, options } = setUp({ a: 30, b: 30, c: 30 });
    const collector = createImageCollector(options);
    used.add('id-a').add('id-b');
    await collector.observe();
    await clock.advance(10 * MINUTE);
    used.delete('id-b');
    await collector.observe();
    await clock.advance(10 * MINUTE);
    const report = await collector.collect();
    expect(report).toMatchObject({ bytesToFree: 10, freedBytes: 30, failed: [], failure: undefined, pruned: ['id-c'] });
    expect(report.removed.map(({ image: { id }, reason }) => [id, reason])).toEqual([['id-c', 'space']]);
    expect([...images.present.keys()]).toEqual(['a', 'b']);
    expect((await records.listRecords()).map(({ imageRef }) => imageRef)).toEqual(['id-a', 'id-b']);
    expect((await collector.collect()).removed).toEqual([]);
  });

  it('goes on to the next when one cannot be removed, and says when that is too little', async () => {
    const { images, clock, options } = setUp({ a: 45, b: 4, c: 45 });
    const { removeImage } = images;
    images.removeImage = async (spec) => {
      if (spec.image !== 'id-b') throw new Error('in use by a sandbox');
      await removeImage(spec);
    };
    const collector = createImageCollector(options);
    await collector.observe();
    await clock.advance(10 * MINUTE);
    const report = await collector.collect();
    expect(report.failed.map(({ image: { id }, error }) => [id, error.message])).toEqual([
      ['id-a', 'in use by a sandbox'],
      ['id-c', 'in use by a sandbox'],
    ]);
    expect(report.failure).toBe(
      'Failed to garbage collect required amount of images. Attempted to free 14 bytes, but only found 4 bytes eligible to free.',
    );
  });

  it('first what is too old, then what is too much, with the disk measured in between', async () => {
    const { clock, used, options } = setUp({ a: 45, b: 45 });
    const collector = createImageCollector({ ...options, imageMaximumGCAge: '30m' });
    used.add('id-b');
    await collector.observe();
    await clock.advance(31 * MINUTE);
    await collector.observe();
    used.delete('id-b');
    const report = await collector.collect();
    expect(report.removed.map(({ image: { id }, reason }) => [id, reason])).toEqual([['id-a', 'age']]);
    expect(report.bytesToFree).toBe(0);
  });

  it('does not start with a configuration that kubelet refuses', () => {
    const { options } = setUp({});
    expect(() => createImageCollector({ ...options, imageGCLowThresholdPercent: 90 })).toThrow(/must be less than/);
  });
});
