import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../support/temp-dir.ts';
import { sweepOf } from '../support/sweeps.ts';
import { RECORDED } from './recorded.ts';
import { runFile, runFolder } from './run.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

/** A file of a transcript, by its lists. */
interface Lists {
  readonly calls: { call: string; auth?: { username: string } }[];
  readonly events: { message: string; count: number; fieldPath?: string }[];
  readonly statuses: Record<string, { message?: string; running?: true }[]>;
  readonly steps: { calls: object[]; events: { message: string }[]; state: object }[];
  readonly recordFiles: Record<string, Record<string, string>>;
  readonly records: Record<string, string>;
  readonly cases: { real: object; error?: string; pulled?: boolean; policies?: string[] }[];
}

/** How many steps of a file differ when something in it was changed. */
async function differences(name: string, change: (file: Lists) => void): Promise<number> {
  const file = JSON.parse(read(name)) as Lists;
  change(file);
  const { lines, ok } = await runFile(name, JSON.stringify(file));
  const [, count] = /^\S+: \d+ steps, (\d+) differ$/u.exec(lines[0] ?? '') ?? [];
  expect(ok).toBe(count === '0');
  expect(lines).toHaveLength(1 + (ok ? 0 : Math.min(3, Number(count))));
  return Number(count);
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The lists of some files whose items are compared with what came before and after them. */
const MUTATED: readonly (readonly [name: string, lists: readonly string[]])[] = [
  ['s-wrong-right.json', ['calls', 'events', 'statuses.app']],
  ['s-two-same.json', ['calls', 'events', 'statuses.a']],
  ['t-vol-empty-ref.json', ['calls', 'events']],
  ['image-gc.json', ['cases.gc-age.calls', 'cases.gc-age.nodeEvents']],
  ['verify-NeverVerify.json', ['steps.5.calls', 'steps.5.events']],
];

/** docs/conformance.md, "What a changed transcript does not show": numbers and times by a little, and a reason that is given. */
const UNNOTICEABLE = /^change .*\.(?:t|count|firstSecond|lastSecond)$|^change .*\.nodeEvents\.\d+\.message$/;

interface Mutation {
  readonly what: string;
  apply(file: Json): void;
}

const at = (root: Json, path: readonly string[]): Json =>
  path.reduce<Json>((node, key) => (node as Record<string, Json>)[key] ?? null, root);

/** Each item left out, each two neighbours that differ in each other's place, and each value changed. */
function mutationsOf(root: Json, lists: readonly string[]): readonly Mutation[] {
  return lists.flatMap((list) => {
    const path = list.split('.');
    const items = at(root, path) as Json[];
    const drops = items.map((_, index) => ({
      what: `drop ${list}.${index}`,
      apply: (file: Json) => void (at(file, path) as Json[]).splice(index, 1),
    }));
    const swaps = items.slice(1).flatMap((item, before) => {
      if (JSON.stringify(item) === JSON.stringify(items[before])) return [];
      const apply = (file: Json): void => {
        const all = at(file, path) as Json[];
        all.splice(before, 2, all[before + 1] ?? null, all[before] ?? null);
      };
      return [{ what: `swap ${list}.${before}`, apply }];
    });
    return [...drops, ...swaps, ...changesOf(items, path)];
  });
}

function changesOf(node: Json, path: readonly string[]): readonly Mutation[] {
  if (typeof node === 'object' && node !== null)
    return Object.entries(node).flatMap(([key, value]) => changesOf(value, [...path, key]));
  const apply = (file: Json): void => {
    const changed = typeof node === 'string' ? `${node}x` : typeof node === 'number' ? node + 1 : node !== true;
    (at(file, path.slice(0, -1)) as Record<string, Json>)[path.at(-1) ?? ''] = changed;
  };
  return [{ what: `change ${path.join('.')}`, apply }];
}

describe('runFile', () => {
  it.each(sweepOf(names, 15))('finds every step of %s as it was recorded', async (name) => {
    const { lines, ok } = await runFile(name, read(name));
    const [steps, sha256] = RECORDED[name] ?? [];
    expect(lines).toEqual([`${name}: ${steps} steps, 0 differ`]);
    expect(ok).toBe(true);
    expect(createHash('sha256').update(read(name)).digest('hex').slice(0, 32)).toBe(sha256);
  });

  it('has every transcript that was recorded', () => {
    expect(names).toEqual(Object.keys(RECORDED));
  });

  it.each(MUTATED)('notices what is left out, moved or changed in %s', async (name, lists) => {
    const all = mutationsOf(JSON.parse(read(name)) as Json, lists).filter(({ what }) => !UNNOTICEABLE.test(what));
    for (const mutation of sweepOf(all, 2, 40)) {
      const file = JSON.parse(read(name)) as Json;
      mutation.apply(file);
      expect((await runFile(name, JSON.stringify(file))).ok, mutation.what).toBe(false);
    }
  });

  const changed: readonly [string, string, (file: Lists) => void][] = [
    ['a changed message of an event', 's-wrong-right.json', ({ events }) => void (events[0]!.message += '!')],
    ['an event of another part of the pod', 's-init.json', ({ events }) => void (events[0]!.fieldPath = 'spec')],
    ['another number of events', 's-recover.json', ({ events }) => void (events[0]!.count += 1)],
    ['a missing event', 's-wrong-right.json', ({ events }) => void events.pop()],
    ['events in another order', 's-two-same.json', ({ events }) => void events.unshift(events.pop()!)],
    ['a missing call', 's-wrong-right.json', ({ calls }) => void calls.splice(1, 1)],
    ['a call too many', 's-wrong-right.json', ({ calls }) => void calls.push(calls[0]!)],
    [
      'credentials in another order',
      's-order.json',
      ({ calls }) => void ([calls[1]!.auth, calls[2]!.auth] = [calls[2]!.auth!, calls[1]!.auth!]),
    ],
    ['another credential', 's-wrong-right.json', ({ calls }) => void (calls[2]!.auth!.username = 'other')],
    ['another waiting message', 's-recover.json', ({ statuses }) => void (statuses['app']![1]!.message += '!')],
    ['a container that does not run', 's-annotations.json', ({ statuses }) => void (statuses['app'] = [])],
    ['a missing call of a step', 'verify-NeverVerify.json', ({ steps }) => void steps[5]!.calls.pop()],
    ['a changed state of a step', 'verify-NeverVerify.json', ({ steps }) => void (steps[5]!.state = { waiting: 'x' })],
    [
      'one byte of a record',
      'verify-NeverVerifyPreloadedImages.json',
      ({ recordFiles: { end = {} } }) => {
        for (const [path, text] of Object.entries(end)) end[path] = text.replace('"uid-2"', '"uid-9"');
      },
    ],
    [
      'a record that kubelet did not write',
      'verify-NeverVerifyPreloadedImages.json',
      ({ recordFiles: { afterRestart = {} } }) => void delete afterRestart[Object.keys(afterRestart)[0]!],
    ],
    ['another use of an image', 'allow-list-names.json', ({ cases }) => void (cases[0]!.pulled = true)],
    ['another text of the validation', 'configurations.json', ({ cases }) => void (cases[0]!.error += '!')],
    ['another default', 'admission-defaults.json', ({ cases }) => void (cases[0]!.real = { policies: ['Never'] })],
    ['another refusal', 'admission-secrets.json', ({ cases }) => void (cases[2]!.real = { valid: true })],
    ['another admission', 'admission-serviceAccount.json', ({ cases }) => void (cases[0]!.real = { secrets: [] })],
    ['another policy', 'admission-alwaysPull.json', ({ cases }) => void (cases[1]!.real = { containers: [] })],
    ['another update', 'admission-alwaysPullUpdate.json', ({ cases }) => void (cases[1]!.real = {})],
    ['another pod', 'admission-podValidation.json', ({ cases }) => void (cases[0]!.real = { accepted: true })],
  ];
  it.each(sweepOf(changed, 8))('notices %s', async (_, name, change) => {
    expect(await differences(name, change)).toBeGreaterThan(0);
  });

  it('takes a masked password for the password only, and an escaped character for that character only', async () => {
    const replace = (from: string, to: string) => (file: Lists) => {
      for (const event of file.events) event.message = event.message.replace(from, to);
    };
    expect(await differences('t-secret-text.json', replace('hunter22hunter', 'somethingelse'))).toBeGreaterThan(0);
    expect(await differences('s-long-error.json', replace('\t', ' '))).toBeGreaterThan(0);
  });

  it('refuses what it does not know, and what it cannot read', async () => {
    expect(await runFile('u-other.json', '{}')).toEqual({ lines: ['u-other.json: unknown file'], ok: false });
    expect(await runFile('s-x.json', '{"format":2}')).toEqual({ lines: ['s-x.json: unknown format 2'], ok: false });
    expect((await runFile('s-x.json', '{')).lines[0]).toMatch(/^s-x\.json: cannot be replayed: /);
    expect((await runFile('s-x.json', '{"format":1}')).ok).toBe(false);
    expect((await runFile('configurations.json', '{"format":1,"source":{"version":"1.36.2"},"cases":[]}')).ok).toBe(
      false,
    );
  });
});

describe('runFolder', () => {
  it('reports the steps of each file, and fails on a spoilt one, an unknown one and an empty folder', async () => {
    const { path } = tempDir();
    expect(await runFolder(path)).toEqual({ lines: [`${path}: no transcripts`], ok: false });
    copyFileSync(join(folder, 'configurations.json'), join(path, 'configurations.json'));
    expect(await runFolder(path)).toEqual({ lines: ['configurations.json: 41 steps, 0 differ'], ok: true });
    writeFileSync(
      join(path, 'configurations.json'),
      read('configurations.json').replace('must be a positive', 'is no'),
    );
    const { lines, ok } = await runFolder(path);
    expect(lines[0]).toBe('configurations.json: 41 steps, 1 differ');
    expect([lines.length, ok]).toEqual([2, false]);
    writeFileSync(join(path, 'configurations.json'), read('configurations.json'));
    writeFileSync(join(path, 'more.json'), '{"format":1}');
    expect(await runFolder(path)).toEqual({
      lines: ['configurations.json: 41 steps, 0 differ', 'more.json: unknown file'],
      ok: false,
    });
  });
});
