import { describe, expect, it } from 'vitest';
import { createKeyring } from 'kubepull/keyring';
import { createMemoryRecords, type ImageManagerOptions, type PulledRecords } from 'kubepull/image-manager';
import { createKit, GATE_OFF, IMAGE, type Kit, MALFORMED, podOf, REF, runtimeImage, secretOf } from './fake-images.ts';

const PRESENT = `Normal Pulled Container image "${IMAGE}" already present on machine`;
const ACCESSIBLE = `${PRESENT} and can be accessed by the pod`;
const NEVER = `Container image "${IMAGE}" is not present with pull policy of Never`;
const PULLING = `Normal Pulling Pulling image "${IMAGE}"`;
const PULLED = `Normal Pulled Successfully pulled image "${IMAGE}" in 0s (0s including waiting). Image size: 10485760 bytes.`;
const STATUS = `ImageStatus(${IMAGE})`;

function start(kit: Kit, policy: string, image = IMAGE, uid = 'u1') {
  return kit.manager.ensureImageExists({ pod: podOf(image, policy, uid), image, pullPolicy: policy });
}

function withImage(options: Partial<ImageManagerOptions> = {}): Kit {
  const kit = createKit(options);
  kit.images.present.set(IMAGE, runtimeImage(IMAGE));
  return kit;
}

