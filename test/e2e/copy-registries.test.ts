import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createRegistrySession,
  createRegistryStore,
  listReferrers,
  readManifestBytes,
  type RegistrySession,
  type RegistryStoreOptions,
  resolveManifest,
} from 'kubepull/distribution';
import { createCredential } from 'kubepull/docker-config';
import { createUndiciTransport, nodeHasher } from 'kubepull/node';
import { parseReference } from 'kubepull/reference';
import { copyImage, copyImages, createMemoryStore, type CopyEvent } from 'kubepull/store';
import {
  buildArtifact,
  buildImage,
  buildIndex,
  type LoopbackRegistry,
  type LoopbackRegistryOptions,
} from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { startRegistry } from '../support/registry.ts';

const images = ['amd64', 'arm64'].map((architecture) =>
  buildImage({ platform: { os: 'linux', architecture }, layers: [{ randomBytes: 50_000, seed: architecture }] }),
);
const index = buildIndex(images);
const ARTIFACT = 'application/vnd.example.signature';
const signature = buildArtifact({
  artifactType: ARTIFACT,
  subject: index.descriptor,
  layers: [[ARTIFACT, 'of the index']],
});
const ofSignature = buildArtifact({
  artifactType: ARTIFACT,
  subject: signature.descriptor,
  layers: [[ARTIFACT, 'of the signature']],
});
const ofImage = buildArtifact({
  artifactType: ARTIFACT,
  subject: images[1]!.descriptor,
  layers: [[ARTIFACT, 'of an image']],
});

interface Side {
  readonly registry: LoopbackRegistry;
  readonly session: RegistrySession;
  readonly name: (image: string) => string;
  readonly store: (image: string, options?: RegistryStoreOptions) => ReturnType<typeof createRegistryStore>;
}

async function startSide(
  options: LoopbackRegistryOptions = {},
  account?: { username: string; password: string },
): Promise<Side> {
  const registry = await startRegistry(options);
  const { transport, close } = createUndiciTransport();
  onTestFinished(close);
  const credential = account && createCredential(account);
  const session = createRegistrySession({ transport, origin: registry.origin, createHasher: nodeHasher, credential });
  const name = (image: string) => `${registry.host}/${image}`;
  return {
    registry,
    session,
    name,
    store: (image, more) => createRegistryStore(session, parseReference(name(image)), more),
  };
}

async function startSource(): Promise<Side> {
  const side = await startSide();
  side.registry.push('team/app', '1', index);
  for (const artifact of [signature, ofSignature, ofImage]) side.registry.push('team/app', [], artifact);
  return side;
}

const uploads = ({ requests }: LoopbackRegistry) =>
  requests.filter(({ method, url }) => method === 'PUT' && url.includes('/blobs/uploads/'));

describe('copyImage from registry to registry', () => {
  it('copies all platforms byte for byte, tags the index last, and sends nothing the second time', async () => {
    const [source, target] = [await startSource(), await startSide()];
    const events: CopyEvent[] = [];
    const copy = (onEvent?: (event: CopyEvent) => void) =>
      copyImage(source.store('team/app'), source.name('team/app:1'), target.store('mirror/app'), {
        as: target.name('mirror/app:2'),
        onEvent,
      });
    const copied = await copy((event) => void events.push(event));
    expect(copied.root.digest).toBe(index.descriptor.digest);
    expect(events[0]).toMatchObject({ type: 'plan', contents: copied.contents });
    expect(events.filter((event) => event.type === 'blob' && event.phase === 'verified')).toHaveLength(7);
    const ref = parseReference(target.name('mirror/app:2'));
    expect((await resolveManifest(target.session, ref)).digest).toBe(index.descriptor.digest);
    for (const { descriptor } of images) {
      expect((await readManifestBytes(target.session, ref, { descriptor })).descriptor.digest).toBe(descriptor.digest);
    }
    const puts = target.registry.requests.filter(({ method }) => method === 'PUT');
    expect(puts.at(-1)?.url).toMatch(/\/manifests\/2$/);
    expect(uploads(target.registry)).toHaveLength(4);
    const read = source.registry.requests.filter(({ url }) => url.includes('/blobs/')).length;
    await copy();
    expect(uploads(target.registry)).toHaveLength(4);
    expect(source.registry.requests.filter(({ url }) => url.includes('/blobs/'))).toHaveLength(read);
  });

  it.each([true, false])(
    'copies what refers to the image, and to that (target with the referrers API: %s)',
    async (referrers) => {
      const [source, target] = [await startSource(), await startSide({ referrers })];
      await copyImage(source.store('team/app'), source.name('team/app:1'), target.store('app'), {
        as: target.name('app:1'),
        referrers: true,
      });
      const listed = async (subject: { readonly digest: string }) => {
        const found: string[] = [];
        const ref = parseReference(target.name(`app@${subject.digest}`));
        for await (const { digest } of listReferrers(target.session, ref)) found.push(digest);
        return found;
      };
      expect(await listed(index.descriptor)).toEqual([signature.descriptor.digest]);
      expect(await listed(signature.descriptor)).toEqual([ofSignature.descriptor.digest]);
      expect(await listed(images[1]!.descriptor)).toEqual([ofImage.descriptor.digest]);
    },
  );

  it('leaves out what refers to the image unless it is asked to copy it', async () => {
    const [source, target] = [await startSource(), await startSide()];
    const { contents } = await copyImage(source.store('team/app'), source.name('team/app:1'), target.store('app'), {
      as: target.name('app:1'),
    });
    expect(contents.map(({ digest }) => digest)).not.toContain(signature.descriptor.digest);
  });

  it('mounts blobs from another repository of the same registry, and sends none', async () => {
    const source = await startSource();
    const target = source.store('release/app', { mountFrom: { path: 'team/app' } });
    const events: CopyEvent[] = [];
    await copyImage(source.store('team/app'), source.name('team/app:1'), target, {
      as: source.name('release/app:1'),
      onEvent: (event) => void events.push(event),
    });
    expect(uploads(source.registry)).toEqual([]);
    expect(source.registry.requests.filter(({ method, url }) => method === 'GET' && url.includes('/blobs/'))).toEqual(
      [],
    );
    expect(events.filter((event) => event.type === 'blob' && event.phase === 'skipped')).toHaveLength(4);
    expect((await resolveManifest(source.session, parseReference(source.name('release/app:1')))).digest).toBe(
      index.descriptor.digest,
    );
  });

  it('shows each registry the credential of its own session', async () => {
    const account = { username: 'ci', password: canary('password') };
    const source = await startSource();
    const target = await startSide({ auth: { '': { type: 'bearer', accounts: [account] } } }, account);
    const copied = await copyImage(source.store('team/app'), source.name('team/app:1'), target.store('app'), {
      as: target.name('app:1'),
    });
    expect(copied.root.digest).toBe(index.descriptor.digest);
    const shown = ({ requests }: LoopbackRegistry) =>
      requests.some(({ headers }) => headers['authorization'] !== undefined);
    expect([shown(source.registry), shown(target.registry)]).toEqual([false, true]);
  });
});

