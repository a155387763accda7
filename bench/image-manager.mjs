// 1,000 pods of 20 images each through one image manager: five pulls at once, each tenth failing; run after
// `npm run build`. The runtime answers after a turn of the event loop, so what is measured is the manager alone.
import { setImmediate } from 'node:timers/promises';
import { createImageManager } from 'kubepull/image-manager';
import { nodeHasher } from 'kubepull/node';

const PODS = 1_000;
const IMAGES = 20;
const PARALLEL = 5;
const REF = `sha256:${'a'.repeat(64)}`;

const state = { pulls: 0, running: 0, most: 0 };

/** @type {import('kubepull/image-service').ImageService} */
const images = {
  imageStatus: async () => ({ id: REF, repoTags: [], repoDigests: [], size: 1, pinned: false, runtimeHandler: '' }),
  async pullImage() {
    const fails = (state.pulls += 1) % 10 === 0;
    state.most = Math.max(state.most, (state.running += 1));
    await setImmediate();
    state.running -= 1;
    if (fails) throw new Error('denied');
    return REF;
  },
  listImages: async () => [],
  removeImage: async () => undefined,
  imageFsInfo: async () => [],
};

/** The heap in use, in MiB, after garbage collection where node runs with `--expose-gc`. */
function heap() {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

let events = 0;
const manager = createImageManager({
  images,
  createHasher: nodeHasher,
  maxParallelImagePulls: PARALLEL,
  registryPullQPS: 0,
  onEvent: () => void (events += 1),
});

/** @param {number} round */
async function run(round) {
  Object.assign(state, { pulls: 0, running: 0, most: 0 });
  const started = performance.now();
  const all = Array.from({ length: PODS * IMAGES }, (_, at) => {
    const [uid, image] = [`${round}-${at % PODS}`, `registry.example/app-${Math.floor(at / PODS)}:1`];
    const pod = { metadata: { name: uid, namespace: 'default', uid } };
    return manager.ensureImageExists({ pod, image, pullPolicy: 'Always' });
  });
  const results = await Promise.all(all);
  const failed = results.filter(({ status }) => status === 'waiting').length;
  return { ms: performance.now() - started, results: results.length, failed, most: state.most };
}

const before = heap();
for (let round = 1; round <= 5; round += 1) {
  const { ms, results, failed, most } = await run(round);
  const { pulling, queued, inBackoff } = manager.stats;
  console.log(
    `round ${round}: ${results} images in ${ms.toFixed(0)} ms (${((ms * 1000) / results).toFixed(1)} µs each), ` +
      `${failed} failed, ${most} at once; left: ${pulling} pulling, ${queued} queued, ${inBackoff} in back-off, ` +
      `heap +${(heap() - before).toFixed(1)} MiB`,
  );
}
const peak = process.resourceUsage().maxRSS / 1024;
console.log(`${events} events; most memory of the whole process: ${peak.toFixed(0)} MiB`);
