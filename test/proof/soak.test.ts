import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { canary } from '../support/canary.ts';
import { countFor, measureFor, proofRuns } from '../support/figures.ts';
import { bundle } from '../support/leaks-bundle.ts';
import { tempDir } from '../support/temp-dir.ts';

/** A release is soaked for an hour: `KUBEPULL_TEST_SOAK_SECONDS=3600 npm run proof`. */
const SECONDS = Number(process.env['KUBEPULL_TEST_SOAK_SECONDS'] ?? proofRuns({ fast: 30, full: 300 }));

/** What a process that pulls says in the end. */
interface Told {
  readonly pulled: number;
  readonly aborted: number;
  readonly failed: Readonly<Record<string, number>>;
  readonly wrong: number;
  readonly untyped: readonly string[];
  readonly unhandled: readonly string[];
  readonly wrongReasons: number;
  readonly samples: readonly (readonly [minutes: number, rss: number, heap: number])[];
  readonly delayP99Ms: number;
  readonly moreFds: number;
  readonly moreResources: number;
  readonly listeners: number;
}

function start(
  program: string,
  ...args: readonly string[]
): ChildProcess & { stdin: NonNullable<ChildProcess['stdin']> } {
  const child = spawn(process.execPath, [...QUIET, '--expose-gc', program, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { MALLOC_ARENA_MAX: '1' },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** What is garbage is given back at once, so that memory is what is needed. */
const QUIET = ['--max-semi-space-size=1'];

/** The least of each few: what else is there, is about to be given back. */
function floorOf(points: Told['samples']): readonly (readonly [minutes: number, mib: number])[] {
  return Array.from({ length: Math.floor(points.length / FEW) }, (_, at) => {
    const few = points.slice(at * FEW, (at + 1) * FEW);
    return [few[0]?.[0] ?? 0, Math.min(...few.map(([, rss]) => rss))];
  });
}
const FEW = 5;

/** The slope of the line that is nearest to the points: least squares. */
function slopeOf(points: ReturnType<typeof floorOf>): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))];
  const rise = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0);
  return rise / points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
}

describe('two processes of 16 pulls each, from a registry in which one request of ten goes wrong', () => {
  it(
    'bring no wrong byte, end in typed errors only, and hold on to nothing',
    { timeout: SECONDS * 2000 + 300_000 },
    async () => {
      const { path } = tempDir();
      const [registry, puller] = [join(path, 'registry.mjs'), join(path, 'puller.mjs')];
      await Promise.all([bundle('soak-server-child.ts', registry), bundle('soak-child.ts', puller)]);
      const password = canary('password');
      const server = start(registry, '1', password);
      const lines = createInterface({ input: server.stdout! })[Symbol.asyncIterator]();
      const { value: scene } = await lines.next();
      const results = await Promise.all(
        [false, true].map(async (carries, at) => {
          const child = start(puller);
          const orders = { password, directory: path, seconds: SECONDS, seed: at + 2, carries };
          child.stdin.end(JSON.stringify({ ...(JSON.parse(scene) as object), ...orders }));
          const [said, [code]] = await Promise.all([text(child.stdout!), once(child, 'exit')]);
          expect(code).toBe(0);
          return JSON.parse(said) as Told;
        }),
      );
      server.stdin.end();
      const { value: served } = await lines.next();
      const { requests, faults } = JSON.parse(served) as { requests: number; faults: Readonly<Record<string, number>> };
      const hit = Object.values(faults).reduce((sum, count) => sum + count, 0);
      expect(hit / requests).toBeGreaterThan(0.05);
      expect(Object.keys(faults)).toHaveLength(8);
      console.log(`soak: ${requests} requests, ${JSON.stringify(faults)}`);
      for (const told of results) {
        const { samples, pulled, aborted, failed, ...rest } = told;
        console.log(`soak: ${JSON.stringify({ pulled, aborted, failed, ...rest })}`);
        expect(rest).toMatchObject({ wrong: 0, untyped: [], unhandled: [], wrongReasons: 0, listeners: 0 });
        expect(rest.moreFds).toBeLessThanOrEqual(0);
        expect(rest.moreResources).toBeLessThanOrEqual(0);
        expect(pulled).toBeGreaterThan(SECONDS);
        countFor('pulls under faults, without a wrong byte', pulled);
        measureFor('growth of memory under faults, in a minute', slopeOf(floorOf(samples.slice(samples.length / 4))));
        measureFor('delay of the event loop under faults, of 99 in 100', rest.delayP99Ms);
      }
    },
  );
});
