import { describe, expect, it } from 'vitest';
import { createMemoryRecords, type ImagePullCredentials, type PulledRecords } from 'kubepull/image-access';
import type { PodIdentity } from 'kubepull/credential-provider';
import { createKeyring } from 'kubepull/keyring';
import type { CredentialSource } from 'kubepull/docker-config';
import {
  createKit,
  ensure,
  failPulls,
  IMAGE,
  type Kit,
  MALFORMED,
  REF,
  runtimeImage,
} from '../image-manager/fake-images.ts';
import {
  ask,
  entry,
  entryOf,
  kitOf,
  NOBODY,
  ONE,
  record,
  recorded,
  REPOSITORY,
  secret,
  SERVICE_ACCOUNT,
  tokenKeyring,
} from './record-kit.ts';

const MINE = { secrets: [secret('s', '1', 'u')] };

/** Pulls that end when the test says so. */
function heldPulls(kit: Kit): readonly (() => void)[] {
  const ends: (() => void)[] = [];
  kit.images.onPull = () => new Promise((resolve) => ends.push(() => resolve(REF)));
  return ends;
}

describe('the life cycle of records', () => {
  it('records, before: the intent stands while the pull is under way', async () => {
    const kit = createKit();
    const ends = heldPulls(kit);
    const pull = ensure(kit, 'Always');
    await kit.clock.advance(0);
    expect(await kit.records.listIntents()).toEqual([IMAGE]);
    ends[0]?.();
    await pull;
    expect(await kit.records.listIntents()).toEqual([]);
  });

  it('records, before: the intent is of the raw image string', async () => {
    const kit = createKit();
    heldPulls(kit);
    void ensure(kit, 'Always', { image: 'nginx' });
    await kit.clock.advance(0);
    expect(await kit.records.listIntents()).toEqual(['nginx']);
  });

  it('records, before: of several pulls of one image it stands until the last ends', async () => {
    const kit = createKit({ serializeImagePulls: false });
    const ends = heldPulls(kit);
    const pulls = ['u1', 'u2'].map((uid) => ensure(kit, 'Always', { uid }));
    await kit.clock.advance(0);
    // Another pod that finds the image meanwhile has to show credentials.
    kit.images.present.set(IMAGE, runtimeImage(IMAGE));
    expect(await ensure(kit, 'Never', { uid: 'u3' })).toMatchObject({ reason: 'ErrImageNeverPull' });
    ends[0]?.();
    await pulls[0];
    expect(await kit.records.listIntents()).toEqual([IMAGE]);
    ends[1]?.();
    await pulls[1];
    expect(await kit.records.listIntents()).toEqual([]);
  });

  it('records, failed: or backed off, the intent is deleted', async () => {
    const kit = createKit();
    failPulls(kit, 'denied');
    for (const reason of ['ErrImagePull', 'ImagePullBackOff']) {
      expect(await ensure(kit, 'Always')).toMatchObject({ reason });
      expect(await kit.records.listIntents()).toEqual([]);
    }
    expect(await kit.records.listRecords()).toEqual([]);
  });

  it('records, failed: an intent that cannot be deleted still counts', async () => {
    const deleteIntent = () => Promise.reject(new Error('read-only'));
    const kit = createKit({ records: { ...createMemoryRecords(), deleteIntent, hasIntent: async () => false } });
    failPulls(kit, 'denied');
    expect(await ensure(kit, 'Always')).toMatchObject({ reason: 'ErrImagePull' });
    kit.images.present.set(IMAGE, runtimeImage(IMAGE));
    expect(await ensure(kit, 'Never')).toMatchObject({ reason: 'ErrImageNeverPull' });
  });

  it('records, success: a record of the image ref that the runtime gave, and no intent', async () => {
    const kit = createKit();
    const other = `sha256:${'b'.repeat(64)}`;
    kit.images.onPull = () => other;
    await ask(kit, MINE, 'Always');
    expect(await kit.records.listRecords()).toEqual([
      { ...record(ONE), imageRef: other, lastUpdatedAt: kit.clock.now() },
    ]);
    expect(await kit.records.listIntents()).toEqual([]);
  });

  it('records, success: a record that cannot be written leaves the intent, and the pod gets its image', async () => {
    const warnings: unknown[] = [];
    const memory = createMemoryRecords();
    const records: PulledRecords = { ...memory, writeRecord: () => Promise.reject(new Error('read-only')) };
    const kit = createKit({ records, onWarning: (error) => void warnings.push(error) });
    expect(await ensure(kit, 'Always')).toMatchObject({ status: 'pulled' });
    expect(await memory.listIntents()).toEqual([IMAGE]);
    expect(warnings).toMatchObject([{ message: 'read-only' }]);
    expect(await ensure(kit, 'Never', { uid: 'u2' })).toMatchObject({ reason: 'ErrImageNeverPull' });
  });

  it('records, start: an intent whose image is there becomes a record without credentials, others stay', async () => {
    const digest = `private.example/by-digest@${REF}`;
    const intents = [IMAGE, 'ubuntu', 'private.example/gone:1', digest];
    const kit = createKit({ records: createMemoryRecords({ intents }) });
    kit.images.present.set(IMAGE, runtimeImage(IMAGE));
    kit.images.present.set('x', { ...runtimeImage('docker.io/library/ubuntu:latest'), id: 'sha256:u' });
    kit.images.present.set('y', { ...runtimeImage('y'), id: 'sha256:y', repoDigests: [digest] });
    expect(await kit.manager.recoverIntents()).toEqual([IMAGE, digest]);
    expect(await kit.records.listIntents()).toEqual(['ubuntu', 'private.example/gone:1']);
    const empty = { lastUpdatedAt: kit.clock.now(), credentialMapping: new Map() };
    expect(await kit.records.listRecords()).toEqual([
      { imageRef: REF, ...empty },
      { imageRef: 'sha256:y', ...empty },
    ]);
    expect(await ask(kit, MINE, 'Never')).toMatchObject({ reason: 'ErrImageNeverPull' });
  });

  it('records, start: looks at each image once, however many intents an earlier run left behind', async () => {
    const intents = Array.from({ length: 200 }, (_, index) => `private.example/app${index}:1`);
    const kit = createKit({ records: createMemoryRecords({ intents }) });
    let looks = 0;
    for (const [index, image] of intents.entries()) {
      const { repoTags, ...rest } = runtimeImage(image, `sha256:${index}`);
      const counted = Object.defineProperty(rest, 'repoTags', { get: () => ((looks += 1), repoTags) });
      kit.images.present.set(image, counted as ReturnType<typeof runtimeImage>);
    }
    expect(await kit.manager.recoverIntents()).toHaveLength(200);
    expect(looks).toBeLessThanOrEqual(2 * intents.length);
  });

  it('records, start: without its record an intent stays, or the image would pass for preloaded', async () => {
    const memory = createMemoryRecords({ intents: [IMAGE] });
    const kit = createKit({ records: { ...memory, writeRecord: () => Promise.reject(new Error('read-only')) } });
    kit.images.present.set(IMAGE, runtimeImage(IMAGE));
    expect(await kit.manager.recoverIntents()).toEqual([]);
    expect(await ask(kit, MINE, 'Never')).toMatchObject({ reason: 'ErrImageNeverPull' });
  });

  it('records, start: what was recorded of the image before stays', async () => {
    const kit = kitOf({ record: record(ONE), intent: true });
    expect(await kit.manager.recoverIntents()).toEqual([IMAGE]);
    expect(await kit.records.listRecords()).toEqual([record(ONE)]);
    expect(await ask(kit, MINE, 'Never')).toMatchObject({ status: 'present' });
  });

  it('records, start: what an earlier run left behind is recovered before the first image is asked for', async () => {
    const other = 'private.example/other:1';
    const kit = createKit({ records: createMemoryRecords({ intents: [IMAGE, 'private.example/gone:1'] }) });
    kit.images.present.set(IMAGE, runtimeImage(IMAGE));
    await ensure(kit, 'IfNotPresent', { image: other });
    expect(await kit.records.listIntents()).toEqual(['private.example/gone:1']);
    expect((await kit.records.readRecord(REF))?.credentialMapping.has(REPOSITORY)).toBe(false);
    expect(kit.images.calls[0]).toBe('ListImages');
    await ensure(kit, 'Never');
    expect(kit.images.calls.filter((call) => call === 'ListImages')).toHaveLength(1);
  });

  it('records, start: while images cannot be listed a failed pull leaves the intent of an earlier run', async () => {
    const kit = createKit({ records: createMemoryRecords({ intents: [IMAGE] }), onWarning: () => undefined });
    let broken = true;
    const list = kit.images.listImages.bind(kit.images);
    kit.images.listImages = (options) => (broken ? Promise.reject(new Error('no runtime')) : list(options));
    failPulls(kit, 'denied');
    expect(await ensure(kit, 'Always')).toMatchObject({ reason: 'ErrImagePull' });
    expect(await kit.records.listIntents()).toEqual([IMAGE]);

    broken = false;
    kit.images.present.set(IMAGE, runtimeImage(IMAGE));
    expect(await ensure(kit, 'Never', { uid: 'u2' })).toMatchObject({ reason: 'ErrImageNeverPull' });
    expect(await kit.records.listIntents()).toEqual([]);
    expect((await kit.records.readRecord(REF))?.credentialMapping).toEqual(new Map());
  });

  it('records, start: the intent of a pull of this run is no left-over', async () => {
    const kit = createKit();
    const ends = heldPulls(kit);
    const pull = ensure(kit, 'Always');
    await kit.clock.advance(0);
    kit.images.present.set(IMAGE, runtimeImage(IMAGE));
    expect(await kit.manager.recoverIntents()).toEqual([]);
    expect(await kit.records.listIntents()).toEqual([IMAGE]);
    ends[0]?.();
    await pull;
  });

  it('records, start: without intents the runtime is not asked', async () => {
    const kit = createKit();
    expect(await kit.manager.recoverIntents()).toEqual([]);
    expect(kit.images.calls).toEqual([]);
  });

  it('records, GC: records of images that are gone go, but for those written since it started', async () => {
    const [early, late] = [
      { ...record(ONE), imageRef: 'sha256:early', lastUpdatedAt: 99 },
      { ...record(ONE), imageRef: 'sha256:late', lastUpdatedAt: 100 },
    ];
    const kit = createKit({ records: createMemoryRecords({ records: [record(ONE), early, late] }) });
    kit.images.present.set(IMAGE, runtimeImage(IMAGE));
    expect(await kit.manager.pruneRecords({ startedAt: 100 })).toEqual(['sha256:early']);
    expect((await kit.records.listRecords()).map(({ imageRef }) => imageRef)).toEqual([REF, 'sha256:late']);
  });

  it('records, GC: of a record that is written while it looks, the new time counts', async () => {
    const memory = createMemoryRecords({ records: [{ ...record(ONE), lastUpdatedAt: 100 }] });
    const kit = createKit({ records: { ...memory, listRecords: async () => [record(ONE)] } });
    expect(await kit.manager.pruneRecords({ startedAt: 100 })).toEqual([]);
    expect(await memory.readRecord(REF)).toBeDefined();
  });

  it('records, locks: pulls of several pods at once lose no credential', async () => {
    const kit = createKit({ serializeImagePulls: false, registryPullQPS: 0 });
    const ends = heldPulls(kit);
    const uids = Array.from({ length: 20 }, (_, at) => `u${at}`);
    const pulls = uids.map((uid) => ensure(kit, 'Always', { uid, pullSecrets: [secret(uid, uid, uid)] }));
    await kit.clock.advance(0);
    for (const end of ends) end();
    await Promise.all(pulls);
    expect((await entryOf(kit))?.kubernetesSecrets.map(({ uid }) => uid).toSorted()).toEqual(uids.toSorted());
    expect(await kit.records.listIntents()).toEqual([]);
  });
});

