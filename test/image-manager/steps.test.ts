import { describe, expect, it } from 'vitest';
import { createSecret, type CredentialSource } from 'kubepull/docker-config';
import { createKeyring } from 'kubepull/keyring';
import { createMemoryRecords } from 'kubepull/image-access';
import { type ImageManagerOptions } from 'kubepull/image-manager';
import { type PullImageRequest } from 'kubepull/image-service';
import {
  ACCESSIBLE,
  createKit,
  ensure,
  GATE_OFF,
  IMAGE,
  kitWithImage,
  MALFORMED,
  MALFORMED_TEXT,
  NEVER,
  podOf,
  PRESENT,
  PULLED,
  PULLING,
  recordOf,
  REF,
  runtimeImage,
  secretOf,
  startContainer,
  STATUS,
} from './fake-images.ts';

const VERIFY_ALL = { imagePullCredentialsVerificationPolicy: 'AlwaysVerify' } as const;

describe('ensureContainerImage', () => {
  it('event, object: events name the container by its field path, and the policy is that of the image', async () => {
    const kit = createKit();
    const metadata = { name: 'web', namespace: 'ns', uid: 'u1' };
    const spec = {
      containers: [{ name: 'a', image: 'nginx' }],
      initContainers: [{ name: 'b', image: 'nginx:1' }],
      ephemeralContainers: [{ name: 'c', image: 'nginx:2' }],
    };
    for (const container of ['a', 'b', 'c'])
      await kit.manager.ensureContainerImage({ pod: { metadata, spec }, container });
    const object = { apiVersion: 'v1', kind: 'Pod', ...metadata };
    expect(kit.events.filter(({ reason }) => reason === 'Pulling').map(({ involvedObject }) => involvedObject)).toEqual(
      [
        { ...object, fieldPath: 'spec.containers{a}' },
        { ...object, fieldPath: 'spec.initContainers{b}' },
        { ...object, fieldPath: 'spec.ephemeralContainers{c}' },
      ],
    );
    // Always for the first asks for the size alone.
    expect(kit.images.calls.filter((call) => call.startsWith('ImageStatus'))).toEqual([
      'ImageStatus(nginx:latest)',
      ...['nginx:1', 'nginx:1', 'nginx:2', 'nginx:2'].map((image) => `ImageStatus(${image})`),
    ]);
    await expect(kit.manager.ensureContainerImage({ pod: { metadata, spec }, container: 'd' })).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
    });
  });
});

