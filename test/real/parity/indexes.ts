import { parsePlatform } from 'kubepull/platform';
import type { BuiltImage } from 'kubepull/testing';
import { document, entryOf, imageOf, indexed, inputsOf, type Serve, served, sha, T } from './kit.ts';

type Value = Record<string, unknown>;

const other = (id: string, platform = 'linux/arm64'): BuiltImage =>
  imageOf(`${id} ${platform}`, { platform: parsePlatform(platform) });
const index = (manifests: unknown, more: Value = {}): Value => ({
  schemaVersion: 2,
  mediaType: T.ociIndex,
  manifests,
  ...more,
});
/** An index of an image for arm64 and one for amd64, with the entry of the latter changed. */
const entry =
  (change: (own: Value) => Value, more: Value = {}): Serve =>
  (id) => {
    const [one, two] = [other(id), imageOf(id)];
    return indexed([one, two], index([entryOf(one), { ...entryOf(two), ...change(entryOf(two)) }], more));
  };
const field = (more: Value): Serve => entry(() => ({}), more);
/** Entries before those of the two images. */
const before =
  (...entries: readonly Value[]): Serve =>
  (id) => {
    const [one, two] = [other(id), imageOf(id)];
    return indexed([one, two], index([...entries, entryOf(one), entryOf(two)]));
  };
/** Two images of amd64 whose platforms are these. */
const platforms =
  (...values: readonly unknown[]): Serve =>
  (id) => {
    const images = values.map((_, at) => imageOf(`${id} ${at}`));
    return indexed(images, index(images.map((image, at) => entryOf(image, { platform: values[at] }))));
  };
const raw =
  (from: string | RegExp, by: string): Serve =>
  (id) => {
    const [one, two] = [other(id), imageOf(id)];
    return indexed([one, two], JSON.stringify(index([entryOf(one), entryOf(two)])).replace(from, by));
  };
const typed =
  (type: string | null, mediaType: string | undefined = T.ociIndex): Serve =>
  (id) => {
    const [one, two] = [other(id), imageOf(id)];
    return indexed([one, two], index([entryOf(one), entryOf(two)], { mediaType }), { type });
  };
const child =
  (childType: string): Serve =>
  (id) => {
    const [one, two] = [other(id), imageOf(id)];
    return indexed([one, two], index([entryOf(one), entryOf(two)]), { childType });
  };
const amd64 = { os: 'linux', architecture: 'amd64' };
const nothing = { digest: sha('nothing'), size: 7 };

