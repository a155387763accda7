import { describe, expect, it } from 'vitest';
import { createMemoryRecords, decideMustPull } from 'kubepull/image-access';
import { createKeyring } from 'kubepull/keyring';
import {
  createKit,
  GATE_OFF,
  IMAGE,
  type Kit,
  MALFORMED,
  MALFORMED_TEXT,
  PULLED,
  PULLING,
  REF,
  refuse,
  runtimeImage,
} from '../image-manager/fake-images.ts';
import {
  ask,
  entry,
  entryOf,
  FULL,
  kitOf,
  NOBODY,
  ONE,
  record,
  recorded,
  REPOSITORY,
  type Scene,
  secret,
  SERVICE_ACCOUNT,
  tokenKeyring,
} from './record-kit.ts';

interface Row extends Scene {
  readonly says: string;
  readonly result: 'use' | 'pull';
  /** The names and uids of the secrets that are recorded afterwards, when that is of interest. */
  readonly after?: readonly string[];
}

const fullNames = FULL.kubernetesSecrets.map(({ name, uid }) => `${name}/${uid}`);
const ROWS: readonly Row[] = [
  { says: 'must pull, case 1: no record, no intent; the pod offers nothing', result: 'use' },
  {
    says: 'must pull, case 1: no record, no intent; it offers anything',
    secrets: [secret('s', '1', 'u')],
    result: 'use',
  },
  {
    says: 'must pull, case 2: no record, an intent; it offers anything',
    intent: true,
    secrets: [secret('s', '1', 'u')],
    result: 'pull',
  },
  {
    says: 'must pull, case 3: a record of another repository; it offers anything',
    record: record(ONE, 'private.example/other'),
    secrets: [secret('s', '1', 'u')],
    result: 'pull',
  },
  {
    says: 'must pull, case 4: nodePodsAccessible; it offers nothing',
    record: record({ nodePodsAccessible: true }),
    result: 'use',
  },
  {
    says: 'must pull, case 4: nodePodsAccessible; it offers anything',
    record: record({ nodePodsAccessible: true }),
    secrets: [secret('t', '2', 'other')],
    result: 'use',
  },
  {
    says: 'must pull, case 5: secrets; the same text in the same secret',
    record: record(ONE),
    secrets: [secret('s', '1', 'u')],
    result: 'use',
    after: ['s/1'],
  },
  {
    says: 'must pull, case 5: secrets; the same text in another secret, which is recorded',
    record: record(ONE),
    secrets: [secret('t', '2', 'u')],
    result: 'use',
    after: ['s/1', 't/2'],
  },
  {
    says: 'must pull, case 6: secrets; the same secret with new content',
    record: record(ONE),
    secrets: [secret('s', '1', 'new')],
    result: 'use',
    after: ['s/1'],
  },
  {
    says: 'must pull, case 7: secrets; recreated with the same content',
    record: record(ONE),
    secrets: [secret('s', '2', 'u')],
    result: 'use',
    after: ['s/1', 's/2'],
  },
  {
    says: 'must pull, case 8: secrets; recreated with new content',
    record: record(ONE),
    secrets: [secret('s', '2', 'new')],
    result: 'pull',
  },
  {
    says: 'must pull, case 9: 100 secrets; the same secret with new content',
    record: record(FULL),
    secrets: [secret('s', '1', 'new')],
    result: 'pull',
  },
  {
    says: 'must pull, case 10: 100 secrets; another secret with the same content, which is not recorded',
    record: record(FULL),
    secrets: [secret('t', '2', 'u')],
    result: 'use',
    after: fullNames,
  },
  { says: 'must pull, case 11: secrets; it offers none', record: record(ONE), result: 'pull' },
  {
    says: 'must pull, case 11: secrets; it offers others',
    record: record(ONE),
    secrets: [secret('t', '2', 'other')],
    result: 'pull',
  },
  {
    says: 'must pull, case 12: service accounts; the same one, by a plugin in token mode',
    record: record({ kubernetesServiceAccounts: [SERVICE_ACCOUNT] }),
    keyring: tokenKeyring(),
    result: 'use',
  },
  {
    says: 'must pull, case 13: an empty entry; it offers anything',
    record: record({}),
    secrets: [secret('s', '1', 'u')],
    result: 'pull',
  },
  {
    says: 'must pull, case 13: an empty mapping; it offers anything',
    record: record(undefined),
    secrets: [secret('s', '1', 'u')],
    result: 'pull',
  },
  { says: 'must pull, case 14: unreadable', record: 'unreadable', secrets: [secret('s', '1', 'u')], result: 'pull' },
];

