import { describe, expect, it } from 'vitest';
import { listImageMounts, type ImageManagerOptions, type ManagedPodLike } from 'kubepull/image-manager';
import {
  createKit,
  failPulls,
  GATE_OFF,
  IMAGE,
  type Kit,
  kitWithImage,
  MALFORMED,
  MALFORMED_TEXT,
  PULLED,
  PULLING,
  REF,
  refuse,
  runtimeImage,
  secretOf,
} from './fake-images.ts';

type Volume = readonly [name: string, reference: string, pullPolicy?: string];

/** A pod whose first container mounts the volume `data`, and whose second mounts none. */
const podWith = (...volumes: readonly Volume[]) => ({
  metadata: { name: 'web', namespace: 'default', uid: 'u1', annotations: { a: '1' } },
  spec: {
    volumes: [
      { name: 'scratch' },
      ...volumes.map(([name, reference, pullPolicy]) => ({ name, image: { reference, pullPolicy } })),
    ],
    containers: [
      {
        name: 'app',
        image: IMAGE,
        volumeMounts: [
          { name: 'data', mountPath: '/data', subPath: 'x' },
          { name: 'scratch', mountPath: '/tmp' },
        ],
      },
      { name: 'other', image: IMAGE },
    ],
  },
});
const OBJECT = { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'web', uid: 'u1', fieldPath: undefined };

/** A kit that does not bring one image. */
function without(image: string, text = 'denied'): Kit {
  const kit = createKit();
  const { onPull } = kit.images;
  kit.images.onPull = (request) => {
    if (request.image.image === image) throw new Error(text);
    return onPull(request);
  };
  return kit;
}

