import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { countFor, measureFor } from '../support/figures.ts';
import { FAULTY } from './hostile/faulty.ts';
import { bundleCounted } from './hostile/instrument.ts';
import { TARGETS } from './hostile/targets.ts';
import { corpusFile, makeCorpus, readCorpus } from './hostile/write-corpus.mjs';

/** The inputs that there have to be, by the readers that get them. */
const LEAST: readonly { readonly least: number; readonly of: readonly string[] }[] = [
  { least: 600, of: ['reference'] },
  { least: 300, of: ['config'] },
  { least: 300, of: ['base64'] },
  { least: 300, of: ['glob'] },
  { least: 270, of: ['auths-key'] },
  { least: 200, of: ['challenge'] },
  { least: 200, of: ['url'] },
  { least: 120, of: ['digest'] },
  { least: 250, of: ['manifest', 'descriptor', 'image-config'] },
  { least: 50, of: ['token-reply'] },
  { least: 100, of: ['plugin-reply'] },
  { least: 80, of: ['layout', 'layout-index'] },
  { least: 100, of: ['archive'] },
  { least: 200, of: ['hosts-toml', 'registries-conf'] },
  { least: 200, of: ['plugin-config', 'yaml'] },
  { least: 200, of: ['pod', 'secret'] },
];

interface Report {
  readonly findings: readonly { readonly target: string; readonly input: string; readonly what: string }[];
  readonly figures: Readonly<Record<'inputs' | 'grown' | 'cpuMs' | 'grownCpuMs', number>>;
}

/** Nothing is timed by it: it ends what hangs, also where other work slows the machine down. */
const LONG = { timeout: 3_600_000 };

let program = '';

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'kubepull-hostile-'));
  program = join(directory, 'replay.mjs');
  await bundleCounted('test/proof/hostile/replay-child.ts', program);
  return () => rmSync(directory, { recursive: true });
});

/** In a process of its own, which an input may end; its young generation has room for all that one input takes. */
async function replay(directory: string, half = 0): Promise<Report> {
  const args = ['--min-semi-space-size=128', '--max-semi-space-size=128', program, directory, `${half}`];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 28 });
  return JSON.parse(stdout) as Report;
}

describe('the hostile corpus', () => {
  it('is what its rules make, and what the fuzzer found', () => {
    const made = makeCorpus();
    const names = Object.keys(made);
    expect(new Set(readdirSync(dirname(corpusFile(''))))).toEqual(new Set(names.map((name) => `${name}.jsonl`)));
    for (const [name, text] of Object.entries(made)) expect(readFileSync(corpusFile(name), 'utf8'), name).toBe(text);
    expect(new Set(TARGETS.map(({ name, corpus = name }) => corpus))).toEqual(new Set(names));
  });

  it.each(LEAST)('has at least $least inputs for $of', ({ least, of }) => {
    expect(of.flatMap((name) => readCorpus(name)).length).toBeGreaterThanOrEqual(least);
  });

  it(
    'is read or refused by a code, tells no secret, and costs no more than its length when it grows',
    LONG,
    async () => {
      // Two at once: there are as many processors.
      const reports = await Promise.all([0, 1].map((half) => replay(dirname(corpusFile('')), half)));
      expect(reports.flatMap(({ findings }) => findings)).toEqual([]);
      for (const { figures } of reports) {
        countFor('hostile inputs, each also at ten times its size', figures.inputs);
        countFor('grown hostile inputs', figures.grown);
        measureFor('milliseconds of the processor that a hostile input took', figures.cpuMs);
        measureFor('milliseconds of the processor that a hostile input of ten times the size took', figures.grownCpuMs);
      }
    },
  );
});

describe('the replay', () => {
  it('finds what is wrong with readers that are wrong', LONG, async () => {
    const { findings } = await replay('faulty');
    for (const name of Object.keys(FAULTY)) {
      const found = findings.filter(({ target }) => target === name).map(({ what }) => what);
      expect(found.join('; '), name).toContain(name);
    }
  });
});
