// Run by proof/soak.test.ts in a process of its own, bundled: a registry in which one request of ten goes wrong. It says where
// it is and what it has, and ends with its stdin.
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildImage, type BuiltImage } from 'kubepull/testing';
import { randomFrom } from './sweeps.ts';

const [seed = '1', password = ''] = process.argv.slice(2);
const random = randomFrom(Number(seed));
const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;

const IMAGES = 24;
/** Tokens end long before they say so. */
const TOKEN_MS = 2000;

const FAULTS: Readonly<Record<string, (request: Exchange) => void>> = {
  reset: ({ response }) => response.socket?.resetAndDestroy(),
  'reset in the body': ({ response, body }) => {
    response.write(body.subarray(0, body.length / 2));
    setImmediate(() => response.socket?.resetAndDestroy());
  },
  'short body': ({ response, body }) =>
    void response.write(body.subarray(0, body.length / 2), () => response.destroy()),
  'wrong bytes': ({ response, body }) => {
    const wrong = Uint8Array.from(body);
    const at = Math.floor(random() * wrong.length);
    wrong[at] = (wrong[at] ?? 0) ^ 0xff;
    response.end(wrong);
  },
  500: ({ response }) => void response.writeHead(500).end(),
  503: ({ response }) => void response.writeHead(503, { 'retry-after': '1' }).end(),
  429: ({ response }) => void response.writeHead(429, { 'retry-after': '1' }).end('{"errors":[]}'),
  'expired token': (exchange) => challenge(exchange),
};

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Uint8Array;
}

const images = Array.from({ length: IMAGES }, (_, at) => {
  const layers = [
    { randomBytes: at % 8 === 0 ? 400_000 : 5_000, seed: `a${at}` },
    { randomBytes: 20_000, seed: `b${at}` },
  ];
  const image = buildImage({ platform: { os: 'linux', architecture: 'amd64' }, layers });
  return { name: `team/app${at}`, image };
});
const contents: ReadonlyMap<string, BuiltImage['contents'][number] | undefined> = new Map(
  images.flatMap(
    ({ name, image }) =>
      [
        [
          `/v2/${name}/manifests/1`,
          image.contents.find(({ descriptor }) => descriptor.digest === image.descriptor.digest),
        ],
        ...image.contents.flatMap((content) =>
          ['manifests', 'blobs'].map((kind) => [`/v2/${name}/${kind}/${content.descriptor.digest}`, content] as const),
        ),
      ] as const,
  ),
);

const tokens = new Map<string, number>();
const counts = { requests: 0, faults: {} as Record<string, number>, ranges: 0 };

function challenge({ response }: Exchange): void {
  const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="s"`, 'content-length': '0' }).end();
}

function isKnown({ headers }: IncomingMessage): boolean {
  return headers.authorization === `Basic ${Buffer.from(`u:${password}`).toString('base64')}`;
}

function giveToken({ request, response }: Exchange): void {
  if (!isKnown(request)) return void response.writeHead(401).end();
  const now = performance.now();
  for (const [token, end] of tokens) if (end < now) tokens.delete(token);
  const token = randomBytes(16).toString('hex');
  tokens.set(token, now + TOKEN_MS);
  response.end(JSON.stringify({ token, expires_in: 300 }));
}

function sendContent(exchange: Exchange, fault: ((exchange: Exchange) => void) | undefined): void {
  const { request, response } = exchange;
  const path = request.url?.split('?', 1)[0] ?? '';
  const [, token = ''] = /^Bearer (.*)$/.exec(request.headers.authorization ?? '') ?? [];
  if ((tokens.get(token) ?? 0) < performance.now()) return challenge(exchange);
  if (path === '/v2/') return void response.end('{}');
  const found = contents.get(path);
  if (found === undefined) return void response.writeHead(404).end();
  const { bytes, descriptor } = found;
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  const body = bytes.subarray(Number(from ?? 0));
  response.setHeader('content-type', descriptor.mediaType);
  response.setHeader('docker-content-digest', descriptor.digest);
  response.setHeader('content-length', body.length);
  if (from !== undefined) {
    counts.ranges += 1;
    response.statusCode = 206;
    response.setHeader('content-range', `bytes ${from}-${bytes.length - 1}/${bytes.length}`);
  }
  if (fault === undefined) response.end(request.method === 'HEAD' ? undefined : body);
  else {
    if (fault !== FAULTS['reset in the body'] && fault !== FAULTS['short body'] && fault !== FAULTS['wrong bytes'])
      response.removeHeader('content-length');
    fault({ ...exchange, body });
  }
}

const server = createServer((request, response) => {
  response.on('error', () => undefined);
  counts.requests += 1;
  const exchange = { request, response, body: new Uint8Array(100) };
  const name = random() < 0.1 ? pick(Object.keys(FAULTS)) : undefined;
  if (name !== undefined) counts.faults[name] = (counts.faults[name] ?? 0) + 1;
  const fault = name === undefined ? undefined : FAULTS[name];
  if (request.url?.startsWith('/token') !== true) return sendContent(exchange, fault);
  if (fault === undefined) giveToken(exchange);
  else fault(exchange);
});

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  const list = images.map(({ name, image }) => ({ name, digest: image.descriptor.digest }));
  console.log(JSON.stringify({ host: `127.0.0.1:${port}`, images: list }));
});
process.stdin.on('end', () => {
  console.log(JSON.stringify(counts));
  server.close();
  server.closeAllConnections();
});
process.stdin.resume();
