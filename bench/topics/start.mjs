// What importing each entry adds to an empty program: whole processes, in turn.
import { execFileSync } from 'node:child_process';
import { inTurn, toRow } from '../harness.mjs';
import { listEntries, root, specifierOf } from '../../test/packaging/entries.mjs';

const EMPTY = 'an empty program';
const LIMITS = new Map([
  ['kubepull', 30],
  ['kubepull/node', 60],
]);

/**
 * Milliseconds of a whole process that imports something.
 *
 * @param {string} specifier
 */
async function timeOf(specifier) {
  const script = specifier === EMPTY ? '' : `import '${specifier}'`;
  const started = performance.now();
  execFileSync(process.execPath, ['--input-type=module', '--eval', script], { cwd: root });
  return performance.now() - started;
}

/** @type {import('../harness.mjs').Topic} */
export const topic = {
  name: 'start',
  about: 'The time of a new process that imports an entry and ends.',
  async measure({ quick, rounds }) {
    const entries = quick ? [...LIMITS.keys()] : listEntries().map(specifierOf);
    const samples = await inTurn([EMPTY, ...entries], quick ? rounds : 11, timeOf);
    const goals = [...LIMITS].map(([side, most]) => ({ side, minus: EMPTY, most }));
    return [toRow('a new process', 'ms', samples, goals)];
  },
};