describe('what is stored after a success', () => {
  it.each<[string, CredentialSource | undefined, Partial<ImagePullCredentials>]>([
    ['records, stored: of a secret', { kind: 'secret', namespace: 'default', name: 's', uid: '1' }, ONE],
    [
      'records, stored: of a plugin in token mode',
      { kind: 'plugin', provider: 'p', serviceAccount: SERVICE_ACCOUNT },
      { kubernetesServiceAccounts: [SERVICE_ACCOUNT] },
    ],
    [
      'records, stored: of a plugin without token',
      { kind: 'plugin', provider: 'p', serviceAccount: undefined },
      { nodePodsAccessible: true },
    ],
    ['records, stored: of a node file', { kind: 'file', path: '/config.json' }, { nodePodsAccessible: true }],
    ['records, stored: of nobody', undefined, { nodePodsAccessible: true }],
  ])('%s', async (_, source, credentials) => {
    const kit = createKit({ keyring: createKeyring(source === undefined ? [] : [entry('u', source)]) });
    await ensure(kit, 'Always');
    expect(await entryOf(kit)).toEqual({ ...NOBODY, ...credentials });
    expect((await kit.records.readRecord(REF))?.lastUpdatedAt).toBe(kit.clock.now());
  });
});

describe('a keyring of plugins that is given whole', () => {
  it('credentials, identity: is asked on behalf of the pod, so what a token gave is not open to every pod', async () => {
    const asked: PodIdentity[] = [];
    const nobody = createKeyring([entry('node', { kind: 'plugin', provider: 'p', serviceAccount: undefined })]);
    const forPod = (pod: PodIdentity) => {
      asked.push(pod);
      return tokenKeyring();
    };
    const kit = createKit({ keyring: { ...nobody, forPod } });
    await ensure(kit, 'Always');
    expect(asked).toEqual([{ namespace: 'default', name: 'web', uid: 'u1', serviceAccountName: '' }]);
    expect(await entryOf(kit)).toEqual({ ...NOBODY, kubernetesServiceAccounts: [SERVICE_ACCOUNT] });
  });
});