describe('image volumes', () => {
  it('image volumes, order: one after the other, in the order of the volumes', async () => {
    const kit = createKit({ serializeImagePulls: false });
    kit.images.onPull = async () => {
      await kit.clock.sleep(1_000);
      return REF;
    };
    const done = kit.manager.ensureImageVolumes({ pod: podWith(['more', 'more:1'], ['data', 'data:1']) });
    await kit.clock.advance(500);
    expect(kit.images.calls).toEqual(['ImageStatus(more:1)', 'PullImage(more:1, nobody)']);
    await kit.clock.advance(1_500);
    expect([...(await done).keys()]).toEqual(['more', 'data']);
  });

  it('image volumes, policy: that of the volume, or what the reference gets by default', async () => {
    const kit = createKit(GATE_OFF);
    for (const image of ['a:1', 'b:1', 'c:latest', 'd:1']) kit.images.present.set(image, runtimeImage(image));
    const volumes = podWith(
      ['a', 'a:1', 'Always'],
      ['b', 'b:1'],
      ['c', 'c'],
      ['d', 'd:1', 'Never'],
      ['e', 'e:1', 'Never'],
    );
    const results = [...(await kit.manager.ensureImageVolumes({ pod: volumes })).values()];
    expect(results.map(({ result }) => ('reason' in result ? result.reason : result.status))).toEqual([
      'pulled',
      'present',
      'pulled',
      'present',
      'ErrImageNeverPull',
    ]);
  });

  it('image volumes, secrets: those of the pod', async () => {
    const kit = createKit();
    const pod = podWith(['data', 'private.example/data:1']);
    refuse(kit, 'A');
    await kit.manager.ensureImageVolumes({ pod, pullSecrets: [secretOf('A'), secretOf('B')] });
    expect(kit.images.calls.filter((call) => call.startsWith('PullImage'))).toEqual(
      ['A', 'B'].map((user) => `PullImage(private.example/data:1, ${user})`),
    );
    const other = podWith(['data', 'private.example/other:1']);
    const results = await kit.manager.ensureImageVolumes({ pod: other, pullSecrets: [MALFORMED] });
    expect(results.get('data')?.result).toMatchObject({ status: 'error', reason: MALFORMED_TEXT });
  });

  it('image volumes, secrets: each volume has all of them, also when a generator gives them', async () => {
    const kit = createKit();
    const pod = podWith(['data', 'private.example/data:1'], ['more', 'private.example/more:1']);
    await kit.manager.ensureImageVolumes({ pod, pullSecrets: [secretOf('A')].values() });
    expect(kit.images.calls.filter((call) => call.startsWith('PullImage'))).toEqual([
      'PullImage(private.example/data:1, A)',
      'PullImage(private.example/more:1, A)',
    ]);
  });

  it('image volumes, policy: what YAML says to be null is left out', async () => {
    const yaml = `{"metadata": {"uid": "u1"}, "spec": {
      "containers": [null, {"name": "app", "image": "app:1", "imagePullPolicy": null}, {"name": "none", "image": null}],
      "volumes": [null, {"name": "other", "image": null},
        {"name": "data", "image": {"reference": "data:1", "pullPolicy": null}}, {"image": {"reference": null}}]}}`;
    const pod = JSON.parse(yaml) as ManagedPodLike;
    const kit = createKit();
    const volumes = await kit.manager.ensureImageVolumes({ pod });
    expect([...volumes].map(([name, { result }]) => [name, result.status])).toEqual([
      ['data', 'pulled'],
      ['', 'waiting'],
    ]);
    await kit.manager.ensureContainerImage({ pod, container: 'app' });
    const none = await kit.manager.ensureContainerImage({ pod, container: 'none' });
    expect(none).toMatchObject({ reason: 'InvalidImageName' });
    expect(kit.images.calls.filter((_, at) => at % 3 === 0)).toEqual(['ImageStatus(data:1)', 'ImageStatus(app:1)']);
  });

  it('image volumes, events: the same, on the pod object, and none of a container', async () => {
    const kit = without('data:1');
    const pod = podWith(['data', 'data:1'], ['more', 'more:1'], ['bad', 'Bad'], ['none', 'none:1', 'Never']);
    await kit.manager.ensureImageVolumes({ pod });
    await kit.manager.ensureImageVolumes({ pod: podWith(['data', 'data:1'], ['more', 'more:1']) });
    expect(kit.events.map(({ involvedObject }) => involvedObject)).toEqual(kit.events.map(() => OBJECT));
    const bad = `couldn't parse image name "Bad": invalid reference format: repository name (library/Bad) must be lowercase`;
    expect(kit.said()).toEqual([
      'Normal Pulling Pulling image "data:1"',
      'Warning Failed Failed to pull image "data:1": denied',
      'Normal Pulling Pulling image "more:1"',
      'Normal Pulled Successfully pulled image "more:1" in 0s (0s including waiting). Image size: 10485760 bytes.',
      `Warning InspectFailed Failed to apply default image tag "Bad": ${bad}`,
      'Warning ErrImageNeverPull Container image "none:1" is not present with pull policy of Never',
      'Normal BackOff Back-off pulling image "data:1"',
      'Normal Pulled Container image "more:1" already present on machine and can be accessed by the pod',
    ]);
  });

  it.each([
    ['1.35', 1],
    ['1.36', 1],
    ['1.37', 0],
  ] as const)('image volumes, events: an image that is present is one in %s, %i times', async (release, times) => {
    const kit = createKit({ ...GATE_OFF, release });
    kit.images.present.set('more:1', runtimeImage('more:1'));
    await kit.manager.ensureImageVolumes({ pod: podWith(['more', 'more:1']) });
    const text = 'Normal Pulled Container image "more:1" already present on machine';
    expect(kit.said()).toEqual(Array(times).fill(text));
  });

  it('image volumes, error: is told when a container that mounts the volume starts, with reason and event', async () => {
    const kit = without('data:1', 'RegistryUnavailable: down');
    const pod = podWith(['data', 'data:1'], ['more', 'more:1']);
    const volumes = await kit.manager.ensureImageVolumes({ pod });
    expect(volumes.get('data')?.image).toBeUndefined();
    kit.said();
    kit.images.calls.length = 0;
    expect(await kit.manager.ensureContainerImage({ pod, volumes, container: 'app' })).toMatchObject({
      status: 'waiting',
      reason: 'RegistryUnavailable',
      message: 'image pull failed for data:1 because the registry is unavailable: down',
    });
    expect(kit.said()).toEqual(['Warning Failed Error: RegistryUnavailable']);
    expect(kit.events.at(-1)?.involvedObject).toEqual({ ...OBJECT, fieldPath: 'spec.containers{app}' });
    expect(kit.images.calls).toEqual([]);
  });

  it('image volumes, unaffected: containers that do not mount it, and other volumes', async () => {
    const kit = without('data:1');
    const pod = podWith(['data', 'data:1'], ['more', 'more:1']);
    const volumes = await kit.manager.ensureImageVolumes({ pod });
    expect(volumes.get('more')).toMatchObject({ result: { status: 'pulled' } });
    expect(await kit.manager.ensureContainerImage({ pod, volumes, container: 'other' })).toMatchObject({
      status: 'pulled',
    });
  });

  it('image volumes, error: of several mounts that of the last that is not there, an event for each, and none when all are there', async () => {
    const mounts = ['good', 'b', 'a'].map((name) => ({ name, mountPath: `/${name}` }));
    const pod = podWith(['a', 'a:1'], ['b', 'b:1'], ['good', 'good:1']);
    const spec = { ...pod.spec, containers: [{ name: 'app', image: IMAGE, volumeMounts: mounts }] };
    const start = async (broken: boolean) => {
      const kit = createKit();
      const { onPull } = kit.images;
      kit.images.onPull = (request) => {
        const { image } = request.image;
        if (broken && /^[ab]:/.test(image)) throw new Error(`no ${image}`);
        return onPull(request);
      };
      const volumes = await kit.manager.ensureImageVolumes({ pod: { ...pod, spec } });
      kit.said();
      return [await kit.manager.ensureContainerImage({ pod: { ...pod, spec }, volumes, container: 'app' }), kit.said()];
    };
    const event = 'Warning Failed Error: ErrImagePull';
    expect(await start(true)).toMatchObject([{ message: 'no a:1' }, [event, event]]);
    expect(await start(false)).toMatchObject([{ status: 'pulled' }, [PULLING, PULLED]]);
  });

  it('image volumes, mount: read-only, by the image ref, with what the pod calls it', async () => {
    const options: Partial<ImageManagerOptions> = {
      featureGates: { RuntimeClassInImageCriApi: true },
      runtimeHandler: () => 'kata',
    };
    const kit = createKit(options);
    const pod = podWith(['data', 'data:1'], ['more', 'more:1']);
    const withClass = { ...pod, spec: { ...pod.spec, runtimeClassName: 'k' } };
    const volumes = await kit.manager.ensureImageVolumes({ pod: withClass });
    const [app = {}] = pod.spec.containers;
    const image = { image: REF, userSpecifiedImage: 'data:1', annotations: { a: '1' }, runtimeHandler: 'kata' };
    expect(listImageMounts(app, volumes)).toEqual([
      { containerPath: '/data', hostPath: '', readonly: true, image, imageSubPath: 'x' },
    ]);
    // Of an image that was there already too.
    const again = await kit.manager.ensureImageVolumes({ pod: withClass });
    expect(again.get('data')).toEqual({
      volume: 'data',
      reference: 'data:1',
      image,
      result: {
        status: 'present',
        imageRef: REF,
        message: 'Container image "data:1" already present on machine and can be accessed by the pod',
      },
    });
  });

  it('image volumes, back-off: is shared with a container of the same image string', async () => {
    const kit = createKit();
    failPulls(kit, 'denied');
    const pod = podWith(['more', IMAGE]);
    await kit.manager.ensureImageVolumes({ pod });
    expect(await kit.manager.ensureContainerImage({ pod, container: 'other' })).toMatchObject({
      reason: 'ImagePullBackOff',
      message: `Back-off pulling image "${IMAGE}": ErrImagePull: denied`,
    });
  });
});

