// What is done to a layout, and to the model of it, for the model-based property.
import fc from 'fast-check';
import { expect } from 'vitest';
import { type ContentWriter, readContent, writeContent } from 'kubepull/store';
import * as model from './layout-model.ts';
import { blobFiles, compare, openAs, pathOf, type Real, ROOT } from './layout-real.ts';
import { CONTENTS, DOCUMENTS, type Model, PIECE, type Writing } from './layout-model.ts';
import { stepsOf } from '../../support/model-steps.ts';

type Step = fc.AsyncCommand<Model, Real>;

const compared = stepsOf<Model, Real>(compare);

function step(
  name: string,
  run: (state: Model, real: Real) => Promise<void>,
  check: (state: Model) => boolean = () => true,
): Step {
  return compared(name, check, run);
}

async function fillBy(state: Model, real: Real, at: number, contents: readonly number[]): Promise<void> {
  for (const which of contents) {
    const { descriptor, bytes } = CONTENTS[which]!;
    await writeContent(real.stores[at]!, descriptor, bytes);
    model.beginWriting(state, which, 0);
    state.blobs.set(which, { isRight: true, touched: state.now });
  }
}

const fill = (at: number, which: number): Step =>
  step(`fill ${which} by ${at}`, (state, real) => fillBy(state, real, at, [which]));

const pull = (at: number, name: string, which: number): Step =>
  step(`pull ${name} ${which} by ${at}`, async (state, real) => {
    await fillBy(
      state,
      real,
      at,
      model.closureOf(which).filter((content) => !model.isThere(state, content)),
    );
    await tagBy(state, real, at, name, which);
  });

async function openBy(state: Model, real: Real, at: number, which: number): Promise<readonly [Writing, ContentWriter]> {
  const writer = await real.stores[at]!.ingest(CONTENTS[which]!.descriptor);
  const writing = model.beginWriting(state, which, real.owners[at]!);
  expect(writer.offset).toBe(writing.taken);
  return [writing, writer];
}

const open = (at: number, which: number): Step =>
  step(
    `open ${which} by ${at}`,
    async (state, real) => {
      const [writing, writer] = await openBy(state, real, at, which);
      real.writers.push(writer);
      state.writers.push(writing);
    },
    ({ writers }) => writers.length < 8,
  );

/** A download that ends early, perhaps with a byte that is wrong. */
const cut = (at: number, which: number, pieces: number, isWrong: boolean): Step =>
  step(`cut ${which} after ${pieces}${isWrong ? ', wrong,' : ''} by ${at}`, async (state, real) => {
    const [writing, writer] = await openBy(state, real, at, which);
    for (let piece = 0; piece < pieces; piece += 1) await writePiece(state, writing, writer, isWrong);
    await writer.abort();
    model.endWriting(state, writing);
  });

type Use = (state: Model, writing: Writing, writer: ContentWriter) => Promise<void>;

/** Uses one of the writers that are in such a state. */
const use = (name: string, place: number, when: readonly Writing['state'][], run: Use): Step =>
  step(
    `${name} ${place}`,
    async (state, real) => {
      const fit = state.writers.filter((writing) => when.includes(writing.state));
      const writing = fit[place % fit.length]!;
      const writer = real.writers[state.writers.indexOf(writing)]!;
      await run(state, writing, writer);
      expect(writer.offset).toBe(writing.state === 'spoilt' ? 0 : writing.taken);
    },
    ({ writers }) => writers.some((writing) => when.includes(writing.state)),
  );

async function writePiece(state: Model, writing: Writing, writer: ContentWriter, isWrong: boolean): Promise<void> {
  const chunk = new Uint8Array(CONTENTS[writing.which]!.bytes.subarray(writing.taken, writing.taken + PIECE));
  if (isWrong && chunk.length > 0) {
    chunk[0]! ^= 1;
    writing.wrongAt = Math.min(writing.wrongAt, writing.taken);
  }
  await writer.write(chunk);
  chunk.fill(99);
  writing.taken += chunk.length;
  if (chunk.length === PIECE) writing.changed = model.momentOf(state);
}

const write = (place: number, isWrong: boolean): Step =>
  use(isWrong ? 'write wrong bytes to' : 'write to', place, ['open'], (state, writing, writer) =>
    writePiece(state, writing, writer, isWrong),
  );

const overflow = (place: number): Step =>
  use('overflow', place, ['open'], async (_, writing, writer) => {
    const tooMany = new Uint8Array(CONTENTS[writing.which]!.descriptor.size - writing.taken + 1);
    await expect((async () => writer.write(tooMany))()).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
    writing.state = 'spoilt';
  });

