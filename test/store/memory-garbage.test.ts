import { describe, expect, it } from 'vitest';
import { nodeHasher } from 'kubepull/node';
import { createMemoryStore, type ManagedStore, writeContent } from 'kubepull/store';
import { buildImage, type BuiltContent, createFakeClock } from 'kubepull/testing';

const HOUR = 60 * 60 * 1000;
const first = buildImage({ layers: [{ randomBytes: 2000, seed: 'a' }] });
const second = buildImage({ layers: [{ randomBytes: 2000, seed: 'b' }] });

async function fill(store: ManagedStore, contents: readonly BuiltContent[]): Promise<void> {
  for (const { descriptor, bytes } of contents) {
    if (!(await store.has(descriptor))) await writeContent(store, descriptor, bytes);
  }
}

function newStore(maxBytes = 1_000_000) {
  const clock = createFakeClock();
  return { clock, store: createMemoryStore({ createHasher: nodeHasher, clock, maxBytes }) };
}

describe('createMemoryStore', () => {
  it('lists names, and takes them away', async () => {
    const { store } = newStore();
    await fill(store, first.contents);
    for (const name of ['b', '__proto__']) await store.tag(name, first.descriptor);
    expect((await store.names()).toSorted()).toEqual(['__proto__', 'b']);
    expect(await store.untag('b')).toBe(true);
    expect(await store.untag('b')).toBe(false);
    expect(await store.names()).toEqual(['__proto__']);
  });

  it('collects what nothing names, once it is an hour old, and has room for other content then', async () => {
    const size = [...first.contents, ...second.contents].reduce((sum, { bytes }) => sum + bytes.length, 0);
    const { clock, store } = newStore(size);
    await fill(store, [...first.contents, ...second.contents]);
    await store.tag('app:1', first.descriptor);
    await clock.advance(HOUR - 1);
    expect(await store.collectGarbage()).toEqual({ removed: [], removedBytes: 0, kept: 3, spared: 3 });
    await clock.advance(1);
    expect((await store.collectGarbage({ dryRun: true })).removed).toHaveLength(3);
    expect(await store.has(second.descriptor)).toBe(true);
    // It was just found, so it may be named soon.
    expect(await store.collectGarbage()).toMatchObject({ kept: 3, spared: 1, removed: { length: 2 } });
    expect(await store.has(first.descriptor)).toBe(true);
    await fill(store, second.contents);
    await store.tag('app:2', second.descriptor);
  });

  it('does not remove what gets a name while garbage is looked for', async () => {
    const { store } = newStore();
    await fill(store, first.contents);
    const collecting = store.collectGarbage({ graceMs: 0 });
    const tagging = store.tag('app:1', first.descriptor);
    const [report, tagged] = await Promise.allSettled([collecting, tagging]);
    expect(report.status).toBe('fulfilled');
    // Either the name came first, and all is there, or the garbage went first, and there is no name.
    if (tagged.status === 'fulfilled')
      for (const { descriptor } of first.contents) expect(await store.has(descriptor)).toBe(true);
    else expect(await store.names()).toEqual([]);
  });

  it('does not remove what a name is moved to while garbage is looked for', async () => {
    for (let turns = 0; turns < 40; turns += 1) {
      const { store } = newStore();
      await fill(store, [...first.contents, ...second.contents]);
      await store.tag('app:1', first.descriptor);
      const collecting = store.collectGarbage({ graceMs: 0 });
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      const moved = await store.tag('app:1', second.descriptor).then(
        () => true,
        () => false,
      );
      const { removed } = await collecting;
      const lost = new Set(removed.map(({ digest }) => digest));
      const kept = moved ? second : first;
      expect(kept.contents.filter(({ descriptor }) => lost.has(descriptor.digest))).toEqual([]);
      expect((await store.resolve('app:1'))?.digest).toBe(kept.descriptor.digest);
    }
  });

  it.each([-1, Number.NaN])('refuses a grace of %d ms', async (graceMs) => {
    await expect(newStore().store.collectGarbage({ graceMs })).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });
});
