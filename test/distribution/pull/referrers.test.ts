import { describe, expect, it } from 'vitest';
import { listReferrers, readConfig } from 'kubepull/distribution';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { type Descriptor, MEDIA_TYPES } from 'kubepull/oci';
import { buildArtifact, buildImage } from 'kubepull/testing';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import { startRegistry } from '../../support/registry.ts';
import { collect, connectTo, imageIn } from '../registry-support.ts';
import { connect, digest, ORIGIN, ref } from '../support.ts';

const SIGNATURE = 'application/vnd.example.signature';
const SBOM = 'application/spdx+json';
const image = buildImage({ layers: [] });
const artifact = (artifactType: string, text = '{}') =>
  buildArtifact({
    artifactType,
    subject: image.descriptor,
    layers: [['text/plain', text]],
    annotations: { 'org.example.text': text },
  });
const signature = artifact(SIGNATURE);
const sbom = artifact(SBOM);
const byDigest = { ...ref, tag: undefined, digest };
const entry = (artifactType: string, text = 'a'): Descriptor => ({
  mediaType: MEDIA_TYPES.ociManifest,
  digest: computeDigest(new TextEncoder().encode(text), nodeHasher),
  size: 2,
  artifactType,
});
const index = (...manifests: readonly Descriptor[]): Reply => ({
  headers: { 'content-type': MEDIA_TYPES.ociIndex },
  body: JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }),
});

