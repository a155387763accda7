// From the text of a pull secret to a keyring, beside the least that has to be done: JSON.parse, and base64 of every entry.
import { decodeAuth, parseDockerConfigJson } from 'kubepull/docker-config';
import { createKeyring } from 'kubepull/keyring';
import { parseImageName } from 'kubepull/reference';
import { attempt, dockerConfig, readInputs } from '../inputs.mjs';

const LEAST = 'JSON.parse and base64';
const auths = readInputs('auth-decode.json', ['in']).flat();

/** @param {string} text */
function sides(text) {
  return {
    kubepull: () => createKeyring(parseDockerConfigJson(text)),
    [LEAST]: () => {
      const parsed = /** @type {{ auths: Record<string, { auth: string }> }} */ (JSON.parse(text));
      return Object.values(parsed.auths).map(({ auth }) => atob(auth));
    },
  };
}

const large = dockerConfig(1000);

/** @type {import('../harness.mjs').Topic} */
export const topic = {
  name: 'docker-config',
  about: 'Building a keyring from a pull secret, as kubelet does for every pull.',
  cases: () => [
    {
      name: 'the worst: 10,000 entries',
      sides: sides(dockerConfig(10_000)),
      goals: [{ side: 'kubepull', to: LEAST, most: 8 }],
    },
    { name: 'the smallest: one entry', sides: sides(dockerConfig(1)) },
    {
      name: '1,000 entries, and a look-up',
      sides: {
        kubepull: () => createKeyring(parseDockerConfigJson(large)).lookup(parseImageName('r500.example.com/team/app')),
      },
    },
    {
      name: 'every auth field of the vectors',
      sides: { kubepull: () => auths.map((auth) => attempt(() => decodeAuth(auth))) },
    },
  ],
};
