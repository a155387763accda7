import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readFileSync, writeFileSync } from 'node:fs';
import { type ArchiveSource, writeDockerArchive, writeOciArchive } from 'kubepull/node';
import type { Containerd } from './containerd.ts';
import { run } from './servers.ts';

/** An image that somebody shall write. */
export interface Written {
  /** Its name, also in the store. */
  readonly name: string;
  readonly store: ArchiveSource;
  /** An OCI archive of it alone, that others read. */
  readonly oci: string;
  /** A docker-archive of it, of this machine's platform. */
  readonly docker: string;
  /** Docker's media types; tools that write OCI archives convert them. */
  readonly isDocker: boolean;
  readonly isIndex: boolean;
}

/** The tools with places of their own. */
export interface Writers {
  readonly ctr: Containerd['ctr'];
  readonly podman: (...args: readonly string[]) => Promise<string>;
  readonly buildah: (...args: readonly string[]) => Promise<string>;
}

/** A form of archive, and how it is written. */
export interface ArchiveForm {
  readonly form: string;
  /** What stays of an image: its manifest; or its config and what its layers unpack to; or the latter alone. */
  keeps(image: Written): 'manifest' | 'config' | 'layers';
  write(image: Written, path: string, writers: Writers): Promise<unknown>;
}

const EXACT = (): 'manifest' => 'manifest';
const CONFIG = (): 'config' => 'config';
/** A config in Docker's types is written anew as one of OCI. */
const CONVERTED = ({ isDocker }: Written): 'config' | 'layers' => (isDocker ? 'layers' : 'config');

export const FORMS: readonly ArchiveForm[] = [
  { form: 'our oci-archive', keeps: EXACT, write: ({ store, name }, path) => writeOciArchive(store, [name], path) },
  {
    form: 'our oci-archive, packed',
    keeps: EXACT,
    async write({ oci }, path) {
      writeFileSync(path, gzipSync(readFileSync(oci), { level: 1 }));
    },
  },
  {
    form: 'our docker-archive',
    keeps: CONFIG,
    write: ({ store, name }, path) => writeDockerArchive(store, [name], path),
  },
  {
    form: 'our docker-archive, layers unpacked',
    keeps: CONFIG,
    write: ({ store, name }, path) => writeDockerArchive(store, [name], path, { layers: 'unpacked' }),
  },
  {
    form: 'oci-archive of skopeo',
    keeps: ({ isDocker }) => (isDocker ? 'layers' : 'manifest'),
    // Without the flag it packs layers that are not.
    write: ({ name, oci, isDocker }, path) => {
      const flags = isDocker ? [] : ['--preserve-digests'];
      return run('skopeo', 'copy', '--quiet', '--all', ...flags, `oci-archive:${oci}`, `oci-archive:${path}:${name}`);
    },
  },
  {
    form: 'docker-archive of skopeo',
    keeps: CONVERTED,
    write: ({ name, oci }, path) =>
      run('skopeo', 'copy', '--quiet', `oci-archive:${oci}`, `docker-archive:${path}:${name}`),
  },
  {
    form: 'docker-archive of podman',
    keeps: CONVERTED,
    write: (image, path, { podman }) => saveWithPodman(image, path, podman, 'docker-archive'),
  },
  {
    form: 'oci-archive of podman',
    keeps: CONVERTED,
    write: (image, path, { podman }) => saveWithPodman(image, path, podman, 'oci-archive'),
  },
  {
    form: 'docker-archive of buildah',
    keeps: CONVERTED,
    write: (image, path, { buildah }) => pushWithBuildah(image, path, buildah, 'docker-archive'),
  },
  {
    form: 'oci-archive of buildah',
    keeps: CONVERTED,
    write: (image, path, { buildah }) => pushWithBuildah(image, path, buildah, 'oci-archive'),
  },
  {
    form: 'export of ctr, all platforms',
    keeps: EXACT,
    async write({ name, oci }, path, { ctr }) {
      await ctr('images', 'import', '--all-platforms', '--no-unpack', oci);
      await ctr('images', 'export', '--all-platforms', path, name);
    },
  },
  {
    form: 'export of ctr, one platform',
    keeps: ({ isIndex }) => (isIndex ? 'config' : 'manifest'),
    write: ({ name }, path, { ctr }) => ctr('images', 'export', path, name),
  },
];

async function saveWithPodman(
  { name, docker, oci, isDocker }: Written,
  path: string,
  podman: Writers['podman'],
  format: string,
): Promise<void> {
  await podman('load', '--quiet', '--input', isDocker ? docker : oci);
  await podman('save', '--quiet', '--format', format, '--output', path, name);
}

async function pushWithBuildah(
  { name, docker, oci, isDocker }: Written,
  path: string,
  buildah: Writers['buildah'],
  format: string,
): Promise<void> {
  const id = (await buildah('pull', '--quiet', isDocker ? `docker-archive:${docker}` : `oci-archive:${oci}`)).trim();
  await buildah('push', '--quiet', id, `${format}:${path}:${name}`);
}

export const placeOf = (directory: string, at: number): string => {
  const path = join(directory, `${at}.tar`);
  rmSync(path, { force: true });
  return path;
};