describe('ensureImageExists, from the name to the pull', () => {
  it('sync, invalid name: an invalid name gives an event, and neither call nor back-off', async () => {
    const kit = createKit();
    const result = await ensure(kit, 'Always', { image: 'a b' });
    const text = `Failed to apply default image tag "a b": couldn't parse image name "a b": invalid reference format`;
    expect(result).toMatchObject({ status: 'waiting', reason: 'InvalidImageName', message: text, retryAfterMs: 0 });
    expect(kit.said()).toEqual([`Warning InspectFailed ${text}`]);
    expect([kit.images.calls, kit.manager.stats.inBackoff]).toEqual([[], 0]);
  });

  it.each([
    ['nginx', 'nginx:latest'],
    ['nginx:1', 'nginx:1'],
    [`nginx@${REF}`, `nginx@${REF}`],
    [`nginx:1@${REF}`, `nginx:1@${REF}`],
    ['localhost:5000/nginx', 'localhost:5000/nginx:latest'],
  ])('sync, spec image: of %s the runtime sees %s', async (image, spec) => {
    const kit = createKit();
    await ensure(kit, 'IfNotPresent', { image });
    expect(kit.images.calls).toEqual([`ImageStatus(${spec})`, `PullImage(${spec}, nobody)`, `ImageStatus(${spec})`]);
  });

  it('sync, annotations: all annotations of the pod go into the image spec, of the status and of the pull', async () => {
    const kit = createKit();
    const seen: unknown[] = [];
    const imageStatus = kit.images.imageStatus.bind(kit.images);
    kit.images.imageStatus = (image, options) => {
      seen.push(image);
      return imageStatus(image, options);
    };
    kit.images.onPull = ({ image, sandbox, auth }) => {
      seen.push({ image, sandbox, auth });
      return REF;
    };
    const annotations = { a: '1', b: '2' };
    const pod = { metadata: { name: 'web', namespace: 'ns', uid: 'u1', annotations } };
    await kit.manager.ensureImageExists({ pod, image: IMAGE, pullPolicy: 'IfNotPresent' });
    const image = { image: IMAGE, annotations, runtimeHandler: '' };
    const sandbox = { name: 'web', namespace: 'ns', uid: 'u1', annotations };
    expect(seen).toEqual([image, { image, sandbox, auth: undefined }, image]);
  });

  it.each(['IfNotPresent', 'Never'])('sync, status: %s and a status that fails', async (policy) => {
    const kit = createKit();
    kit.images.onStatus = () => {
      throw new Error('rpc error: code = Unavailable desc = down');
    };
    const text = 'Failed to inspect image "": rpc error: code = Unavailable desc = down';
    expect(await ensure(kit, policy)).toMatchObject({ status: 'waiting', reason: 'ImageInspectError', message: text });
    expect(kit.said()).toEqual([`Warning InspectFailed ${text}`]);
    expect([kit.images.calls, kit.manager.stats.inBackoff]).toEqual([[STATUS], 0]);
  });

  it('sync, status, Always: no status is asked for, so none can fail', async () => {
    const kit = kitWithImage();
    kit.images.onStatus = () => {
      throw new Error('down');
    };
    expect(await ensure(kit, 'Always')).toMatchObject({ status: 'pulled' });
    // The one status is that of the size, after the pull.
    expect(kit.images.calls).toEqual([`PullImage(${IMAGE}, nobody)`, STATUS]);
  });

  it('sync, Never and absent: absent and Never', async () => {
    const kit = createKit();
    expect(await ensure(kit, 'Never')).toMatchObject({
      status: 'waiting',
      reason: 'ErrImageNeverPull',
      message: NEVER,
    });
    expect(kit.said()).toEqual([`Warning ErrImageNeverPull ${NEVER}`]);
    expect([kit.images.calls, kit.manager.stats.inBackoff]).toEqual([[STATUS], 0]);
  });

  it.each(['IfNotPresent', 'Never'])('sync, present: %s, present, gate off', async (policy) => {
    const kit = kitWithImage(GATE_OFF);
    expect(await ensure(kit, policy)).toEqual({ status: 'present', imageRef: REF, message: PRESENT });
    expect(kit.said()).toEqual([`Normal Pulled ${PRESENT}`]);
    expect(kit.images.calls).toEqual([STATUS]);
  });

  it.each(['IfNotPresent', 'Never'])(
    'sync, failed look-up: %s, an error of the credential look-up, no event',
    async (policy) => {
      const kit = kitWithImage({ records: createMemoryRecords({ records: [recordOf('other')] }) });
      const result = await ensure(kit, policy, { pullSecrets: [MALFORMED] });
      expect(result).toMatchObject({ status: 'error', reason: MALFORMED_TEXT, message: MALFORMED_TEXT });
      expect([kit.said(), kit.images.calls]).toEqual([[], [STATUS]]);
    },
  );

  it.each(['IfNotPresent', 'Never'])(
    'sync, present and not must-pull: %s, present, gate on, not must-pull',
    async (policy) => {
      const kit = kitWithImage();
      expect(await ensure(kit, policy)).toEqual({ status: 'present', imageRef: REF, message: ACCESSIBLE });
      expect(kit.said()).toEqual([`Normal Pulled ${ACCESSIBLE}`]);
      expect(kit.images.calls).toEqual([STATUS]);
    },
  );

  it('sync, Never and must-pull: Never and must-pull does not tell that the image is there, nor looks up credentials', async () => {
    const [there, absent] = [kitWithImage(VERIFY_ALL), createKit(VERIFY_ALL)];
    const results = await Promise.all([there, absent].map((kit) => ensure(kit, 'Never', { pullSecrets: [MALFORMED] })));
    expect(results[0]).toMatchObject({ status: 'waiting', reason: 'ErrImageNeverPull', message: NEVER });
    expect(results[0]).toEqual(results[1]);
    expect(there.said()).toEqual([`Warning ErrImageNeverPull ${NEVER}`]);
    expect([there.images.calls, there.manager.stats.inBackoff]).toEqual([[STATUS], 0]);
  });

  it('sync, malformed secret: a malformed secret stops the pull, without event, intent and back-off', async () => {
    const kit = createKit({
      records: { ...createMemoryRecords(), writeIntent: () => expect.unreachable('nothing is pulled') },
    });
    const result = await ensure(kit, 'Always', { pullSecrets: [MALFORMED] });
    expect(result).toMatchObject({ status: 'error', reason: MALFORMED_TEXT, message: MALFORMED_TEXT });
    expect([kit.said(), kit.images.calls, kit.manager.stats.inBackoff]).toEqual([[], [], 0]);
  });

  it('sync, absent: pulls', async () => {
    const kit = createKit();
    expect(await ensure(kit, 'IfNotPresent')).toMatchObject({ status: 'pulled', imageRef: REF, size: 10_485_760 });
    expect(kit.said()).toEqual([PULLING, PULLED]);
  });

  it('sync, raw image: every text quotes what the pod says, without the default tag', async () => {
    const image = 'private.example/app';
    const kit = createKit();
    const said = async (policy: string): Promise<readonly string[]> => {
      await ensure(kit, policy, { image });
      return kit.said();
    };
    expect(await said('Never')).toEqual([
      `Warning ErrImageNeverPull Container image "${image}" is not present with pull policy of Never`,
    ]);
    expect(await said('IfNotPresent')).toEqual([
      `Normal Pulling Pulling image "${image}"`,
      `Normal Pulled Successfully pulled image "${image}" in 0s (0s including waiting). Image size: 10485760 bytes.`,
    ]);
    expect(await said('Never')).toEqual([
      `Normal Pulled Container image "${image}" already present on machine and can be accessed by the pod`,
    ]);
    kit.images.onPull = () => {
      throw new Error('denied');
    };
    expect(await said('Always')).toEqual([
      `Normal Pulling Pulling image "${image}"`,
      `Warning Failed Failed to pull image "${image}": denied`,
    ]);
    expect(await said('Always')).toEqual([`Normal BackOff Back-off pulling image "${image}"`]);
  });
});