const NAMED = ROWS.map((row) => [row.says, row.result, row] as const);

const reasonOf = async (kit: Kit, scene: Scene, policy?: string): Promise<string> => {
  const result = await ask(kit, scene, policy);
  return 'reason' in result ? result.reason : result.status;
};

describe('the decision table of NeverVerifyPreloadedImages', () => {
  it.each(NAMED)('%s: %s', async (_, _result, row) => {
    const kit = kitOf(row);
    expect(await reasonOf(kit, row)).toBe(row.result === 'use' ? 'present' : 'pulled');
    if (row.after === undefined) return;
    const secrets = (await entryOf(kit))?.kubernetesSecrets ?? [];
    expect(secrets.map(({ name, uid }) => `${name}/${uid}`).toSorted()).toEqual(row.after.toSorted());
  });

  it.each(NAMED)('must pull, Never: it fails where it would pull, %s', async (_, _result, row) => {
    expect(await reasonOf(kitOf(row), row, 'Never')).toBe(row.result === 'use' ? 'present' : 'ErrImageNeverPull');
  });

  it.each(NAMED)('must pull, AlwaysVerify: the first row becomes pull, %s', async (_, _result, row) => {
    const kit = kitOf(row, { imagePullCredentialsVerificationPolicy: 'AlwaysVerify' });
    const isPreloaded = row.record === undefined && row.intent !== true;
    expect(await reasonOf(kit, row)).toBe(row.result === 'use' && !isPreloaded ? 'present' : 'pulled');
  });

  // Step 2 comes before step 3: what cannot be read is pulled under any policy.
  it.each(NAMED)('must pull, NeverVerify: every row becomes use but the last, %s', async (_, _result, row) => {
    const kit = kitOf(row, { imagePullCredentialsVerificationPolicy: 'NeverVerify' });
    expect(await reasonOf(kit, row)).toBe(row.record === 'unreadable' ? 'pulled' : 'present');
  });

  it.each(NAMED)(
    'what follows, gate off: every row becomes use, and nothing is recorded, %s',
    async (_, _result, row) => {
      const kit = kitOf(row, GATE_OFF);
      const before = await kit.records.listRecords();
      expect(await reasonOf(kit, row)).toBe('present');
      expect(await reasonOf(kit, row, 'Always')).toBe('pulled');
      expect(await kit.records.listIntents()).toEqual(row.intent === true ? [IMAGE] : []);
      expect(await kit.records.listRecords()).toEqual(before);
    },
  );
});