describe('semantics 06 §2: steps', () => {
  it('step 1: an invalid name gives an event, and neither call nor back-off', async () => {
    const kit = createKit();
    const result = await start(kit, 'Always', 'a b');
    const text = `Failed to apply default image tag "a b": couldn't parse image name "a b": invalid reference format`;
    expect(result).toMatchObject({ status: 'waiting', reason: 'InvalidImageName', message: text, retryAfterMs: 0 });
    expect(kit.said()).toEqual([`Warning InspectFailed ${text}`]);
    expect([kit.images.calls, kit.manager.stats.inBackoff]).toEqual([[], 0]);
  });

  it('step 1: the runtime sees the default tag, texts quote what the pod says', async () => {
    const kit = createKit();
    await start(kit, 'Always', 'nginx');
    expect(kit.images.calls).toEqual(['PullImage(nginx:latest, nobody)', 'ImageStatus(nginx:latest)']);
    expect(kit.said()[0]).toBe('Normal Pulling Pulling image "nginx"');
  });

  it('step 2: all annotations of the pod go into the image spec', async () => {
    const kit = createKit();
    let seen: unknown;
    kit.images.onPull = ({ image, sandbox, auth }) => {
      seen = { image, sandbox, auth };
      return REF;
    };
    const pod = { metadata: { name: 'web', namespace: 'ns', uid: 'u1', annotations: { a: '1', b: '2' } } };
    await kit.manager.ensureImageExists({ pod, image: IMAGE, pullPolicy: 'Always' });
    const annotations = { a: '1', b: '2' };
    expect(seen).toEqual({
      image: { image: IMAGE, annotations, runtimeHandler: '' },
      sandbox: { name: 'web', namespace: 'ns', uid: 'u1', annotations },
      auth: undefined,
    });
  });

  it.each(['IfNotPresent', 'Never'])('step 3: %s and a status that fails', async (policy) => {
    const kit = createKit();
    kit.images.onStatus = () => {
      throw new Error('rpc error: code = Unavailable desc = down');
    };
    const text = 'Failed to inspect image "": rpc error: code = Unavailable desc = down';
    expect(await start(kit, policy)).toMatchObject({ status: 'waiting', reason: 'ImageInspectError', message: text });
    expect(kit.said()).toEqual([`Warning InspectFailed ${text}`]);
    expect([kit.images.calls, kit.manager.stats.inBackoff]).toEqual([[STATUS], 0]);
  });

  it.each([
    ['', 1],
    [REF, 0],
  ])('step 3, §6: a status with id %j and size %d is an error', async (id, size) => {
    const kit = withImage();
    kit.images.onStatus = () => runtimeImage(IMAGE, id, size);
    const message = `Failed to inspect image "": Id or size of image "${IMAGE}" is not set`;
    expect(await start(kit, 'IfNotPresent')).toMatchObject({ reason: 'ImageInspectError', message });
  });

  it('step 4: absent and Never', async () => {
    const kit = createKit();
    expect(await start(kit, 'Never')).toMatchObject({ status: 'waiting', reason: 'ErrImageNeverPull', message: NEVER });
    expect(kit.said()).toEqual([`Warning ErrImageNeverPull ${NEVER}`]);
    expect(kit.manager.stats.inBackoff).toBe(0);
  });

  it.each(['IfNotPresent', 'Never'])('step 5: %s, present, gate off', async (policy) => {
    const kit = withImage(GATE_OFF);
    const message = `Container image "${IMAGE}" already present on machine`;
    expect(await start(kit, policy)).toEqual({ status: 'present', imageRef: REF, message });
    expect(kit.said()).toEqual([PRESENT]);
    expect(kit.images.calls).toEqual([STATUS]);
  });

  it('step 6: an error of the credential look-up has no event', async () => {
    const records = createMemoryRecords({ records: [recordOf('other')] });
    const verifying = withImage({ records });
    const result = await verifying.manager.ensureImageExists({
      pod: podOf(IMAGE),
      image: IMAGE,
      pullPolicy: 'Never',
      pullSecrets: [MALFORMED],
    });
    const text = 'unexpected end of JSON input';
    expect(result).toMatchObject({ status: 'error', reason: text, message: text });
    expect(verifying.said()).toEqual([]);
    expect(verifying.images.calls).toEqual([STATUS]);
  });

  it.each(['IfNotPresent', 'Never'])('step 7: %s, present, gate on, not must-pull', async (policy) => {
    const kit = withImage();
    expect(await start(kit, policy)).toMatchObject({ status: 'present', imageRef: REF });
    expect(kit.said()).toEqual([ACCESSIBLE]);
  });

  it('step 8: Never and must-pull does not tell that the image is there', async () => {
    const kit = withImage({ imagePullCredentialsVerificationPolicy: 'AlwaysVerify' });
    expect(await start(kit, 'Never')).toMatchObject({ reason: 'ErrImageNeverPull', message: NEVER });
    expect(kit.said()).toEqual([`Warning ErrImageNeverPull ${NEVER}`]);
    expect(kit.images.calls).toEqual([STATUS]);
  });

  it('step 9: a malformed secret stops the pull without event and back-off; the container hears of it', async () => {
    const kit = createKit();
    const pod = podOf(IMAGE, 'Always');
    const result = await kit.manager.ensureContainerImage({ pod, container: 'app', pullSecrets: [MALFORMED] });
    const text = 'unexpected end of JSON input';
    expect(result).toMatchObject({ status: 'error', reason: text, message: text });
    expect(kit.said()).toEqual([`Warning Failed Error: ${text}`]);
    expect([kit.images.calls, kit.manager.stats.inBackoff]).toEqual([[], 0]);
  });

  it('step 10: pulls', async () => {
    const kit = createKit();
    expect(await start(kit, 'IfNotPresent')).toMatchObject({ status: 'pulled', imageRef: REF, size: 10_485_760 });
    expect(kit.said()).toEqual([PULLING, PULLED]);
  });

  it('02 §5: Always asks for no status and pulls what is present; an unknown policy does the same', async () => {
    for (const policy of ['Always', 'always']) {
      const kit = withImage();
      await start(kit, policy);
      expect(kit.images.calls).toEqual([`PullImage(${IMAGE}, nobody)`, STATUS]);
    }
  });

  it('names the container in the event, and takes the default policy of the image', async () => {
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
    expect(kit.images.calls.filter((call) => call.startsWith('ImageStatus'))).toHaveLength(5);
    await expect(kit.manager.ensureContainerImage({ pod: { metadata, spec }, container: 'd' })).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
    });
  });
});

function recordOf(name: string) {
  const secret = { uid: name, namespace: 'default', name, credentialHash: 'x' };
  return {
    imageRef: REF,
    lastUpdatedAt: 0,
    credentialMapping: new Map([
      [
        'private.example/app',
        { kubernetesSecrets: [secret], kubernetesServiceAccounts: [], nodePodsAccessible: false },
      ],
    ]),
  };
}

