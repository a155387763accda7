import { gunzipSync } from 'node:zlib';
import { zstdRaw } from '../../node/archive/support.ts';
import { type Answer, type Asked, type Change, inputsOf, type Serve, served, sha, T } from './kit.ts';

type Value = Record<string, unknown>;
type Layers = { layers: Value[]; config: Value };

const docker = { image: { mediaTypes: 'docker' as const } };
const to =
  (change: Change): Serve =>
  (id) =>
    served(id, change);
/** The document with fields set or, where they are undefined, left out. */
const set = (fields: Value, more: Change = {}): Serve =>
  to({ ...more, manifest: (value) => ({ ...value, ...fields }) });
const text = (change: (text: string) => string | Uint8Array, more: Change = {}): Serve =>
  to({ ...more, manifest: (_, plain) => change(plain) });
const layer = (fields: (layer: Value) => Value, more: Change = {}): Serve =>
  to({
    ...more,
    manifest: (value) => {
      const { layers } = value as Layers;
      return { ...value, layers: layers.map((one) => ({ ...one, ...fields(one) })) };
    },
  });
const config = (fields: (config: Value) => Value): Serve =>
  to({
    manifest: (value) => ({ ...value, config: { ...(value as Layers).config, ...fields((value as Layers).config) } }),
  });
const raw = (from: string | RegExp, by: string): Serve => text((plain) => plain.replace(from, by));
const header = (name: string, value: string | readonly string[]): Serve => to({ headers: { [name]: value } });
const head = (answer: Answer): Serve =>
  to({ before: ({ method, kind }: Asked) => (method === 'HEAD' && kind === 'manifests' ? answer : undefined) });
const inner = (bytes: Uint8Array): Uint8Array => gunzipSync(bytes);

