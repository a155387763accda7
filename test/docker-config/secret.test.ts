import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createSecret } from 'kubepull/docker-config';
import { canary, observe } from '../support/canary.ts';

describe('createSecret', () => {
  it('keeps what shows nowhere until it is asked for', () => {
    const word = canary('password');
    const secret = createSecret(word);
    observe(secret);
    expect(secret.reveal() === word).toBe(true);
    expect(
      `${secret.toString()} ${JSON.stringify({ secret })} ${inspect(secret)} ${inspect({ secret }, { showHidden: true })}`,
    ).toBe('[redacted] {"secret":"[redacted]"} [redacted] { secret: [redacted] }');
    expect(Object.keys(secret)).toEqual([]);
  });

  it('refuses what is no text, and says what it must be', () => {
    expect(() => createSecret(undefined as never)).toThrow('Cannot keep a secret: it must be text');
  });
});
