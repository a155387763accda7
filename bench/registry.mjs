// A docker-registry on loopback, and images of random bytes that are sent to it as they are made.
import { execFile, spawn } from 'node:child_process';
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createGzip } from 'node:zlib';

const run = promisify(execFile);

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const MIB = 1024 * 1024;

/** @typedef {{ mediaType: string, digest: string, size: number }} Descriptor */

/**
 * Pushes an image of equal layers. They are gzip streams that were not compressed, so that nobody compresses them again.
 *
 * @param {string} repository - such as `http://127.0.0.1:5000/v2/bench`
 * @param {{ layers: number, mib: number }} shape of at least a MiB a layer
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
  return { digest: `sha256:${createHash('sha256').update(body).digest('hex')}`, layers: diffs };
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

/**
 * Whether a program is found on the path.
 *
 * @param {string} program
 */
export function hasProgram(program) {
  return run(program, ['--version']).then(
    () => true,
    () => false,
  );
}

/**
 * Runs what needs a registry: one over HTTP, one over TLS with a certificate of its own, and the same images behind both.
 *
 * @template T
 * @param {(registry: { host: string, tlsHost: string, certificate: string }) => Promise<T>} use
 * @param {(pid: number) => void} watch
 */
export async function withRegistry(use, watch) {
  if (!(await hasProgram('docker-registry'))) throw new Error('docker-registry is not on the path');
  const root = await mkdtemp(join(tmpdir(), 'kubepull-bench-'));
  const [certificate, key] = [join(root, 'cert.pem'), join(root, 'key.pem')];
  const subject = ['-subj', '/CN=kubepull-bench', '-addext', 'subjectAltName=IP:127.0.0.1'];
  /** @type {(() => void)[]} */
  const stops = [];
  try {
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
    await run('openssl', [...request, '-keyout', key, '-out', certificate, ...subject]);
    const [plain, tls] = [await serve(root, undefined), await serve(root, { certificate, key })];
    stops.push(plain.stop, tls.stop);
    for (const { pid } of [plain, tls]) watch(pid);
    return await use({ host: plain.host, tlsHost: tls.host, certificate });
  } finally {
    for (const stop of stops) stop();
    await rm(root, { recursive: true, force: true });
  }
}

/**
 * @param {string} root
 * @param {{ certificate: string, key: string } | undefined} tls
 */
async function serve(root, tls) {
  const host = `127.0.0.1:${await freePort()}`;
  const file = join(root, `${tls === undefined ? 'http' : 'https'}.yml`);
  const rootdirectory = join(root, 'registry');
  await mkdir(rootdirectory, { recursive: true });
  const config = {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory }, cache: { blobdescriptor: 'inmemory' } },
    http: { addr: host, ...(tls === undefined ? {} : { tls }) },
  };
  await writeFile(file, JSON.stringify(config)); // JSON is YAML.
  const server = spawn('docker-registry', ['serve', file], { stdio: 'ignore' });
  const failed = once(server, 'exit').then(() => Promise.reject(new Error('docker-registry did not start')));
  failed.catch(() => undefined);
  const ca = tls === undefined ? undefined : await readFile(tls.certificate, 'utf8');
  await Promise.race([untilReady(host, ca), failed]);
  return { host, pid: server.pid ?? 0, stop: () => void server.kill() };
}

/**
 * @param {string} host
 * @param {string | undefined} ca
 */
async function untilReady(host, ca) {
  const url = `${ca === undefined ? 'http' : 'https'}://${host}/v2/`;
  const answers = async () => {
    if (ca === undefined) return (await fetch(url)).ok;
    const [response] = await once(get(url, { ca }), 'response');
    response.resume();
    return response.statusCode === 200;
  };
  while (!(await answers().catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 50));
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = /** @type {import('node:net').AddressInfo} */ (probe.address());
  probe.close();
  return address.port;
}