describe('the policies at run time', () => {
  it('policy, Always: no status, and a pull of what is present; the gate changes nothing', async () => {
    for (const options of [{}, GATE_OFF, VERIFY_ALL]) {
      const kit = kitWithImage(options);
      expect(await ensure(kit, 'Always')).toMatchObject({ status: 'pulled' });
      expect(kit.images.calls).toEqual([`PullImage(${IMAGE}, nobody)`, STATUS]);
    }
  });

  it.each([
    ['IfNotPresent', 'gate off', GATE_OFF, 'present'],
    ['IfNotPresent', 'accepted', {}, 'present'],
    ['IfNotPresent', 'must-pull', VERIFY_ALL, 'pulled'],
    ['Never', 'gate off', GATE_OFF, 'present'],
    ['Never', 'accepted', {}, 'present'],
    ['Never', 'must-pull', VERIFY_ALL, 'ErrImageNeverPull'],
  ] as const)('policy, present: %s, %s', async (policy, _, options, outcome) => {
    const result = await ensure(kitWithImage(options), policy);
    expect(result.status === 'waiting' ? result.reason : result.status).toBe(outcome);
  });

  it.each([
    ['IfNotPresent', 'pulled'],
    ['Never', 'ErrImageNeverPull'],
  ] as const)('policy, absent: %s', async (policy, outcome) => {
    for (const options of [{}, GATE_OFF, VERIFY_ALL]) {
      const kit = createKit(options);
      const result = await ensure(kit, policy);
      expect(result.status === 'waiting' ? result.reason : result.status).toBe(outcome);
      expect(kit.images.calls[0]).toBe(STATUS);
    }
  });

  it('policy, unknown policy: no status, as if absent, and pulled', async () => {
    const kit = kitWithImage();
    expect(await ensure(kit, 'always')).toMatchObject({ status: 'pulled' });
    expect(kit.images.calls).toEqual([`PullImage(${IMAGE}, nobody)`, STATUS]);
  });
});