const restart = (place: number): Step =>
  use('restart', place, ['open', 'spoilt'], async (state, writing, writer) => {
    await writer.restart();
    Object.assign(writing, {
      state: 'open',
      hasFile: true,
      taken: 0,
      wrongAt: Infinity,
      changed: model.momentOf(state),
    });
  });

const commit = (place: number, isFilled: boolean): Step =>
  use(isFilled ? 'finish' : 'commit', place, ['open', 'spoilt', 'closed'], async (state, writing, writer) => {
    const { which } = writing;
    const { size } = CONTENTS[which]!.descriptor;
    if (isFilled && writing.state === 'open')
      while (writing.taken < size) await writePiece(state, writing, writer, false);
    if (writing.state !== 'open') {
      await expect(writer.commit()).rejects.toMatchObject({ code: 'ERR_STORE' });
    } else if (writing.taken < size || writing.wrongAt < size) {
      await expect(writer.commit()).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH' });
      Object.assign(writing, { state: 'spoilt', hasFile: false });
    } else {
      await writer.commit();
      Object.assign(writing, { state: 'closed', hasFile: false });
      state.blobs.set(which, { isRight: true, touched: state.now });
      state.parts = state.parts.filter((part) => !part.isKept || part.which !== which);
    }
  });

const abort = (place: number): Step =>
  use('abort', place, ['open', 'spoilt', 'closed'], async (state, writing, writer) => {
    await writer.abort();
    model.endWriting(state, writing);
  });

async function tagBy(state: Model, real: Real, at: number, name: string, which: number): Promise<void> {
  const tagging = real.stores[at]!.tag(name, CONTENTS[which]!.descriptor);
  if (model.closureOf(which).every((content) => model.isThere(state, content))) {
    await tagging;
    state.names.set(name, which);
    return;
  }
  await expect(tagging).rejects.toMatchObject({ code: 'ERR_STORE', operation: 'tag' });
  // What was found to be corrupt on the way has gone.
  const left = blobFiles(real);
  for (const content of model.closureOf(which))
    if (!model.isThere(state, content) && !left.includes(pathOf(content))) state.blobs.delete(content);
}

const tag = (at: number, name: string, which: number): Step =>
  step(`tag ${name} ${which} by ${at}`, (state, real) => tagBy(state, real, at, name, which));

const untag = (at: number, name: string): Step =>
  step(`untag ${name} by ${at}`, async (state, { stores }) => {
    expect(await stores[at]!.untag(name)).toBe(state.names.delete(name));
  });

/** By two stores at once: one gives the new name, and the other takes the old one away. */
const move = (from: string, to: string): Step =>
  step(
    `move ${from} to ${to}`,
    async (state, real) => {
      const which = state.names.get(from)!;
      const untagging = real.stores[1]!.untag(from);
      state.names.delete(from);
      await tagBy(state, real, 0, to, which);
      expect(await untagging).toBe(true);
    },
    ({ names }) => from !== to && names.has(from),
  );

const resolve = (at: number): Step =>
  step(`resolve by ${at}`, async ({ names }, { stores }) => {
    const store = stores[at]!;
    expect((await store.names()).toSorted()).toEqual([...names.keys()].toSorted());
    for (const name of NAMES) expect((await store.resolve(name))?.digest).toBe(digestBy(names.get(name)));
    for (const which of DOCUMENTS) {
      const isNamed = [...names.values()].includes(which);
      expect((await store.resolve(model.digestOf(which)))?.digest).toBe(digestBy(isNamed ? which : undefined));
    }
    const [only, ...others] = names.values();
    expect((await store.resolve(''))?.digest).toBe(digestBy(others.length === 0 ? only : undefined));
  });
const digestBy = (which: number | undefined): string | undefined =>
  which === undefined ? undefined : model.digestOf(which);

const has = (at: number, which: number): Step =>
  step(`has ${which} by ${at}`, async (state, { stores }) => {
    expect(await stores[at]!.has(CONTENTS[which]!.descriptor)).toBe(model.find(state, which));
  });

const read = (at: number, which: number): Step =>
  step(`read ${which} by ${at}`, async (state, { stores }) => {
    const { descriptor, bytes } = CONTENTS[which]!;
    const reading = readContent(stores[at]!, descriptor, { maxBytes: 10 * PIECE });
    if (model.isThere(state, which)) {
      expect(Buffer.compare(await reading, bytes)).toBe(0);
      return;
    }
    await expect(reading).rejects.toMatchObject({ code: 'ERR_STORE' });
    state.blobs.delete(which);
  });

