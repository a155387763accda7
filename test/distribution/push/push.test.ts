import { describe, expect, it } from 'vitest';
import { createSecret } from 'kubepull/docker-config';
import { type DigestAlgorithm, computeDigest } from 'kubepull/digest';
import {
  resolveManifest,
  createFetchTransport,
  hasBlob,
  inspectIndex,
  listReferrers,
  pushBlob,
  pushManifest,
  type PushManifestOptions,
  readBlob,
  readConfig,
  readManifest,
  readManifestBytes,
} from 'kubepull/distribution';
import { nodeHasher } from 'kubepull/node';
import { createIndex, type Descriptor, encodeManifest, type ImageManifest, MEDIA_TYPES } from 'kubepull/oci';
import { selectManifest } from 'kubepull/platform';
import { buildArtifact, buildImage, buildIndex, type BuiltContent } from 'kubepull/testing';
import { canary } from '../../support/canary.ts';
import { startRegistry } from '../../support/registry.ts';
import { collect, connectTo, imageIn } from '../registry-support.ts';
import { credential } from '../support.ts';

const image = buildImage({ layers: [{ files: { a: 'a' } }, { files: { b: 'b' } }, { files: { a: 'a' } }] });
const last = (contents: readonly BuiltContent[]): BuiltContent => contents.at(-1) as BuiltContent;
const toPush = ({ bytes, descriptor: { mediaType } }: BuiltContent) => ({ bytes, mediaType });
const contentOf =
  (contents: readonly BuiltContent[]): NonNullable<PushManifestOptions['content']> =>
  ({ digest }) =>
    contents.find(({ descriptor }) => descriptor.digest === digest)?.bytes;

/** The requests without the digests and ids in them. */
const story = (requests: readonly { method: string; url: string; status: number | undefined }[]): readonly string[] =>
  requests.map(
    ({ method, url, status }) =>
      `${method} ${url
        .replace(/(sha256)(:|%3A)[0-9a-f]{64}/g, '$1')
        .replace(/uploads\/[^?]+/, 'uploads/id')
        .replace(/_state=[^&]+/, 's')} ${status}`,
  );

