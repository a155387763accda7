import { randomInt } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseDockerConfig, type ParseDockerConfigOptions } from 'kubepull/docker-config';
import { countFor } from '../support/figures.ts';
import { amountOf } from '../support/property-runs.ts';
import { placesOf } from '../support/sweeps.ts';

const READERS: readonly ParseDockerConfigOptions[] = [
  { mode: 'kubelet' },
  { mode: 'lenient' },
  { mode: 'docker' },
  { mode: 'kubelet', format: 'dockercfg' },
];
const WINDOW = 6;
/** How many places of the document are spoilt where not all are. */
const PLACES = 60;

describe('readDockerConfig', () => {
  // Searched here instead of by the hook, for which every spoilt password would be one more secret to look for.
  it('quotes nothing of a document that is cut or spoilt at any byte [L03]', () => {
    const [password, token, username] = [letters(24), letters(24), letters(12)];
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    const auths = {
      'https://index.docker.io/v1/': { auth, email: 'me@example.com' },
      'r.example/team': { username, password, identitytoken: token },
      '*.é.example': { auth: auth.replace(/=*$/, ''), registrytoken: token },
    };
    const bytes = new TextEncoder().encode(JSON.stringify({ auths, HttpHeaders: { Token: token }, credsStore: token }));
    const needles = [password, token, username, auth].flatMap(windows);
    let errors = 0;
    for (const options of READERS) {
      for (const spoilt of spoil(bytes)) {
        const text = errorText(spoilt, options);
        if (text === undefined) continue;
        errors += 1;
        expect(needles.filter((needle) => text.includes(needle))).toHaveLength(0);
      }
    }
    countFor('errors of cut and spoilt documents', errors);
    expect(errors).toBeGreaterThan(amountOf({ here: 2 * PLACES * READERS.length, inCi: 5000 }));
  });
});

function letters(count: number): string {
  return Array.from({ length: count }, () => String.fromCharCode(0x61 + randomInt(26))).join('');
}

function windows(secret: string): readonly string[] {
  return Array.from({ length: secret.length - WINDOW + 1 }, (_, at) => secret.slice(at, at + WINDOW));
}

function* spoil(bytes: Uint8Array): Generator<Uint8Array> {
  for (const at of placesOf(bytes.length, PLACES)) {
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
    yield* [head, Uint8Array.of(...head, 0x01, ...tail), Uint8Array.of(...head, 0x22, ...tail)];
  }
}

/** All that the error of a document shows to any printer. */
function errorText(json: Uint8Array, options: ParseDockerConfigOptions): string | undefined {
  try {
    parseDockerConfig(json, options);
    return undefined;
  } catch (error) {
    const { message, stack } = error as Error;
    return `${message}\n${stack}\n${inspect(error, { depth: 9, showHidden: true, getters: true })}\n${JSON.stringify(error)}`;
  }
}
