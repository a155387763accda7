// Run by proof/sink.test.ts in a process of its own, bundled: pulls an image whose layers go into a store that is slower than the
// network and keeps nothing of them, and says how much more memory that took than a small pull.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createNodeRuntime, nodeHasher } from 'kubepull/node';
import type { Descriptor } from 'kubepull/oci';
import { pullImage } from 'kubepull/puller';
import { type ContentWriter, createMemoryStore, type ImageStore } from 'kubepull/store';

const [host = ''] = process.argv.slice(2);
const LARGE = 1024 * 1024;

/** Hashes what is large and drops it, with a pause after each MiB. */
function createSink(): ImageStore & { readonly wrong: () => number } {
  const small = createMemoryStore({ createHasher: nodeHasher });
  const there = new Set<string>();
  let wrong = 0;
  const drain = ({ digest, size }: Descriptor): ContentWriter => {
    let [offset, hash] = [0, createHash('sha256')];
    return {
      get offset() {
        return offset;
      },
      async write(chunk) {
        const before = Math.floor(offset / LARGE);
        hash.update(chunk);
        offset += chunk.length;
        if (Math.floor(offset / LARGE) > before) await sleep(5);
      },
      async restart() {
        [offset, hash] = [0, createHash('sha256')];
      },
      async commit() {
        if (offset !== size || `sha256:${hash.digest('hex')}` !== digest) wrong += 1;
        there.add(digest);
      },
      abort: async () => undefined,
    };
  };
  return {
    ...small,
    has: async (descriptor, options) => there.has(descriptor.digest) || small.has(descriptor, options),
    ingest: async (descriptor, options) =>
      descriptor.size > LARGE ? drain(descriptor) : small.ingest(descriptor, options),
    // The memory store would miss what was drained.
    tag: async () => undefined,
    wrong: () => wrong,
  };
}

const runtime = createNodeRuntime({ platform: { os: 'linux', architecture: 'amd64' }, proxy: 'none' });
const peakMib = (): number => process.resourceUsage().maxRSS / 1024;
async function pull(name: string): Promise<number> {
  const store = createSink();
  await pullImage(`${host}/${name}:1`, { runtime, store, plainHttp: [host], maxParallelDownloads: 4 });
  return store.wrong();
}

for (let round = 0; round < 20; round += 1) await pull('small');
const before = peakMib();
const wrong = await pull('large');
await runtime.close();
console.log(JSON.stringify({ wrong, grownMib: peakMib() - before }));