describe('listReferrers', () => {
  it.each([true, false])('lists what refers to an image, in a registry with the API: %s', async (referrers) => {
    const registry = await startRegistry({ referrers });
    registry.push('team/app', '1', image);
    registry.push('team/app', [], signature);
    registry.push('team/app', [], sbom);
    const session = connectTo(registry);
    const found = await collect(listReferrers(session, imageIn(registry, 'team/app:1')));
    expect(found.map(({ artifactType, annotations }) => ({ artifactType, annotations }))).toEqual([
      { artifactType: SIGNATURE, annotations: { 'org.example.text': '{}' } },
      { artifactType: SBOM, annotations: { 'org.example.text': '{}' } },
    ]);
    const subject = imageIn(registry, `team/app@${image.descriptor.digest}`);
    const [only, ...others] = await collect(listReferrers(session, subject, { artifactType: SBOM }));
    expect([only?.digest, others]).toEqual([sbom.descriptor.digest, []]);
    const read = await readConfig(session, subject, { descriptor: only });
    expect([read.image, read.document.artifactType, new TextDecoder().decode(read.bytes)]).toEqual([
      undefined,
      SBOM,
      '{}',
    ]);
    expect(read.document.subject?.digest).toBe(image.descriptor.digest);
  });

  it.each([true, false])(
    'finds nothing of what nothing refers to, in a registry with the API: %s',
    async (referrers) => {
      const registry = await startRegistry({ referrers });
      registry.push('team/app', '1', image);
      expect(await collect(listReferrers(connectTo(registry), imageIn(registry, 'team/app:1')))).toEqual([]);
    },
  );

  it('filters itself, whatever the registry says that it did', async () => {
    const headers = { 'content-type': MEDIA_TYPES.ociIndex, 'oci-filters-applied': 'artifactType' };
    const reply = { ...index(entry(SBOM), entry(SIGNATURE, 'b'), { ...entry('x'), artifactType: undefined }), headers };
    const server = createMemoryTransport(() => reply);
    expect(await collect(listReferrers(connect(server).session, byDigest, { artifactType: SBOM }))).toEqual([
      entry(SBOM),
    ]);
    expect(server.requests[0]?.url).toBe(
      `${ORIGIN}/v2/team/app/referrers/${digest}?artifactType=application%2Fspdx%2Bjson`,
    );
  });

  it.each(['a&b=c', 'a#b', 'a\r\nb: c', '../../x', '\u{1f600}'])(
    'asks for the type %j as it is [A14 C08]',
    async (type) => {
      const server = createMemoryTransport(() => index());
      await collect(listReferrers(connect(server).session, byDigest, { artifactType: type }));
      const url = new URL(server.requests[0]?.url ?? '');
      expect([url.pathname, [...url.searchParams]]).toEqual([
        `/v2/team/app/referrers/${digest}`,
        [['artifactType', type]],
      ]);
    },
  );

  it('follows pages', async () => {
    const server = createMemoryTransport(({ url }) =>
      url.includes('page')
        ? index(entry(SBOM, 'b'))
        : {
            ...index(entry(SBOM, 'a')),
            headers: { 'content-type': MEDIA_TYPES.ociIndex, link: '<?page=2>; rel="next"' },
          },
    );
    expect(await collect(listReferrers(connect(server).session, byDigest))).toEqual([
      entry(SBOM, 'a'),
      entry(SBOM, 'b'),
    ]);
  });

  it('looks under a tag of 64 digits at most when there is no API', async () => {
    const sha512 = computeDigest(new Uint8Array(), nodeHasher, 'sha512');
    const server = createMemoryTransport(() => ({ status: 404 }));
    expect(await collect(listReferrers(connect(server).session, { ...byDigest, digest: sha512 }))).toEqual([]);
    expect(server.requests.map(({ url }) => url)).toEqual([
      `${ORIGIN}/v2/team/app/referrers/${sha512}`,
      `${ORIGIN}/v2/team/app/manifests/sha512-${sha512.slice(7, 71)}`,
    ]);
  });

  it.each<[string, Reply]>([
    ['the method', { status: 405 }],
    ['the type', { status: 406 }],
    ['the request at all', { status: 501 }],
    ['it, and shows a page for people', { headers: { 'content-type': 'text/html' }, body: '<html>' }],
    ['it, and sends people elsewhere', { status: 303, headers: { location: 'https://pages.example/packages/app' } }],
  ])('looks under the tag when the registry does not know %s', async (_, answer) => {
    const server = createMemoryTransport(({ url }) => {
      if (url.startsWith('https://pages.example')) return { status: 406 };
      return url.includes('/referrers/') ? answer : index(entry(SBOM));
    });
    expect(await collect(listReferrers(connect(server).session, byDigest))).toEqual([entry(SBOM)]);
    expect(server.open()).toBe(0);
  });

  it.each([MEDIA_TYPES.ociIndex, MEDIA_TYPES.ociManifest])(
    'takes the subject itself, a %s, for none of them, when the registry reads the tag as its digest [M01]',
    async (type) => {
      const body = JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [entry(SBOM)] });
      const subject = computeDigest(new TextEncoder().encode(body), nodeHasher);
      const server = createMemoryTransport(({ url }) =>
        url.includes('/referrers/') ? { status: 404 } : { headers: { 'content-type': type }, body },
      );
      expect(await collect(listReferrers(connect(server).session, { ...byDigest, digest: subject }))).toEqual([]);
    },
  );

  it('takes no manifest for the list [M01]', async () => {
    const config = { mediaType: MEDIA_TYPES.ociConfig, digest, size: 2 };
    const body = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config, layers: [] });
    for (const type of [MEDIA_TYPES.ociManifest, MEDIA_TYPES.ociIndex, 'application/json', '']) {
      const server = createMemoryTransport(({ url }) =>
        url.includes('/referrers/') && type !== MEDIA_TYPES.ociManifest
          ? { headers: { 'content-type': type }, body }
          : url.includes('/referrers/')
            ? { status: 404 }
            : { headers: { 'content-type': type }, body },
      );
      await expect(collect(listReferrers(connect(server).session, byDigest))).rejects.toMatchObject({
        code: 'ERR_REGISTRY_DOCUMENT',
      });
      expect(server.open()).toBe(0);
    }
  });

  it('reads 16,384 referrers and no more [M04]', async () => {
    const tiny = { mediaType: 'a/b', digest: entry('').digest, size: 1 };
    const many = (count: number) => createMemoryTransport(() => index(...Array.from({ length: count }, () => tiny)));
    expect(await collect(listReferrers(connect(many(16_384)).session, byDigest))).toHaveLength(16_384);
    await expect(collect(listReferrers(connect(many(16_385)).session, byDigest))).rejects.toThrow('more than 16384');
  });

  it.each([400, 401, 403, 404, 405, 406, 501])('takes %d of the API for none, and asks for the tag', async (status) => {
    const server = createMemoryTransport(({ url }) =>
      url.includes('/referrers/') ? { status } : index(entry(SIGNATURE)),
    );
    expect(await collect(listReferrers(connect(server).session, byDigest))).toHaveLength(1);
    const none = createMemoryTransport(({ url }) => ({ status: url.includes('/referrers/') ? status : 404 }));
    expect(await collect(listReferrers(connect(none).session, byDigest))).toEqual([]);
  });

  it('takes a page for people for none, and null for an empty list', async () => {
    const page = createMemoryTransport(({ url }) =>
      url.includes('/referrers/') ? { headers: { 'content-type': 'text/html' }, body: '<html>' } : { status: 404 },
    );
    expect(await collect(listReferrers(connect(page).session, byDigest))).toEqual([]);
    const body = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: null });
    const empty = createMemoryTransport(() => ({ headers: { 'content-type': MEDIA_TYPES.ociIndex }, body }));
    expect(await collect(listReferrers(connect(empty).session, byDigest))).toEqual([]);
  });

  it('takes a tag that is unknown under another status for none', async () => {
    const body = JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'no such tag' }] });
    const server = createMemoryTransport(({ url }) =>
      url.includes('/referrers/') ? { status: 404 } : { status: 400, body },
    );
    expect(await collect(listReferrers(connect(server).session, byDigest))).toEqual([]);
  });

  it.each([402, 410, 409])('fails with what else the registry says: %d', async (status) => {
    const server = createMemoryTransport(() => ({ status }));
    await expect(collect(listReferrers(connect(server).session, byDigest))).rejects.toMatchObject({ status });
    expect(server.requests).toHaveLength(1);
  });

  it('fails when the tag cannot be read for another reason than that it is none', async () => {
    const server = createMemoryTransport(({ url }) => ({ status: url.includes('/referrers/') ? 404 : 403 }));
    await expect(collect(listReferrers(connect(server).session, byDigest))).rejects.toMatchObject({ status: 403 });
  });
});