describe('semantics 06 §3: lazy credentials', () => {
  const lookups = (options: Partial<ImageManagerOptions>) => {
    const seen: unknown[] = [];
    const keyring: ImageManagerOptions['keyring'] = (pod) => ({
      lookup(image) {
        seen.push([image, pod]);
        return createKeyring([]).lookup(image);
      },
    });
    return { seen, kit: withImage({ keyring, ...options }) };
  };

  it('nobody is asked for an image that is present and accepted', async () => {
    const { seen, kit } = lookups({});
    await kit.manager.ensureImageExists({
      pod: podOf(IMAGE),
      image: IMAGE,
      pullPolicy: 'Never',
      pullSecrets: [MALFORMED],
    });
    expect(kit.said()).toEqual([ACCESSIBLE]);
    expect(seen).toEqual([]);
  });

  it('they are asked once when the records and the pull need them', async () => {
    const { seen, kit } = lookups({ records: createMemoryRecords({ records: [recordOf('other')] }) });
    const pod = { ...podOf(IMAGE), spec: { serviceAccountName: 'sa' } };
    await kit.manager.ensureImageExists({ pod, image: IMAGE, pullPolicy: 'IfNotPresent' });
    expect(kit.said()).toEqual([PULLING, PULLED]);
    expect(seen).toEqual([
      ['private.example/app', { namespace: 'default', name: 'web', uid: 'u1', serviceAccountName: 'sa' }],
    ]);
  });
});

describe('semantics 06 §4: the pull step', () => {
  it('a: an intent that cannot be written stops it', async () => {
    const records: PulledRecords = {
      ...createMemoryRecords(),
      writeIntent: () => Promise.reject(new Error('no space left on device')),
    };
    const kit = createKit({ records });
    expect(await start(kit, 'Always')).toMatchObject({
      status: 'error',
      reason: 'no space left on device',
      message: `Failed to record image pull intent for container image "${IMAGE}": no space left on device`,
    });
    expect([kit.images.calls, kit.said(), kit.manager.stats.inBackoff]).toEqual([[], [], 0]);
  });

  it('a, h: even a back-off writes the intent and drops it', async () => {
    const log: string[] = [];
    const records: PulledRecords = {
      ...createMemoryRecords(),
      async writeIntent(image) {
        log.push(`write ${image}`);
      },
      async deleteIntent(image) {
        log.push(`delete ${image}`);
      },
    };
    const kit = createKit({ records });
    kit.images.onPull = () => {
      throw new Error('denied');
    };
    await start(kit, 'Always');
    await start(kit, 'Always');
    expect(log).toEqual([`write ${IMAGE}`, `delete ${IMAGE}`, `write ${IMAGE}`, `delete ${IMAGE}`]);
  });

  it('b: the key is of pod and image, so another pod and another image string pull', async () => {
    const kit = createKit();
    kit.images.onPull = () => {
      throw new Error('denied');
    };
    const reasons: string[] = [];
    for (const [image, uid] of [
      ['nginx:latest', 'u1'],
      ['nginx:latest', 'u1'],
      ['nginx', 'u1'],
      ['nginx:latest', 'u2'],
    ] as const) {
      const result = await start(kit, 'Always', image, uid);
      reasons.push(result.status === 'waiting' ? result.reason : result.status);
    }
    expect(reasons).toEqual(['ErrImagePull', 'ImagePullBackOff', 'ErrImagePull', 'ErrImagePull']);
  });

  it('g: a success does not reset the back-off of its key', async () => {
    const kit = createKit();
    let fails = true;
    const { onPull } = kit.images;
    kit.images.onPull = (request) => {
      if (fails) throw new Error('denied');
      return onPull(request);
    };
    await start(kit, 'Always');
    await kit.clock.advance(15_000);
    fails = false;
    expect(await start(kit, 'Always')).toMatchObject({ status: 'pulled' });
    await kit.clock.advance(85_000);
    fails = true;
    expect(await start(kit, 'Always')).toMatchObject({ retryAfterMs: 20_000 });
  });

  it('07 §4: the schedule of failures', async () => {
    const kit = createKit();
    kit.images.onPull = () => {
      throw new Error('denied');
    };
    const delays: number[] = [];
    for (let failure = 1; failure <= 8; failure += 1) {
      const result = await start(kit, 'Always');
      const delay = result.status === 'waiting' ? result.retryAfterMs : 0;
      delays.push(delay / 1000);
      await kit.clock.advance(delay - 1);
      expect(await start(kit, 'Always')).toMatchObject({ reason: 'ImagePullBackOff' });
      await kit.clock.advance(1);
    }
    expect(delays).toEqual([10, 20, 40, 80, 160, 300, 300, 300]);
  });

  it('h: one success with the second secret records that secret alone', async () => {
    const kit = createKit();
    const { onPull } = kit.images;
    kit.images.onPull = (request) => {
      if (request.auth?.credential.username === 'A') throw new Error('denied');
      return onPull(request);
    };
    const pullSecrets = [secretOf('A'), secretOf('B')];
    await kit.manager.ensureImageExists({ pod: podOf(IMAGE), image: IMAGE, pullPolicy: 'Always', pullSecrets });
    const record = await kit.records.readRecord(REF);
    expect(record?.credentialMapping.get('private.example/app')?.kubernetesSecrets.map(({ name }) => name)).toEqual([
      'creds-B',
    ]);
    expect(await kit.records.listIntents()).toEqual([]);
  });

  it('h: an aborted pull rejects with the reason and drops the intent', async () => {
    const kit = createKit();
    const controller = new AbortController();
    const reason = new Error('stop');
    kit.images.onPull = () => {
      controller.abort(reason);
      throw new Error('cancelled');
    };
    const { signal } = controller;
    const done = kit.manager.ensureImageExists({ pod: podOf(IMAGE), image: IMAGE, pullPolicy: 'Always', signal });
    await expect(done).rejects.toBe(reason);
    expect(await kit.records.listIntents()).toEqual([]);
    expect(kit.said()).toEqual([PULLING]);
    expect(kit.manager.stats).toMatchObject({ pulling: 0, queued: 0, inBackoff: 0 });
  });
});

