import { describe, expect, it } from 'vitest';
import { createMemoryRecords, type PulledRecords } from 'kubepull/image-access';
import { type ImageManagerOptions } from 'kubepull/image-manager';
import { createFakeClock } from 'kubepull/testing';
import { createPullFailures } from '../../src/image-manager/pull-failures.ts';
import {
  createFakeImages,
  createKit,
  ensure,
  failPulls,
  GATE_OFF,
  IMAGE,
  type Kit,
  kitWithImage,
  PULLED,
  PULLING,
  recordOf,
  REF,
  refuse,
  secretOf,
} from './fake-images.ts';

const REPOSITORY = 'private.example/app';
const INTENT_TEXT = `Failed to record image pull intent for container image "${IMAGE}": no space left on device`;
const BACK_OFF = `Back-off pulling image "${IMAGE}"`;

/** Memory records that log what is done with intents and records. */
function loggedRecords(log: string[]): PulledRecords {
  const memory = createMemoryRecords();
  return {
    ...memory,
    async writeIntent(image) {
      log.push('write intent');
      await memory.writeIntent(image);
    },
    async deleteIntent(image) {
      log.push('delete intent');
      await memory.deleteIntent(image);
    },
    async writeRecord(record) {
      log.push('write record');
      await memory.writeRecord(record);
    },
  };
}

/** Everything that one step does, in order. */
function logged(): { readonly kit: Kit; readonly log: string[] } {
  const log: string[] = [];
  const kit = createKit({ records: loggedRecords(log), onEvent: ({ reason }) => void log.push(reason) });
  const { onPull } = kit.images;
  kit.images.onPull = (request) => {
    log.push('pull');
    return onPull(request);
  };
  return { kit, log };
}

const known = () => createMemoryRecords({ records: [recordOf('x')] });
const noSpace = (): PulledRecords => ({
  ...createMemoryRecords(),
  writeIntent: () => Promise.reject(new Error('no space left on device')),
});

