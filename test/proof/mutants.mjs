// Which modules are mutated, by which tests they are judged and how many of the mutants those have to notice; and the mutants that
// no test can notice, each with the reason.
import { readFileSync } from 'node:fs';

/**
 * `sample`: how many of 100 mutants are tried, where all of them would take hours.
 *
 * @typedef {{ mutate: readonly string[], tests: readonly string[], goal: number, sample?: number }} Module
 */

/** @type {(name: string, more?: Partial<Module>) => Module} */
const folder = (name, more = {}) => ({
  mutate: [`src/${name}/**/*.ts`, '!src/**/{index,inner,types}.ts'],
  tests: [`test/${name}/**/*.test.ts`],
  goal: 90,
  ...more,
});

/** @type {Readonly<Record<string, Module>>} */
export const MODULES = {
  backoff: folder('backoff'),
  digest: folder('digest'),
  match: folder('match', { tests: ['test/match/!(truth-table).test.ts'] }),
  reference: folder('reference', { tests: ['test/reference/!(linear).test.ts'] }),
  'pull-policy': folder('pull-policy'),
  'docker-config': folder('docker-config', { tests: ['test/docker-config/!(truncation).test.ts'] }),
  'pull-secrets': folder('pull-secrets', { sample: 30, tests: ['test/pull-secrets/!(hostile).test.ts'] }),
  challenge: {
    mutate: ['src/distribution/auth/challenge.ts'],
    tests: ['test/distribution/auth/{challenge,challenge-hostile,hostile-values}.test.ts'],
    goal: 90,
  },
  'url-policy': {
    mutate: ['src/distribution/policy/url-policy.ts'],
    tests: ['test/distribution/policy/url-policy.test.ts'],
    goal: 90,
  },
  redaction: {
    mutate: ['src/internal/{mask,text,url}.ts', 'src/errors/text.ts', 'src/docker-config/secret.ts'],
    tests: [
      'test/internal/{mask,text}.test.ts',
      'test/errors/errors.test.ts',
      'test/docker-config/!(truncation).test.ts',
    ],
    goal: 90,
  },
  // Without the sweeps, of which each takes many seconds.
  store: folder('store', { goal: 80, sample: 20, tests: ['test/store/!(conformance-detects).test.ts'] }),
  puller: folder('puller', {
    goal: 80,
    sample: 10,
    tests: ['test/puller/!(abort|bombs|slow-store|wrong-content).test.ts'],
  }),
  layout: {
    mutate: ['src/node/layout/!(findings|remembered|validate|validate-images).ts'],
    tests: ['test/node/layout/!(crash|namespaces|processes|remembered|swap|validate).test.ts'],
    goal: 80,
    sample: 10,
  },
  'exec plugins': {
    mutate: ['src/node/process/run.ts', 'src/node/kubelet/exec-plugin.ts'],
    tests: ['test/node/process/run.test.ts', 'test/node/kubelet/exec-plugin.test.ts'],
    goal: 80,
    sample: 30,
  },
};

/**
 * Mutants that no test can notice. `line` is the line of the source as it stands, `change` what is put into it.
 *
 * @typedef {{ file: string, line: string, change: string, reason: string }} Equivalent
 */

/** @type {() => readonly Equivalent[]} */
export const readEquivalents = () => JSON.parse(readFileSync(new URL('mutants.json', import.meta.url), 'utf8'));

/**
 * @typedef {{ status: string, replacement?: string, mutatorName: string, static?: boolean,
 *   location: { start: { line: number, column: number }, end: { line: number, column: number } } }} Mutant
 * @typedef {{ files: Record<string, { source: string, mutants: readonly Mutant[] }> }} Report
 */

/**
 * The figures of a module from Stryker's report, and a line for each mutant that nobody noticed.
 *
 * @param {string} name
 * @param {Report} report
 */
export function resultOf(name, report, equivalents = readEquivalents()) {
  const { goal = 0 } = MODULES[name] ?? {};
  const all = Object.entries(report.files).flatMap(([file, { source, mutants }]) => {
    const lines = source.split('\n');
    return mutants.map((mutant) => ({ file, mutant, line: (lines[mutant.location.start.line - 1] ?? '').trim() }));
  });
  const valid = all.filter(({ mutant: { status } }) => !['CompileError', 'RuntimeError', 'Ignored'].includes(status));
  const left = valid.filter(({ mutant: { status } }) => ['Survived', 'NoCoverage'].includes(status));
  const unexplained = left.filter(
    ({ file, line, mutant }) =>
      !equivalents.some((one) => one.file === file && one.line === line && one.change === mutant.replacement),
  );
  const explained = left.length - unexplained.length;
  const killed = valid.length - left.length;
  const score = (100 * killed) / Math.max(1, valid.length - explained);
  const ok = score >= goal && explained <= valid.length * 0.03;
  const summary = `${ok ? 'ok  ' : 'FAIL'} ${name}: ${killed} of ${valid.length} noticed, ${explained} without effect, ${score.toFixed(1)} % (goal ${goal})`;
  const lines = unexplained.map(
    ({ file, line, mutant: { location, mutatorName, replacement, status } }) =>
      `${file}:${location.start.line}:${location.start.column} ${status} ${mutatorName}\n  - ${line}\n  + ${replacement}`,
  );
  return { name, goal, ok, mutants: valid.length, killed, explained, score, lines: [...lines, summary] };
}

/** @param {readonly ReturnType<typeof resultOf>[]} results */
export function tableOf(results) {
  return results.map(({ name, mutants, killed, explained, score, goal }) => [
    name,
    MODULES[name]?.sample === undefined ? String(mutants) : `${mutants}, ${MODULES[name].sample} % drawn`,
    String(killed),
    String(explained),
    `${score.toFixed(1)} %`,
    `${goal} %`,
  ]);
}