describe('pushManifest', () => {
  it('uploads what the repository lacks, each content once, then the manifest', async () => {
    const registry = await startRegistry();
    const [session, ref] = [connectTo(registry), imageIn(registry, 'team/app:1')];
    const pushed = await pushManifest(session, ref, toPush(last(image.contents)), {
      content: contentOf(image.contents),
    });
    const { platform: _, ...descriptor } = image.descriptor;
    expect(pushed).toEqual({
      descriptor,
      referrers: undefined,
      blobs: [image.manifest.config, ...image.manifest.layers.slice(0, 2)].map((blob) => ({
        descriptor: blob,
        how: 'uploaded',
      })),
    });
    const upload = [
      'HEAD /v2/team/app/blobs/sha256 404',
      'POST /v2/team/app/blobs/uploads/ 202',
      'PUT /v2/team/app/blobs/uploads/id?s&digest=sha256 201',
    ];
    expect(story(registry.requests)).toEqual([...upload, ...upload, ...upload, 'PUT /v2/team/app/manifests/1 201']);
    expect((await resolveManifest(session, ref)).digest).toBe(image.descriptor.digest);
    const [layer] = image.manifest.layers;
    const chunks = await collect(readBlob(session, ref, layer as Descriptor));
    expect(computeDigest(Buffer.concat(chunks), nodeHasher)).toBe(layer?.digest);
  });

  it('sends no content that is there, and none that can be mounted', async () => {
    const registry = await startRegistry();
    registry.push('base/image', '1', image);
    const session = connectTo(registry);
    const mountFrom = imageIn(registry, 'base/image:1');
    const ref = imageIn(registry, 'team/app:1');
    const first = await pushManifest(session, ref, toPush(last(image.contents)), { mountFrom });
    expect(first.blobs.map(({ how }) => how)).toEqual(['mounted', 'mounted', 'mounted']);
    const second = await pushManifest(session, ref, toPush(last(image.contents)), { mountFrom });
    expect(second.blobs.map(({ how }) => how)).toEqual(['present', 'present', 'present']);
    expect(registry.requests.filter(({ method }) => method === 'PUT')).toHaveLength(2);
  });

  it('uploads what cannot be mounted after all', async () => {
    const registry = await startRegistry();
    const session = connectTo(registry);
    const options = { mountFrom: { path: 'base/none' }, content: contentOf(image.contents) };
    const pushed = await pushManifest(session, imageIn(registry, 'team/app:1'), toPush(last(image.contents)), options);
    expect(pushed.blobs.map(({ how }) => how)).toEqual(['uploaded', 'uploaded', 'uploaded']);
    expect(registry.requests.filter(({ url }) => url.includes('mount='))).toHaveLength(3);
    expect(registry.requests.filter(({ method }) => method === 'POST')).toHaveLength(3);
  });

  it.each([undefined, { path: 'team/app' }, { path: 'base/none' }])(
    'says what is neither there nor given, with mounts from %j',
    async (mountFrom) => {
      const registry = await startRegistry();
      const session = connectTo(registry);
      const { config } = image.manifest;
      await expect(
        pushManifest(session, imageIn(registry, 'team/app:1'), toPush(last(image.contents)), { mountFrom }),
      ).rejects.toMatchObject({
        code: 'ERR_OPTION_INVALID',
        message: `Cannot push to ${registry.host}/team/app: it lacks ${config.digest}, and there is no content to push`,
      });
      expect(registry.requests.some(({ method }) => method === 'PUT')).toBe(false);
    },
  );

  it('pushes a whole index, its manifests by digest', async () => {
    const registry = await startRegistry();
    const [session, ref] = [connectTo(registry), imageIn(registry, 'team/app:1')];
    const linux = (architecture: string) =>
      buildImage({ platform: { os: 'linux', architecture }, layers: [{ files: { architecture } }] });
    const built = buildIndex([buildIndex([linux('amd64')]), linux('arm64')], { attestations: true });
    await pushManifest(session, ref, toPush(last(built.contents)), { content: contentOf(built.contents) });
    const puts = registry.requests.filter(({ method, url }) => method === 'PUT' && url.includes('/manifests/'));
    expect(puts.map(({ url }) => url.slice(url.lastIndexOf('/') + 1))).toEqual([
      built.index.manifests[0] === undefined ? '' : expect.stringMatching(/^sha256:/),
      built.index.manifests[0]?.digest,
      built.index.manifests[1]?.digest,
      built.index.manifests[2]?.digest,
      '1',
    ]);
    const choose = { choose: selectOf('arm64') };
    expect((await readManifest(session, ref, choose)).descriptor.platform).toEqual({
      os: 'linux',
      architecture: 'arm64',
    });
  });

  it('makes an index of images that are there, as docker manifest create does', async () => {
    const registry = await startRegistry();
    const session = connectTo(registry);
    const entries: Descriptor[] = [];
    for (const architecture of ['amd64', 'arm64']) {
      const mediaTypes = 'docker' as const;
      registry.push(
        'team/app',
        architecture,
        buildImage({ mediaTypes, platform: { os: 'linux', architecture }, layers: [] }),
      );
      entries.push((await readConfig(session, imageIn(registry, `team/app:${architecture}`))).manifest);
    }
    const index = createIndex(entries);
    const ref = imageIn(registry, 'team/app:all');
    await pushManifest(session, ref, { bytes: encodeManifest(index), mediaType: index.mediaType });
    const inspected = await inspectIndex(session, ref, { verbose: true });
    expect(inspected.document).toEqual(index);
    expect(inspected.descriptor.mediaType).toBe(MEDIA_TYPES.dockerManifestList);
    expect(inspected.entries?.map(({ descriptor }) => descriptor.platform?.architecture)).toEqual(['amd64', 'arm64']);
    const other = imageIn(registry, 'team/other:all');
    await expect(
      pushManifest(session, other, { bytes: encodeManifest(index), mediaType: index.mediaType }),
    ).rejects.toThrow(`it lacks manifest ${entries[0]?.digest}, and there is no content to push`);
  });

  it.each(['sha256', 'sha512'] as const)('pushes by %s digest', async (algorithm: DigestAlgorithm) => {
    const registry = await startRegistry();
    const session = connectTo(registry);
    const { bytes } = last(image.contents);
    const digest = computeDigest(bytes, nodeHasher, algorithm);
    const ref = { ...imageIn(registry, 'team/app'), tag: undefined, digest };
    const pushed = await pushManifest(session, ref, toPush(last(image.contents)), {
      content: contentOf(image.contents),
    });
    expect(pushed.descriptor.digest).toBe(digest);
    expect((await readManifestBytes(session, ref)).bytes).toEqual(bytes);
  });

  it('refuses bytes that are not what the reference says, before anything is sent', async () => {
    const registry = await startRegistry();
    const ref = imageIn(registry, `team/app@${image.manifest.config.digest}`);
    await expect(pushManifest(connectTo(registry), ref, toPush(last(image.contents)))).rejects.toMatchObject({
      code: 'ERR_CONTENT_MISMATCH',
    });
    await expect(
      pushManifest(connectTo(registry), ref, {
        bytes: new TextEncoder().encode('{}'),
        mediaType: MEDIA_TYPES.ociIndex,
      }),
    ).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
    expect(registry.requests).toHaveLength(0);
  });

  it('sends no layer that must not be distributed, and no content that comes along', async () => {
    const registry = await startRegistry();
    const empty = new TextEncoder().encode('{}');
    const manifest: ImageManifest = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      artifactType: 'text/x',
      config: { mediaType: MEDIA_TYPES.ociEmpty, digest: computeDigest(empty, nodeHasher), size: 2, data: 'e30=' },
      layers: [{ ...(image.manifest.layers[0] as Descriptor), urls: ['https://layers.example/a'] }],
    };
    const pushed = await pushManifest(connectTo(registry), imageIn(registry, 'team/app:1'), {
      bytes: encodeManifest(manifest),
      mediaType: manifest.mediaType,
    });
    expect(pushed.blobs).toEqual([{ descriptor: manifest.config, how: 'uploaded' }]);
  });

  it('pushes no more than four levels of indexes [M04]', async () => {
    const registry = await startRegistry();
    let built = buildIndex([image]);
    for (let level = 0; level < 5; level += 1) built = buildIndex([built]);
    await expect(
      pushManifest(connectTo(registry), imageIn(registry, 'team/app:1'), toPush(last(built.contents)), {
        content: contentOf(built.contents),
      }),
    ).rejects.toThrow('its indexes are nested deeper than 4 levels');
  });
});