export const MANIFESTS = inputsOf('M', {
  'an OCI image': to({}),
  'a Docker image': to(docker),
  'no mediaType': set({ mediaType: undefined }),
  'mediaType null': set({ mediaType: null }),
  'mediaType empty': set({ mediaType: '' }),
  'Content-Type with a parameter': to({ type: `${T.ociManifest}; charset=utf-8` }),
  'Content-Type in capitals': to({ type: T.ociManifest.toUpperCase() }),
  'no Content-Type': to({ type: null }),
  'Content-Type text/plain': to({ type: 'text/plain' }),
  'Content-Type application/json': to({ type: 'application/json' }),
  'Content-Type application/octet-stream': to({ type: 'application/octet-stream' }),
  'Content-Type of Docker, OCI document': to({ type: T.dockerManifest }),
  'Content-Type of OCI, Docker document': to({ ...docker, type: T.ociManifest }),
  'Content-Type of an index': to({ type: T.ociIndex }),
  'Content-Type of Docker schema 1': to({
    ...docker,
    type: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
  }),
  'a Docker document without mediaType': set({ mediaType: undefined }, docker),
  'a Docker document without mediaType and Content-Type': set({ mediaType: undefined }, { ...docker, type: null }),
  'no schemaVersion': set({ schemaVersion: undefined }),
  'no schemaVersion, Docker': set({ schemaVersion: undefined }, docker),
  'schemaVersion null': set({ schemaVersion: null }),
  'schemaVersion 1': set({ schemaVersion: 1 }),
  'schemaVersion 3': set({ schemaVersion: 3 }),
  'schemaVersion "2"': set({ schemaVersion: '2' }),
  'schemaVersion 2.0': raw('"schemaVersion":2', '"schemaVersion":2.0'),
  'layers null': set({ layers: null }),
  'no layers': set({ layers: undefined }),
  'layers empty': set({ layers: [] }),
  'layers an object': set({ layers: {} }),
  'annotations null': set({ annotations: null }),
  'an annotation that is null': set({ annotations: { a: null } }),
  'an annotation that is a number': set({ annotations: { a: 1 } }),
  'annotations a list': set({ annotations: [] }),
  'config.mediaType missing': config(() => ({ mediaType: undefined })),
  'config.mediaType null': config(() => ({ mediaType: null })),
  'config.mediaType empty': config(() => ({ mediaType: '' })),
  'config.mediaType of something else': config(() => ({ mediaType: 'application/vnd.example.config+json' })),
  'config.size 0': config(() => ({ size: 0 })),
  'config.size one too large': config(({ size }) => ({ size: Number(size) + 1 })),
  'config.size one too small': config(({ size }) => ({ size: Number(size) - 1 })),
  'config missing': set({ config: undefined }),
  'config null': set({ config: null }),
  'fields that nobody knows': set({ x: [{ y: null }], history: 1 }),
  'subject null': set({ subject: null }),
  'subject that is not there': set({ subject: { mediaType: T.ociManifest, digest: sha('gone'), size: 4 } }),
  'artifactType beside an image': set({ artifactType: 'application/vnd.example' }),
  'layers twice': raw('"layers":', '"layers":[],"layers":'),
  'Layers in capitals': raw('"layers":', '"Layers":'),
  'manifests beside layers': set({ manifests: [] }),
  'manifests null beside layers': set({ manifests: null }),
  'fsLayers beside layers': set({ fsLayers: [] }),
  'white space around': text((plain) => `\n ${plain} \n`),
  'a byte order mark': text((plain) => `\u{feff}${plain}`),
  'text behind': text((plain) => `${plain}x`),
  'a second document behind': text((plain) => `${plain}{}`),
  'bytes that are no UTF-8': text((plain) =>
    Buffer.concat([Buffer.from(plain.replace(/\}$/, ',"x":"')), Buffer.from([0xff]), Buffer.from('"}')]),
  ),
  '100 levels in an unknown field': set({ x: JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`) }),
  'a number without measure': raw(/\}$/, ',"x":1e999}'),
  '20,000 values in an unknown field': set({ x: Array.from({ length: 20_000 }, () => 0) }),
  '3 MiB of annotations': set({ annotations: { a: 'x'.repeat(3 * 1024 * 1024) } }),
  '5 MiB of annotations': set({ annotations: { a: 'x'.repeat(5 * 1024 * 1024) } }),
  'layer size 0': layer(() => ({ size: 0 })),
  'layer size one too large': layer(({ size }) => ({ size: Number(size) + 1 })),
  'layer size one too small': layer(({ size }) => ({ size: Number(size) - 1 })),
  'layer size negative': layer(() => ({ size: -1 })),
  'layer size a text': layer(({ size }) => ({ size: String(size) })),
  'layer size missing': layer(() => ({ size: undefined })),
  'layer size with a fraction of zero': raw(/"size":(\d+)\}\]/, '"size":$1.0}]'),
  'layer digest in capitals': layer(({ digest }) => ({ digest: `sha256:${String(digest).slice(7).toUpperCase()}` })),
  'layer digest cut': layer(({ digest }) => ({ digest: String(digest).slice(0, -2) })),
  'layer digest of md5': layer(() => ({ digest: `md5:${'0'.repeat(32)}` })),
  'layer digest of another layer': layer(() => ({ digest: sha('another') })),
  'layer mediaType missing': layer(() => ({ mediaType: undefined })),
  'layer mediaType unknown': layer(() => ({ mediaType: 'application/vnd.example.layer' })),
  'layer mediaType empty': layer(() => ({ mediaType: '' })),
  'layer of type foreign, served': layer(() => ({
    mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  })),
  'layer of type nondistributable, served': layer(() => ({
    mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  })),
  'layer with urls, served': layer(() => ({ urls: ['https://example.com/layer'] })),
  'layer with urls null': layer(() => ({ urls: null })),
  'layer with embedded data that is wrong': layer(() => ({ data: 'AAAA' })),
  'layer with embedded data that is a number': layer(() => ({ data: 1 })),
  'layer annotations null': layer(() => ({ annotations: null })),
  'layer platform null': layer(() => ({ platform: null })),
  'a layer twice': (id) => served(id, { image: { layers: [{ files: { id } }, { files: { id } }] } }),
  '12 layers': (id) =>
    served(id, { image: { layers: Array.from({ length: 12 }, (_, at) => ({ files: { [`${id}-${at}`]: id } })) } }),
  'a layer that is not packed, type tar': to({ layer: inner, layerType: T.ociLayer }),
  'a layer that is not packed, type gzip': to({ layer: inner }),
  'a layer that is packed, type tar': to({ layerType: T.ociLayer }),
  'a layer in zstd': to({ layer: (bytes) => zstdRaw(inner(bytes)), layerType: T.ociLayerZstd }),
  'a layer in zstd, type gzip': to({ layer: (bytes) => zstdRaw(inner(bytes)) }),
  'a layer that is no archive': to({ layer: () => Buffer.from('no archive'), layerType: T.ociLayer }),
  'config of another platform': to({ config: (value) => ({ ...value, architecture: 'arm64' }) }),
  'config without platform': to({ config: (value) => ({ ...value, os: undefined, architecture: undefined }) }),
  'config with more diff IDs than layers': to({
    config: (value) => ({ ...value, rootfs: { type: 'layers', diff_ids: [sha('a'), sha('b')] } }),
  }),
  'config with the wrong diff ID': to({
    config: (value) => ({ ...value, rootfs: { type: 'layers', diff_ids: [sha('a')] } }),
  }),
  'config without rootfs': to({ config: (value) => ({ ...value, rootfs: undefined }) }),
  'config that is no JSON': to({ config: () => 'x' }),
  'config that is a list': to({ config: () => [] }),
  'config that is empty': to({ config: () => '{}', configType: T.ociEmpty }),
  'no Docker-Content-Digest': header('docker-content-digest', ''),
  'another Docker-Content-Digest': header('docker-content-digest', sha('another')),
  'Docker-Content-Digest that is no digest': header('docker-content-digest', 'abc'),
  'Docker-Content-Digest in quotes': (id) =>
    served(id, { before: undefined, headers: { 'docker-content-digest': '"sha256:0"' } }),
  'Docker-Content-Digest of sha512': to({ headers: { 'docker-content-digest': sha('x', 'sha512') } }),
  'HEAD answered by 404': head({ status: 404 }),
  'HEAD answered by 405': head({ status: 405 }),
  'HEAD answered by 500': head({ status: 500 }),
  'HEAD answered by 403': head({ status: 403 }),
  'HEAD without a digest': to({
    before: ({ method, kind }) =>
      method === 'HEAD' && kind === 'manifests' ? { headers: { 'content-type': T.ociManifest } } : undefined,
  }),
  'by digest': to({ reference: (digest) => digest }),
  'by digest, and another document comes': to({ reference: () => sha('another') }),
  'GET answered by 203': to({ before: undefined, manifest: (value) => value, headers: { 'x-status': '203' } }),
  'not there': to({
    before: ({ kind }) =>
      kind === 'manifests' ? { status: 404, body: '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}' } : undefined,
  }),
  'a web page in the place of a manifest': to({
    before: ({ kind }) =>
      kind === 'manifests' ? { headers: { 'content-type': 'text/html' }, body: '<html>' } : undefined,
  }),
  'an empty body': text(() => ''),
});