export const INDEXES = inputsOf('I', {
  'an OCI index': field({}),
  'a Docker list of Docker images': (id) => {
    const images = [
      imageOf(id, { mediaTypes: 'docker' }),
      imageOf(`${id} arm`, { mediaTypes: 'docker', platform: parsePlatform('linux/arm64') }),
    ];
    return indexed(
      images,
      index(
        images.map((image) => entryOf(image)),
        { mediaType: T.dockerManifestList },
      ),
      { type: T.dockerManifestList },
    );
  },
  'a Docker list of OCI images': typed(T.dockerManifestList, T.dockerManifestList),
  'an OCI index of Docker images': (id) => {
    const image = imageOf(id, { mediaTypes: 'docker' });
    return indexed([image], index([entryOf(image)]));
  },
  'no mediaType': field({ mediaType: undefined }),
  'mediaType null': field({ mediaType: null }),
  'no mediaType, Docker': typed(T.dockerManifestList, undefined),
  'no Content-Type': typed(null),
  'Content-Type text/plain': typed('text/plain'),
  'Content-Type of a manifest': typed(T.ociManifest),
  'Content-Type of Docker, OCI document': typed(T.dockerManifestList),
  'no schemaVersion': field({ schemaVersion: undefined }),
  'schemaVersion 1': field({ schemaVersion: 1 }),
  'manifests null': field({ manifests: null }),
  'manifests missing': field({ manifests: undefined }),
  'manifests empty': field({ manifests: [] }),
  'annotations null': field({ annotations: null }),
  'layers beside manifests': field({ layers: [] }),
  'config beside manifests': field({ config: null }),
  'manifests twice': raw('"manifests":', '"manifests":[],"manifests":'),
  'Manifests in capitals': raw('"manifests":', '"Manifests":'),
  'text behind': raw(/$/, 'x'),
  'only another platform': (id) => indexed([other(id)], index([entryOf(other(id))])),
  'no platform': platforms(undefined),
  'platform null': platforms(null),
  'platform empty': platforms({}),
  'no platform, twice': platforms(undefined, undefined),
  'no platform before the right one': platforms(undefined, amd64),
  'the right one before no platform': platforms(amd64, undefined),
  'the same platform twice': platforms(amd64, amd64),
  'platform in capitals': platforms({ os: 'Linux', architecture: 'AMD64' }),
  'architecture x86_64': platforms({ os: 'linux', architecture: 'x86_64' }),
  'architecture x86-64': platforms({ os: 'linux', architecture: 'x86-64' }),
  'os empty': platforms({ os: '', architecture: 'amd64' }),
  'architecture empty': platforms({ os: 'linux', architecture: '' }),
  'variant null': platforms({ ...amd64, variant: null }),
  'variant v1': platforms({ ...amd64, variant: 'v1' }),
  'variant v2': platforms({ ...amd64, variant: 'v2' }),
  'variant v2 before none': platforms({ ...amd64, variant: 'v2' }, amd64),
  'variant unknown': platforms({ ...amd64, variant: 'zen' }),
  'os.version of Windows': platforms({ ...amd64, 'os.version': '10.0.1' }),
  'os.features null': platforms({ ...amd64, 'os.features': null }),
  'features of Docker': platforms({ ...amd64, features: ['sse4'] }),
  'an os that is a number': platforms({ os: 1, architecture: 'amd64' }),
  '386 before nothing better': platforms({ os: 'linux', architecture: '386' }),
  '386 before amd64': platforms({ os: 'linux', architecture: '386' }, amd64),
  'unknown/unknown before the right one': platforms({ os: 'unknown', architecture: 'unknown' }, amd64),
  'size 0': entry(() => ({ size: 0 })),
  'size one too large': entry(({ size }) => ({ size: Number(size) + 1 })),
  'size one too small': entry(({ size }) => ({ size: Number(size) - 1 })),
  'size missing': entry(() => ({ size: undefined })),
  'size negative': entry(() => ({ size: -1 })),
  'digest of what is not there': entry(() => ({ digest: sha('nothing') })),
  'digest that is none': entry(() => ({ digest: 'abc' })),
  'mediaType of the entry missing': entry(() => ({ mediaType: undefined })),
  'mediaType of the entry of Docker': entry(() => ({ mediaType: T.dockerManifest })),
  'mediaType of the entry of an index': entry(() => ({ mediaType: T.ociIndex })),
  'mediaType of the entry unknown': entry(() => ({ mediaType: 'application/vnd.example' })),
  'urls null': entry(() => ({ urls: null })),
  'annotations of the entry null': entry(() => ({ annotations: null })),
  'Content-Type of the child of Docker': child(T.dockerManifest),
  'Content-Type of the child text/plain': child('text/plain'),
  'Content-Type of the child application/json': child('application/json'),
  'Content-Type of the child of an index': child(T.ociIndex),
  'an unknown type before': before({ mediaType: 'application/vnd.example', ...nothing }),
  'an unknown type of the same platform before': before({
    mediaType: 'application/vnd.example',
    ...nothing,
    platform: amd64,
  }),
  'Docker schema 1 of the same platform before': before({
    mediaType: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
    ...nothing,
    platform: amd64,
  }),
  'an artifact without platform before': before({
    mediaType: T.ociManifest,
    artifactType: 'application/vnd.example',
    ...nothing,
  }),
  'an attestation before': before({
    mediaType: T.ociManifest,
    ...nothing,
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
  }),
  'an entry that is null': before(null as unknown as Value),
  'an entry that is empty': before({}),
  'an index within the index': (id) => {
    const image = imageOf(id);
    const nested = Buffer.from(JSON.stringify(index([entryOf(image)])));
    const outer = index([{ mediaType: T.ociIndex, digest: sha(nested), size: nested.length }]);
    const from = indexed([image], outer);
    return { ...from, manifests: new Map([...from.manifests, [sha(nested), document(nested, T.ociIndex)]]) };
  },
  'an index within the index, with platform': (id) => {
    const image = imageOf(id);
    const nested = Buffer.from(JSON.stringify(index([entryOf(image)])));
    const outer = index([{ mediaType: T.ociIndex, digest: sha(nested), size: nested.length, platform: amd64 }]);
    const from = indexed([image], outer);
    return { ...from, manifests: new Map([...from.manifests, [sha(nested), document(nested, T.ociIndex)]]) };
  },
  '1,000 entries': (id) => {
    const image = imageOf(id);
    const many = Array.from({ length: 1000 }, () => ({
      mediaType: T.ociManifest,
      ...nothing,
      platform: { os: 'linux', architecture: 'arm64' },
    }));
    return indexed([image], index([...many, entryOf(image)]));
  },
  'an image whose config names another platform': (id) => {
    const one = other(id);
    return indexed([one], index([entryOf(one, { platform: amd64 })]));
  },
  'a child that is not there': (id) => {
    const from = entry(() => ({}))(id);
    const two = imageOf(id).descriptor.digest;
    return { ...from, manifests: new Map([...from.manifests].filter(([name]) => name !== two)) };
  },
  'a child with other bytes': (id) => {
    const from = entry(() => ({}))(id);
    return {
      ...from,
      manifests: new Map([...from.manifests, [imageOf(id).descriptor.digest, document('{}', T.ociManifest)]]),
    };
  },
  'a child that may be asked by blob only': (id) => {
    const from = served(id);
    return { ...from, before: ({ kind }) => (kind === 'manifests' ? { status: 404 } : undefined) };
  },
});
