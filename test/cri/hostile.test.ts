import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { systemClock } from 'kubepull/clock';
import { createCriImageService, CriError, type CriImageServiceOptions } from 'kubepull/cri';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { assertInvariants, startWatch } from '../support/invariants.ts';
import { tempDir } from '../support/temp-dir.ts';

const spec = { image: 'app:1', annotations: {}, runtimeHandler: '' };

/** Serves on a socket until the test is over, and ends every connection then. */
async function listen(server: Server): Promise<string> {
  const socketPath = join(tempDir().path, 'cri.sock');
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => void sockets.add(socket.on('error', () => undefined)));
  server.listen(socketPath);
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return socketPath;
}

/** What a call to a server comes to. */
async function ask(server: Server, options: Partial<CriImageServiceOptions> = {}): Promise<CriError> {
  const endpoint = await listen(server);
  const service = createCriImageService({ endpoint, runtimeRequestTimeoutMs: 15_000, ...options });
  const failure = await service.imageStatus(spec).then(
    (image) => expect.unreachable(`it gave ${JSON.stringify(image)}`),
    (error: unknown) => error,
  );
  await service.close();
  expect(failure).toBeInstanceOf(CriError);
  return failure as CriError;
}

const OK = { ':status': 200, 'content-type': 'application/grpc' };
const frame = (bytes: readonly number[], length = bytes.length): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, Buffer.from(bytes)]);
};

/** A runtime that answers every call with these bytes. */
function raw(
  body: Uint8Array,
  {
    headers = OK,
    trailers = { 'grpc-status': '0' },
  }: { headers?: OutgoingHttpHeaders; trailers?: OutgoingHttpHeaders } = {},
): Server {
  const server = createHttp2Server();
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => undefined);
    stream.respond(headers, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.end(body);
  });
  return server;
}

describe('a hostile runtime', () => {
  it.each([
    ['speaks another protocol', createServer((socket) => void socket.resume().end('220 mail.example.com ESMTP\r\n'))],
    ['speaks HTTP/1.1', createHttpServer((_, response) => void response.end('hello'))],
    ['hangs up', createServer((socket) => void socket.destroy())],
  ])('that %s is unavailable', async (_, server) => {
    expect((await ask(server)).status).toBe('Unavailable');
  });

  it('that says nothing at all is given up after five seconds, as in kubelet', async () => {
    const silent = createServer((socket) => void socket.resume());
    const [endpoint, connected] = [await listen(silent), once(silent, 'connection')];
    const sleep = vi.spyOn(systemClock, 'sleep').mockImplementation(async () => void (await connected));
    onTestFinished(() => sleep.mockRestore());
    const service = createCriImageService({ endpoint });
    const pulling = service.pullImage({ image: spec, auth: undefined, sandbox: undefined });
    await expect(pulling).rejects.toMatchObject({
      message: `rpc error: code = Unavailable desc = connection error: desc = "error reading server preface: read unix @->${endpoint}: use of closed network connection"`,
    });
    expect(sleep.mock.calls.map(([ms]) => ms)).toEqual([5000]);
    await service.close();
  });

  it('that says nothing at all runs into a deadline before that', async () => {
    const endpoint = await listen(createServer((socket) => void socket.resume()));
    const service = createCriImageService({ endpoint, runtimeRequestTimeoutMs: 300 });
    await expect(service.imageStatus(spec)).rejects.toMatchObject({
      message: 'rpc error: code = DeadlineExceeded desc = context deadline exceeded',
    });
    await service.close();
  });

  it.each([
    ['a message that is no protobuf', raw(frame([0xff, 0xff, 0xff, 0xff]))],
    ['a field of the wrong type', raw(frame([0x08, 0x01]))],
    ['a field that is longer than its message', raw(frame([0x0a, 0x7f, 0x01]))],
    ['a message that ends before its end', raw(frame([0x0a], 100))],
    ['groups that nest without end', raw(frame(Array.from({ length: 3_000_000 }, () => 0x0b)))],
    ['no message', raw(new Uint8Array())],
    ['a compressed message that nobody agreed on', raw(Buffer.from([1, 0, 0, 0, 1, 0]))],
  ])('that answers with %s is refused', async (_, server) => {
    const error = await ask(server);
    expect(error.message).toMatch(/^rpc error: code = (Internal|Unimplemented|Unknown|Unavailable) desc = /);
  });

  it('leaves nothing of itself behind [I5]', async () => {
    const endpoint = await listen(raw(frame([0xff, 0xff, 0xff, 0xff])));
    const watch = startWatch();
    const service = createCriImageService({ endpoint });
    await expect(service.imageStatus(spec)).rejects.toBeInstanceOf(CriError);
    await service.close();
    await assertInvariants({ watch });
  });

  it('that answers with two messages is refused', async () => {
    const twice = raw(Buffer.concat([frame([]), frame([])]));
    expect((await ask(twice, { runtimeRequestTimeoutMs: 300 })).message).toMatch(/^rpc error: code = /);
  });

  it('that announces 4 GiB is refused before they come', async () => {
    const before = process.memoryUsage.rss();
    const error = await ask(raw(frame([0x0a], 0xffff_ffff)));
    expect(error.message).toMatch(
      /^rpc error: code = ResourceExhausted desc = grpc: received message larger than max /,
    );
    expect(process.memoryUsage.rss() - before).toBeLessThan(256 * 1024 * 1024);
  });

  it.each([
    [401, 'Unauthenticated'],
    [403, 'PermissionDenied'],
    [404, 'Unimplemented'],
    [503, 'Unavailable'],
    [500, 'Unknown'],
  ])('that answers with the HTTP status %i fails as %s', async (code, name) => {
    const headers = { ':status': code, 'content-type': 'text/html' };
    expect((await ask(raw(Buffer.from('<html>'), { headers, trailers: {} }))).status).toBe(name);
  });

  it.each(['-1', '99', 'x', ''])('that ends with the status %j fails', async (grpcStatus) => {
    const error = await ask(raw(new Uint8Array(), { trailers: { 'grpc-status': grpcStatus, 'grpc-message': 'x' } }));
    expect(error.message).toMatch(/^rpc error: code = /);
  });

  it('that sends control characters in its text has them escaped [L06]', async () => {
    const said = encodeURIComponent('a\r\n\u001b[2J\u202eb');
    const error = await ask(raw(new Uint8Array(), { trailers: { 'grpc-status': '5', 'grpc-message': said } }));
    expect(error.message).toBe('rpc error: code = NotFound desc = a\\x0d\\x0a\\x1b[2J\\u202eb');
  });

  it('whose text cannot be decoded is quoted as it is', async () => {
    const error = await ask(raw(new Uint8Array(), { trailers: { 'grpc-status': '5', 'grpc-message': '%zz%E4' } }));
    expect(error.message).toBe('rpc error: code = NotFound desc = %zz%E4');
  });
});
