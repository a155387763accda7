import { describe, expect, it } from 'vitest';
import { ImageError, InvalidConfigError, isImageError, TransportError } from 'kubepull/errors';
import { parseImageName } from 'kubepull/reference';
import { asError, errorText, reasonOf, rethrowAbort } from '../../src/errors/text.ts';

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

describe('errorText', () => {
  it('says what kubelet prints where that is known, else the message, and nothing of what is no error', () => {
    const config = new InvalidConfigError('Cannot read', { upstream: 'unexpected EOF', offset: undefined });
    expect(errorText(config)).toBe('unexpected EOF');
    expect(errorText(new ImageError('ERR_STORE', 'Cannot write'))).toBe('Cannot write');
    expect(errorText(Object.assign(new Error('x'), { upstream: 'y' }))).toBe('x');
    expect([errorText('a text'), errorText(undefined)]).toEqual(['unknown error', 'unknown error']);
  });

  it('says of an image that cannot be parsed what Go says', () => {
    let thrown: unknown;
    try {
      parseImageName('Bad');
    } catch (error) {
      thrown = error;
    }
    expect(errorText(thrown)).toBe(
      'couldn\'t parse image name "Bad": invalid reference format: repository name (library/Bad) must be lowercase',
    );
  });
});

describe('asError', () => {
  it('leaves an error as it is, and makes one of anything else, whose text it does not take', () => {
    const error = new TypeError('x');
    expect(asError(error)).toBe(error);
    const made = asError('a secret');
    expect([made instanceof Error, made.message]).toEqual([true, 'unknown error']);
  });
});

describe('rethrowAbort', () => {
  it('throws the reason of a signal that has ended, and nothing before', () => {
    const controller = new AbortController();
    rethrowAbort(undefined);
    rethrowAbort(controller.signal);
    const reason = new Error('enough');
    controller.abort(reason);
    expect(() => rethrowAbort(controller.signal)).toThrow(reason);
  });
});

describe('reasonOf', () => {
  it('is what stands behind the first colon of a message', () => {
    expect(reasonOf(new ImageError('ERR_STORE', 'Cannot write x: it is full: 0 bytes'))).toBe('it is full: 0 bytes');
  });
});
