import { createCriImageService } from 'kubepull/cri';
import { createImageManager, type ImageEvent } from 'kubepull/image-manager';
import { nodeHasher } from 'kubepull/node';
import { createPullSecret } from 'kubepull/pull-secrets';
import { createFakeClock } from 'kubepull/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { canary } from '../support/canary.ts';
import { type CriAnswer, fails, wireImage } from '../support/cri-runtime.ts';
import { startCriServer } from '../support/cri-server.ts';

const IMAGE = 'private.example/app:1';

/** Kubelet's image manager over a scripted runtime; `pull` answers for a user, or for nobody. */
async function start(pull: (username: string | undefined) => CriAnswer) {
  let present = false;
  const server = await startCriServer({
    ImageStatus: () => ({ message: present ? { image: wireImage('sha256:aa', { size: '10485760' }) } : {} }),
    PullImage({ request: { auth } }) {
      const answer = pull((auth as { readonly username?: string } | undefined)?.username);
      present = 'message' in Object(answer);
      return answer;
    },
  });
  const images = createCriImageService({ endpoint: server.endpoint });
  onTestFinished(() => images.close());
  const [clock, said] = [createFakeClock(), [] as string[]];
  const onEvent = ({ type, reason, message }: ImageEvent) => void said.push(`${type} ${reason} ${message}`);
  const manager = createImageManager({ images, clock, createHasher: nodeHasher, onEvent });
  const pullSecrets = ['A', 'B'].map((username) =>
    createPullSecret({ name: username, server: 'private.example', username, password: canary('password') }),
  );
  const run = (image: string, secrets = pullSecrets) => {
    const container = { name: 'app', image, imagePullPolicy: 'IfNotPresent' };
    const pod = { metadata: { name: 'web', uid: 'u1' }, spec: { containers: [container] } };
    said.length = 0;
    return manager.ensureContainerImage({ pod, container: 'app', pullSecrets: secrets });
  };
  return { calls: () => server.calls.map(({ method }) => method), said, run };
}

describe('worked traces over gRPC', () => {
  it('whole pull, trace 1: the second credential is accepted', async () => {
    const ok = { message: { image_ref: 'sha256:aa' } };
    const { calls, said, run } = await start((user) => (user === 'A' ? fails('UNKNOWN', 'failed to authorize') : ok));
    expect(await run(IMAGE)).toMatchObject({ status: 'pulled', imageRef: 'sha256:aa', source: { name: 'B' } });
    expect(calls()).toEqual(['ImageStatus', 'PullImage', 'PullImage', 'ImageStatus']);
    expect(said).toEqual([
      `Normal Pulling Pulling image "${IMAGE}"`,
      `Normal Pulled Successfully pulled image "${IMAGE}" in 0s (0s including waiting). Image size: 10485760 bytes.`,
    ]);
  });

  it('whole pull, trace 2: Unknown stands without its code, NotFound with it', async () => {
    const { said, run } = await start((user) =>
      user === 'A' ? fails('UNKNOWN', 'failed to authorize') : fails('NOT_FOUND', 'x'),
    );
    const message = '[failed to authorize, rpc error: code = NotFound desc = x]';
    const first = await run(IMAGE);
    expect(first).toMatchObject({ reason: 'ErrImagePull', message, retryAfterMs: 10_000 });
    expect(first).toMatchObject({ errors: [{ code: 'ERR_RUNTIME' }, { code: 'ERR_RUNTIME' }] });
    expect(said).toEqual([
      `Normal Pulling Pulling image "${IMAGE}"`,
      `Warning Failed Failed to pull image "${IMAGE}": ${message}`,
      'Warning Failed Error: ErrImagePull',
    ]);
    expect(await run(IMAGE)).toMatchObject({
      reason: 'ImagePullBackOff',
      message: `Back-off pulling image "${IMAGE}": ErrImagePull: ${message}`,
    });
  });

  it('whole pull, trace 3: the reason is found in the bare text', async () => {
    const { run } = await start(() => fails('UNKNOWN', 'RegistryUnavailable: connection refused'));
    const message = 'image pull failed for app:1 because the registry is unavailable: connection refused';
    expect(await run('app:1', [])).toMatchObject({ reason: 'RegistryUnavailable', message });
  });

  it('whole pull, trace 4: no call at all', async () => {
    const { calls, said, run } = await start(() => 'never');
    expect(await run('Foo')).toMatchObject({ reason: 'InvalidImageName' });
    expect([calls(), said.at(-1)]).toEqual([[], 'Warning Failed Error: InvalidImageName']);
  });

  it('runtime, gRPC, status: its code stays, also Unknown', async () => {
    const server = await startCriServer({ ImageStatus: () => fails('UNKNOWN', 'down') });
    const images = createCriImageService({ endpoint: server.endpoint });
    onTestFinished(() => images.close());
    const manager = createImageManager({ images, createHasher: nodeHasher });
    const pod = { metadata: { name: 'web', uid: 'u1' } };
    expect(await manager.ensureImageExists({ pod, image: IMAGE, pullPolicy: 'Never' })).toMatchObject({
      reason: 'ImageInspectError',
      message: 'Failed to inspect image "": rpc error: code = Unknown desc = down',
    });
  });
});
