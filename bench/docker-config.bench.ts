// Docker configs, on the inputs of the vectors, beside a large one.
import { decodeAuth, parseDockerConfigJson } from 'kubepull/docker-config';
import { createKeyring } from 'kubepull/keyring';
import { parseImageName } from 'kubepull/reference';
import { bench, describe } from 'vitest';
import { readInputs } from './inputs.ts';

const auths = readInputs('auth-decode.json', ['in']).flat();
const entries = Array.from({ length: 1_000 }, (_, at) => [`r${at}.example/team`, { auth: 'dXNlcjpwYXNz' }]);
const large = JSON.stringify({ auths: Object.fromEntries(entries) });

describe('decodeAuth', () => {
  bench('a user and a password', () => void decodeAuth('dXNlcjpwYXNz'));
  bench(`${auths.length} inputs of the vectors`, () => {
    for (const input of auths) tryDecode(input);
  });
});

describe('parseDockerConfigJson', () => {
  bench('one entry', () => void parseDockerConfigJson('{"auths":{"r.example":{"auth":"dXNlcjpwYXNz"}}}'));
  bench('1,000 entries', () => void parseDockerConfigJson(large));
});

describe('createKeyring', () => {
  const parsed = parseDockerConfigJson(large);
  bench(
    '1,000 entries, and a look-up',
    () => void createKeyring(parsed).lookup(parseImageName('r500.example/team/app')),
  );
});

/** Bad inputs are timed too. */
function tryDecode(input: string): void {
  try {
    decodeAuth(input);
  } catch {
    // The vectors have inputs that are refused.
  }
}
