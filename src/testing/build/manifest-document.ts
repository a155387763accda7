import type { Descriptor, ImageIndex, ImageManifest } from '../../oci/index.js';

/** What this registry reads of a manifest or index; which of the two it is, its media type says. */
export type ManifestDocument = Partial<ImageManifest & ImageIndex> & { readonly subject?: Descriptor | undefined };

/** Reads a document as a registry does that trusts nobody with its form, and everybody with its sense. */
export function readManifestDocument(bytes: Uint8Array): ManifestDocument | undefined {
  const document = parse(bytes);
  if (!isObject(document)) return undefined;
  const lists = [document['layers'], document['manifests']].every((list) => list === undefined || isNameList(list));
  const single = [document['config'], document['subject']].every((one) => one === undefined || isNamed(one));
  return lists && single ? document : undefined;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}

function isNameList(value: unknown): boolean {
  return Array.isArray(value) && value.every(isNamed);
}

function isNamed(value: unknown): boolean {
  return isObject(value) && typeof value['digest'] === 'string' && typeof value['mediaType'] === 'string';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
