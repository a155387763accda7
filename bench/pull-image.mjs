// An image of random bytes for the pull benchmark, sent to a registry as it is made; nothing of it is kept.
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { createGzip } from 'node:zlib';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const MIB = 1024 * 1024;

/** @typedef {{ mediaType: string, digest: string, size: number }} Descriptor */

/**
 * Pushes an image of equal layers. They are gzip streams that were not compressed, so that nobody compresses them again.
 *
 * @param {string} repository - such as `http://127.0.0.1:5000/v2/bench`
 * @param {{ layers: number, mib: number }} shape
 */
export async function pushImage(repository, { layers, mib }) {
  const pushed = [];
  for (let layer = 0; layer < layers; layer += 1) {
    pushed.push(await pushBlob(repository, LAYER, gzipStored(randomMib(mib))));
  }
  const diffs = pushed.map(({ digest }) => digest);
  const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: diffs } };
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: await pushBlob(repository, CONFIG, [Buffer.from(JSON.stringify(config))]),
    layers: pushed,
  };
  const body = JSON.stringify(manifest);
  const headers = { 'content-type': MANIFEST };
  await expectStatus(201, fetch(`${repository}/manifests/latest`, { method: 'PUT', headers, body }));
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}

/** @param {number} mib */
function* randomMib(mib) {
  const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16));
  const zeros = Buffer.alloc(MIB);
  for (let count = 0; count < mib; count += 1) yield cipher.update(zeros);
}

/** @param {Iterable<Buffer>} pieces */
async function* gzipStored(pieces) {
  const gzip = createGzip({ level: 0 });
  const feed = async () => {
    for (const piece of pieces) if (!gzip.write(piece)) await once(gzip, 'drain');
    gzip.end();
  };
  const fed = feed();
  yield* gzip;
  await fed;
}

/**
 * @param {string} repository
 * @param {string} mediaType
 * @param {Iterable<Buffer> | AsyncIterable<Buffer>} content
 * @returns {Promise<Descriptor>}
 */
async function pushBlob(repository, mediaType, content) {
  const started = await expectStatus(202, fetch(`${repository}/blobs/uploads/`, { method: 'POST' }));
  const hash = createHash('sha256');
  let size = 0;
  const upload = request(locationOf(started, repository), { method: 'PATCH' });
  const answered = once(upload, 'response');
  for await (const chunk of content) {
    hash.update(chunk);
    size += chunk.length;
    if (!upload.write(chunk)) await once(upload, 'drain');
  }
  upload.end();
  const [response] = await answered;
  response.resume();
  const end = new URL(response.headers.location, repository);
  const digest = `sha256:${hash.digest('hex')}`;
  end.searchParams.set('digest', digest);
  await expectStatus(201, fetch(end, { method: 'PUT' }));
  return { mediaType, digest, size };
}

/**
 * @param {Response} response
 * @param {string} base
 */
function locationOf(response, base) {
  return new URL(response.headers.get('location') ?? '', base);
}

/**
 * @param {number} status
 * @param {Promise<Response>} pending
 */
async function expectStatus(status, pending) {
  const response = await pending;
  await response.arrayBuffer();
  if (response.status !== status) throw new Error(`The registry answered ${response.status}, not ${status}`);
  return response;
}
