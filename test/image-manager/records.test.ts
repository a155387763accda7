import { describe, expect, it } from 'vitest';
import { createMemoryRecords, type ImageManagerOptions, type PulledRecords } from 'kubepull/image-manager';
import { nodeHasher } from 'kubepull/node';
import { credentialHash, type ImagePullCredentials, type ImagePulledRecord } from 'kubepull/pull-policy';
import { createKeyring } from 'kubepull/keyring';
import { createSecret, type CredentialSource, type DockerConfigEntry } from 'kubepull/docker-config';
import type { SecretLike } from 'kubepull/pull-secrets';
import { createKit, IMAGE, type Kit, podOf, REF, runtimeImage } from './fake-images.ts';

const REPOSITORY = 'private.example/app';
const NOBODY: ImagePullCredentials = {
  kubernetesSecrets: [],
  kubernetesServiceAccounts: [],
  nodePodsAccessible: false,
};

function entry(username: string, source: CredentialSource): DockerConfigEntry {
  const none = { identityToken: undefined, registryToken: undefined, email: undefined };
  return { pattern: 'private.example', source, credential: { username, password: createSecret('p'), ...none } };
}

function hashOf(username: string): string {
  return credentialHash(entry(username, { kind: 'inline' }).credential, nodeHasher);
}

/** A secret with the password `p`. */
function secret(name: string, uid: string, username: string): SecretLike {
  const config = JSON.stringify({ auths: { 'private.example': { username, password: 'p' } } });
  return {
    metadata: { name, uid, namespace: 'default' },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': config },
  };
}

function recorded(name: string, uid: string, username: string) {
  return { namespace: 'default', name, uid, credentialHash: hashOf(username) };
}

function record(credentials: Partial<ImagePullCredentials> | undefined, repository = REPOSITORY): ImagePulledRecord {
  const mapping = credentials === undefined ? [] : [[repository, { ...NOBODY, ...credentials }] as const];
  return { imageRef: REF, lastUpdatedAt: 5, credentialMapping: new Map(mapping) };
}

const hundred = Array.from({ length: 99 }, (_, at) => ({ ...recorded(`n${at}`, `${at}`, 'other'), namespace: 'zz' }));
const SA = { namespace: 'default', name: 'sa', uid: 'sa-uid' };
const tokenKeyring = createKeyring([entry('t', { kind: 'plugin', provider: 'p', serviceAccount: SA })]);

interface Row {
  readonly says: string;
  readonly record?: ImagePulledRecord | 'unreadable';
  readonly intent?: boolean;
  readonly secrets?: readonly SecretLike[];
  readonly keyring?: ImageManagerOptions['keyring'];
  readonly result: 'use' | 'pull';
  /** How many secrets are recorded afterwards, when that is of interest. */
  readonly recorded?: number;
}

