import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { nodeHasher } from 'kubepull/node';
import { pullImage } from 'kubepull/puller';
import { createMemoryStore } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { createSignatureCheck } from '../../docs/examples/verify-signature.ts';
import { amd64, startRuntime } from '../puller/downloads-support.ts';
import { buildSignature, payloadFor, signatureTag } from '../support/cosign.ts';
import { startRegistry } from '../support/registry.ts';
import { tempDir } from '../support/temp-dir.ts';
import { run } from './servers.ts';

it('takes a signature that openssl made, and refuses it for a payload that was changed by one character', async () => {
  const { path } = tempDir();
  const [key, payloadFile, signatureFile] = ['key.pem', 'payload', 'signature'].map((name) => join(path, name)) as [
    string,
    string,
    string,
  ];
  const image = buildImage({ platform: amd64, layers: [{ files: { a: '1' } }] });
  const { digest } = image.descriptor;
  const payload = payloadFor(digest);
  writeFileSync(payloadFile, payload);
  await run('openssl', 'ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', key);
  await run('openssl', 'dgst', '-sha256', '-sign', key, '-out', signatureFile, payloadFile);
  const signature = (await run('openssl', 'base64', '-A', '-in', signatureFile)).trim();
  const verify = createSignatureCheck(await run('openssl', 'ec', '-in', key, '-pubout'));

  const registry = await startRegistry();
  for (const [repository, text] of [
    ['signed', payload],
    ['changed', payload.replace('"optional":null', '"optional":true')],
  ] as const) {
    registry.push(repository, '1', image);
    registry.push(repository, signatureTag(digest), buildSignature(text, signature));
  }
  const store = createMemoryStore({ createHasher: nodeHasher });
  const options = { runtime: startRuntime(), store, plainHttp: [registry.host], verify };
  await expect(pullImage(`${registry.host}/changed:1`, options)).rejects.toMatchObject({ code: 'ERR_IMAGE_REFUSED' });
  expect(registry.requests.filter(({ url }) => url.includes(image.manifest.config.digest))).toEqual([]);
  expect((await pullImage(`${registry.host}/signed:1`, options)).manifest.digest).toBe(digest);
});
