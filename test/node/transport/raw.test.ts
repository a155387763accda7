import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createFetchTransport, type Transport } from 'kubepull/distribution';
import { countFor } from '../../support/figures.ts';
import { assertInvariants, startWatch } from '../../support/invariants.ts';
import { createCertificate } from '../../support/certificate.ts';
import { sweepOf } from '../../support/sweeps.ts';
import { eventually, serveTls } from '../../support/servers.ts';
import { RAW_FAULTS } from './faults.ts';
import { get, open, read, SENDERS, serveTcp } from './support.ts';

const GOOD = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood';
/** Only what hangs has to be ended soon; what comes may come late on a busy machine. */
const limitsFor = (reads: string | undefined) =>
  reads === undefined ? { headersTimeoutMs: 1000, bodyTimeoutMs: 1000 } : {};

/** A server that keeps its connections, says `/good` well, and everything else by the fault. */
async function serveFault(send: (socket: Socket) => void): Promise<string> {
  const { url } = await serveTcp((socket, head) => {
    if (head.includes('GET /good ')) socket.write(GOOD);
    else send(socket);
  });
  return url;
}

/** What reading gives: the text, or the code of the failure. */
async function outcome(transport: Transport, url: string): Promise<string | undefined> {
  try {
    return await read(await transport(get(url)));
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_TRANSPORT', method: 'GET' });
    return undefined;
  }
}

it('knows many faults [B07]', () => {
  expect(new Set(RAW_FAULTS.map(({ name }) => name)).size).toBeGreaterThanOrEqual(26);
});

/** Each fault to each sender, or to one of them. */
const PAIRS = sweepOf(
  RAW_FAULTS.flatMap((fault) => SENDERS.map((sender) => ({ ...fault, sender }))),
  RAW_FAULTS.length,
);

describe('a broken answer [B07]', () => {
  it.each(PAIRS)('$name: $sender reads it as what it is, and the next answer is not touched by it', async (pair) => {
    const { send, reads, lenient, sender } = pair;
    const url = await serveFault(send);
    const watch = startWatch();
    const { transport, close } = open(limitsFor(reads), sender);
    const expected = lenient === true && sender !== 'the transport' ? undefined : reads;
    expect(await outcome(transport, url)).toBe(expected);
    for (let count = 0; count < 3; count += 1) expect(await outcome(transport, `${url}good`)).toBe('good');
    expect(await outcome(transport, url)).toBe(expected);
    await close();
    await assertInvariants({ watch, graceMs: 10_000 });
    countFor('broken answers of a server');
  });

  it.each(sweepOf(RAW_FAULTS, 12))('$name: ends over fetch, too', async ({ send, reads }) => {
    const url = await serveFault(send);
    const transport = createFetchTransport(globalThis.fetch, limitsFor(reads));
    const text = await outcome(transport, url);
    expect([undefined, reads, 'abc']).toContain(text);
    expect(await outcome(transport, `${url}good`)).toBe('good');
  });
});

