import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { buildImage, createFakeClock, type DeliveryFault, type LoopbackRegistry } from 'kubepull/testing';
import { assertInvariants, startWatch } from '../../support/invariants.ts';
import { startRegistry } from '../../support/registry.ts';
import { rawGet } from './raw-client.ts';

const image = buildImage({ layers: [{ randomBytes: 50_000, seed: 'delivery' }] });
const layer = image.manifest.layers[0]!;
const layerBytes = image.blobs.get(layer.digest) ?? new Uint8Array();
const BLOB = `/v2/app/blobs/${layer.digest}`;

async function faulty(...actions: readonly DeliveryFault[]): Promise<LoopbackRegistry> {
  const registry = await startRegistry();
  registry.push('app', '1', image);
  for (const action of actions) registry.fault({ path: BLOB, action });
  return registry;
}

describe('drip', () => {
  it('sends so many bytes at a time, by the clock of the registry', async () => {
    const clock = createFakeClock();
    const registry = await startRegistry({ clock });
    registry.push('app', '1', image);
    registry.fault({ path: BLOB, action: { kind: 'drip', bytes: 20_000, intervalMs: 1000 } });
    const reader = (await fetch(registry.origin + BLOB)).body!.getReader();
    let received = 0;
    const until = async (total: number): Promise<void> => {
      while (received < total) received += (await reader.read()).value?.length ?? 0;
    };
    for (const total of [20_000, 40_000, layer.size]) {
      await until(total);
      expect(received).toBe(total);
      while (total < layer.size && clock.pending === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      await clock.advance(1000);
    }
    expect((await reader.read()).done).toBe(true);
  });

  it('drips only behind some bytes, up to a cut', async () => {
    const registry = await faulty(
      { kind: 'drip', bytes: 1, intervalMs: 1, afterBytes: 1000 },
      { kind: 'cut', afterBytes: 1010 },
    );
    const { body, end } = await rawGet(registry, BLOB);
    expect([body.equals(layerBytes.subarray(0, 1010)), end]).toEqual([true, 'closed']);
  });

  it('leaves no listener behind, however many parts have to wait for the client', async () => {
    const warnings: string[] = [];
    const note = ({ name }: Error): void => void warnings.push(name);
    process.on('warning', note);
    onTestFinished(() => void process.off('warning', note));
    const large = buildImage({ layers: [{ randomBytes: 1_000_000, seed: 'large' }] });
    const registry = await startRegistry();
    registry.push('app', '1', large);
    const { digest, size } = large.manifest.layers[0]!;
    registry.fault({ path: `/v2/app/blobs/${digest}`, action: { kind: 'drip', bytes: 20_000, intervalMs: 0 } });
    const response = await fetch(`${registry.origin}/v2/app/blobs/${digest}`);
    expect((await response.arrayBuffer()).byteLength).toBe(size);
    await setImmediate();
    expect(warnings).toEqual([]);
  });

  it('stops when the client goes away', async () => {
    const watch = startWatch();
    const clock = createFakeClock();
    const registry = await startRegistry({ clock });
    registry.push('app', '1', image);
    registry.fault({ path: BLOB, action: { kind: 'drip', bytes: 1, intervalMs: 60_000 } });
    await rawGet(registry, BLOB, {}, 200);
    while (clock.pending > 0) await new Promise((resolve) => setTimeout(resolve, 2));
    await assertInvariants({ registries: [registry], watch });
  });
});

describe('rst', () => {
  it.each([0, 1, 10_000])('resets the connection after %d bytes', async (afterBytes) => {
    const registry = await faulty({ kind: 'rst', afterBytes });
    const { head, body, end } = await rawGet(registry, BLOB);
    expect(end).toBe('reset');
    expect(body.length).toBeLessThanOrEqual(afterBytes);
    if (head !== '') expect(head).toMatch(/^HTTP\/1\.1 200 /);
    expect(body.equals(layerBytes.subarray(0, body.length))).toBe(true);
  });

  it('is no orderly end', async () => {
    expect((await rawGet(await faulty({ kind: 'cut', afterBytes: 10 }), BLOB)).end).toBe('closed');
  });
});

describe('raw', () => {
  const bytes = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc';

  it.each([
    [undefined, 'closed'],
    ['end', 'closed'],
    ['open', 'silent'],
    ['rst', 'reset'],
  ] as const)('writes bytes of the test, then %s', async (after, end) => {
    const registry = await faulty({ kind: 'raw', bytes, after });
    const reply = await rawGet(registry, BLOB, {}, end === 'silent' ? 500 : undefined);
    expect(reply.end).toBe(end);
    if (end !== 'reset') expect(reply.bytes.toString()).toBe(bytes);
    expect(registry.requests[0]?.status).toBe(undefined);
  });

  it('writes them in front of the answer', async () => {
    const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'.repeat(50);
    const registry = await faulty({ kind: 'raw', bytes: hints, after: 'answer' });
    const reply = await rawGet(registry, BLOB, { connection: 'close' });
    expect(reply.bytes.subarray(0, hints.length).toString()).toBe(hints);
    expect(reply.bytes.subarray(hints.length).toString('latin1')).toMatch(/^HTTP\/1\.1 200 /);
    const response = await fetch(registry.origin + BLOB);
    expect((await response.arrayBuffer()).byteLength).toBe(layer.size);
    expect(registry.requests.map(({ status }) => status)).toEqual([200, 200]);
  });

  it('takes bytes that are no text', async () => {
    const registry = await faulty({ kind: 'raw', bytes: Uint8Array.of(0xff, 0x00, 0x80) });
    expect([...(await rawGet(registry, BLOB)).bytes]).toEqual([0xff, 0x00, 0x80]);
  });
});