describe('how a success is merged into the record', () => {
  /** The record, and then a pull with what the pod offers. */
  const after = async (known: ReturnType<typeof record>, scene: Parameters<typeof ask>[1], keyring?: unknown) => {
    const kit = kitOf({ record: known, ...(keyring !== undefined && { keyring: tokenKeyring() }) });
    await kit.clock.advance(1_000);
    await ask(kit, scene, 'Always');
    return kit;
  };

  it('records, merge: an entry is added for a repository without', async () => {
    const kit = await after(record({ nodePodsAccessible: true }, 'private.example/other'), MINE);
    const { credentialMapping } = (await kit.records.readRecord(REF)) ?? {};
    expect([...(credentialMapping?.keys() ?? [])]).toEqual(['private.example/other', 'private.example/app']);
    expect(await entryOf(kit)).toEqual({ ...NOBODY, ...ONE });
  });

  it('records, merge: what is open to all stays so for ever, and its time does', async () => {
    const kit = await after(record({ nodePodsAccessible: true }), MINE);
    expect(await kit.records.readRecord(REF)).toEqual(record({ nodePodsAccessible: true }));
  });

  it('records, merge: what becomes open to all loses its lists', async () => {
    const kit = await after(record({ ...ONE, kubernetesServiceAccounts: [SERVICE_ACCOUNT] }), {});
    expect(await entryOf(kit)).toEqual({ ...NOBODY, nodePodsAccessible: true });
    expect((await kit.records.readRecord(REF))?.lastUpdatedAt).toBe(kit.clock.now());
  });

  it('records, merge: of secrets with the same coordinates the new hash wins, and they are sorted', async () => {
    const known = { kubernetesSecrets: [recorded('b', '1', 'x'), recorded('s', '1', 'old')] };
    const kit = await after(record(known), { secrets: [secret('s', '1', 'new')] });
    expect(await entryOf(kit)).toEqual({
      ...NOBODY,
      kubernetesSecrets: [recorded('b', '1', 'x'), recorded('s', '1', 'new')],
    });
    const first = await after(record(known), { secrets: [secret('a', '9', 'y')] });
    expect((await entryOf(first))?.kubernetesSecrets.map(({ name }) => name)).toEqual(['a', 'b', 's']);
  });

  it('records, merge: service accounts are united, beside the secrets', async () => {
    const other = { ...SERVICE_ACCOUNT, name: 'a' };
    const kit = await after(record({ ...ONE, kubernetesServiceAccounts: [other] }), {}, tokenKeyring());
    expect(await entryOf(kit)).toEqual({ ...NOBODY, ...ONE, kubernetesServiceAccounts: [other, SERVICE_ACCOUNT] });
  });

  it('records, merge: the same again leaves the record and its time alone, and writes nothing', async () => {
    const kit = await after(record(ONE), MINE);
    expect(await kit.records.readRecord(REF)).toEqual(record(ONE));
    const writeRecord = () => Promise.reject(new Error('read-only'));
    const readOnly = createKit({ records: { ...createMemoryRecords({ records: [record(ONE)] }), writeRecord } });
    await ask(readOnly, MINE, 'Always');
    expect(await readOnly.records.listIntents()).toEqual([]);
  });

  it('records, merge: a record that cannot be read gives way to a new one', async () => {
    const kit = kitOf({ record: 'unreadable' });
    await ask(kit, MINE);
    expect(await kit.records.listRecords()).toEqual([{ ...record(ONE), lastUpdatedAt: kit.clock.now() }]);
    expect(await kit.records.listIntents()).toEqual([]);
  });
});

