import { createHash } from 'node:crypto';
import type { BuiltImage } from 'kubepull/testing';

/** A member of an archive; what is not given is as a good one has it. */
export interface Member {
  readonly name: string;
  readonly content?: string | Uint8Array;
  /** `0` is a file, `1` a hard link, `2` a symbolic link, `5` a directory, `x` and `g` pax, `L` and `K` GNU's long names. */
  readonly type?: string;
  readonly link?: string;
  /** The size that the header tells. */
  readonly size?: number;
  /** Writes into the header before it is summed. */
  readonly header?: (header: Buffer) => void;
  /** What the checksum is off by. */
  readonly off?: number;
}

/** A tar archive, with its end unless that is left out. */
export function tarOf(members: readonly Member[], end: Uint8Array = Buffer.alloc(1024)): Buffer {
  return Buffer.concat([...members.flatMap(partsOf), end]);
}

function partsOf({ name, content = '', type = '0', link = '', size, header, off = 0 }: Member): readonly Uint8Array[] {
  const body = Buffer.from(content);
  const block = Buffer.alloc(512);
  block.write(name, 0, 100);
  block.write('0000644\0', 100);
  block.write('0000000\0'.repeat(2), 108);
  block.write(`${(size ?? body.length).toString(8).padStart(11, '0')}\0`, 124);
  block.write('00000000000\0', 136);
  block.write(type, 156);
  block.write(link, 157, 100);
  block.write('ustar\u000000', 257);
  header?.(block);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${(sum + off).toString(8).padStart(6, '0')}\0 `, 148);
  return [block, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
}

/** A record of a pax header. */
export function pax(key: string, value: string): string {
  const text = ` ${key}=${value}\n`;
  let length = text.length;
  while (String(length).length + text.length !== length) length = String(length).length + text.length;
  return `${length}${text}`;
}

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

export const blobOf = (content: Uint8Array | string): Member => ({ name: `blobs/sha256/${sha256(content)}`, content });

export const MARKER: Member = { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' };

export interface IndexEntry {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const indexOf = (manifests: readonly IndexEntry[] | null): Member => ({
  name: 'index.json',
  content: JSON.stringify({ schemaVersion: 2, manifests }),
});

/** The members of an OCI layout with images by name. */
export function ociMembers(images: Readonly<Record<string, Pick<BuiltImage, 'descriptor' | 'blobs'>>>): Member[] {
  const all = Object.entries(images);
  const blobs = new Map(all.flatMap(([, { blobs }]) => [...blobs]));
  const entries = all.map(
    ([
      name,
      {
        descriptor: { mediaType, digest, size },
      },
    ]) => ({
      mediaType,
      digest,
      size,
      annotations: { 'org.opencontainers.image.ref.name': name },
    }),
  );
  return [MARKER, indexOf(entries), ...[...blobs.values()].map((bytes) => blobOf(bytes))];
}

/** A layer, and the config and `manifest.json` that fit it, as `docker save` before Docker 25 writes them. */
export interface DockerParts {
  readonly layers: readonly Uint8Array[];
  readonly tags?: readonly string[] | null;
  /** @defaultValue what the layers are */
  readonly diffIds?: readonly string[];
}

export function dockerMembers({ layers, tags = ['app:1'], diffIds }: DockerParts): Member[] {
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: diffIds ?? layers.map((layer) => `sha256:${sha256(layer)}`) },
  });
  const folders = layers.map((_, place) => sha256(`layer ${place}`));
  return [
    ...folders.flatMap((folder, place) => [
      { name: `${folder}/`, type: '5' },
      { name: `${folder}/VERSION`, content: '1.0' },
      { name: `${folder}/json`, content: '{}' },
      { name: `${folder}/layer.tar`, content: layers[place] ?? '' },
    ]),
    { name: `${sha256(config)}.json`, content: config },
    {
      name: 'manifest.json',
      content: JSON.stringify([
        { Config: `${sha256(config)}.json`, RepoTags: tags, Layers: folders.map((folder) => `${folder}/layer.tar`) },
      ]),
    },
    { name: 'repositories', content: '{}' },
  ];
}

/** The members with some replaced, by name. */
export function replace(
  members: readonly Member[],
  name: RegExp,
  change: (member: Member) => Member | readonly Member[],
): Member[] {
  return members.flatMap((member) => (name.test(member.name) ? change(member) : member));
}
