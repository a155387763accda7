import { gzipSync } from 'node:zlib';
import type { BuiltImage } from 'kubepull/testing';
import {
  blobOf,
  dockerMembers,
  type IndexEntry,
  indexOf,
  MARKER,
  type Member,
  pax,
  replace,
  tarOf,
} from '../../node/archive/tar-kit.ts';
import { parsePlatform } from 'kubepull/platform';
import { entryOf, imageOf, sha, T } from './kit.ts';

/** An image in files: a folder that is a layout, or an archive. */
export interface FileInput {
  readonly id: string;
  readonly what: string;
  readonly form: 'layout' | 'oci-archive' | 'docker-archive';
  readonly members: readonly Member[];
  /** The archive, where it is not just what the members make. */
  readonly bytes: Uint8Array;
  /** The name that is asked for; none where the image is the only one. */
  readonly name?: string | undefined;
}

interface Files {
  readonly members: readonly Member[];
  readonly bytes?: Uint8Array;
  readonly name?: string;
}
type Make = (id: string) => Files;

function filesOf(group: string, form: FileInput['form'], table: Readonly<Record<string, Make>>): readonly FileInput[] {
  return Object.entries(table).map(([what, make], place) => {
    const id = `${group}${String(place + 1).padStart(2, '0')}`;
    const files = make(id);
    return { id, what, form, ...files, bytes: files.bytes ?? tarOf(files.members) };
  });
}

const REF = 'org.opencontainers.image.ref.name';
const FULL = 'io.containerd.image.name';
type Entry = Record<string, unknown>;
const bare = ({ descriptor: { mediaType, digest, size } }: BuiltImage): Entry => ({ mediaType, digest, size });
const named = (image: BuiltImage, annotations: Readonly<Record<string, string>>): Entry => ({
  ...bare(image),
  annotations,
});
const blobs = (...images: readonly BuiltImage[]): Member[] =>
  [...new Map(images.flatMap((image) => [...image.blobs]))].map(([, bytes]) => blobOf(bytes));
/** A layout of images, whose `index.json` has these entries. */
const layout = (entries: readonly unknown[] | null, ...images: readonly BuiltImage[]): Member[] => [
  MARKER,
  indexOf(entries as readonly IndexEntry[] | null),
  ...blobs(...images),
];
const one =
  (change: (entry: Entry) => unknown, name?: string): Make =>
  (id) => ({
    members: layout([change(named(imageOf(id), { [REF]: '1' }))], imageOf(id)),
    ...(name === undefined ? {} : { name }),
  });
const index =
  (text: (entry: Entry) => string): Make =>
  (id) => ({
    members: [MARKER, { name: 'index.json', content: text(named(imageOf(id), { [REF]: '1' })) }, ...blobs(imageOf(id))],
  });
const marker =
  (content: string): Make =>
  (id) => ({
    members: replace(layout([bare(imageOf(id))], imageOf(id)), /^oci-layout$/, ({ name }) => ({ name, content })),
  });
const without =
  (part: 'layer' | 'config' | 'manifest'): Make =>
  (id) => {
    const image = imageOf(id);
    const digest =
      {
        layer: image.manifest.layers[0]?.digest,
        config: image.manifest.config.digest,
        manifest: image.descriptor.digest,
      }[part] ?? '';
    return { members: replace(layout([bare(image)], image), new RegExp(digest.slice(7)), () => []) };
  };