describe('lazy credentials', () => {
  const lookups = (options: Partial<ImageManagerOptions>) => {
    const seen: unknown[] = [];
    const keyring: ImageManagerOptions['keyring'] = (pod) => ({
      lookup(image) {
        seen.push([image, pod]);
        return createKeyring([]).lookup(image);
      },
    });
    return { seen, kit: kitWithImage({ keyring, ...options }) };
  };
  const POD = { namespace: 'default', name: 'web', uid: 'u1', serviceAccountName: '' };

  it.each([
    ['the gate off', GATE_OFF],
    ['no record', {}],
    [
      'a record for all',
      {
        records: createMemoryRecords({
          records: [
            {
              imageRef: REF,
              lastUpdatedAt: 0,
              credentialMapping: new Map([
                [
                  'private.example/app',
                  { kubernetesSecrets: [], kubernetesServiceAccounts: [], nodePodsAccessible: true },
                ],
              ]),
            },
          ],
        }),
      },
    ],
  ] satisfies [string, Partial<ImageManagerOptions>][])(
    'credentials, accepted: with %s no secret is decoded and no plugin asked for an image that is present',
    async (_, options) => {
      const { seen, kit } = lookups(options);
      for (const policy of ['IfNotPresent', 'Never'])
        expect(await ensure(kit, policy, { pullSecrets: [MALFORMED] })).toMatchObject({ status: 'present' });
      expect(seen).toEqual([]);
    },
  );

  it('credentials, once: they are looked up once when the records and the pull need them', async () => {
    const { seen, kit } = lookups({ records: createMemoryRecords({ records: [recordOf('other')] }) });
    await ensure(kit, 'IfNotPresent');
    expect(kit.said()).toEqual([PULLING, PULLED]);
    expect(seen).toMatchObject([[{ name: 'private.example/app' }, POD]]);
  });

  it('credentials, once: and at step 9 alone when the image is absent', async () => {
    const { seen, kit } = lookups({});
    kit.images.present.clear();
    await ensure(kit, 'IfNotPresent');
    expect(seen).toMatchObject([[{ name: 'private.example/app' }, POD]]);
  });

  it('credentials, identity: plugins get the pod of the sandbox, and the service account of its spec', async () => {
    const { seen, kit } = lookups({});
    const pod = { ...podOf(IMAGE), spec: { serviceAccountName: 'sa' } };
    await kit.manager.ensureImageExists({ pod, image: 'nginx', pullPolicy: 'Always' });
    expect(seen).toMatchObject([[{ name: 'docker.io/library/nginx' }, { ...POD, serviceAccountName: 'sa' }]]);
  });

  it('credentials, identity: a pod that names no namespace is in the default one, also for its events', async () => {
    const { seen, kit } = lookups({});
    await kit.manager.ensureImageExists({
      pod: { metadata: { name: 'web', uid: 'u1' } },
      image: IMAGE,
      pullPolicy: 'Always',
    });
    expect(seen).toMatchObject([[{ name: 'private.example/app' }, POD]]);
    expect(kit.events.map(({ involvedObject: { namespace } }) => namespace)).toEqual(['default', 'default']);
  });

  it('credentials, order: secrets as the pod lists them, then the node', async () => {
    const none = { identityToken: undefined, registryToken: undefined, email: undefined };
    const source: CredentialSource = { kind: 'file', path: '/config.json' };
    const credential = { username: 'node', password: createSecret('p'), ...none };
    const keyring = createKeyring([{ pattern: 'private.example', source, credential }]);
    const kit = createKit({ keyring });
    const users: (string | undefined)[] = [];
    kit.images.onPull = ({ auth }: PullImageRequest) => {
      users.push(auth?.credential.username);
      throw new Error('denied');
    };
    await ensure(kit, 'Always', { pullSecrets: [secretOf('B'), secretOf('A')] });
    expect(users).toEqual(['B', 'A', 'node']);
  });
});

describe('what is tried again at every sync', () => {
  it('reason, retried: what fails before the pull is looked at anew each time; the pull alone is put off', async () => {
    const kit = createKit();
    kit.images.onStatus = () => {
      throw new Error('down');
    };
    const once = async (policy: string, image?: string, pullSecrets: readonly (typeof MALFORMED)[] = []) => {
      const result = await startContainer(kit, policy, { ...(image !== undefined && { image }), pullSecrets });
      return 'reason' in result ? result.reason : result.status;
    };
    for (let sync = 0; sync < 2; sync += 1) {
      expect(await once('Always', 'Foo')).toBe('InvalidImageName');
      expect(await once('Never')).toBe('ImageInspectError');
      expect(await once('Always', IMAGE, [MALFORMED])).toBe(MALFORMED_TEXT);
    }
    expect(kit.images.calls).toEqual([STATUS, STATUS]);
    kit.images.onStatus = () => undefined;
    expect([await once('Never'), await once('Never')]).toEqual(['ErrImageNeverPull', 'ErrImageNeverPull']);
    expect(kit.manager.stats.inBackoff).toBe(0);
    kit.images.present.set(IMAGE, runtimeImage(IMAGE));
    kit.images.onStatus = (image) => kit.images.present.get(image);
    expect(await once('Never')).toBe('present');
  });
});