const one = { kubernetesSecrets: [recorded('s', '1', 'u')] };
const full = { kubernetesSecrets: [...one.kubernetesSecrets, ...hundred] };
const ROWS: readonly Row[] = [
  { says: 'none, no intent; nothing', result: 'use' },
  { says: 'none, no intent; anything', secrets: [secret('s', '1', 'u')], result: 'use' },
  { says: 'none, intent present', intent: true, secrets: [secret('s', '1', 'u')], result: 'pull' },
  {
    says: 'exists; other repository',
    record: record(one, 'private.example/other'),
    secrets: [secret('s', '1', 'u')],
    result: 'pull',
  },
  { says: 'exists; nodePodsAccessible', record: record({ nodePodsAccessible: true }), result: 'use' },
  {
    says: 'secrets; same text, same secret',
    record: record(one),
    secrets: [secret('s', '1', 'u')],
    result: 'use',
    recorded: 1,
  },
  {
    says: 'secrets; same text, other secret',
    record: record(one),
    secrets: [secret('t', '2', 'u')],
    result: 'use',
    recorded: 2,
  },
  {
    says: 'secrets; same secret, new content',
    record: record(one),
    secrets: [secret('s', '1', 'new')],
    result: 'use',
    recorded: 1,
  },
  {
    says: 'secrets; recreated, same content',
    record: record(one),
    secrets: [secret('s', '2', 'u')],
    result: 'use',
    recorded: 2,
  },
  { says: 'secrets; recreated, new content', record: record(one), secrets: [secret('s', '2', 'new')], result: 'pull' },
  {
    says: '≥ 100 secrets; same secret, new content',
    record: record(full),
    secrets: [secret('s', '1', 'new')],
    result: 'pull',
  },
  {
    says: '≥ 100 secrets; other secret, same content',
    record: record(full),
    secrets: [secret('t', '2', 'u')],
    result: 'use',
    recorded: 100,
  },
  { says: 'secrets; none', record: record(one), result: 'pull' },
  { says: 'secrets; others', record: record(one), secrets: [secret('t', '2', 'other')], result: 'pull' },
  {
    says: 'service accounts; same one',
    record: record({ kubernetesServiceAccounts: [SA] }),
    keyring: tokenKeyring,
    result: 'use',
  },
  { says: 'exists; empty entry', record: record({}), secrets: [secret('s', '1', 'u')], result: 'pull' },
  { says: 'exists; empty mapping', record: record(undefined), secrets: [secret('s', '1', 'u')], result: 'pull' },
  { says: 'unreadable', record: 'unreadable', secrets: [secret('s', '1', 'u')], result: 'pull' },
];

function kitOf(row: Row, options: Partial<ImageManagerOptions> = {}): Kit {
  const state = row.record === undefined || row.record === 'unreadable' ? [] : [row.record];
  const memory = createMemoryRecords({ records: state, intents: row.intent === true ? [IMAGE] : [] });
  const broken = { ...memory, readRecord: () => Promise.reject(new Error('bad record')) };
  const records = row.record === 'unreadable' ? broken : memory;
  const kit = createKit({ records, keyring: row.keyring, ...options });
  kit.images.present.set(IMAGE, runtimeImage(IMAGE));
  return kit;
}

async function ask(kit: Kit, { secrets: pullSecrets = [] }: Row, policy = 'IfNotPresent') {
  return kit.manager.ensureImageExists({ pod: podOf(IMAGE), image: IMAGE, pullPolicy: policy, pullSecrets });
}

describe('semantics 02 §8: decision table of NeverVerifyPreloadedImages', () => {
  it.each(ROWS)('$says: $result', async (row) => {
    const kit = kitOf(row);
    expect((await ask(kit, row)).status).toBe(row.result === 'use' ? 'present' : 'pulled');
    if (row.recorded !== undefined) {
      const after = await kit.records.readRecord(REF);
      expect(after?.credentialMapping.get(REPOSITORY)?.kubernetesSecrets).toHaveLength(row.recorded);
    }
  });

  it.each(ROWS)('with Never it fails where it would pull, $says', async (row) => {
    const result = await ask(kitOf(row), row, 'Never');
    expect(result).toMatchObject(row.result === 'use' ? { status: 'present' } : { reason: 'ErrImageNeverPull' });
  });

  it.each(ROWS)('with AlwaysVerify the first row becomes pull, $says', async (row) => {
    const kit = kitOf(row, { imagePullCredentialsVerificationPolicy: 'AlwaysVerify' });
    const isPreloaded = row.record === undefined && row.intent !== true;
    expect((await ask(kit, row)).status).toBe(row.result === 'use' && !isPreloaded ? 'present' : 'pulled');
  });

  it.each(ROWS.filter(({ record: known }) => known !== 'unreadable'))(
    'with NeverVerify every row becomes use, $says',
    async (row) => {
      const kit = kitOf(row, { imagePullCredentialsVerificationPolicy: 'NeverVerify' });
      expect((await ask(kit, row)).status).toBe('present');
    },
  );

  it.each(ROWS)('with the gate off every row becomes use, and nothing is recorded, $says', async (row) => {
    const kit = kitOf(row, { featureGates: { KubeletEnsureSecretPulledImages: false } });
    expect((await ask(kit, row)).status).toBe('present');
    expect(await ask(kit, row, 'Always')).toMatchObject({ status: 'pulled' });
    expect(await kit.records.listIntents()).toEqual(row.intent === true ? [IMAGE] : []);
  });

  it('02 §6: NeverVerifyAllowlistedImages exempts what is listed, whoever pulled it', async () => {
    const row: Row = { says: '', record: record(one), result: 'use' };
    const policy = { imagePullCredentialsVerificationPolicy: 'NeverVerifyAllowlistedImages' } as const;
    for (const [allowlist, status] of [
      [[REPOSITORY], 'present'],
      [['private.example/*'], 'present'],
      [['private.example/other'], 'pulled'],
    ] as const) {
      const kit = kitOf(row, { ...policy, preloadedImagesVerificationAllowlist: allowlist });
      expect((await ask(kit, row)).status).toBe(status);
    }
    const old = kitOf(row, { ...policy, preloadedImagesVerificationAllowlist: [REPOSITORY], allowlistRelease: '1.35' });
    expect((await ask(old, row)).status).toBe('pulled');
  });
});

