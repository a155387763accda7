import { createCriImageService, type CriImageService } from 'kubepull/cri';
import { createSecret, type Credential } from 'kubepull/docker-config';
import { createImageManager, type EnsureImageResult } from 'kubepull/image-manager';
import { createPullerImageService, type ImageService } from 'kubepull/image-service';
import { createNodeRuntime, nodeHasher, openOciLayout, openPulledRecords } from 'kubepull/node';
import type { ImagePullCredentials } from 'kubepull/image-access';
import { createPullSecret } from 'kubepull/pull-secrets';
import { buildImage, createFakeClock } from 'kubepull/testing';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { canary } from '../support/canary.ts';
import { startCriContainerd } from '../support/cri-containerd.ts';
import { tempDir } from '../support/temp-dir.ts';
import { fromBytes, pushContents } from './push-image.ts';
import { type Account, startRegistryServer } from './servers-registry.ts';

const app = buildImage({
  layers: [{ files: { 'etc/os-release': 'ID=test\n' } }, { randomBytes: 100_000, seed: 'app' }],
});

const imageId =
  app.contents.find(({ descriptor }) => descriptor.mediaType.includes('.config.'))?.descriptor.digest ?? '';

/** docker-registry that asks for an account, and has `team/app:1`. */
async function startFilledRegistry(htpasswd: Account): Promise<string> {
  const open = await startRegistryServer({});
  const contents = app.contents.map(({ descriptor, bytes }) => fromBytes(descriptor, bytes));
  await pushContents(open.origin, 'team/app', '1', contents);
  return (await startRegistryServer({ htpasswd, data: open.data })).host;
}

const account = (): Account => ({ username: canary('username'), password: canary('password') });
const credentialOf = ({ username, password }: Account): Credential => ({
  username,
  password: createSecret(password),
  identityToken: undefined,
  registryToken: undefined,
  email: undefined,
});
const SPEC = { annotations: {}, runtimeHandler: '' };

async function connect(registry: string): Promise<CriImageService> {
  const { endpoint } = await startCriContainerd([registry]);
  const service = createCriImageService({ endpoint });
  onTestFinished(() => service.close());
  // The port of the metrics opens before CRI is ready.
  await expect.poll(() => service.imageFsInfo().then(() => 'ready', String), { timeout: 30_000 }).toBe('ready');
  return service;
}

interface Step {
  readonly pod: 'owner' | 'stranger';
  readonly image: string;
  readonly pullPolicy?: string;
  /** Time that goes by before it. */
  readonly afterMs?: number;
}

const steps = (registry: string): readonly Step[] => {
  const image = `${registry}/team/app:1`;
  return [
    { pod: 'owner', image, pullPolicy: 'Never' },
    { pod: 'owner', image },
    { pod: 'owner', image },
    { pod: 'owner', image, pullPolicy: 'Never' },
    { pod: 'owner', image, pullPolicy: 'Always' },
    { pod: 'stranger', image, pullPolicy: 'Never' },
    { pod: 'stranger', image },
    { pod: 'stranger', image, afterMs: 9_999 },
    { pod: 'owner', image: `${registry}/team/none:1` },
    { pod: 'owner', image: `${registry}/team/none:1` },
    { pod: 'owner', image: `${registry}/team/none:1`, afterMs: 10_001 },
    { pod: 'owner', image: `${registry}/team/none:1`, afterMs: 10_001 },
    { pod: 'owner', image: `${registry}/Team/App:1` },
  ];
};

const titleOf = ({ pod, image, pullPolicy = 'IfNotPresent' }: Step): string => `${pod} wants ${image}: ${pullPolicy}`;

/** What `kubectl describe` would show of each step. */
async function play(images: ImageService, registry: string, accounts: readonly Account[]): Promise<readonly string[]> {
  const clock = createFakeClock();
  const seen: string[] = [];
  const records = await openPulledRecords(tempDir().path);
  const manager = createImageManager({
    images,
    records,
    clock,
    createHasher: nodeHasher,
    imagePullCredentialsVerificationPolicy: 'NeverVerifyPreloadedImages',
    onEvent: ({ type, reason, message }) => seen.push(`${type} ${reason} ${message}`),
  });
  const pullSecrets = accounts.map(({ username, password }, index) => {
    const secret = createPullSecret({
      name: `creds-${index}`,
      namespace: 'default',
      server: registry,
      username,
      password,
    });
    return { ...secret, metadata: { ...secret.metadata, uid: `secret-${index}` } };
  });
  for (const step of steps(registry)) {
    const { pod: name, image, pullPolicy, afterMs = 0 } = step;
    seen.push(titleOf(step));
    await clock.advance(afterMs);
    const container = { name: 'app', image, ...(pullPolicy === undefined ? {} : { imagePullPolicy: pullPolicy }) };
    const pod = { metadata: { name, namespace: 'default', uid: `pod-${name}` }, spec: { containers: [container] } };
    const result = await manager.ensureContainerImage({
      pod,
      container: 'app',
      pullSecrets: name === 'owner' ? pullSecrets : [],
    });
    seen.push(outcomeOf(result));
  }
  for (const { imageRef, credentialMapping } of await records.listRecords())
    seen.push(`recorded ${imageRef} ${Array.from(credentialMapping, describeEntry).join(' ')}`);
  return seen;
}

function outcomeOf(result: EnsureImageResult): string {
  if (result.status === 'waiting') return `waiting: ${result.reason}: ${result.message}`;
  return 'imageRef' in result ? `${result.status} ${result.imageRef}` : result.status;
}

