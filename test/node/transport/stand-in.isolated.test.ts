import { versions } from 'node:process';
import { afterEach, expect, it, vi } from 'vitest';
import { createNodeRuntime, createUndiciTransport } from 'kubepull/node';

// What Bun gives to a program that imports undici: classes without methods.
vi.mock('undici', () => {
  const Nothing = function (): void {};
  return { Agent: Nothing, buildConnector: () => undefined, Client: Nothing, Pool: Nothing, ProxyAgent: Nothing };
});

afterEach(() => void delete (versions as Record<string, string>)['bun']);

const refusal = expect.objectContaining({
  code: 'ERR_OPTION_INVALID',
  message:
    'Cannot make a transport: this runtime has a stand-in for undici, as Bun does; use createFetchTransport of kubepull/distribution',
});
const request = { method: 'GET', url: 'http://127.0.0.1:1/v2/', headers: {} } as const;

it.each([createUndiciTransport, createNodeRuntime])(
  'Bun, which has a stand-in for undici, is told what to use (%#)',
  (make) => {
    Object.defineProperty(versions, 'bun', { value: '1.3.0', configurable: true });
    expect(() => make()).toThrow(refusal);
  },
);

it.each([createUndiciTransport, createNodeRuntime])(
  'another runtime with a stand-in for undici is told so with the first request, and with each later one (%#)',
  async (make) => {
    const { transport, close } = make();
    await expect(transport(request)).rejects.toEqual(refusal);
    await expect(transport(request)).rejects.toEqual(refusal);
    await close();
  },
);