describe('semantics 02 §9: life cycle of records', () => {
  const mapping = async ({ records }: Kit, ref = REF) =>
    (await records.readRecord(ref))?.credentialMapping.get(REPOSITORY);

  it.each<[string, CredentialSource, Partial<ImagePullCredentials>]>([
    ['a secret', { kind: 'secret', namespace: 'default', name: 's', uid: '1' }, one],
    ['a service account', { kind: 'plugin', provider: 'p', serviceAccount: SA }, { kubernetesServiceAccounts: [SA] }],
    [
      'a plugin without token',
      { kind: 'plugin', provider: 'p', serviceAccount: undefined },
      { nodePodsAccessible: true },
    ],
    ['a node file', { kind: 'file', path: '/config.json' }, { nodePodsAccessible: true }],
  ])('a success with %s', async (_, source, credentials) => {
    const kit = createKit({ keyring: createKeyring([entry('u', source)]) });
    await ask(kit, ROWS[0]!, 'Always');
    expect(await mapping(kit)).toEqual({ ...NOBODY, ...credentials });
    expect((await kit.records.readRecord(REF))?.lastUpdatedAt).toBe(kit.clock.now());
  });

  it('a success without credentials opens the image to all, for ever', async () => {
    const kit = createKit();
    await ask(kit, { says: '', secrets: [secret('s', '1', 'u')], result: 'pull' }, 'Always');
    expect(await mapping(kit)).toEqual({ ...NOBODY, ...one });
    await ask(kit, ROWS[0]!, 'Always');
    expect(await mapping(kit)).toEqual({ ...NOBODY, nodePodsAccessible: true });
    await ask(kit, { says: '', secrets: [secret('s', '1', 'u')], result: 'pull' }, 'Always');
    expect(await mapping(kit)).toEqual({ ...NOBODY, nodePodsAccessible: true });
  });

  it('the intent stands while the pull is under way, and until the last of several ends', async () => {
    const kit = createKit({ serializeImagePulls: false });
    const ends: (() => void)[] = [];
    kit.images.onPull = () => new Promise((resolve) => ends.push(() => resolve(REF)));
    const pull = (uid: string) =>
      kit.manager.ensureImageExists({ pod: podOf(IMAGE, 'Always', uid), image: IMAGE, pullPolicy: 'Always' });
    const [first, second] = [pull('u1'), pull('u2')];
    await kit.clock.advance(0);
    expect(await kit.records.listIntents()).toEqual([IMAGE]);
    // Another pod that finds the image meanwhile has to show credentials.
    kit.images.present.set(IMAGE, runtimeImage(IMAGE));
    expect(await ask(kit, ROWS[0]!, 'Never')).toMatchObject({ reason: 'ErrImageNeverPull' });
    ends[0]?.();
    await first;
    expect(await kit.records.listIntents()).toEqual([IMAGE]);
    ends[1]?.();
    await second;
    expect(await kit.records.listIntents()).toEqual([]);
  });

  it('a record that cannot be written leaves the intent, and the pod gets its image', async () => {
    const warnings: unknown[] = [];
    const memory = createMemoryRecords();
    const records: PulledRecords = { ...memory, writeRecord: () => Promise.reject(new Error('read-only')) };
    const kit = createKit({ records, onWarning: (error) => void warnings.push(error) });
    expect(await ask(kit, ROWS[0]!, 'Always')).toMatchObject({ status: 'pulled' });
    expect(await memory.listIntents()).toEqual([IMAGE]);
    expect(warnings).toMatchObject([{ message: 'read-only' }]);
  });

  it('an intent that cannot be deleted still counts', async () => {
    const memory = createMemoryRecords();
    const kit = createKit({ records: { ...memory, deleteIntent: () => Promise.reject(new Error('read-only')) } });
    kit.images.onPull = () => {
      throw new Error('denied');
    };
    expect(await ask(kit, ROWS[0]!, 'Always')).toMatchObject({ reason: 'ErrImagePull' });
    kit.images.present.set(IMAGE, runtimeImage(IMAGE));
    expect(await ask(kit, ROWS[0]!, 'Never')).toMatchObject({ reason: 'ErrImageNeverPull' });
  });

  it('at start, an intent whose image is there becomes a record without credentials; short names stay', async () => {
    const records = createMemoryRecords({ intents: [IMAGE, 'ubuntu', 'private.example/gone:1'] });
    const kit = createKit({ records });
    kit.images.present.set(IMAGE, runtimeImage(IMAGE));
    kit.images.present.set('x', { ...runtimeImage('docker.io/library/ubuntu:latest'), id: 'sha256:u' });
    expect(await kit.manager.recoverIntents()).toEqual([IMAGE]);
    expect(await records.listIntents()).toEqual(['ubuntu', 'private.example/gone:1']);
    expect(await records.listRecords()).toEqual([
      { imageRef: REF, lastUpdatedAt: kit.clock.now(), credentialMapping: new Map() },
    ]);
    expect(await ask(kit, ROWS[0]!, 'Never')).toMatchObject({ reason: 'ErrImageNeverPull' });
  });

  it('at start without intents the runtime is not asked', async () => {
    const kit = createKit();
    expect(await kit.manager.recoverIntents()).toEqual([]);
    expect(kit.images.calls).toEqual([]);
  });

  it('after a garbage collection, records of images that are gone go, but for those written since', async () => {
    const gone = { ...record(one), imageRef: 'sha256:gone' };
    const fresh = { ...record(one), imageRef: 'sha256:fresh', lastUpdatedAt: 100 };
    const kit = createKit({ records: createMemoryRecords({ records: [record(one), gone, fresh] }) });
    kit.images.present.set(IMAGE, runtimeImage(IMAGE));
    expect(await kit.manager.pruneRecords({ startedAt: 100 })).toEqual(['sha256:gone']);
    expect((await kit.records.listRecords()).map(({ imageRef }) => imageRef)).toEqual([REF, 'sha256:fresh']);
  });
});

describe('semantics 02 §10: edge cases', () => {
  it('the same content under a preloaded name has to be verified once it was pulled under another', async () => {
    const kit = createKit({ records: createMemoryRecords({ records: [record(one, 'private.example/a')] }) });
    kit.images.present.set(IMAGE, runtimeImage(IMAGE));
    expect(await ask(kit, ROWS[0]!, 'Never')).toMatchObject({ reason: 'ErrImageNeverPull' });
  });
});
