import { describe, expect, it } from 'vitest';
import { decodeAuth, encodeAuth } from 'kubepull/docker-config';
import { InvalidConfigError } from 'kubepull/errors';
import { encodeUtf8 } from '../../src/internal/index.ts';
import vectors from '../vectors/auth-decode.json' with { type: 'json' };

interface Case {
  readonly in: string;
  readonly username?: string;
  readonly password?: string;
  readonly usernameB64?: string;
  readonly passwordB64?: string;
  readonly err?: string;
}

const cases: readonly Case[] = vectors.cases;

const base64 = (text: string): string => Buffer.from(encodeUtf8(text)).toString('base64');

describe('decodeAuth', () => {
  it(`C04 gives what Go gives for all ${cases.length} vectors`, () => {
    for (const { in: auth, err, username = '', password = '', usernameB64, passwordB64 } of cases) {
      const note = JSON.stringify(auth);
      if (err !== undefined) {
        const error = thrownBy(() => decodeAuth(auth));
        expect(error, note).toBeInstanceOf(InvalidConfigError);
        expect((error as InvalidConfigError).upstream, note).toBe(err);
        continue;
      }
      const decoded = decodeAuth(auth);
      expect(base64(decoded.username), note).toBe(usernameB64 ?? base64(username));
      expect(base64(decoded.password.reveal()), note).toBe(passwordB64 ?? base64(password));
      expect(decodeAuth(encodeAuth(decoded.username, decoded.password)).username, note).toBe(decoded.username);
    }
    expect(cases.length).toBeGreaterThan(200);
  });
});

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