describe.each(SENDERS)('a connection of %s [B07]', (sender) => {
  it('cut under TLS fails the body', async () => {
    const certificate = createCertificate(['r.test']);
    const { port } = await serveTls(certificate, (request, response) => {
      response.writeHead(200).write('abc'); // Chunked, and no last chunk comes.
      setTimeout(() => request.socket.destroy(), 20);
    });
    const { transport } = open({ ca: certificate.cert, lookup: async () => ['127.0.0.1'] }, sender);
    const response = await transport(get(`https://r.test:${port}/`));
    await expect(read(response)).rejects.toMatchObject({ phase: 'body', retryable: true });
  });

  it('that the server has closed meanwhile is not used again', async () => {
    let closed = 0;
    const { url, accepted } = await serveTcp((socket) => {
      socket.write(GOOD);
      socket.on('close', () => (closed += 1));
      setTimeout(() => socket.destroy(), 5);
    });
    const { transport } = open({}, sender);
    for (let count = 1; count <= 5; count += 1) {
      expect(await outcome(transport, url)).toBe('good');
      await eventually(() => closed === count);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(accepted()).toBe(5);
  });

  it('on which an answer comes unasked is not used again', async () => {
    const evil = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil';
    let sent = 0;
    const { url, accepted } = await serveTcp((socket) => {
      socket.write(GOOD);
      setTimeout(() => socket.write(evil, () => (sent += 1)), 10);
    });
    const { transport } = open({}, sender);
    for (let count = 1; count <= 3; count += 1) {
      expect(await outcome(transport, url)).toBe('good');
      await eventually(() => sent === count);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(accepted()).toBe(3);
  });
});

describe('a connection of the transport [B07]', () => {
  it('is used again after a HEAD', async () => {
    const head = 'HTTP/1.1 200 OK\r\ncontent-length: 41\r\n\r\n';
    const { url, accepted } = await serveTcp(
      (socket, bytes) => void socket.write(bytes.includes('HEAD ') ? head : GOOD),
    );
    const { transport } = open();
    for (let count = 0; count < 20; count += 1) {
      await read(await transport({ ...get(url), method: 'HEAD' }));
      expect(await outcome(transport, url)).toBe('good');
    }
    expect(accepted()).toBe(1);
  });

  it('is given up after a HEAD that has a body', async () => {
    const { url } = await serveTcp((socket, head) => {
      const evil = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil';
      socket.write(head.includes('HEAD ') ? `HTTP/1.1 200 OK\r\ncontent-length: 41\r\n\r\n${evil}` : GOOD);
    });
    const { transport } = open();
    for (let count = 0; count < 5; count += 1) {
      expect(await read(await transport({ ...get(url), method: 'HEAD' }))).toBe('');
      expect(await outcome(transport, url)).toBe('good');
    }
  });
});

describe('a body without a length [B02]', () => {
  it('ends where the connection does, and the reader has to know its size', async () => {
    const { url } = await serveTcp((socket) => socket.end(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(5000)}`));
    for (const transport of [open().transport, createFetchTransport()]) {
      const response = await transport(get(url));
      expect(response.headers.has('content-length')).toBe(false);
      expect((await read(response)).length).toBe(5000);
    }
  });
});

describe.each(SENDERS)('headers for %s [M13]', (sender) => {
  it.each([
    ['__proto__: a\r\n__proto__: b', '__proto__', ['a', 'b']],
    ['constructor: a\r\nConstructor: b', 'constructor', ['a', 'b']],
    ['toString: a\r\nhasOwnProperty: b', 'hasownproperty', ['b']],
    ['x: caf\u00e9', 'x', ['caf\u00e9']],
    ['x: \u0080\u00ff', 'x', ['\u0080\u00ff']],
    ['x:', 'x', ['']],
  ])('are values under any name: %j', async (line, name, values) => {
    const answer = Buffer.from(`HTTP/1.1 200 OK\r\n${line}\r\ncontent-length: 4\r\n\r\ngood`, 'latin1');
    const { url } = await serveTcp((socket) => socket.write(answer));
    const { transport } = open({}, sender);
    const response = await transport(get(url));
    expect([response.headers.get(name), await read(response)]).toEqual([values, 'good']);
    const fetched = await createFetchTransport()(get(url));
    expect([fetched.headers.get(name)?.join(', '), await read(fetched)]).toEqual([values.join(', '), 'good']);
  });

  it('may have as many bytes as the option maxHeaderBytes says, 16 KiB by default', async () => {
    const { url } = await serveTcp((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\nh: ${'v'.repeat(20_000)}\r\ncontent-length: 4\r\n\r\ngood`),
    );
    await expect(open({}, sender).transport(get(url))).rejects.toMatchObject({
      code: 'ERR_TRANSPORT',
      retryable: false,
      message: expect.stringContaining('than the option maxHeaderBytes allows') as string,
    });
    const { transport } = open({ maxHeaderBytes: 32 * 1024 }, sender);
    expect(await read(await transport(get(url)))).toBe('good');
    expect(() => open({ maxHeaderBytes: 2 ** 20 + 1 }, sender)).toThrow(
      'maxHeaderBytes must be a whole number from 1 to 1048576, not 1048577',
    );
  });

  it('may be a thousand small ones, within 16 KiB', async () => {
    const lines = Array.from({ length: 1000 }, (_, place) => `h${place}: v`).join('\r\n');
    const { url } = await serveTcp((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\n${lines}\r\ncontent-length: 4\r\n\r\ngood`),
    );
    const response = await open({}, sender).transport(get(url));
    expect(response.headers.size).toBe(1001);
    expect(await read(response)).toBe('good');
  });
});