describe('a push of what refers to something', () => {
  const artifact = (text: string) =>
    buildArtifact({ artifactType: 'text/x', subject: image.descriptor, layers: [['text/plain', text]] });

  it.each([
    [true, 'registry'],
    [false, 'tag'],
  ] as const)('is listed, in a registry with the API: %s', async (referrers, keeper) => {
    const registry = await startRegistry({ referrers });
    registry.push('team/app', '1', image);
    const session = connectTo(registry);
    for (const text of ['a', 'b', 'a']) {
      const { contents, descriptor } = artifact(text);
      const ref = imageIn(registry, `team/app@${descriptor.digest}`);
      const pushed = await pushManifest(session, ref, toPush(last(contents)), { content: contentOf(contents) });
      expect(pushed.referrers).toBe(keeper);
    }
    const found = await collect(listReferrers(session, imageIn(registry, 'team/app:1'), { artifactType: 'text/x' }));
    expect(found.map(({ digest }) => digest)).toEqual([
      artifact('a').descriptor.digest,
      artifact('b').descriptor.digest,
    ]);
  });
});

describe('pushBlob', () => {
  const bytes = new TextEncoder().encode('content');
  const blob: Descriptor = { mediaType: 'text/plain', digest: computeDigest(bytes, nodeHasher), size: bytes.length };

  async function* chunks(text: string): AsyncGenerator<Uint8Array> {
    for (const letter of text) yield new TextEncoder().encode(letter);
    yield new Uint8Array();
  }

  it.each(['sha256', 'sha512'] as const)('streams content under its %s digest', async (algorithm) => {
    const registry = await startRegistry();
    const [session, ref] = [connectTo(registry), imageIn(registry, 'team/app')];
    const named = { ...blob, digest: computeDigest(bytes, nodeHasher, algorithm) };
    expect(await pushBlob(session, ref, named, { content: () => chunks('content') })).toBe('uploaded');
    expect(await hasBlob(session, ref, named)).toBe(true);
    expect(await pushBlob(session, ref, named, {})).toBe('present');
  });

  it('sends what came, though the source uses its buffer again', async () => {
    const registry = await startRegistry();
    const [size, count] = [10_000, 800];
    const fill = (buffer: Buffer, at: number): Buffer => buffer.fill(at & 255);
    async function* reusing(): AsyncGenerator<Uint8Array> {
      const buffer = Buffer.alloc(size);
      for (let at = 0; at < count; at += 1) yield fill(buffer, at);
      buffer.fill(0);
    }
    const whole = Buffer.concat(Array.from({ length: count }, (_, at) => fill(Buffer.alloc(size), at)));
    const large = { ...blob, size: whole.length, digest: computeDigest(whole, nodeHasher) };
    const ref = imageIn(registry, 'team/app');
    expect(await pushBlob(connectTo(registry), ref, large, { content: reusing })).toBe('uploaded');
  });

  it('streams content over fetch', async () => {
    const registry = await startRegistry();
    const session = connectTo(registry, { transport: createFetchTransport() });
    const ref = imageIn(registry, 'team/app');
    expect(await pushBlob(session, ref, blob, { content: () => chunks('content') })).toBe('uploaded');
    const other = { ...blob, digest: computeDigest(new Uint8Array(7), nodeHasher) };
    await expect(pushBlob(session, ref, other, { content: () => chunks('content') })).rejects.toMatchObject({
      code: 'ERR_CONTENT_MISMATCH',
    });
    expect([await hasBlob(session, ref, blob), await hasBlob(session, ref, other)]).toEqual([true, false]);
  });

  it('pushes nothing at all', async () => {
    const registry = await startRegistry();
    const empty = { ...blob, size: 0, digest: computeDigest(new Uint8Array(), nodeHasher) };
    const ref = imageIn(registry, 'team/app');
    expect(await pushBlob(connectTo(registry), ref, empty, { content: () => chunks('') })).toBe('uploaded');
    expect(await pushBlob(connectTo(registry), ref, empty, { content: new Uint8Array() })).toBe('present');
  });

  it('does not let the registry have the last byte of other content [B01]', async () => {
    const registry = await startRegistry();
    const [session, ref] = [connectTo(registry), imageIn(registry, 'team/app')];
    for (const text of ['Content', 'content+', 'conten', ''])
      await expect(pushBlob(session, ref, blob, { content: () => chunks(text) })).rejects.toMatchObject({
        code: 'ERR_CONTENT_MISMATCH',
      });
    await expect(pushBlob(session, ref, blob, { content: new Uint8Array(7) })).rejects.toThrow(
      'its content has the digest',
    );
    await expect(pushBlob(session, ref, blob, { content: new Uint8Array(8) })).rejects.toThrow('has 8 bytes, not 7');
    expect(await hasBlob(session, ref, blob)).toBe(false);
  });

  it('fails with what the source of the content fails with', async () => {
    const registry = await startRegistry();
    const failure = new Error('no such file');
    const content = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes.slice(0, 3);
      throw failure;
    };
    await expect(pushBlob(connectTo(registry), imageIn(registry, 'team/app'), blob, { content })).rejects.toBe(failure);
  });

  it('asks for one token that allows the push, and for the mount', async () => {
    const password = canary('password');
    const account = { username: 'u', password };
    const registry = await startRegistry({ auth: { '': { type: 'bearer', accounts: [account] } } });
    registry.push('base/image', '1', image);
    const session = connectTo(registry, { credential: credential({ password: createSecret(password) }) });
    const ref = imageIn(registry, 'team/app:1');
    await pushBlob(session, ref, blob, { content: () => chunks('content') });
    expect(await pushBlob(session, ref, image.manifest.config, { mountFrom: { path: 'base/image' } })).toBe('mounted');
    const scopes = registry.requests
      .filter(({ url }) => url.startsWith('/token'))
      .map(({ url, body }) => new URLSearchParams(url.split('?')[1] ?? new TextDecoder().decode(body)).getAll('scope'));
    expect(scopes.flatMap((scope) => scope.join(' '))).toEqual([
      'repository:team/app:pull,push',
      'repository:team/app:pull,push repository:base/image:pull',
    ]);
  });
});

function selectOf(architecture: string) {
  return (index: Parameters<typeof selectManifest>[0]) => selectManifest(index, { os: 'linux', architecture });
}
