import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import type { Descriptor } from 'kubepull/oci';
import { type ContentWriter, createMemoryStore, type ImageStore, readContent } from 'kubepull/store';
import { countFor } from '../support/figures.ts';
import { stepsOf } from '../support/model-steps.ts';

const MAX_BYTES = 40;
/** Few and small, so that they meet. */
const CONTENTS = [0, 3, 10, 20].map((size) => {
  const bytes = new Uint8Array(size).fill(size);
  const descriptor: Descriptor = { mediaType: 'a/b', digest: computeDigest(bytes, nodeHasher), size };
  return { descriptor, bytes };
});

/** What the store should hold, in the plainest form there is. */
interface Model {
  readonly blobs: Set<number>;
  readonly writers: { readonly which: number; taken: number; open: boolean }[];
}

interface Real {
  readonly store: ImageStore;
  readonly writers: ContentWriter[];
}

const used = ({ blobs, writers }: Model): number =>
  [...blobs, ...writers.filter(({ open }) => open).map(({ which }) => which)].reduce(
    (sum, which) => sum + (CONTENTS[which]?.bytes.length ?? 0),
    0,
  );

type Step = fc.AsyncCommand<Model, Real>;

const step = stepsOf<Model, Real>();

const open = (which: number): Step =>
  step(
    `open ${which}`,
    () => true,
    async (model, { store, writers }) => {
      const { descriptor, bytes } = CONTENTS[which]!;
      if (bytes.length > MAX_BYTES - used(model)) {
        await expect(store.ingest(descriptor)).rejects.toMatchObject({ code: 'ERR_STORE' });
        return;
      }
      writers.push(await store.ingest(descriptor));
      model.writers.push({ which, taken: 0, open: true });
    },
  );

const write = (place: number, length: number): Step =>
  step(
    `write ${length} to ${place}`,
    ({ writers }) => writers[place]?.open === true,
    async (model, real) => {
      const state = model.writers[place]!;
      const rest = CONTENTS[state.which]!.bytes.subarray(state.taken);
      const chunk = rest.slice(0, length);
      await real.writers[place]!.write(chunk);
      chunk.fill(99);
      state.taken += chunk.length;
      expect(real.writers[place]!.offset).toBe(state.taken);
    },
  );

const restart = (place: number): Step =>
  step(
    `restart ${place}`,
    ({ writers }) => writers[place]?.open === true,
    async (model, real) => {
      await real.writers[place]!.restart();
      model.writers[place]!.taken = 0;
      expect(real.writers[place]!.offset).toBe(0);
    },
  );

const commit = (place: number): Step =>
  step(
    `commit ${place}`,
    ({ writers }) => writers[place]?.open === true,
    async (model, real) => {
      const state = model.writers[place]!;
      const writer = real.writers[place]!;
      if (state.taken < CONTENTS[state.which]!.bytes.length) {
        await expect(writer.commit()).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
        await writer.abort();
      } else {
        await writer.commit();
        model.blobs.add(state.which);
      }
      state.open = false;
    },
  );

const abort = (place: number): Step =>
  step(
    `abort ${place}`,
    ({ writers }) => place < writers.length,
    async (model, real) => {
      await real.writers[place]!.abort();
      model.writers[place]!.open = false;
    },
  );

const look = (which: number): Step =>
  step(
    `look ${which}`,
    () => true,
    async ({ blobs }, { store }) => {
      const { descriptor, bytes } = CONTENTS[which]!;
      expect(await store.has(descriptor)).toBe(blobs.has(which));
      const read = readContent(store, descriptor, { maxBytes: 100 });
      if (blobs.has(which)) expect(await read).toEqual(bytes);
      else await expect(read).rejects.toMatchObject({ code: 'ERR_STORE' });
    },
  );

describe('createMemoryStore', () => {
  it('behaves as a map of contents with a limit, whatever is done to it', async () => {
    const [which, place] = [fc.nat(CONTENTS.length - 1), fc.nat(4)];
    const steps = fc.commands<Model, Real, false>(
      [
        which.map(open),
        fc.tuple(place, fc.nat(20)).map(([writer, length]) => write(writer, length)),
        place.map((writer) => write(writer, 20)),
        place.map(restart),
        place.map(commit),
        place.map(abort),
        which.map(look),
      ],
      { maxCommands: 40 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (commands) => {
        const store = createMemoryStore({ createHasher: nodeHasher, maxBytes: MAX_BYTES });
        const start = { model: { blobs: new Set<number>(), writers: [] }, real: { store, writers: [] } };
        await fc.asyncModelRun(() => start, commands);
      }),
    );
    countFor('stores, caches and keyrings that act as a plain model does');
  });
});
