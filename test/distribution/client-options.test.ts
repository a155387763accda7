import { describe, expect, it } from 'vitest';
import { systemClock } from 'kubepull/clock';
import { checkEndpoints, createMirrorRoutes, createMirrorEndpoints, createUpstreamEndpoint } from 'kubepull/mirrors';
import {
  createRegistrySession,
  readManifestBytes,
  type RegistrySessionOptions,
  type RequestRetry,
  resolveManifest,
} from 'kubepull/distribution';
import { nodeHasher } from 'kubepull/node';
import { createMemoryTransport } from '../support/memory-transport.ts';
import { ORIGIN, connect, found, ref } from './support.ts';

const parts = { transport: createMemoryTransport(() => ({})).transport, origin: ORIGIN, createHasher: nodeHasher };
const boom = new Error('of the caller');
const throws = (): never => {
  throw boom;
};

describe('options of a registry session', () => {
  it.each<[string, object]>([
    ['transport', { transport: undefined }],
    ['transport', { transport: { request: throws } }],
    ['origin', { origin: undefined }],
    ['createHasher', { createHasher: 'sha256' }],
    ['clock', { clock: Date }],
    ['onNotice', { onNotice: console }],
  ])('refuses a %s of the wrong kind', (option, wrong) => {
    const options = { ...parts, ...wrong } as unknown as RegistrySessionOptions;
    expect(() => createRegistrySession(options)).toThrow(
      expect.objectContaining({
        code: 'ERR_OPTION_INVALID',
        message: expect.stringMatching(`^Cannot make a registry session: ${option} `) as string,
      }) as Error,
    );
  });

  it('refuses hosts of mirrors that are none', () => {
    const routes = createMirrorRoutes([{ match: '**', endpoints: ['https://mirror.example'] }]);
    expect(() => createMirrorEndpoints(routes, { plainHttp: ['http://r.example'] })).toThrow('plainHttp must be');
  });
});

describe('a function of the caller that throws', () => {
  it('is the error of the call, and leaves no body open: onNotice', async () => {
    const server = createMemoryTransport(() => ({ ...found, headers: { ...found.headers, warning: '299 - "old"' } }));
    const { session } = connect(server, { onNotice: throws });
    await expect(readManifestBytes(session, ref)).rejects.toBe(boom);
    expect(server.open()).toBe(0);
  });

  it('is the error of the call, and leaves no body open: random', async () => {
    const server = createMemoryTransport(() => ({ status: 503, body: 'busy' }));
    const session = createRegistrySession({ ...parts, transport: server.transport, random: throws });
    await expect(readManifestBytes(session, ref)).rejects.toBe(boom);
    expect(server.open()).toBe(0);
  });

  it('is the error of the call, and leaves no body open: the clock', async () => {
    const server = createMemoryTransport(() => ({ status: 403, body: 'no' }));
    const clock = { ...systemClock, sleep: throws };
    const session = createRegistrySession({ ...parts, transport: server.transport, clock });
    await expect(readManifestBytes(session, ref)).rejects.toBe(boom);
    expect(server.open()).toBe(0);
  });

  it('is the error of the call, and leaves no body open: onRetry', async () => {
    const server = createMemoryTransport(() => ({ status: 503, body: 'busy' }));
    const session = createRegistrySession({ ...parts, transport: server.transport, retry: { onRetry: throws } });
    await expect(readManifestBytes(session, ref)).rejects.toBe(boom);
    expect(server.open()).toBe(0);
  });
});

describe('the random numbers of a session that is given none', () => {
  it('spread its requests', async () => {
    const delays: number[] = [];
    const server = createMemoryTransport(() => ({ status: 503 }));
    const clock = { ...systemClock, sleep: async () => undefined };
    const onRetry = ({ delayMs }: RequestRetry): void => void delays.push(delayMs);
    const session = createRegistrySession({ ...parts, transport: server.transport, clock, retry: { onRetry } });
    await expect(resolveManifest(session, ref)).rejects.toMatchObject({ status: 503 });
    const shares = delays.map((delayMs, at) => delayMs / (250 * 2 ** at));
    expect(new Set(shares).size).toBe(delays.length);
    for (const share of shares) expect(share >= 0.5 && share < 1).toBe(true);
  });
});

describe('checkEndpoints', () => {
  it('takes 64 endpoints for one image, and no more', () => {
    const endpoint = createUpstreamEndpoint(ref);
    expect(() => checkEndpoints(Array.from({ length: 64 }, () => endpoint))).not.toThrow();
    expect(() => checkEndpoints(Array.from({ length: 65 }, () => endpoint))).toThrow('at most 64');
  });
});
