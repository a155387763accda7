import { describe, expect, it, onTestFinished } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import {
  inspectIndex,
  readConfig,
  readManifest,
  resolveManifest,
  type TransportRequest,
  type TransportResponse,
} from 'kubepull/distribution';
import { createUndiciTransport, nodeHasher } from 'kubepull/node';
import { type Descriptor, type ImageIndex, MEDIA_TYPES } from 'kubepull/oci';
import { selectManifest } from 'kubepull/platform';
import { buildImage, buildIndex } from 'kubepull/testing';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import { startRegistry } from '../../support/registry.ts';
import { connectTo, imageIn } from '../registry-support.ts';
import { connect, digest, found, mediaType, ref } from '../support.ts';

const linux = (architecture: string) => ({ os: 'linux', architecture });
const imageFor = (architecture: string, mediaTypes: 'oci' | 'docker' = 'oci') =>
  buildImage({ platform: linux(architecture), mediaTypes, layers: [{ files: { architecture } }] });
const choose = (index: ImageIndex): Descriptor => selectManifest(index, linux('arm64'));
const first = ({ manifests }: ImageIndex): Descriptor => manifests[0] as Descriptor;

describe('readManifest', () => {
  it.each(['oci', 'docker'] as const)(
    'reads an index, and goes on to the %s manifest that is chosen',
    async (family) => {
      const registry = await startRegistry();
      const images = [imageFor('amd64', family), imageFor('arm64', family)];
      const built = buildIndex(images, { mediaTypes: family });
      registry.push('team/app', '1', built);
      const [session, image] = [connectTo(registry), imageIn(registry, 'team/app:1')];
      expect(await readManifest(session, image)).toMatchObject({
        kind: 'index',
        index: built.index,
        descriptor: built.descriptor,
      });
      const chosen = await readManifest(session, image, { choose });
      expect(chosen).toMatchObject({
        kind: 'manifest',
        manifest: images[1]?.manifest,
        descriptor: images[1]?.descriptor,
      });
      expect(computeDigest(chosen.bytes, nodeHasher)).toBe(images[1]?.descriptor.digest);
    },
  );

  it('goes through four indexes, and no more', async () => {
    const registry = await startRegistry();
    let built = buildIndex([imageFor('arm64')]);
    for (let level = 1; level <= 5; level += 1) {
      registry.push('team/app', `l${level}`, built);
      built = buildIndex([built]);
    }
    const session = connectTo(registry);
    const read = (tag: string) => readManifest(session, imageIn(registry, `team/app:${tag}`), { choose: first });
    expect((await read('l4')).kind).toBe('manifest');
    const before = registry.requests.length;
    await expect(read('l5')).rejects.toThrow('its indexes are nested deeper than 4 levels');
    expect(registry.requests.length - before).toBe(5);
  });

  it('takes the platform of the entry, and else that of the config', async () => {
    const registry = await startRegistry();
    registry.push('team/app', 'one', imageFor('s390x'));
    const entry = { ...imageFor('arm64'), descriptor: { ...imageFor('arm64').descriptor, platform: linux('riscv64') } };
    registry.push('team/app', 'many', buildIndex([entry]));
    const session = connectTo(registry);
    const one = await readConfig(session, imageIn(registry, 'team/app:one'));
    expect([one.manifest.platform, one.image?.platform]).toEqual([linux('s390x'), linux('s390x')]);
    expect(one.document).toEqual(imageFor('s390x').manifest);
    const many = await readConfig(session, imageIn(registry, 'team/app:many'), { choose: first });
    expect([many.manifest.platform, many.image?.platform]).toEqual([linux('riscv64'), linux('arm64')]);
    await expect(readConfig(session, imageIn(registry, 'team/app:many'))).rejects.toThrow(
      'nothing chooses of its entries',
    );
  });

  it('fails with what the choice fails with', async () => {
    const registry = await startRegistry();
    registry.push('team/app', '1', buildIndex([imageFor('amd64')]));
    const reading = readManifest(connectTo(registry), imageIn(registry, 'team/app:1'), { choose });
    await expect(reading).rejects.toMatchObject({ code: 'ERR_PLATFORM_NOT_FOUND' });
  });
});