describe('copyImage between a registry and a store', () => {
  it('brings an image with all platforms into a store, and from there to another registry', async () => {
    const [source, target] = [await startSource(), await startSide()];
    const store = createMemoryStore({ createHasher: nodeHasher });
    const name = source.name('team/app:1');
    await copyImage(source.store('team/app'), name, store);
    await copyImage(store, name, target.store('app'), { as: target.name('app:1') });
    expect((await resolveManifest(target.session, parseReference(target.name('app:1')))).digest).toBe(
      index.descriptor.digest,
    );
  });

  it('says that a store does not know what refers to its images', async () => {
    const source = await startSource();
    const store = createMemoryStore({ createHasher: nodeHasher });
    await copyImage(source.store('team/app'), source.name('team/app:1'), store);
    const again = copyImage(store, source.name('team/app:1'), createMemoryStore({ createHasher: nodeHasher }), {
      referrers: true,
    });
    await expect(again).rejects.toMatchObject({
      code: 'ERR_STORE',
      message: expect.stringContaining('does not know what refers to it') as string,
    });
  });

  it.each(['team/app:gone', 'other/app:1'])('says of %s that there is no such name', async (image) => {
    const source = await startSource();
    const copy = copyImage(
      source.store('team/app'),
      source.name(image),
      createMemoryStore({ createHasher: nodeHasher }),
    );
    await expect(copy).rejects.toMatchObject({ code: 'ERR_STORE', operation: 'resolve' });
  });

  it('refuses a name in the target that is of another repository', async () => {
    const [source, target] = [await startSource(), await startSide()];
    const copy = copyImage(source.store('team/app'), source.name('team/app:1'), target.store('app'));
    await expect(copy).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });
});

describe('copyImages', () => {
  it('copies several, with the events of each, in the order of the jobs', async () => {
    const [source, target] = [await startSource(), await startSide()];
    source.registry.push('team/app', '2', images[0]!);
    const jobs = ['1', '2'].map((tag) => ({
      from: source.store('team/app'),
      name: source.name(`team/app:${tag}`),
      to: target.store('app'),
      as: target.name(`app:${tag}`),
    }));
    const told = new Map<string, number>();
    const copied = await copyImages(jobs, {
      maxParallel: 2,
      onEvent: (_, { as = '' }) => void told.set(as, (told.get(as) ?? 0) + 1),
    });
    expect(copied.map(({ name, root }) => [name, root.digest])).toEqual([
      [target.name('app:1'), index.descriptor.digest],
      [target.name('app:2'), images[0]!.descriptor.digest],
    ]);
    expect([...told.keys()].toSorted()).toEqual(jobs.map(({ as }) => as));
  });

  it('gives the others up when one fails', async () => {
    const [source, target] = [await startSource(), await startSide()];
    source.registry.push('team/app', '2', images[0]!);
    source.registry.fault({
      method: 'GET',
      path: new RegExp(images[0]!.manifest.config.digest),
      action: { kind: 'stall' },
    });
    const jobs = ['2', 'gone'].map((tag) => ({
      from: source.store('team/app'),
      name: source.name(`team/app:${tag}`),
      to: target.store('app'),
      as: target.name(`app:${tag}`),
    }));
    await expect(copyImages(jobs)).rejects.toMatchObject({ code: 'ERR_STORE', operation: 'resolve' });
  });
});
