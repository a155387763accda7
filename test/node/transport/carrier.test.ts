import { writeFile } from 'node:fs/promises';
import { open as openFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import type { TransportRequest, TransportResponse } from 'kubepull/distribution';
import { createSecret } from 'kubepull/docker-config';
import { createNodeRuntime, nodeHasher, type NodeRuntime, type NodeRuntimeOptions } from 'kubepull/node';
import type { ContentFile, FilledContent } from 'kubepull/store';
import { canary } from '../../support/canary.ts';
import { createCertificate } from '../../support/certificate.ts';
import { assertInvariants, startWatch } from '../../support/invariants.ts';
import { eventually, serve, serveTls } from '../../support/servers.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { get, read, serveTcp, startProxy } from './support.ts';

const CARRIERS = [0, 1, 2] as const;
const MIB = 1024 * 1024;

function openCarrier(workers: number, options: NodeRuntimeOptions = {}): NodeRuntime & { send: typeof send } {
  const runtime = createNodeRuntime({ ...options, workers, minCarriedBytes: 0 });
  onTestFinished(() => runtime.close());
  const send = async (url: string, more: Partial<TransportRequest> = {}): Promise<TransportResponse> => {
    if (runtime.carrier === undefined) throw new Error('No carrier');
    return runtime.carrier.send(get(url, more));
  };
  return { ...runtime, send };
}

/** A file that is closed with the test. */
async function openTarget(path: string, more: Partial<ContentFile> = {}): Promise<ContentFile> {
  const file = await openFile(path, 'a+').then(async (made) => (await made.close(), openFile(path, 'r+')));
  onTestFinished(() => file.close());
  return { fd: file.fd, offset: 0, size: 1e9, algorithm: 'sha256', ...more };
}

async function bring(
  response: TransportResponse,
  file: ContentFile,
  onProgress: (size: number) => void = () => undefined,
): Promise<FilledContent> {
  if (response.bring === undefined) throw new Error('It brings nothing');
  return response.bring(file, onProgress);
}

describe.each(CARRIERS)('a carrier with %d workers', (workers) => {
  it('puts an answer into a file, and tells its digest', async () => {
    const content = Buffer.alloc(5 * MIB + 7, 'kubepull ');
    const { origin } = await serve((_, response) => response.end(content));
    const { send } = openCarrier(workers);
    const path = join(tempDir().path, 'blob');
    const told: number[] = [];
    const filled = await bring(await send(origin), await openTarget(path), (size) => void told.push(size));
    expect(filled).toEqual({ size: content.length, digest: computeDigest(content, nodeHasher), failure: undefined });
    expect((await readFile(path)).equals(content)).toBe(true);
    expect(told.length).toBeGreaterThan(1);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
  });

  it('goes on behind what is in the file, which the digest is over as well', async () => {
    const content = Buffer.alloc(3 * MIB, 'abcdefg');
    const { origin } = await serve((_, response) => response.writeHead(206).end(content.subarray(MIB)));
    const { send } = openCarrier(workers);
    const path = join(tempDir().path, 'blob');
    await writeFile(path, content.subarray(0, MIB));
    const filled = await bring(await send(origin), await openTarget(path, { offset: MIB, size: content.length }));
    expect(filled).toMatchObject({ size: content.length, digest: computeDigest(content, nodeHasher) });
    expect((await readFile(path)).equals(content)).toBe(true);
  });

  it('writes no byte behind the end of the content, and tells that there are more', async () => {
    const { origin } = await serve((_, response) => response.end('x'.repeat(1000)));
    const { send } = openCarrier(workers);
    const path = join(tempDir().path, 'blob');
    const { size, digest } = await bring(await send(origin), await openTarget(path, { size: 999 }));
    expect([size > 999, digest, (await readFile(path)).length]).toEqual([true, undefined, 999]);
  });

  it('tells what the disk failed with', async () => {
    const { origin } = await serve((_, response) => response.end('x'.repeat(10_000)));
    const { send } = openCarrier(workers);
    const file = await openFile('/dev/full', 'r+');
    onTestFinished(() => file.close());
    const filled = await bring(await send(origin), { fd: file.fd, offset: 0, size: 1e9, algorithm: 'sha256' });
    expect(filled).toMatchObject({ digest: undefined, failure: { at: 'file', error: { code: 'ENOSPC' } } });
  });

  it('tells where a cut answer ended', async () => {
    const { origin } = await serve((request, response) => {
      response.writeHead(200, { 'content-length': '100000' }).write('x'.repeat(40_000));
      setTimeout(() => request.socket.destroy(), 50);
    });
    const { send } = openCarrier(workers);
    const path = join(tempDir().path, 'blob');
    const filled = await bring(await send(origin), await openTarget(path));
    expect(filled).toMatchObject({
      size: 40_000,
      failure: { at: 'source', error: { phase: 'body', retryable: true } },
    });
    expect((await readFile(path)).length).toBe(40_000);
  });

  it('stops when it is aborted, with the reason, and lets go of all [I4 I5]', async () => {
    const { origin, connections } = await serve((_, response) => void response.writeHead(200).write('x'.repeat(1000)));
    const watch = startWatch();
    const runtime = openCarrier(workers);
    const controller = new AbortController();
    const response = await runtime.send(origin, { signal: controller.signal });
    const path = join(tempDir().path, 'blob');
    const target = await openFile(path, 'wx+');
    const file = { fd: target.fd, offset: 0, size: 1e9, algorithm: 'sha256' } as const;
    const filled = await bring(response, file, () => controller.abort('enough'));
    expect(filled).toMatchObject({ size: 1000, failure: { at: 'source', error: 'enough' } });
    await target.close();
    await eventually(() => connections() === 0);
    await runtime.close();
    await assertInvariants({ watch });
  });

  it('ends with what its caller throws at its progress', async () => {
    const { origin } = await serve((_, response) => void response.writeHead(200).write('x'.repeat(1000)));
    const { send } = openCarrier(workers);
    const error = new Error('too late');
    const filled = await bring(await send(origin), await openTarget(join(tempDir().path, 'blob')), () => {
      throw error;
    });
    expect(filled.failure).toEqual({ at: 'source', error });
  });

  it('gives an answer up that nobody wants', async () => {
    const { origin, connections } = await serve((_, response) => void response.writeHead(200).write('x'));
    const { send } = openCarrier(workers);
    const response = await send(origin);
    await response.discard();
    await eventually(() => connections() === 0);
  });

  it('ends all with its runtime, and takes nothing more', async () => {
    const { origin, connections } = await serve((_, response) => void response.writeHead(200).write('x'));
    const { send, close } = openCarrier(workers);
    const response = await send(origin);
    const filling = bring(response, await openTarget(join(tempDir().path, 'blob')));
    await close();
    expect((await filling).failure?.error).toMatchObject({ retryable: false });
    await expect(send(origin)).rejects.toMatchObject({ code: 'ERR_TRANSPORT', retryable: false });
    await eventually(() => connections() === 0);
  });

  it('uses a connection again behind whole answers, and only then', async () => {
    let accepted = 0;
    const { url } = await serveTcp((socket, bytes) => {
      accepted += socket.bytesRead === bytes.length ? 1 : 0;
      const close = bytes.includes('GET /close') ? 'connection: close\r\n' : '';
      socket.write(`HTTP/1.1 200 OK\r\n${close}content-length: 3\r\n\r\nabc`);
    });
    const { send } = openCarrier(workers);
    for (let count = 0; count < 4; count += 1) expect(await read(await send(url))).toBe('abc');
    expect(accepted).toBe(1);
    for (let count = 0; count < 3; count += 1) expect(await read(await send(`${url}close`))).toBe('abc');
    expect(accepted).toBe(3);
  });

  it('asks for the addresses once, and dials no other [A08]', async () => {
    const { port } = await serve((_, response) => response.end('abc'));
    const asked: string[] = [];
    const lookup = async (name: string): Promise<readonly string[]> => {
      asked.push(name);
      return asked.length === 1 ? ['169.254.169.254', '127.0.0.1'] : ['169.254.169.254'];
    };
    const { send } = openCarrier(workers, { lookup });
    const url = `http://r.test:${port}/`;
    const response = await send(url, { allowAddresses: ['loopback'] });
    expect([await read(response), response.remoteAddress]).toEqual(['abc', '127.0.0.1']);
    expect(asked).toEqual(['r.test']);
    await expect(send(url, { allowAddresses: ['loopback'] })).rejects.toMatchObject({ rule: 'address-class' });
  });

  it('does not use a connection again to an address that may not be dialled any more [A08]', async () => {
    const { port, connections } = await serve((_, response) => response.setHeader('content-length', 3).end('abc'));
    const { send } = openCarrier(workers, { lookup: async () => ['127.0.0.1'] });
    const url = `http://r.test:${port}/`;
    expect(await read(await send(url))).toBe('abc');
    await expect(send(url, { allowAddresses: ['public'] })).rejects.toMatchObject({ rule: 'address-class' });
    expect(connections()).toBe(1);
  });

  it('shows the body of an answer that is no content, as far as it is short', async () => {
    const { origin } = await serve((request, response) => {
      response.writeHead(401, request.url === '/chunked' ? {} : { 'content-length': '12' });
      response.write('{"errors":');
      setTimeout(() => response.end('[]'), 20);
    });
    const { send } = openCarrier(workers);
    for (const path of ['/length', '/chunked']) {
      const response = await send(`${origin}${path}`);
      expect([response.status, response.bring, await read(response)]).toEqual([
        401,
        undefined,
        '{"errors":[]}'.slice(0, 12),
      ]);
    }
  });

  it('takes nothing of what a server, or its caller, sent into an error [L02]', async () => {
    const [cookie, token] = [canary('cookie'), canary('bearer-token')];
    const { url } = await serveTcp((socket) => socket.end(`HTTP/1.1 200 OK\r\nset-cookie ${cookie}\r\n\r\n`));
    const { send } = openCarrier(workers);
    await expect(send(url, { headers: { authorization: `Bearer ${token}` } })).rejects.toMatchObject({
      message: `Cannot GET ${url}: the answer is not HTTP/1.1`,
      phase: 'headers',
      retryable: true,
    });
  });
});

describe.each(CARRIERS)('what a carrier with %d workers leaves to the transport', (workers) => {
  it('is what goes through a proxy', async () => {
    const { origin } = await serve((_, response) => response.end('abc'));
    const proxy = await startProxy();
    const { send } = openCarrier(workers, { proxy: { http: proxy.url } });
    const response = await send(origin.replace('127.0.0.1', 'r.test'));
    expect([response.bring, await read(response), proxy.requests.length]).toEqual([undefined, 'abc', 1]);
  });

  it('is what goes through a dispatcher of the caller', async () => {
    const { origin } = await serve((_, response) => response.end('abc'));
    const dispatcher = new Agent();
    onTestFinished(() => dispatcher.destroy());
    const response = await openCarrier(workers, { dispatcher }).send(origin);
    expect([response.bring, await read(response)]).toEqual([undefined, 'abc']);
  });

  it('is what shows a client certificate, whose key stays where it is', async () => {
    const [server, client] = [createCertificate(['r.test']), createCertificate()];
    const { port } = await serveTls(server, (_, response) => response.end('abc'));
    const tls = { [`r.test:${port}`]: { ca: server.cert, cert: client.cert, key: createSecret(client.key) } };
    const { send } = openCarrier(workers, { tls, lookup: async () => ['127.0.0.1'] });
    const response = await send(`https://r.test:${port}/`);
    expect([response.bring, await read(response)]).toEqual([undefined, 'abc']);
  });

  it.each([
    ['a body', { method: 'POST', body: new Uint8Array(3) }],
    ['headers that say how it is to be read', { headers: { connection: 'close' } }],
  ] as const)('is a request with %s', async (_, more) => {
    const { origin } = await serve((_, response) => response.end('abc'));
    const response = await openCarrier(workers).send(origin, more);
    expect([response.bring, await read(response)]).toEqual([undefined, 'abc']);
  });

  it.each(['a\r\nx: y', 'a\0', 'a\u0100'])('is a header that no request can have: %j [A22]', async (value) => {
    let asked = 0;
    const { origin } = await serve((_, response) => void ((asked += 1), response.end()));
    await expect(openCarrier(workers).send(origin, { headers: { a: value } })).rejects.toMatchObject({
      code: 'ERR_TRANSPORT',
    });
    expect(asked).toBe(0);
  });
});

describe('threads', () => {
  /** Has another program in the place of the threads' own for the rest of the test. */
  async function replaceWorker(program: string | undefined): Promise<void> {
    const before = process.env['KUBEPULL_TEST_BLOB_WORKER'];
    const path = join(tempDir().path, 'worker.mjs');
    if (program !== undefined) await writeFile(path, program);
    process.env['KUBEPULL_TEST_BLOB_WORKER'] = path;
    onTestFinished(() => void (process.env['KUBEPULL_TEST_BLOB_WORKER'] = before));
  }

  it.each([
    ['cannot be loaded', undefined],
    ['ends at once', 'process.exit(3)'],
    ['fails', 'throw new Error("no")'],
    [
      'ends at its first order',
      "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => process.exit(1));",
    ],
  ])('whose program %s do no harm: this thread reads', async (_, program) => {
    await replaceWorker(program);
    let asked = 0;
    const { origin } = await serve((_, response) => void ((asked += 1), response.end('abc')));
    const { send } = openCarrier(2);
    for (let count = 1; count <= 3; count += 1) {
      expect(await read(await send(origin))).toBe('abc');
      expect(asked).toBe(count);
    }
  });

  it('that end within a blob fail it as a cut connection does', async () => {
    await replaceWorker(`
      import { parentPort } from 'node:worker_threads';
      parentPort.on('message', ({ kind, id }) => {
        if (kind === 'send') parentPort.postMessage({ kind: 'answer', id, answer: { status: 200, headers: [], body: new Uint8Array() } });
        else process.exit(1);
      });`);
    const { origin } = await serve((_, response) => response.end('abc'));
    const { send } = openCarrier(2);
    const filled = await bring(await send(origin), await openTarget(join(tempDir().path, 'blob')));
    expect(filled).toMatchObject({
      size: 0,
      digest: undefined,
      failure: { at: 'source', error: { code: 'ERR_TRANSPORT', phase: 'body', retryable: true } },
    });
    expect(await read(await send(origin))).toBe('abc');
  });

  it('know neither the environment nor the arguments of the program', async () => {
    const secret = canary('password');
    process.env['KUBEPULL_TEST_SECRET'] = secret;
    onTestFinished(() => void delete process.env['KUBEPULL_TEST_SECRET']);
    await replaceWorker(`
      import { parentPort } from 'node:worker_threads';
      parentPort.on('message', ({ id }) => {
        const seen = JSON.stringify([process.env, process.execArgv, process.argv.slice(2)]);
        parentPort.postMessage({ kind: 'answer', id, answer: { status: 404, headers: [], body: new TextEncoder().encode(seen) } });
      });`);
    expect(await read(await openCarrier(1).send('http://127.0.0.1:1/'))).toBe('[{},[],[]]');
  });
});