describe('resolveManifest without HEAD', () => {
  it.each([405, 501])('asks for the manifest after %d', async (status) => {
    const server = createMemoryTransport(({ method }): Reply => (method === 'HEAD' ? { status } : found));
    expect((await resolveManifest(connect(server).session, ref)).digest).toBe(digest);
    expect(server.requests.map(({ method }) => method)).toEqual(['HEAD', 'GET']);
    expect(server.open()).toBe(0);
  });
});

describe('inspectIndex', () => {
  it('shows what docker manifest inspect shows, of an index and of an image', async () => {
    const registry = await startRegistry();
    const images = [imageFor('amd64', 'docker'), imageFor('arm64', 'docker')];
    const built = buildIndex(images, { mediaTypes: 'docker' });
    registry.push('team/app', '1', built);
    registry.push('team/app', 'one', images[0] ?? built);
    const session = connectTo(registry);
    const ref = imageIn(registry, 'team/app:1');
    const plain = await inspectIndex(session, ref);
    expect(plain).toMatchObject({ document: built.index, descriptor: built.descriptor, entries: undefined });
    expect(plain.ref).toBe(`${registry.host}/team/app@${built.descriptor.digest}`);
    expect(registry.requests).toHaveLength(1);
    const verbose = await inspectIndex(session, ref, { verbose: true });
    expect(verbose.entries?.map(({ ref, descriptor, document }) => ({ ref, descriptor, document }))).toEqual(
      images.map(({ descriptor, manifest }) => ({
        ref: `${registry.host}/team/app@${descriptor.digest}`,
        descriptor,
        document: manifest,
      })),
    );
    const one = await inspectIndex(session, imageIn(registry, 'team/app:one'), { verbose: true });
    expect(one.entries?.map(({ descriptor }) => descriptor)).toEqual([images[0]?.descriptor]);
  });

  it('shows the entries of one index, even if the tag moves meanwhile [M03]', async () => {
    const registry = await startRegistry();
    const [a, b] = [imageFor('amd64'), imageFor('arm64')];
    registry.push('team/app', '1', a);
    const { transport, close } = createUndiciTransport();
    onTestFinished(close);
    const moving = async (request: TransportRequest): Promise<TransportResponse> => {
      const response = await transport(request);
      registry.push('team/app', '1', b);
      return response;
    };
    const session = connectTo(registry, { transport: moving });
    const { entries } = await inspectIndex(session, imageIn(registry, 'team/app:1'), { verbose: true });
    expect(entries?.map(({ descriptor }) => descriptor)).toEqual([a.descriptor]);
  });

  it('shows an index within an index, and what else an entry may be', async () => {
    const registry = await startRegistry();
    const nested = buildIndex([buildIndex([imageFor('amd64')])], {});
    registry.push('team/app', '1', nested);
    const { entries } = await inspectIndex(connectTo(registry), imageIn(registry, 'team/app:1'), { verbose: true });
    expect(entries?.map(({ document }) => document.mediaType)).toEqual([MEDIA_TYPES.ociIndex]);
  });

  it('takes an entry that the index spells as Docker’s manifest, and refuses one that it calls an index [M01]', async () => {
    const registry = await startRegistry();
    const image = imageFor('amd64');
    const called = (type: string) => buildIndex([{ ...image, descriptor: { ...image.descriptor, mediaType: type } }]);
    registry.push('team/app', '1', buildIndex([image]));
    registry.push('team/app', '2', called(MEDIA_TYPES.dockerManifest));
    registry.push('team/app', '3', called(MEDIA_TYPES.ociIndex));
    const inspect = (name: string) => inspectIndex(connectTo(registry), imageIn(registry, name), { verbose: true });
    expect((await inspect('team/app:2')).entries?.map(({ document }) => document.mediaType)).toEqual([mediaType]);
    await expect(inspect('team/app:3')).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
  });
});
