import { createHash } from 'node:crypto';
import type { Digest } from 'kubepull/digest';
import type { Descriptor } from 'kubepull/oci';
import type { PushedContent } from 'kubepull/testing';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const EMPTY = 'application/vnd.oci.empty.v1+json';
const ARTIFACT = 'application/vnd.dev.cosign.artifact.sig.v1+json';
const PAYLOAD = 'application/vnd.dev.cosign.simplesigning.v1+json';

/** What cosign signs: the digest of an image, in the form of its "simple signing". */
export function payloadFor(digest: string, type = 'cosign container image signature'): string {
  const image = { 'docker-manifest-digest': digest };
  return JSON.stringify({ critical: { identity: { 'docker-reference': '' }, image, type }, optional: null });
}

/** The tag under which cosign keeps the signatures of an image. */
export function signatureTag(digest: string): string {
  return `${digest.replace(':', '-')}.sig`;
}

/** A signature as cosign pushes it; with a subject it is listed among the referrers of that. */
export function buildSignature(payload: string, signature: string, subject?: Descriptor): PushedContent {
  const signed = content(PAYLOAD, payload);
  const empty = content(EMPTY, '{}');
  const annotations = { 'dev.cosignproject.cosign/signature': signature };
  const manifest = content(
    MANIFEST,
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      artifactType: ARTIFACT,
      config: empty.descriptor,
      layers: [{ ...signed.descriptor, annotations }],
      ...(subject === undefined ? {} : { subject }),
    }),
  );
  return { descriptor: manifest.descriptor, contents: [signed, empty, manifest] };
}

/** The index of referrers that stands under a tag in a registry without their API. */
export function listSignature({ descriptor, contents }: PushedContent): PushedContent {
  const manifests = [{ ...descriptor, artifactType: ARTIFACT }];
  const index = content(INDEX, JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }));
  return { descriptor: index.descriptor, contents: [...contents, index] };
}

function content(mediaType: string, text: string): PushedContent['contents'][number] {
  const bytes = Buffer.from(text);
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}
