import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { nodeHasher } from 'kubepull/node';
import { pullImage } from 'kubepull/puller';
import { createMemoryStore } from 'kubepull/store';
import { buildImage, buildIndex, type LoopbackRegistryOptions } from 'kubepull/testing';
import { createSignatureCheck } from '../../docs/examples/verify-signature.ts';
import { amd64, startRuntime } from '../puller/downloads-support.ts';
import { buildSignature, listSignature, payloadFor, signatureTag } from '../support/cosign.ts';
import { startRegistry } from '../support/registry.ts';

const image = buildImage({ platform: amd64, layers: [{ files: { a: '1' } }] });
const index = buildIndex([image]);
const { digest } = index.descriptor;
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const signed = (payload: string, key = privateKey): string =>
  sign('sha256', Buffer.from(payload), key).toString('base64');

async function start(options: LoopbackRegistryOptions = {}) {
  const registry = await startRegistry(options);
  registry.push('app', '1', index);
  const store = createMemoryStore({ createHasher: nodeHasher });
  const pull = () =>
    pullImage(`${registry.host}/app:1`, {
      runtime: startRuntime(),
      store,
      plainHttp: [registry.host],
      verify: createSignatureCheck(pem),
    });
  const isAskedForContent = () =>
    registry.requests.some(({ url }) =>
      image.manifest.layers.concat(image.manifest.config).some((blob) => url.endsWith(blob.digest)),
    );
  return { registry, pull, isAskedForContent };
}

describe('docs/examples/verify-signature.ts', () => {
  it('lets an image pass whose index is signed, under the tag that cosign writes', async () => {
    const { registry, pull } = await start();
    registry.push('app', signatureTag(digest), buildSignature(payloadFor(digest), signed(payloadFor(digest))));
    expect((await pull()).manifest.digest).toBe(image.descriptor.digest);
  });

  it.each([true, false])('finds the signature among the referrers (with their API: %s)', async (referrers) => {
    const { registry, pull } = await start({ referrers });
    const signature = buildSignature(payloadFor(digest), signed(payloadFor(digest)), index.descriptor);
    registry.push('app', [], signature);
    if (!referrers) registry.push('app', digest.replace(':', '-'), listSignature(signature));
    expect((await pull()).manifest.digest).toBe(image.descriptor.digest);
  });

  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const payload = payloadFor(digest);
  const elsewhere = payloadFor(`sha256:${'0'.repeat(64)}`);
  it.each([
    ['by another key', payload, signed(payload, other)],
    ['of another image', elsewhere, signed(elsewhere)],
    ['of something that is no image', payloadFor(digest, 'atomic'), signed(payloadFor(digest, 'atomic'))],
    ['whose payload was changed after it', payload, signed(payload.replace('null', '{}'))],
    ['that is no signature', payload, Buffer.from('no').toString('base64')],
  ])('refuses a signature %s, and asks for no config and no layer', async (_, signedText, signature) => {
    const { registry, pull, isAskedForContent } = await start();
    registry.push('app', signatureTag(digest), buildSignature(signedText, signature));
    await expect(pull()).rejects.toMatchObject({
      code: 'ERR_IMAGE_REFUSED',
      reason: 'none of its 1 signatures is by the key that is trusted',
    });
    expect(isAskedForContent()).toBe(false);
  });

  it('refuses an image without a signature', async () => {
    const { pull, isAskedForContent } = await start();
    await expect(pull()).rejects.toMatchObject({ code: 'ERR_IMAGE_REFUSED', reason: 'it has no signature' });
    expect(isAskedForContent()).toBe(false);
  });
});
