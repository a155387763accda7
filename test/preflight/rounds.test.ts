import { expect, it } from 'vitest';
import { nodeHasher } from 'kubepull/node';
import { preflight } from 'kubepull/preflight';
import { buildImage, buildIndex, createFakeClock } from 'kubepull/testing';
import { createMemoryTransport } from '../support/memory-transport.ts';

const LATENCY_MS = 25;
const AT_ONCE = 4;
const amd64 = { os: 'linux', architecture: 'amd64' } as const;

/** A registry of 40 images, each behind an index, that answers after a while of a clock that the test turns. */
function startScene() {
  const clock = createFakeClock();
  const documents = new Map<string, { readonly type: string; readonly digest: string; readonly bytes: Uint8Array }>();
  const images = Array.from({ length: 40 }, (_, at) => {
    const built = buildIndex([buildImage({ platform: amd64, layers: [{ randomBytes: 10, seed: String(at) }] })]);
    for (const { descriptor, bytes } of built.contents) {
      const { digest, mediaType: type } = descriptor;
      const name = digest === built.descriptor.digest ? '1' : digest;
      documents.set(`https://r.example/v2/app${at}/manifests/${name}`, { type, digest, bytes });
    }
    return `r.example/app${at}:1`;
  });
  const { transport, requests } = createMemoryTransport(async ({ url }) => {
    await clock.sleep(LATENCY_MS);
    const found = documents.get(url);
    if (found === undefined) return { status: 404 };
    return { headers: { 'content-type': found.type, 'docker-content-digest': found.digest }, body: found.bytes };
  });
  /** How much time something takes by that clock: work of the processor takes none. */
  const timeOf = async (work: () => Promise<unknown>): Promise<number> => {
    const started = clock.monotonic();
    const state = { ended: false };
    const working = work().finally(() => (state.ended = true));
    while (!state.ended) await clock.advance(LATENCY_MS);
    await working;
    return clock.monotonic() - started;
  };
  return { images, transport, requests, timeOf };
}

it('takes for 500 pods with 40 images as long as its 80 requests take, four at once, and not longer', async () => {
  const { images, transport, requests, timeOf } = startScene();
  const items = Array.from({ length: 500 }, (_, at) => ({
    metadata: { name: `p${at}`, namespace: 'shop' },
    spec: { containers: [{ name: 'app', image: images[at % images.length] }] },
  }));
  const runtime = { transport, createHasher: nodeHasher, platform: amd64 };
  let ok = false;
  const taken = await timeOf(async () => {
    ({ ok } = await preflight({ kind: 'List', items }, { runtime, maxPerRegistry: AT_ONCE }));
  });
  expect(ok).toBe(true);
  expect(requests).toHaveLength(80);
  expect(new Set(requests.map(({ url }) => url)).size).toBe(80);

  const bare = await timeOf(async () => {
    const left = requests.map((request) => request).values();
    const work = async () => {
      for (const request of left) await (await transport(request)).discard();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  });
  expect(bare).toBe((80 / AT_ONCE) * LATENCY_MS);
  expect(taken).toBeLessThanOrEqual(bare + LATENCY_MS);
});