describe('RuntimeClass', () => {
  const subject = {
    metadata: { name: 'web', uid: 'u1' },
    spec: { runtimeClassName: 'kata', containers: [{ name: 'app', image: IMAGE, imagePullPolicy: 'IfNotPresent' }] },
  };
  const runtimeHandler = (name: string): string => `${name}-handler`;
  const on = { featureGates: { RuntimeClassInImageCriApi: true } } as const;

  it.each([
    ['runtime class, on: the handler goes with status and pull', on, ', kata-handler'],
    ['runtime class, off: the field stays empty', {}, ''],
  ])('%s', async (_, options, handler) => {
    const kit = createKit({ runtimeHandler, ...options });
    await kit.manager.ensureContainerImage({ pod: subject, container: 'app' });
    expect(kit.images.calls).toEqual([
      `ImageStatus(${IMAGE}${handler})`,
      `PullImage(${IMAGE}, nobody${handler})`,
      `ImageStatus(${IMAGE}${handler})`,
    ]);
  });

  it('runtime class, on: a pod without RuntimeClass is looked up nowhere', async () => {
    const kit = kitWithImage({ ...on, runtimeHandler: () => expect.unreachable('the pod names no class') });
    const pod = { ...subject, spec: { containers: subject.spec.containers } };
    expect(await kit.manager.ensureContainerImage({ pod, container: 'app' })).toMatchObject({ status: 'present' });
    expect(kit.images.calls).toEqual([`ImageStatus(${IMAGE})`]);
  });

  it('runtime class, failing: a look-up that fails comes before the first step', async () => {
    const text = 'RuntimeClass "kata" not found';
    const kit = createKit({ ...on, runtimeHandler: () => Promise.reject(new Error(text)) });
    const result = await kit.manager.ensureContainerImage({ pod: subject, container: 'app' });
    expect(result).toMatchObject({ status: 'error', reason: text, message: '' });
    expect([kit.images.calls, kit.said()]).toEqual([[], []]);
  });
});
