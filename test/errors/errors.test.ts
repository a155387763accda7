import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ImageError, InvalidConfigError, isImageError, TransportError } from 'kubepull/errors';

describe('ImageError', () => {
  it('has a code and the name of its class', () => {
    const error = new InvalidConfigError('Cannot read', { upstream: 'x', offset: 3 });
    expect(error).toMatchObject({ code: 'ERR_CONFIG_INVALID', name: 'InvalidConfigError', upstream: 'x', offset: 3 });
    expect(String(error)).toBe('InvalidConfigError: Cannot read');
  });

  it('keeps a cause of ours, and of a foreign one only name, code and system call', () => {
    const own = new ImageError('ERR_STORE', 'Cannot write');
    expect(new ImageError('ERR_STORE', 'x', { cause: own }).cause).toBe(own);
    const foreign = Object.assign(new TypeError('with a secret'), { code: 'ECONNRESET', syscall: 'read', secret: 's' });
    const { cause } = new TransportError('x', {
      method: 'GET',
      url: 'u',
      phase: 'body',
      retryable: true,
      cause: foreign,
    });
    expect((cause as Error).message).toBe('TypeError ECONNRESET read');
    expect(Object.keys(cause as object)).toEqual([]);
    const odd = Object.assign(new Error('x'), { code: 'a secret with spaces' });
    expect((new ImageError('ERR_STORE', 'x', { cause: odd }).cause as Error).message).toBe('Error');
    expect(new ImageError('ERR_STORE', 'x', { cause: 'a string' }).cause).toBeUndefined();
  });
});

describe('isImageError', () => {
  it('knows errors of another copy of the package', () => {
    const other = Object.assign(new Error('x'), { code: 'ERR_STORE', [Symbol.for('kubepull.ImageError')]: true });
    expect(isImageError(other)).toBe(true);
  });

  it.each([new Error('x'), Object.assign(new Error('x'), { code: 'ERR_STORE' }), {}, null, undefined, 'ERR_STORE', 5])(
    'knows that %s is not one',
    (value) => {
      expect(isImageError(value)).toBe(false);
    },
  );
});

describe('docs/errors.md', () => {
  it('has a row for every code, and for no other', () => {
    const source = readFileSync(new URL('../../src/errors/image-error.ts', import.meta.url), 'utf8');
    const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
    const codes = (text: string, pattern: RegExp): readonly string[] =>
      [...text.matchAll(pattern)].map(([, code = '']) => code);
    expect(codes(page, /^\| `(ERR_\w+)`/gmu)).toEqual(codes(source, /^ {2}\| '(ERR_\w+)'/gmu));
  });
});