describe('semantics 06 §6: loop over credentials', () => {
  it('goes on after any error, and never tries nobody after somebody', async () => {
    const kit = createKit();
    kit.images.onPull = () => {
      throw new Error('no space left on device');
    };
    const pullSecrets = [secretOf('A'), secretOf('B')];
    const request = { pod: podOf(IMAGE), image: IMAGE, pullPolicy: 'Always', pullSecrets };
    const result = await kit.manager.ensureImageExists(request);
    expect(kit.images.calls).toEqual([`PullImage(${IMAGE}, A)`, `PullImage(${IMAGE}, B)`]);
    expect(result).toMatchObject({ reason: 'ErrImagePull', message: 'no space left on device' });
  });

  it('an empty image ref is an error, and moves on', async () => {
    const kit = createKit();
    kit.images.onPull = () => '';
    expect(await start(kit, 'Always', 'app')).toMatchObject({ message: 'imageRef of image "app:latest" is not set' });
  });

  it('the size is 0 when it cannot be told', async () => {
    const kit = createKit();
    kit.images.onStatus = () => {
      throw new Error('down');
    };
    expect(await start(kit, 'Always')).toMatchObject({ status: 'pulled', size: 0 });
    expect(kit.said().at(-1)).toMatch(/Image size: 0 bytes\.$/);
  });
});

describe('semantics 06 §8: event sequences', () => {
  const run = async (kit: Kit, policy: string, image = IMAGE) => {
    await kit.manager.ensureContainerImage({ pod: podOf(image, policy), container: 'app' });
    return kit
      .said()
      .map((line) =>
        line.replace(/^(\w+ \w+ (?:Error: \w+|Failed to pull|Pulling|Success|Back-off|Container)).*/, '$1'),
      );
  };

  it('success; failure, then back-off; invalid name; Never and absent', async () => {
    const kit = createKit();
    expect(await run(kit, 'Always')).toEqual(['Normal Pulling Pulling', 'Normal Pulled Success']);
    expect(await run(createKit(), 'Never')).toEqual([
      'Warning ErrImageNeverPull Container',
      'Warning Failed Error: ErrImageNeverPull',
    ]);
    kit.images.onPull = () => {
      throw new Error('denied');
    };
    expect(await run(kit, 'Always')).toEqual([
      'Normal Pulling Pulling',
      'Warning Failed Failed to pull',
      'Warning Failed Error: ErrImagePull',
    ]);
    expect(await run(kit, 'Always')).toEqual(['Normal BackOff Back-off', 'Warning Failed Error: ImagePullBackOff']);
    expect((await run(kit, 'Always', 'Foo')).at(-1)).toBe('Warning Failed Error: InvalidImageName');
  });
});
