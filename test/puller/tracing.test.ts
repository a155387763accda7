import { describe, expect, it } from 'vitest';
import { createKeyring } from 'kubepull/keyring';
import type { Tracing } from 'kubepull/tracing';
import { canary } from '../support/canary.ts';
import { openStore, tryPull } from './downloads-support.ts';
import { entryFor } from './mirrors-support.ts';
import { cutAfter, startRangeServer } from './ranges-support.ts';

/** What was watched, each with what is known of it at its start and its end. */
function watch() {
  const seen: { readonly operation: string; readonly start: unknown; end?: unknown }[] = [];
  const tracing: Tracing = {
    async trace(operation, context, action) {
      const one: (typeof seen)[number] = { operation, start: { ...context } };
      seen.push(one);
      try {
        return await action();
      } finally {
        one.end = { ...context };
      }
    },
  };
  return { tracing, of: (operation: string) => seen.filter((one) => one.operation === operation) };
}

describe('the tracing of a pull', () => {
  it('is told of the pull, its look-up and its blobs, with what is known by the end', async () => {
    const server = startRangeServer([1000]);
    const { tracing, of } = watch();
    const keyring = createKeyring([entryFor('r.example', canary('password'))]);
    const runtime = { ...server.runtime, tracing };
    const { pulled } = await tryPull(server.name, { runtime, store: await openStore('memory'), keyring });
    expect(pulled).toBeDefined();
    const image = server.name;
    expect(of('pull')).toEqual([
      {
        operation: 'pull',
        start: { image, imageRef: undefined, repoDigest: undefined, endpoint: undefined, refused: undefined },
        end: {
          image,
          imageRef: pulled?.imageRef,
          repoDigest: pulled?.repoDigest,
          endpoint: 'http://r.example',
          refused: 0,
        },
      },
    ]);
    expect(of('lookup')).toEqual([
      {
        operation: 'lookup',
        start: { image: 'r.example/app', candidates: undefined },
        end: { image: 'r.example/app', candidates: 1 },
      },
    ]);
    const [layer] = server.layers;
    expect(of('blob')).toHaveLength(2);
    expect(of('blob')[1]?.end).toEqual({ name: 'r.example/app', ...layer, resumedFrom: 0 });
    expect(of('manifest')).toMatchObject([{ end: { digest: pulled?.manifest.digest } }]);
  });

  it('is told where a download goes on that was begun before', async () => {
    const server = startRangeServer([1000], (_, reply) => cutAfter(reply, 0));
    const [layer] = server.layers;
    if (layer === undefined) throw new Error('No layer');
    const { tracing, of } = watch();
    const memory = await openStore('memory');
    const store: typeof memory = {
      ...memory,
      async ingest(blob, options) {
        const writer = await memory.ingest(blob, options);
        if (blob.digest === layer.digest) await writer.write(new Uint8Array(400));
        return writer;
      },
    };
    await tryPull(server.name, { runtime: { ...server.runtime, tracing }, store });
    expect(of('blob').at(-1)?.start).toMatchObject({ digest: layer.digest, size: 1000, resumedFrom: 400 });
    expect(of('pull')).toMatchObject([{ end: { imageRef: undefined, refused: undefined } }]);
  });
});
