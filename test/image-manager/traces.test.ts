import { describe, expect, it } from 'vitest';
import { createKit, IMAGE, podOf, REF, secretOf } from './fake-images.ts';

describe('worked traces', () => {
  it('whole pull, trace 1: the second credential is accepted', async () => {
    const { images, clock, manager, said } = createKit();
    images.onPull = async ({ auth, image }) => {
      if (auth?.credential.username === 'A') throw new Error('failed to authorize');
      await clock.sleep(1234);
      images.present.set(image.image, { ...runtime, repoTags: [image.image] });
      return REF;
    };
    const runtime = { id: REF, repoTags: [], repoDigests: [], size: 10_485_760, pinned: false, runtimeHandler: '' };
    const pullSecrets = [secretOf('A'), secretOf('B')];
    const done = manager.ensureContainerImage({ pod: podOf(IMAGE, 'IfNotPresent'), container: 'app', pullSecrets });
    await clock.advance(1234);
    expect(await done).toEqual({
      status: 'pulled',
      imageRef: REF,
      source: { kind: 'secret', namespace: 'default', name: 'creds-B', uid: 'creds-B' },
      pullMs: 1234,
      totalMs: 1234,
      size: 10_485_760,
    });
    expect(images.calls).toEqual([
      `ImageStatus(${IMAGE})`,
      `PullImage(${IMAGE}, A)`,
      `PullImage(${IMAGE}, B)`,
      `ImageStatus(${IMAGE})`,
    ]);
    expect(said()).toEqual([
      'Normal Pulling Pulling image "private.example/app:1"',
      'Normal Pulled Successfully pulled image "private.example/app:1" in 1.234s (1.234s including waiting). Image size: 10485760 bytes.',
    ]);
    expect(manager.stats.inBackoff).toBe(0);
  });

  it('whole pull, trace 2: both fail, then back-off repeats it', async () => {
    const { images, clock, manager, said } = createKit();
    images.onPull = ({ auth }) => {
      const text = auth?.credential.username === 'A' ? 'failed to authorize' : 'rpc error: code = NotFound desc = x';
      throw new Error(text);
    };
    const request = {
      pod: podOf(IMAGE, 'IfNotPresent'),
      container: 'app',
      pullSecrets: [secretOf('A'), secretOf('B')],
    };
    const bracket = '[failed to authorize, rpc error: code = NotFound desc = x]';
    const first = await manager.ensureContainerImage(request);
    expect(first).toMatchObject({ status: 'waiting', reason: 'ErrImagePull', message: bracket, retryAfterMs: 10_000 });
    expect(said()).toEqual([
      'Normal Pulling Pulling image "private.example/app:1"',
      `Warning Failed Failed to pull image "private.example/app:1": ${bracket}`,
      'Warning Failed Error: ErrImagePull',
    ]);
    await clock.advance(9_999);
    images.calls.length = 0;
    expect(await manager.ensureContainerImage(request)).toMatchObject({
      status: 'waiting',
      reason: 'ImagePullBackOff',
      message: `Back-off pulling image "private.example/app:1": ErrImagePull: ${bracket}`,
      retryAfterMs: 1,
    });
    expect(images.calls).toEqual([`ImageStatus(${IMAGE})`]);
    expect(said()).toEqual([
      'Normal BackOff Back-off pulling image "private.example/app:1"',
      'Warning Failed Error: ImagePullBackOff',
    ]);
  });

  it('whole pull, trace 3: the registry is unavailable', async () => {
    const { images, manager, said } = createKit();
    images.onPull = () => {
      throw new Error('RegistryUnavailable: connection refused');
    };
    const request = { pod: podOf('app:1', 'IfNotPresent'), container: 'app' };
    const message = 'image pull failed for app:1 because the registry is unavailable: connection refused';
    const first = await manager.ensureContainerImage(request);
    expect(first).toMatchObject({ status: 'waiting', reason: 'RegistryUnavailable', message });
    expect(images.calls).toEqual(['ImageStatus(app:1)', 'PullImage(app:1, nobody)']);
    expect(said()).toEqual([
      'Normal Pulling Pulling image "app:1"',
      'Warning Failed Failed to pull image "app:1": RegistryUnavailable: connection refused',
      'Warning Failed Error: RegistryUnavailable',
    ]);
    expect(await manager.ensureContainerImage(request)).toMatchObject({
      status: 'waiting',
      reason: 'ImagePullBackOff',
      message: `Back-off pulling image "app:1": RegistryUnavailable: ${message}`,
    });
    expect(said()).toEqual(['Normal BackOff Back-off pulling image "app:1"', 'Warning Failed Error: ImagePullBackOff']);
  });

  it('whole pull, trace 4: an invalid name asks nobody', async () => {
    const { images, manager, said } = createKit();
    const result = await manager.ensureContainerImage({ pod: podOf('Foo', 'IfNotPresent'), container: 'app' });
    const parseText = 'invalid reference format: repository name (library/Foo) must be lowercase';
    const message = `Failed to apply default image tag "Foo": couldn't parse image name "Foo": ${parseText}`;
    expect(images.calls).toEqual([]);
    expect(said()).toEqual([`Warning InspectFailed ${message}`, 'Warning Failed Error: InvalidImageName']);
    expect(result).toMatchObject({ status: 'waiting', reason: 'InvalidImageName', message });
  });
});
