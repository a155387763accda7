// Image references, beside the packages that parse them.
import { parseReference, safeParseReference } from 'kubepull/reference';
import { loadPeer, sidesOf } from '../harness.mjs';
import { attempt, readInputs, REFERENCES } from '../inputs.mjs';

const SWIMLANE = '@swimlane/docker-reference';
const SIMPLE = 'docker-parse-image';

/**
 * On the worst input the regular expressions of the first peer do not end in minutes, so there it is left out.
 *
 * @param {readonly string[]} inputs
 */
function sides(inputs) {
  return {
    kubepull: () => inputs.map((input) => safeParseReference(input)),
    ...sidesOf(inputs.length > 10 || inputs.some(isLong) ? undefined : loadPeer(SWIMLANE), ({ parseFamiliarName }) => ({
      [SWIMLANE]: () => inputs.map((input) => attempt(() => parseFamiliarName(input))),
    })),
    ...sidesOf(loadPeer(SIMPLE), (parse) => ({
      [SIMPLE]: () => inputs.map((input) => attempt(() => parse(input))),
    })),
  };
}

/** @param {string} input */
const isLong = (input) => input.length > 1000;

const vectors = () => readInputs('reference.json', ['in']).flat();

/** @type {import('../harness.mjs').Topic} */
export const topic = {
  name: 'reference',
  about: `Parsing of image references. ${SWIMLANE} follows the same grammar; ${SIMPLE} splits and checks nothing.`,
  cases: () => [
    {
      name: 'ten usual references',
      sides: { ...sides(REFERENCES), kubepull: () => REFERENCES.map((input) => parseReference(input)) },
      goals: [{ side: 'kubepull', to: SWIMLANE, most: 0.4 }],
    },
    { name: 'the smallest: one letter', sides: sides(['a']) },
    {
      name: 'the worst: 4,096 characters that end in a fault',
      sides: sides([`${'a'.repeat(4000)}:${'t'.repeat(94)}!`]),
    },
    { name: 'every input of the vectors, right or wrong', sides: sides(vectors()) },
  ],
};
