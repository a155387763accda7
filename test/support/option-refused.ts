import { expect } from 'vitest';

/** What `toThrow` compares the error of a wrong argument or option with, by a part of its message. */
export const optionRefused = (message: string): Error =>
  expect.objectContaining({
    code: 'ERR_OPTION_INVALID',
    message: expect.stringContaining(message) as string,
  }) as Error;