const collect = (at: number, graceMs: number | undefined, dryRun: boolean): Step =>
  step(`collect ${graceMs} ${dryRun} by ${at}`, async (state, { stores }) => {
    const collecting = stores[at]!.collectGarbage({ graceMs, dryRun });
    const wanted = model.collect(state, graceMs ?? model.HOUR, dryRun);
    if (wanted === undefined) {
      await expect(collecting).rejects.toMatchObject({ code: 'ERR_STORE', operation: 'collect' });
      return;
    }
    const { removed, unread, ...report } = await collecting;
    expect({
      ...report,
      removed: removed.toSorted((a, b) => (a.digest < b.digest ? -1 : 1)),
      ...(unread === undefined ? {} : { unread: unread.toSorted() }),
    }).toEqual(wanted);
  });

const advance = (ms: number): Step =>
  step(`advance ${ms}`, async (state, { clock }) => {
    state.now += ms;
    clock.now = state.now;
  });

/** A new store of the same process, whose writers go on; or the process dies, and a new one comes. */
const reopen = (at: number, dies: boolean): Step =>
  step(`${dies ? 'die and ' : ''}reopen ${at}`, async (state, real) => {
    if (dies) {
      model.dieOf(state, real.owners[at]!);
      real.owners[at] = Math.max(...real.owners) + 1;
    } else await real.stores[at]!.close();
    real.stores[at] = await openAs(real.owners[at]!, real);
    model.tidyParts(state);
  });

/** Somebody who knows nothing of stores takes one of the files away, or changes a byte of it. */
const harm = (place: number, how: 'lose' | 'spoil'): Step =>
  step(
    `${how} ${place}`,
    async (state, { fs }) => {
      const right = [...state.blobs.keys()].filter((which) => model.isThere(state, which));
      const which = right[place % right.length]!;
      const path = `${ROOT}/${pathOf(which)}`;
      state.isHarmed = true;
      if (how === 'lose') {
        await fs.unlink(path);
        state.blobs.delete(which);
        return;
      }
      const { bytes } = CONTENTS[which]!;
      await (await fs.open(path)).write([Uint8Array.of(bytes.at(-1)! ^ 1)], bytes.length - 1);
      state.blobs.set(which, { isRight: false, touched: state.now });
    },
    (state) => [...state.blobs.values()].some(({ isRight }) => isRight),
  );

const NAMES = ['app:1', 'app:2', '../x'];

/** All that may be done, in any order. */
export function layoutSteps(): fc.Arbitrary<Iterable<Step>> {
  const [at, place, which] = [fc.nat(1), fc.nat(4), fc.nat(CONTENTS.length - 1)];
  const [name, document] = [fc.constantFrom(...NAMES), fc.constantFrom(...DOCUMENTS)];
  const large = fc.constantFrom(...model.LARGE);
  return fc.commands<Model, Real, false>(
    [
      fc.tuple(at, which).map(([by, content]) => fill(by, content)),
      fc.tuple(at, name, document).map(([by, to, image]) => pull(by, to, image)),
      fc.tuple(at, name, document).map(([by, to, image]) => pull(by, to, image)),
      fc
        .tuple(at, large, fc.constantFrom(1, 2), fc.boolean())
        .map(([by, content, pieces, isWrong]) => cut(by, content, pieces, isWrong)),
      fc.tuple(at, fc.oneof(large, which)).map(([by, content]) => open(by, content)),
      fc.tuple(at, large).map(([by, content]) => open(by, content)),
      place.map((writer) => write(writer, false)),
      place.map((writer) => write(writer, false)),
      fc.tuple(place, fc.boolean()).map(([writer, isWrong]) => write(writer, isWrong)),
      place.map(overflow),
      place.map(restart),
      fc.tuple(place, fc.boolean()).map(([writer, isFilled]) => commit(writer, isFilled)),
      place.map((writer) => commit(writer, true)),
      place.map(abort),
      fc.tuple(at, name, document).map(([by, to, image]) => tag(by, to, image)),
      fc.tuple(at, name).map(([by, from]) => untag(by, from)),
      fc.tuple(name, name).map(([from, to]) => move(from, to)),
      at.map(resolve),
      fc.tuple(at, which).map(([by, content]) => has(by, content)),
      fc.tuple(at, which).map(([by, content]) => read(by, content)),
      fc
        .tuple(at, fc.constantFrom(undefined, 0, 0, 1), fc.boolean())
        .map(([by, graceMs, dryRun]) => collect(by, graceMs, dryRun)),
      fc.constantFrom(1, 999, 1000, 2001, model.HOUR / 2, model.HOUR, model.DAY - 1, model.DAY).map(advance),
      fc.tuple(at, fc.boolean()).map(([by, dies]) => reopen(by, dies)),
      fc.tuple(which, fc.constantFrom('lose' as const, 'spoil' as const)).map(([content, how]) => harm(content, how)),
    ],
    { maxCommands: 50, size: 'max' },
  );
}