describe('the pull step', () => {
  it('pull, intent: an intent that cannot be written stops it', async () => {
    const kit = createKit({ records: noSpace() });
    expect(await ensure(kit, 'Always')).toMatchObject({
      status: 'error',
      reason: 'no space left on device',
      message: INTENT_TEXT,
    });
    expect([kit.images.calls, kit.said(), kit.manager.stats.inBackoff]).toEqual([[], [], 0]);
  });

  it('pull, intent: with the gate off nothing is written', async () => {
    const kit = createKit({ records: noSpace(), ...GATE_OFF });
    expect(await ensure(kit, 'Always')).toMatchObject({ status: 'pulled' });
    expect(await kit.records.listRecords()).toEqual([]);
  });

  it('pull, intent before back-off: even a back-off writes the intent and drops it', async () => {
    const { kit, log } = logged();
    failPulls(kit, 'denied');
    await ensure(kit, 'Always');
    log.length = 0;
    await ensure(kit, 'Always');
    expect(log).toEqual(['write intent', 'BackOff', 'delete intent']);
  });

  it('pull, back-off: in back-off an event, and the reason with the stored text; no pull', async () => {
    const kit = createKit();
    failPulls(kit, 'denied');
    await ensure(kit, 'Always');
    kit.said();
    kit.images.calls.length = 0;
    await kit.clock.advance(4_000);
    expect(await ensure(kit, 'Always')).toEqual({
      status: 'waiting',
      reason: 'ImagePullBackOff',
      message: `${BACK_OFF}: ErrImagePull: denied`,
      retryAfterMs: 6_000,
      errors: [],
    });
    expect(kit.said()).toEqual([`Normal BackOff ${BACK_OFF}`]);
    expect(kit.images.calls).toEqual([]);
  });

  it('pull, stored text: the stored text is forgotten when a real attempt begins, the back-off is not', () => {
    const failures = createPullFailures(undefined, createFakeClock());
    failures.add('k', { reason: 'ErrImagePull', message: 'denied' });
    expect(failures.backOff('k')?.previous).toEqual({ reason: 'ErrImagePull', message: 'denied' });
    failures.retry('k');
    expect(failures.backOff('k')).toEqual({ previous: undefined, retryAfterMs: 10_000 });
  });

  it('pull, event: the event comes before the pull', async () => {
    const { kit, log } = logged();
    await ensure(kit, 'Always');
    expect(log.slice(0, 3)).toEqual(['write intent', 'Pulling', 'pull']);
  });

  it('pull, turn: the pull waits for its turn, and the result for the pull', async () => {
    const kit = createKit();
    let end: (ref: string) => void = () => undefined;
    kit.images.onPull = () => new Promise((resolve) => void (end = resolve));
    let result: unknown;
    void ensure(kit, 'Always').then((done) => void (result = done));
    await kit.clock.advance(3_000);
    expect([result, kit.manager.stats.pulling]).toEqual([undefined, 1]);
    end(REF);
    await kit.clock.advance(0);
    expect(result).toMatchObject({ status: 'pulled', pullMs: 3_000, totalMs: 3_000 });
  });

  it('pull, failure: the event, the back-off, and what is stored for the next time', async () => {
    const kit = createKit();
    failPulls(kit, 'RegistryUnavailable: down');
    const message = `image pull failed for ${IMAGE} because the registry is unavailable: down`;
    expect(await ensure(kit, 'Always')).toMatchObject({
      status: 'waiting',
      reason: 'RegistryUnavailable',
      message,
      retryAfterMs: 10_000,
    });
    expect(kit.said()).toEqual([PULLING, `Warning Failed Failed to pull image "${IMAGE}": RegistryUnavailable: down`]);
    expect(kit.manager.stats.inBackoff).toBe(1);
    expect(await ensure(kit, 'Always')).toMatchObject({ message: `${BACK_OFF}: RegistryUnavailable: ${message}` });
  });

  it('pull, success: the event, and the image ref of the runtime', async () => {
    const kit = createKit();
    expect(await ensure(kit, 'Always')).toEqual({
      status: 'pulled',
      imageRef: REF,
      source: { kind: 'anonymous' },
      pullMs: 0,
      totalMs: 0,
      size: 10_485_760,
    });
    expect(kit.said()).toEqual([PULLING, PULLED]);
  });

  it('pull, clean-up: a success takes away what has expired, of other keys alone', async () => {
    const kit = createKit();
    failPulls(kit, 'denied');
    await ensure(kit, 'Always', { image: 'old:1' });
    await kit.clock.advance(300_000);
    await ensure(kit, 'Always', { image: 'young:1' });
    await kit.clock.advance(300_001);
    expect(kit.manager.stats.inBackoff).toBe(2);
    kit.images.onPull = () => REF;
    await ensure(kit, 'Always', { image: 'young:1' });
    expect(kit.manager.stats.inBackoff).toBe(1);
  });

  it('pull, clean-up: what is in back-off keeps its text meanwhile', async () => {
    const kit = createKit();
    failPulls(kit, 'denied');
    await ensure(kit, 'Always', { image: 'old:1' });
    await kit.clock.advance(530_000);
    for (const pause of [10_000, 20_000, 40_000, 60_000]) {
      await ensure(kit, 'Always');
      await kit.clock.advance(pause);
    }
    kit.images.onPull = () => REF;
    await ensure(kit, 'Always', { image: 'good:1' });
    expect(kit.manager.stats.inBackoff).toBe(1);
    expect(await ensure(kit, 'Always')).toMatchObject({ message: `${BACK_OFF}: ErrImagePull: denied` });
  });

  it('pull, clean-up: where nothing succeeds the next failure does it', async () => {
    const kit = createKit();
    failPulls(kit, 'denied');
    await ensure(kit, 'Always', { image: 'old:1' });
    await kit.clock.advance(600_001);
    await ensure(kit, 'Always');
    expect(kit.manager.stats.inBackoff).toBe(1);
  });

  it('pull, record: a success records the credential, then drops the intent', async () => {
    const { kit, log } = logged();
    await ensure(kit, 'Always');
    expect(log.slice(-3)).toEqual(['Pulled', 'write record', 'delete intent']);
    expect(await kit.records.listIntents()).toEqual([]);
  });

  it('pull, record: the one credential that was accepted is recorded, and no other', async () => {
    const kit = createKit();
    refuse(kit, 'A');
    await ensure(kit, 'Always', { pullSecrets: [secretOf('A'), secretOf('B'), secretOf('C')] });
    const record = await kit.records.readRecord(REF);
    expect(record?.credentialMapping.get(REPOSITORY)?.kubernetesSecrets.map(({ name }) => name)).toEqual(['creds-B']);
  });

  it('pull, record: a failure records nothing and drops the intent', async () => {
    const { kit, log } = logged();
    failPulls(kit, 'denied');
    await ensure(kit, 'Always');
    expect(log).toEqual(['write intent', 'Pulling', 'Failed', 'delete intent']);
    expect(await kit.records.listRecords()).toEqual([]);
  });

  it('pull, record: an aborted pull rejects with the reason and drops the intent', async () => {
    const kit = createKit();
    const controller = new AbortController();
    const reason = new Error('stop');
    kit.images.onPull = () => {
      controller.abort(reason);
      throw new Error('cancelled');
    };
    await expect(ensure(kit, 'Always', { signal: controller.signal })).rejects.toBe(reason);
    expect(await kit.records.listIntents()).toEqual([]);
    expect(kit.said()).toEqual([PULLING]);
    expect(kit.manager.stats).toMatchObject({ pulling: 0, queued: 0, inBackoff: 0 });
  });

  it.each<[string, string, (fail: () => never) => Partial<ImageManagerOptions>]>([
    ['a status', 'IfNotPresent', (imageStatus) => ({ images: { ...createFakeImages(), imageStatus } })],
    ['a comparison', 'IfNotPresent', (lookup) => ({ records: known(), keyring: { lookup } })],
    ['a look-up', 'Always', (lookup) => ({ keyring: { lookup } })],
    ['an intent', 'Always', (writeIntent) => ({ records: { ...known(), writeIntent } })],
  ])(
    'pull, record: of what fails because the pod gave up only the reason is told, here %s',
    async (_, policy, failing) => {
      const controller = new AbortController();
      const reason = new Error('stop');
      const kit = kitWithImage(
        failing(() => {
          controller.abort(reason);
          throw new Error('cancelled');
        }),
      );
      await expect(ensure(kit, policy, { signal: controller.signal })).rejects.toBe(reason);
      expect([kit.said(), await kit.records.listIntents()]).toEqual([[], []]);
    },
  );

  it('pull, record: an image that came although the pod gave up is recorded, so that it does not pass for preloaded', async () => {
    for (const mergeEqualPulls of [false, true]) {
      const kit = createKit({ mergeEqualPulls });
      const controller = new AbortController();
      const { onPull } = kit.images;
      kit.images.onPull = (request) => {
        controller.abort(new Error('too late'));
        return onPull(request);
      };
      const { signal } = controller;
      await Promise.allSettled([ensure(kit, 'Always', { signal, pullSecrets: [secretOf('A')] })]);
      await kit.clock.advance(0);
      expect(kit.images.present.has(IMAGE)).toBe(true);
      expect(await ensure(kit, 'Never', { uid: 'u2' })).toMatchObject({ reason: 'ErrImageNeverPull' });
    }
  });

  it('pull, life of the text: it lives until the next real attempt, however often it is asked for', async () => {
    const kit = createKit();
    failPulls(kit, 'first');
    await ensure(kit, 'Always');
    for (let sync = 0; sync < 3; sync += 1)
      expect(await ensure(kit, 'Always')).toMatchObject({ message: `${BACK_OFF}: ErrImagePull: first` });
    await kit.clock.advance(10_000);
    failPulls(kit, 'second');
    await ensure(kit, 'Always');
    expect(await ensure(kit, 'Always')).toMatchObject({ message: `${BACK_OFF}: ErrImagePull: second` });
  });
});
