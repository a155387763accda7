import { badArchive } from './tar-cursor.js';
import type { Descriptor } from '../../oci/index.js';
import { pickTarget } from '../../store/index.js';
import { isLayoutMarker } from '../layout/documents.js';
import { namesOf } from '../layout/entry-names.js';
import { LAYOUT_INDEX_LIMITS, parseLayoutIndex } from '../layout/layout-index.js';
import type { ArchivedFile, OpenArchive } from './open-archive.js';

/** An image of an archive, under all its names. */
export interface ArchivedImage {
  readonly root: Descriptor;
  readonly names: readonly string[];
}

/** What the images of an archive are, and what they are made of besides its files. */
export interface ArchivedImages {
  readonly images: readonly ArchivedImage[];
  /** Documents that are made from the archive, and do not stand in it. */
  readonly made: ReadonlyMap<string, Uint8Array>;
}

/** The images of an archive that is an OCI layout; `undefined` when it is none. */
export async function readOciImages(
  archive: OpenArchive,
  signal: AbortSignal | undefined,
): Promise<ArchivedImages | undefined> {
  const [marker, index] = [archive.find('oci-layout'), archive.find('index.json')];
  if (marker === undefined || index === undefined) return undefined;
  if (!isLayoutMarker(await readArchived(archive, marker, signal))) {
    throw badArchive('its oci-layout does not say that it is a layout of version 1.0.0');
  }
  const images = new Map<string, ArchivedImage>();
  for (const entry of parseLayoutIndex('index.json', await readArchived(archive, index, signal)).manifests) {
    const { ref, full } = namesOf(entry);
    const name = full ?? ref;
    const known = images.get(entry.digest) ?? { root: pickTarget(entry), names: [] };
    images.set(entry.digest, { ...known, names: name === undefined ? known.names : [...known.names, name] });
  }
  return { images: [...images.values()], made: new Map() };
}

/** The bytes of a document of an archive. */
export async function readArchived(
  archive: OpenArchive,
  file: ArchivedFile,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { maxBytes } = LAYOUT_INDEX_LIMITS;
  if (file.size > maxBytes) throw badArchive(`${file.name} has ${file.size} bytes, more than ${maxBytes}`);
  const bytes = new Uint8Array(file.size);
  let length = 0;
  for await (const chunk of archive.read(file, signal)) {
    bytes.set(chunk, length);
    length += chunk.length;
  }
  if (length < bytes.length) throw badArchive(`${file.name} became shorter meanwhile`);
  return bytes;
}
