// A List of 500 pods with 40 images: what a preflight takes beside the requests that it makes, by node:http and by hand. The
// registry is a thread of this process that answers at once, or as late as one of the same region.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { createNodeRuntime } from 'kubepull/node';
import { preflight } from 'kubepull/preflight';
import { inTurn, toRow } from '../harness.mjs';

const BARE = 'the same requests by node:http';
const TYPES = 'application/vnd.oci.image';
const IMAGES = 40;
const PODS = 500;
const AT_ONCE = 4;
const WAYS = [
  { name: 'a registry that answers in 25 ms', delayMs: 25, goals: [{ side: 'kubepull', to: BARE, most: 1.5 }] },
  { name: 'one that answers at once', delayMs: 0, goals: [] },
];

if (!isMainThread && workerData?.topic === 'preflight') serve(workerData.delayMs);

/** @param {number} delayMs */
function serve(delayMs) {
  const documents = new Map(Array.from({ length: IMAGES }, (_, at) => imageAt(`/v2/app${at}/manifests/`, at)).flat());
  const server = createServer(({ url = '' }, response) => {
    const { type, digest, text } = documents.get(url) ?? { type: 'text/plain', digest: '', text: '' };
    const headers = { 'content-type': type, 'content-length': text.length, 'docker-content-digest': digest };
    const answer = () => response.writeHead(text === '' ? 404 : 200, headers).end(text);
    if (delayMs === 0) answer();
    else setTimeout(answer, delayMs);
  });
  server.listen(0, '127.0.0.1', () => {
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    parentPort?.postMessage({ host: `127.0.0.1:${port}`, paths: [...documents.keys()] });
  });
}

/** @param {string} path @param {number} at @returns {readonly (readonly [string, { type: string, digest: string, text: string }])[]} */
function imageAt(path, at) {
  const config = { mediaType: `${TYPES}.config.v1+json`, digest: `sha256:${'a'.repeat(64)}`, size: 1000 };
  const layers = Array.from({ length: 6 }, (_, layer) => ({
    mediaType: `${TYPES}.layer.v1.tar+gzip`,
    digest: `sha256:${(layer * IMAGES + at).toString(16).padStart(64, '0')}`,
    size: 1000,
  }));
  const manifest = document(`${TYPES}.manifest.v1+json`, { config, layers });
  const { type: mediaType, digest, text } = manifest;
  const platform = { os: 'linux', architecture: 'amd64' };
  const index = document(`${TYPES}.index.v1+json`, {
    manifests: [{ mediaType, digest, size: text.length, platform }],
  });
  return [
    [`${path}1`, index],
    [`${path}${digest}`, manifest],
  ];
}

/** @param {string} type @param {object} members */
function document(type, members) {
  const text = JSON.stringify({ schemaVersion: 2, mediaType: type, ...members });
  return { type, digest: `sha256:${createHash('sha256').update(text).digest('hex')}`, text };
}

/** @param {(typeof WAYS)[number]} way @param {{ quick: boolean }} settings */
async function compare({ name, delayMs, goals }, { quick }) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { topic: 'preflight', delayMs } });
  /** @type {[{ host: string, paths: string[] }]} */
  const [{ host, paths }] = /** @type {any} */ (await once(worker, 'message'));
  const items = Array.from({ length: PODS }, (_, at) => ({
    metadata: { name: `pod${at}`, namespace: 'shop' },
    spec: { containers: [{ name: 'app', image: `${host}/app${at % IMAGES}:1` }] },
  }));
  const runtime = createNodeRuntime({ platform: { os: 'linux', architecture: 'amd64' } });
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  /** @param {string} path */
  const get = async (path) => {
    const asked = request(`http://${host}${path}`, { agent }).end();
    const [response] = await once(asked, 'response');
    response.resume();
    await once(response, 'end');
  };
  /** @type {Record<string, () => Promise<unknown>>} */
  const calls = {
    kubepull: async () => {
      const report = await preflight({ kind: 'List', items }, { runtime, plainHttp: [host], maxPerRegistry: AT_ONCE });
      if (!report.ok || report.images.length !== IMAGES) throw new Error('An image failed');
    },
    // Of each image the index first, and then what it names.
    [BARE]: async () => {
      const left = paths.keys();
      const work = async () => {
        for (const at of left) if (at % 2 === 0) for (const path of paths.slice(at, at + 2)) await get(path);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
    },
  };
  try {
    const samples = await inTurn(Object.keys(calls), quick ? 7 : 25, async (side) => {
      const started = performance.now();
      await calls[side]?.();
      return performance.now() - started;
    });
    return toRow(`${PODS} pods, ${IMAGES} images, ${name}`, 'ms', samples, goals);
  } finally {
    agent.destroy();
    await runtime.close();
    await worker.terminate();
  }
}

/** @type {import('../harness.mjs').Topic} */
export const topic = {
  name: 'preflight',
  about: 'Whether the images of a large List can be pulled: each manifest is asked for once.',
  async measure(settings) {
    const rows = [];
    for (const way of WAYS) rows.push(await compare(way, settings));
    return rows;
  },
};