const BOTH: Readonly<Record<string, Make>> = {
  'an entry with a name': one((entry) => entry),
  'an entry without a name': one((entry) => ({ ...entry, annotations: undefined })),
  'annotations null': one((entry) => ({ ...entry, annotations: null })),
  'a whole name beside a short one': one((entry) => ({
    ...entry,
    annotations: { [FULL]: 'docker.io/library/x:1', [REF]: '1' },
  })),
  'a whole name alone': one((entry) => ({ ...entry, annotations: { [FULL]: 'docker.io/library/x:1' } })),
  'an entry with a platform': one((entry) => ({ ...entry, platform: { os: 'linux', architecture: 'amd64' } })),
  'an entry for another platform alone': one((entry) => ({
    ...entry,
    platform: { os: 'linux', architecture: 'arm64' },
  })),
  'no mediaType in index.json': index((entry) => JSON.stringify({ schemaVersion: 2, manifests: [entry] })),
  'mediaType null in index.json': index((entry) =>
    JSON.stringify({ schemaVersion: 2, mediaType: null, manifests: [entry] }),
  ),
  'no schemaVersion in index.json': index((entry) => JSON.stringify({ manifests: [entry] })),
  'annotations null in index.json': index((entry) =>
    JSON.stringify({ schemaVersion: 2, annotations: null, manifests: [entry] }),
  ),
  'white space in index.json': index(
    (entry) => `\n${JSON.stringify({ schemaVersion: 2, manifests: [entry] }, null, 2)}\n`,
  ),
  'text behind index.json': index((entry) => `${JSON.stringify({ schemaVersion: 2, manifests: [entry] })}x`),
  'manifests twice in index.json': index(
    (entry) => `{"schemaVersion":2,"manifests":[],"manifests":[${JSON.stringify(entry)}]}`,
  ),
  'an entry without mediaType': one((entry) => ({ ...entry, mediaType: undefined })),
  'an entry of size 0': one((entry) => ({ ...entry, size: 0 })),
  'an entry with a size one too large': one((entry) => ({ ...entry, size: Number(entry['size']) + 1 })),
  'manifests null': () => ({ members: layout(null) }),
  'manifests empty': () => ({ members: layout([]) }),
  'two entries of one image': (id) => ({
    members: layout([named(imageOf(id), { [REF]: '1' }), named(imageOf(id), { [REF]: '2' })], imageOf(id)),
    name: '2',
  }),
  'two images': (id) => {
    const images = [imageOf(id), imageOf(`${id} two`)] as const;
    return {
      members: layout([named(images[0], { [REF]: '1' }), named(images[1], { [REF]: '2' })], ...images),
      name: '2',
    };
  },
  'an index of two platforms': (id) => {
    const images = [imageOf(id), imageOf(`${id} arm`, { platform: parsePlatform('linux/arm64') })];
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: T.ociIndex, manifests: images.map((image) => entryOf(image)) }),
    );
    const entry = { mediaType: T.ociIndex, digest: sha(bytes), size: bytes.length, annotations: { [REF]: '1' } };
    return { members: [...layout([entry], ...images), blobOf(bytes)] };
  },
  'an index whose other platform is not there': (id) => {
    const [image, arm] = [imageOf(id), imageOf(`${id} arm`, { platform: parsePlatform('linux/arm64') })];
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: T.ociIndex, manifests: [entryOf(arm), entryOf(image)] }),
    );
    const entry = { mediaType: T.ociIndex, digest: sha(bytes), size: bytes.length, annotations: { [REF]: '1' } };
    return { members: [...layout([entry], image), blobOf(bytes)] };
  },
  'Docker media types': (id) => {
    const image = imageOf(id, { mediaTypes: 'docker' });
    return { members: layout([named(image, { [REF]: '1' })], image) };
  },
  'version 1.0.1 in oci-layout': marker('{"imageLayoutVersion":"1.0.1"}'),
  'version 2.0.0 in oci-layout': marker('{"imageLayoutVersion":"2.0.0"}'),
  'an oci-layout that is no JSON': marker('x'),
  'more fields in oci-layout': marker('{"imageLayoutVersion":"1.0.0","x":1}\n'),
  'no oci-layout': (id) => ({ members: layout([bare(imageOf(id))], imageOf(id)).slice(1) }),
  'no layer': without('layer'),
  'no config': without('config'),
  'no manifest': without('manifest'),
  'a layer with other bytes': (id) => {
    const image = imageOf(id);
    const layer = image.manifest.layers[0]?.digest.slice(7) ?? '';
    return {
      members: replace(layout([bare(image)], image), new RegExp(layer), ({ name, content = '' }) => ({
        name,
        content: 'x'.repeat(content.length),
      })),
    };
  },
};

export const LAYOUTS: readonly FileInput[] = filesOf('L', 'layout', BOTH);

const oci = (id: string): Member[] => layout([named(imageOf(id), { [REF]: '1' })], imageOf(id));
const members =
  (change: (members: Member[], id: string) => readonly Member[]): Make =>
  (id) => ({ members: change(oci(id), id) });
const bytes =
  (change: (tar: Buffer) => Uint8Array): Make =>
  (id) => ({ members: oci(id), bytes: change(tarOf(oci(id))) });