describe('edge cases of verification', () => {
  it('what follows, public image: pulled once by nobody it is open to every pod, whatever comes later', async () => {
    const kit = createKit();
    await ensure(kit, 'IfNotPresent');
    failPulls(kit, 'denied');
    expect(await ensure(kit, 'IfNotPresent', { uid: 'u2' })).toMatchObject({ status: 'present' });
    expect(await ask(kit, MINE, 'Never')).toMatchObject({ status: 'present' });
  });

  it('what follows, other name: the same content under a preloaded name has to be verified too', async () => {
    const kit = kitOf({ record: record(ONE, 'private.example/a') });
    expect(await ask(kit, {}, 'Never')).toMatchObject({ reason: 'ErrImageNeverPull' });
  });

  it('what follows, deleted records: and a restart make every image count as preloaded', async () => {
    const kit = createKit();
    await ask(kit, MINE, 'Always');
    expect(await ensure(kit, 'Never', { uid: 'u2' })).toMatchObject({ reason: 'ErrImageNeverPull' });
    const restarted = createKit({ images: kit.images });
    expect(await ensure(restarted, 'Never', { uid: 'u2' })).toMatchObject({ status: 'present' });
  });

  it('what follows, malformed secrets: do not keep back an image that is preloaded or open to all', async () => {
    for (const scene of [{}, { record: record({ nodePodsAccessible: true }) }])
      expect(await ask(kitOf(scene), { secrets: [MALFORMED] })).toMatchObject({ status: 'present' });
    expect(await ask(kitOf({ record: record(ONE) }), { secrets: [MALFORMED] })).toMatchObject({ status: 'error' });
  });
});
