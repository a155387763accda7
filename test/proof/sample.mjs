// A checker of Stryker for modules whose tests take long: it lets a share of the changes be tested, and leaves the others out as if
// they did not compile. What is drawn depends on the place and the change alone, so that every run tests the same ones.
import { createHash } from 'node:crypto';

/**
 * @typedef {{ line: number, column: number }} Position
 * @typedef {{ id: string, fileName: string, location: { start: Position, end: Position }, replacement: string }} Mutant
 */

/** @param {{ sample: number }} options */
function createSample({ sample }) {
  return {
    async init() {},
    /** @param {readonly Mutant[]} mutants */
    async check(mutants) {
      return Object.fromEntries(
        mutants.map((mutant) => [
          mutant.id,
          isDrawn(mutant, sample) ? { status: 'passed' } : { status: 'compileError', reason: 'not drawn' },
        ]),
      );
    },
  };
}
createSample.inject = ['options'];

/** @param {Mutant} mutant @param {number} percent */
function isDrawn({ fileName, location: { start, end }, replacement }, percent) {
  const file = fileName.slice(fileName.lastIndexOf('/src/'));
  const place = [file, start.line, start.column, end.line, end.column, replacement].join('\0');
  return (createHash('sha256').update(place).digest().readUInt32BE() / 2 ** 32) * 100 < percent;
}

export const strykerPlugins = [{ kind: 'Checker', name: 'sample', factory: createSample }];