const ARCHIVES_OCI = filesOf('A', 'oci-archive', {
  'as tools write it': members((all) => all),
  'index.json at the end': members((all) => all.toReversed()),
  'names that begin with ./': members((all) => all.map((member) => ({ ...member, name: `./${member.name}` }))),
  'with folders': members((all) => [{ name: 'blobs/', type: '5' }, { name: 'blobs/sha256/', type: '5' }, ...all]),
  'names in pax headers': members((all) =>
    all.flatMap((member) => [
      { name: 'p', type: 'x', content: pax('path', member.name) },
      { ...member, name: 'x' },
    ]),
  ),
  'long names of GNU': members((all) =>
    all.flatMap((member) => [
      { name: '././@LongLink', type: 'L', content: `${member.name}\0` },
      { ...member, name: 'x' },
    ]),
  ),
  'an entry without a name': (id) => ({ members: layout([bare(imageOf(id))], imageOf(id)) }),
  'a whole name beside a short one': (id) => ({
    members: layout([named(imageOf(id), { [FULL]: 'docker.io/library/x:1', [REF]: '1' })], imageOf(id)),
  }),
  'packed in gzip': bytes((tar) => gzipSync(tar)),
  'without its end': bytes((tar) => tar.subarray(0, -1024)),
  'cut in a file': bytes((tar) => tar.subarray(0, -2000)),
  'a wrong checksum': members((all) => [...all, { name: 'x', off: 1 }]),
  'a file above it': members((all) => [...all, { name: '../x', content: 'x' }]),
  'a file at a path of the machine': members((all) => [...all, { name: '/x', content: 'x' }]),
  'a link out of it': members((all) => [...all, { name: 'l', type: '2', link: '../../x' }]),
  'a device': members((all) => [...all, { name: 'null', type: '3' }]),
  'a file that is no part of it': members((all) => [...all, { name: 'README', content: 'x' }]),
  'a file twice': members((all) => [...all, ...all.slice(-1)]),
  'index.json twice': members((all) => [...all, indexOf([])]),
  'more behind its end': bytes((tar) => Buffer.concat([tar, Buffer.alloc(10_240)])),
  'a global pax header': members((all) => [{ name: 'g', type: 'g', content: pax('comment', 'x') }, ...all]),
});

const layerOf = (id: string): Buffer => tarOf([{ name: id, content: id }]);
const docker =
  (
    change: (members: Member[]) => readonly Member[],
    more: (layer: Buffer) => Partial<Parameters<typeof dockerMembers>[0]> = () => ({}),
  ): Make =>
  (id) => {
    const layer = layerOf(id);
    return {
      members: change(
        dockerMembers({
          layers: [layer],
          diffIds: [sha(layer)],
          tags: [`bench/${id.toLowerCase()}:1`],
          ...more(layer),
        }),
      ),
    };
  };
const manifest = (change: (value: Record<string, unknown>) => unknown): Make =>
  docker((all) =>
    replace(all, /^manifest\.json$/, ({ name, content = '' }) => {
      const [value] = JSON.parse(Buffer.from(content).toString()) as Record<string, unknown>[];
      return { name, content: JSON.stringify(change(value ?? {})) };
    }),
  );

const ARCHIVES_DOCKER = filesOf('D', 'docker-archive', {
  'as docker save wrote it': docker((all) => all),
  'manifest.json first': docker((all) => all.toReversed()),
  'a layer in gzip': docker(
    (all) => all,
    (layer) => ({ layers: [gzipSync(layer)] }),
  ),
  'no tags': docker(
    (all) => all,
    () => ({ tags: [] }),
  ),
  'tags null': docker(
    (all) => all,
    () => ({ tags: null }),
  ),
  'a tag without a registry': docker(
    (all) => all,
    () => ({ tags: ['x:1'] }),
  ),
  'a tag that is no reference': docker(
    (all) => all,
    () => ({ tags: ['a b'] }),
  ),
  'fields that nobody knows': manifest((value) => [{ ...value, LayerSources: null, Parent: '', x: 1 }]),
  'a layer that is not there': manifest((value) => [{ ...value, Layers: ['x'] }]),
  'more layers than the config has': manifest((value) => [
    { ...value, Layers: [...(value['Layers'] as string[]), ...(value['Layers'] as string[])] },
  ]),
  'no images': manifest(() => []),
  'a manifest.json that is no list': manifest((value) => value),
  'no config': manifest((value) => [{ ...value, Config: undefined }]),
  'a layer that is not what the config says': docker(
    (all) => all,
    () => ({ diffIds: [sha('another')] }),
  ),
  'a layer by a symbolic link': docker((all) =>
    replace(all, /layer\.tar$/, ({ name, content = '' }) => [
      { name: 'layer.tar', content },
      { name, type: '2', link: '../layer.tar' },
    ]),
  ),
  'a layer by a hard link': docker((all) =>
    replace(all, /layer\.tar$/, ({ name, content = '' }) => [
      { name: 'layer.tar', content },
      { name, type: '1', link: 'layer.tar' },
    ]),
  ),
  'no repositories': docker((all) => replace(all, /^repositories$/, () => [])),
  'only repositories': docker((all) => replace(all, /^manifest\.json$/, () => [])),
});

export const ARCHIVES: readonly FileInput[] = [...ARCHIVES_OCI, ...ARCHIVES_DOCKER];