describe('the steps of the decision', () => {
  const decide = (more: Partial<Parameters<typeof decideMustPull>[0]>) =>
    decideMustPull({ image: IMAGE, imageRef: REF, record: undefined, ...more });
  const must = async (scene: Scene, options: Parameters<typeof kitOf>[1] = {}) =>
    (await reasonOf(kitOf(scene, options), scene, 'Never')) === 'ErrImageNeverPull';
  const verifyAll = { imagePullCredentialsVerificationPolicy: 'AlwaysVerify' } as const;

  it('must pull, no image id: without an id from the runtime it pulls', () => {
    const accessible = record({ nodePodsAccessible: true });
    expect(decide({ imageRef: '', record: accessible, policy: 'NeverVerify' })).toEqual({
      mustPull: true,
      reason: 'no-image-ref',
      record: undefined,
    });
  });

  it.each([
    ['a record', { record: 'unreadable' }],
    ['an intent', { intent: 'unreadable' }],
  ] as const)(
    'must pull, what cannot be read: %s that cannot be read asks for a pull, and is told of',
    async (_, scene) => {
      const warnings: unknown[] = [];
      expect(await must(scene, { onWarning: (error) => void warnings.push(error) })).toBe(true);
      expect(warnings).toMatchObject([{ message: 'bad file' }]);
    },
  );

  it('must pull, what cannot be read: pulled by kubelet is what has a record, a pull under way, or an intent', async () => {
    expect(await must({ record: record(ONE) })).toBe(true);
    expect(await must({ intent: true })).toBe(true);
    // Under way, although nobody has written it down.
    const records = { ...createMemoryRecords(), hasIntent: async () => false };
    const kit = createKit({ records });
    let end: (ref: string) => void = () => undefined;
    kit.images.onPull = () => new Promise((resolve) => void (end = resolve));
    const pull = kit.manager.ensureImageExists({
      pod: { metadata: { name: 'other', uid: 'u2' } },
      image: IMAGE,
      pullPolicy: 'Always',
    });
    await kit.clock.advance(0);
    kit.images.present.set(IMAGE, runtimeImage(IMAGE));
    expect(await reasonOf(kit, {}, 'Never')).toBe('ErrImageNeverPull');
    end(REF);
    await pull;
    expect(await reasonOf(kit, {}, 'Never')).toBe('present');
  });

  it('must pull, exempt image: what the policy does not ask for is used', async () => {
    const never = { imagePullCredentialsVerificationPolicy: 'NeverVerify' } as const;
    for (const scene of [{ record: record(ONE) }, { record: record(undefined) }, { intent: true }])
      expect([await must(scene), await must(scene, never)]).toEqual([true, false]);
  });

  it('must pull, no record: without a record it pulls', async () => {
    expect(await must({}, verifyAll)).toBe(true);
    for (const image of [IMAGE, 'Bad'])
      expect(decide({ image, policy: 'AlwaysVerify' })).toEqual({
        mustPull: true,
        reason: 'no-record',
        record: undefined,
      });
  });

  it('must pull, name: a name that does not parse, and a name without entry', () => {
    const accessible = record({ nodePodsAccessible: true });
    expect(decide({ image: 'Bad', record: accessible })).toMatchObject({ mustPull: true, reason: 'invalid-image' });
    expect(decide({ image: 'private.example/b', record: accessible })).toMatchObject({
      mustPull: true,
      reason: 'other-name',
    });
  });

  it('must pull, name: the entry is found by the name as the pod writes it, whatever tag or digest', async () => {
    const known = record({ nodePodsAccessible: true }, 'app');
    const asked = ['app', 'app:1', `app@${REF}`, `app:1@${REF}`];
    expect(asked.map((image) => decide({ image, record: known }).mustPull)).toEqual(asked.map(() => false));
    const others = ['docker.io/app:2', 'library/app', 'docker.io/library/app:1'];
    expect(others.map((image) => decide({ image, record: known }).mustPull)).toEqual(others.map(() => true));
  });

  it('must pull, name: up to 1.35 the entry is found by the full name of the repository', async () => {
    const known = record({ nodePodsAccessible: true }, 'docker.io/library/app');
    const asked = ['app', 'app:1', 'docker.io/app:2', `library/app@${REF}`];
    const must = (image: string): unknown => decide({ image, record: known, release: '1.35' }).mustPull;
    expect(asked.map(must)).toEqual(asked.map(() => false));
    expect(decide({ image: 'app:1', record: known }).reason).toBe('other-name');
  });

  it('must pull, open to all: what all pods of the node may use is used', async () => {
    expect(await must({ record: record({ nodePodsAccessible: true }) })).toBe(false);
  });

  it('must pull, entry without anybody: an entry without anybody asks for a pull', async () => {
    expect(await must({ record: record({}), secrets: [secret('s', '1', 'u')] })).toBe(true);
  });

  it.each([
    ['2', { record: 'unreadable' }, 'ErrImageNeverPull'],
    ['3', {}, 'present'],
    ['4', { intent: true }, 'ErrImageNeverPull'],
    ['5', { record: record(undefined) }, 'ErrImageNeverPull'],
    ['6', { record: record({ nodePodsAccessible: true }) }, 'present'],
    ['7', { record: record({}) }, 'ErrImageNeverPull'],
    ['8', { record: record(ONE) }, MALFORMED_TEXT],
  ] as const)(
    'must pull, look-up: the credentials are looked up then, and not at step %s if that ends it',
    async (...row) => {
      const [, scene, reason] = row;
      expect(await reasonOf(kitOf(scene), { secrets: [MALFORMED] }, 'Never')).toBe(reason);
    },
  );

  it('must pull, secrets: a rotated secret is accepted, and its new hash recorded', async () => {
    const scene = { record: record(ONE), secrets: [secret('s', '1', 'new')] };
    const kit = kitOf(scene);
    expect(await reasonOf(kit, scene)).toBe('present');
    expect(await entryOf(kit)).toEqual({ ...NOBODY, kubernetesSecrets: [recorded('s', '1', 'new')] });
    expect((await kit.records.readRecord(REF))?.lastUpdatedAt).toBe(kit.clock.now());
  });

  it('must pull, secrets: another secret with the same content is recorded, once', async () => {
    const scene = { record: record(ONE), secrets: [secret('t', '2', 'u')] };
    const kit = kitOf(scene);
    expect(await reasonOf(kit, scene)).toBe('present');
    const both = [recorded('s', '1', 'u'), recorded('t', '2', 'u')];
    expect(await entryOf(kit)).toEqual({ ...NOBODY, kubernetesSecrets: both });
    const { lastUpdatedAt } = (await kit.records.readRecord(REF)) ?? {};
    await kit.clock.advance(60_000);
    expect(await reasonOf(kit, scene)).toBe('present');
    expect((await kit.records.readRecord(REF))?.lastUpdatedAt).toBe(lastUpdatedAt);
  });

  it('must pull, secrets: empty hashes are equal to none', () => {
    const known = record({ kubernetesSecrets: [{ ...recorded('s', '1', 'u'), credentialHash: '' }] });
    const offered = { ...recorded('t', '2', 'u'), credentialHash: '' };
    const credentials = { secrets: [offered], serviceAccount: undefined };
    expect(decide({ record: known, credentials })).toMatchObject({ mustPull: true, reason: 'no-match' });
  });

  it.each([
    ['namespace', { ...recorded('s', '1', 'new'), namespace: 'b' }],
    ['name', recorded('t', '1', 'new')],
    ['uid', recorded('s', '2', 'new')],
  ])('must pull, secrets: all three coordinates have to be equal, also the %s', (_, offered) => {
    const credentials = { secrets: [offered], serviceAccount: undefined };
    expect(decide({ record: record(ONE), credentials })).toMatchObject({ mustPull: true, reason: 'no-match' });
  });

  it('must pull, secrets: any secret of the pod does, and any that is recorded', async () => {
    const two = record({ kubernetesSecrets: [recorded('a', 'a', 'x'), ...ONE.kubernetesSecrets] });
    expect(await must({ record: two, secrets: [secret('t', '2', 'other'), secret('s', '1', 'u')] })).toBe(false);
  });

  it.each([
    ['the same', SERVICE_ACCOUNT, false],
    ['another uid', { ...SERVICE_ACCOUNT, uid: 'b' }, true],
    ['another name', { ...SERVICE_ACCOUNT, name: 'b' }, true],
    ['another namespace', { ...SERVICE_ACCOUNT, namespace: 'b' }, true],
  ])('must pull, service accounts: a service account, %s', async (_, serviceAccount, mustPull) => {
    const known = record({ kubernetesServiceAccounts: [SERVICE_ACCOUNT] });
    expect(await must({ record: known, keyring: tokenKeyring(serviceAccount) })).toBe(mustPull);
  });

  it('must pull, service accounts: only the first service account counts', async () => {
    const other = { ...SERVICE_ACCOUNT, name: 'other' };
    const known = record({ kubernetesServiceAccounts: [SERVICE_ACCOUNT] });
    const entries = [SERVICE_ACCOUNT, other].map((serviceAccount) =>
      entry('t', { kind: 'plugin', provider: 'p', serviceAccount }),
    );
    expect(await must({ record: known, keyring: createKeyring(entries) })).toBe(false);
    expect(await must({ record: known, keyring: createKeyring(entries.toReversed()) })).toBe(true);
  });

  it("must pull, node: the node's own credentials are left out of the comparison, so it pulls", async () => {
    for (const source of [
      { kind: 'file', path: '/config.json' },
      { kind: 'plugin', provider: 'p', serviceAccount: undefined },
    ] as const)
      expect(await must({ record: record(ONE), keyring: createKeyring([entry('u', source)]) })).toBe(true);
  });

  it('must pull, pull: means a real pull, and what the registry accepts is recorded', async () => {
    const scene = { record: record(ONE), secrets: [secret('t', '2', 'other')] };
    const kit = kitOf(scene);
    expect(await reasonOf(kit, scene)).toBe('pulled');
    expect(kit.said()).toEqual([PULLING, PULLED]);
    expect(await entryOf(kit)).toEqual({
      ...NOBODY,
      kubernetesSecrets: [recorded('s', '1', 'u'), recorded('t', '2', 'other')],
    });
    refuse(kit, 'wrong', 'rpc error: code = Unauthenticated desc = denied');
    expect(await reasonOf(kit, { secrets: [secret('w', '3', 'wrong')] })).toBe('ErrImagePull');
  });

  it('must pull, pull: of a pod without credentials it is anonymous', async () => {
    const kit = kitOf({ record: record(ONE) });
    expect(await reasonOf(kit, {})).toBe('pulled');
    expect(kit.images.calls[1]).toBe(`PullImage(${IMAGE}, nobody)`);
    expect(await entryOf(kit)).toEqual({ ...NOBODY, nodePodsAccessible: true });
  });
});

