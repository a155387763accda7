import { expect, it, vi } from 'vitest';
import { createNodeRuntime, createUndiciTransport } from 'kubepull/node';

// What Bun gives to a program that imports undici: classes without methods.
vi.mock('undici', () => {
  const Nothing = function (): void {};
  return { Agent: Nothing, buildConnector: () => undefined, Client: Nothing, Pool: Nothing, ProxyAgent: Nothing };
});

it.each([createUndiciTransport, createNodeRuntime])(
  'a runtime with a stand-in for undici is told what to use (%#)',
  (make) => {
    expect(() => make()).toThrow(
      expect.objectContaining({
        code: 'ERR_OPTION_INVALID',
        message:
          'Cannot make a transport: this runtime has a stand-in for undici, as Bun does; use createFetchTransport of kubepull/distribution',
      }),
    );
  },
);
