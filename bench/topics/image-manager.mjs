// Pods of 20 images each through one image manager: five pulls at once, each tenth failing. The runtime answers after a turn of
// the event loop, so what is measured is the manager alone.
import { setImmediate } from 'node:timers/promises';
import { createImageManager } from 'kubepull/image-manager';
import { nodeHasher } from 'kubepull/node';

const IMAGES = 20;
const REF = `sha256:${'a'.repeat(64)}`;

/** @param {number} pods */
function ensureAll(pods) {
  const state = { pulls: 0, rounds: 0 };
  /** @type {import('kubepull/image-service').ImageService} */
  const images = {
    imageStatus: async () => ({ id: REF, repoTags: [], repoDigests: [], size: 1, pinned: false, runtimeHandler: '' }),
    async pullImage() {
      const fails = (state.pulls += 1) % 10 === 0;
      await setImmediate();
      if (fails) throw new Error('denied');
      return REF;
    },
    listImages: async () => [],
    removeImage: async () => undefined,
    imageFsInfo: async () => [],
  };
  return () => {
    const manager = createImageManager({
      images,
      createHasher: nodeHasher,
      maxParallelImagePulls: 5,
      registryPullQPS: 0,
    });
    const all = Array.from({ length: pods * IMAGES }, (_, at) => {
      const [uid, image] = [`pod-${at % pods}`, `registry.example/app-${Math.floor(at / pods)}:1`];
      const pod = { metadata: { name: uid, namespace: 'default', uid } };
      return manager.ensureImageExists({ pod, image, pullPolicy: 'Always' });
    });
    return Promise.all(all);
  };
}

/** @type {import('../harness.mjs').Topic} */
export const topic = {
  name: 'image-manager',
  about: 'Pods of 20 images through one image manager. The goal is that ten times the pods take ten times as long.',
  cases: () => [
    {
      name: 'pods of 20 images, five pulls at once',
      sides: { 'kubepull, 10 pods': ensureAll(10), 'kubepull, 100 pods': ensureAll(100) },
      goals: [{ side: 'kubepull, 100 pods', to: 'kubepull, 10 pods', most: 15 }],
    },
  ],
};