function describeEntry([repository, credentials]: readonly [string, ImagePullCredentials]): string {
  const secrets = credentials.kubernetesSecrets.map(({ namespace, name, uid }) => `${namespace}/${name}/${uid}`);
  return `${repository}: ${secrets.join(',')}${credentials.nodePodsAccessible ? ' everybody' : ''}`;
}

/** Without what a registry client says in its own words. */
function withoutErrors(lines: readonly string[]): readonly string[] {
  return lines.map((line) =>
    line
      .replace(/(Failed to pull image "[^"]*": ).*/s, '$1…')
      .replace(/^(waiting: ErrImagePull: ).*/s, '$1…')
      .replace(/(Back-off pulling image "[^"]*": ErrImagePull: ).*/s, '$1…'),
  );
}

/** The story of {@link steps}, as semantics and sense have it. */
function expectedStory(registry: string): readonly string[] {
  const [app1, none] = [`${registry}/team/app:1`, `${registry}/team/none:1`];
  const bytes = app.contents.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  const pulls = [
    `Normal Pulling Pulling image "${app1}"`,
    `Normal Pulled Successfully pulled image "${app1}" in 0s (0s including waiting). Image size: ${bytes} bytes.`,
    `pulled ${imageId}`,
  ];
  const uses = [
    `Normal Pulled Container image "${app1}" already present on machine and can be accessed by the pod`,
    `present ${imageId}`,
  ];
  const isNotThere = `Container image "${app1}" is not present with pull policy of Never`;
  const never = [
    `Warning ErrImageNeverPull ${isNotThere}`,
    'Warning Failed Error: ErrImageNeverPull',
    `waiting: ErrImageNeverPull: ${isNotThere}`,
  ];
  const fails = (image: string): readonly string[] => [
    `Normal Pulling Pulling image "${image}"`,
    `Warning Failed Failed to pull image "${image}": …`,
    'Warning Failed Error: ErrImagePull',
    'waiting: ErrImagePull: …',
  ];
  const waits = (image: string): readonly string[] => [
    `Normal BackOff Back-off pulling image "${image}"`,
    'Warning Failed Error: ImagePullBackOff',
    `waiting: ImagePullBackOff: Back-off pulling image "${image}": ErrImagePull: …`,
  ];
  const badName =
    `Failed to apply default image tag "${registry}/Team/App:1": couldn't parse image name "${registry}/Team/App:1": ` +
    'invalid reference format: repository name (Team/App) must be lowercase';
  const invalid = [
    `Warning InspectFailed ${badName}`,
    'Warning Failed Error: InvalidImageName',
    `waiting: InvalidImageName: ${badName}`,
  ];
  const ofApp = [never, pulls, uses, uses, pulls, never, fails(app1), waits(app1)];
  const ofNone = [fails(none), waits(none), fails(none), waits(none)];
  const chapters = [...ofApp, ...ofNone, invalid];
  return [
    ...steps(registry).flatMap((step, index) => [titleOf(step), ...(chapters[index] ?? [])]),
    `recorded ${imageId} ${registry}/team/app: default/creds-1/secret-1`,
  ];
}

describe('createCriImageService with containerd', () => {
  it('pulls with a credential, lists, tells the status of and removes an image', async () => {
    const right = account();
    const registry = await startFilledRegistry(right);
    const service = await connect(registry);
    const image = { ...SPEC, image: `${registry}/team/app:1` };
    expect(await service.imageStatus(image)).toBeUndefined();
    expect(await service.listImages()).toEqual([]);
    const pulled = await service.pullImage({
      image,
      auth: {
        pattern: registry,
        credential: credentialOf(right),
        source: { kind: 'inline' },
      },
      sandbox: { namespace: 'default', name: 'web', uid: 'u1', annotations: {} },
    });
    expect(pulled).toBe(imageId);
    const found = await service.imageStatus(image);
    expect(found).toEqual({
      id: pulled,
      repoTags: [`${registry}/team/app:1`],
      repoDigests: [`${registry}/team/app@${app.descriptor.digest}`],
      size: expect.any(Number),
      pinned: false,
      runtimeHandler: '',
    });
    expect(await service.listImages()).toEqual([found]);
    const [fs] = await service.imageFsInfo();
    expect(fs?.mountpoint).toMatch(/snapshotter.v1.native$/);
    await service.removeImage({ ...SPEC, image: pulled });
    await service.removeImage({ ...SPEC, image: pulled });
    expect(await service.listImages()).toEqual([]);
  });

  it('fails with the texts of kubelet', async () => {
    const registry = await startFilledRegistry(account());
    const service = await connect(registry);
    const pull = (image: string): Promise<string> =>
      service.pullImage({ image: { ...SPEC, image }, auth: undefined, sandbox: undefined });
    await expect(pull(`${registry}/team/app:1`)).rejects.toThrow(/^failed to pull and unpack image "/);
    await expect(pull('127.0.0.1:1/x:1')).rejects.toMatchObject({
      status: 'Unknown',
      message: expect.stringMatching(/connect: connection refused$/),
    });
  });
});

describe('createImageManager', () => {
  it('tells the same story over containerd and over our own puller, the second of two credentials included', async () => {
    const right = account();
    const registry = await startFilledRegistry(right);
    const accounts = [account(), right];
    const overCri = await play(await connect(registry), registry, accounts);

    await using runtime = createNodeRuntime();
    const store = await openOciLayout(join(tempDir().path, 'layout'));
    const own = createPullerImageService({ runtime, store, plainHttp: [registry] });
    const overPuller = await play(own, registry, accounts);

    console.log(overCri.join('\n'));
    expect(withoutErrors(overCri)).toEqual(expectedStory(registry));
    expect(withoutErrors(overPuller)).toEqual(expectedStory(registry));
  });
});