describe('the verification policies', () => {
  it('verification, NeverVerifyAllowlistedImages: exempts what is listed, whoever pulled it', async () => {
    const policy = { imagePullCredentialsVerificationPolicy: 'NeverVerifyAllowlistedImages' } as const;
    for (const [allowlist, outcome] of [
      [[REPOSITORY], 'present'],
      [['private.example/*'], 'present'],
      [['private.example/other'], 'pulled'],
    ] as const) {
      const options = { ...policy, preloadedImagesVerificationAllowlist: allowlist };
      for (const scene of [{}, { record: record(ONE) }])
        expect(await reasonOf(kitOf(scene, options), {})).toBe(outcome);
    }
    const options = {
      ...policy,
      preloadedImagesVerificationAllowlist: [REPOSITORY],
      release: '1.35',
    } as const;
    expect(await reasonOf(kitOf({ record: record(ONE) }, options), {})).toBe('pulled');
  });

  it.each([
    ['verification, NeverVerify: never', 'NeverVerify', false, false],
    ['verification, NeverVerifyPreloadedImages: what kubelet pulled', 'NeverVerifyPreloadedImages', false, true],
    ['verification, default: as NeverVerifyPreloadedImages', undefined, false, true],
    ['verification, AlwaysVerify: always', 'AlwaysVerify', true, true],
  ] as const)('%s', async (_, policy, preloaded, pulled) => {
    const options = { imagePullCredentialsVerificationPolicy: policy };
    const must = async (scene: Scene) => (await reasonOf(kitOf(scene, options), {}, 'Never')) === 'ErrImageNeverPull';
    expect([await must({}), await must({ record: record(ONE) })]).toEqual([preloaded, pulled]);
  });
});
