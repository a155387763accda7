// Pulls nothing but what was signed with a key of cosign's: `verify: createSignatureCheck(publicKey)` among the options of
// a pull. Signatures without a key, by certificates and a log, are a matter of the package `sigstore`.
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { isImageError } from 'kubepull/errors';
import { listReferrers, readBlob, readManifest, type RegistrySession } from 'kubepull/distribution';
import type { Descriptor } from 'kubepull/oci';
import type { ResolvedImage, VerifyImage } from 'kubepull/puller';

/** The type of what is signed: a small document that names the image. */
const PAYLOAD = 'application/vnd.dev.cosign.simplesigning.v1+json';
const SIGNATURE = 'dev.cosignproject.cosign/signature';
const ARTIFACT = 'application/vnd.dev.cosign.artifact.sig.v1+json';
/** What is looked at of one image; whoever may push signatures may push many. */
const MAX_SIGNATURES = 50;
const MAX_PAYLOAD = 16 * 1024;

/** Judges images by cosign's signatures, made with the key (ECDSA on P-256) whose public half this is, in PEM. */
export function createSignatureCheck(publicKey: string): VerifyImage {
  const key = createPublicKey(publicKey);
  return async (image, { signal }) => {
    let seen = 0;
    for await (const signed of listSignatures(image, signal)) {
      if (seen === MAX_SIGNATURES) break;
      seen += 1;
      if (await isSignedBy(key, image, signed, signal)) return undefined;
    }
    return seen === 0 ? 'it has no signature' : `none of its ${seen} signatures is by the key that is trusted`;
  };
}

/** The signatures of an image: under the tag that cosign writes, and those that refer to it. */
async function* listSignatures(
  { session, ref, root }: ResolvedImage,
  signal: AbortSignal | undefined,
): AsyncGenerator<Descriptor, void, undefined> {
  const tag = `${root.digest.replace(':', '-')}.sig`;
  yield* await readSignatures(session, { ...ref, tag, digest: undefined }, signal);
  for await (const { digest } of listReferrers(session, ref, { artifactType: ARTIFACT, signal })) {
    yield* await readSignatures(session, { ...ref, digest }, signal);
  }
}

async function readSignatures(
  session: RegistrySession,
  ref: ResolvedImage['ref'],
  signal: AbortSignal | undefined,
): Promise<readonly Descriptor[]> {
  try {
    const read = await readManifest(session, ref, { signal });
    return read.kind === 'manifest' ? read.manifest.layers.filter(({ mediaType }) => mediaType === PAYLOAD) : [];
  } catch (error) {
    if (isImageError(error) && error.code === 'ERR_REGISTRY_RESPONSE' && error.status === 404) return [];
    throw error;
  }
}

async function isSignedBy(
  key: KeyObject,
  { session, ref, root }: ResolvedImage,
  signed: Descriptor,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const signature = signed.annotations?.[SIGNATURE];
  if (signature === undefined || signed.size > MAX_PAYLOAD) return false;
  const chunks: Uint8Array[] = [];
  for await (const chunk of readBlob(session, ref, signed, { signal })) chunks.push(chunk);
  const payload = Buffer.concat(chunks);
  // First whose words they are, then what they say.
  return verify('sha256', payload, key, Buffer.from(signature, 'base64')) && namedBy(payload) === root.digest;
}

/** The digest that a payload is about. */
function namedBy(payload: Buffer): unknown {
  const { critical } = JSON.parse(payload.toString('utf8')) as {
    readonly critical?: { readonly type?: unknown; readonly image?: Readonly<Record<string, unknown>> };
  };
  return critical?.type === 'cosign container image signature' ? critical.image?.['docker-manifest-digest'] : undefined;
}
