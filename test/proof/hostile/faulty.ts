// Readers that are wrong, each in a way that the replay has to find. One that finds nothing of the library's is then worth something.
import { parseDockerConfig } from 'kubepull/docker-config';
import { InvalidConfigError } from 'kubepull/errors';
import { matchGlob } from 'kubepull/match';
import { attempt, law, SECRET, type Target } from './target.ts';

const kept: string[][] = [];

/** By what the replay has to say of it. */
export const FAULTY: Readonly<Record<string, Target['run']>> = {
  'thrown: TypeError': (input) => (input.length > 100 ? (undefined as unknown as string).length : 0),
  'broken law: one and one are two': (input) => law(input.length < 100, 'one and one are two'),
  'a secret is told': (input, hear) =>
    attempt(hear, () => {
      throw new InvalidConfigError(`Cannot read ${input.slice(0, 40)}`, { upstream: '', offset: undefined });
    }),
  'broken law: a message has no control character': (_, hear) =>
    attempt(hear, () => {
      throw new InvalidConfigError('Cannot read \u0007', { upstream: '', offset: undefined });
    }),
  'steps grow': (input) => Array.from(input.slice(0, input.length / 5), () => matchGlob(`${input}x`, input)),
  'it takes too many steps': (input) => {
    for (;;) parseDockerConfig(JSON.stringify({ auths: { [input]: {} } }));
  },
  'memory grows': (input) => {
    kept.length = 0;
    for (const _ of input) kept.push(Array.from({ length: input.length * 4 }, () => input));
  },
  'its time grows': (input) => /(?:ab)+c/.test('ab'.repeat(input.length * 4)),
};

/** What they read. */
export const FAULTY_INPUTS: readonly string[] = ['a text of some length', `a text with ${SECRET}`];
