// Documents for the tests of this folder, as JSON values that a test changes in one place.
import { MEDIA_TYPES } from 'kubepull/oci';

export const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export const config: Json = { mediaType: MEDIA_TYPES.ociConfig, digest: DIGEST, size: 2 };
export const layer: Json = { mediaType: MEDIA_TYPES.ociLayerGzip, digest: DIGEST, size: 32 };
export const manifest = {
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.ociManifest,
  config,
  layers: [layer, layer],
};
export const entry: Json = {
  mediaType: MEDIA_TYPES.ociManifest,
  digest: DIGEST,
  size: 500,
  platform: { os: 'linux', architecture: 'amd64' },
};
export const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [entry] };

export function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function bytesOf(value: Json): Uint8Array {
  return encode(JSON.stringify(value));
}
