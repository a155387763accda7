// A registry with tokens on a raw socket, all of whose bytes are its own, so that anything can go wrong with any of its answers.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Digest } from 'kubepull/digest';
import type { BuiltImage, BuiltIndex } from 'kubepull/testing';
import type { Certificate } from '../support/certificate.ts';
import type { LoggedRequest } from '../support/canary.ts';
import { type Answer, headOf, type Request, SEND, sendWell, write } from './fault-answers.ts';
import type { Fault, Phase } from './fault-table.ts';

export const REPOSITORY = 'team/app';

/** A fault at a phase. */
export interface Strike {
  readonly fault: Fault;
  readonly phase: Phase;
  /** How many requests of the phase it hits; `Infinity` until it is healed. */
  readonly times: number;
}

export interface FaultServerOptions {
  readonly index: BuiltIndex;
  readonly image: BuiltImage;
  readonly strikes: readonly Strike[];
  /** Makes it speak TLS. */
  readonly certificate?: Certificate | undefined;
  /** The token that it gives and takes. */
  readonly token: string;
  /** Gets what is sent to the other server, to which redirects lead. */
  readonly foreignRequests: LoggedRequest[];
  /** A number from 0 up to 1: how answers are cut into pieces, and which byte is wrong. */
  readonly random: () => number;
}

export interface FaultServer {
  readonly origin: string;
  readonly host: string;
  /** Connections that are open, to it and to the other server. */
  readonly connections: number;
  /** How many requests a strike has hit so far. */
  hits(strike: Strike): number;
  /** Tells that the client waits: a server that was gone may be back by then. */
  onPause(): Promise<void>;
  /** From now on nothing goes wrong. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

/** Behind which share of a body it goes wrong. */
const PLACES: Readonly<Partial<Record<Phase, number>>> = { 'layer first byte': 0, 'layer resume': 2 / 3 };
/** Where the first answer of a layer breaks off that is to be resumed. */
const CUT_AT = 1 / 3;
/** What comes before a phase: with the answer to that, a server goes that refuses connections in the phase. */
const BEFORE: Readonly<Record<Phase, readonly Phase[]>> = {
  ping: [],
  'anonymous token': ['ping'],
  'Basic-exchanged token': ['ping'],
  'OAuth2 refresh': ['ping'],
  'manifest by tag': ['anonymous token', 'Basic-exchanged token', 'OAuth2 refresh'],
  'child by digest': ['manifest by tag'],
  config: ['child by digest'],
  'layer first byte': ['config'],
  'layer middle': [],
  'layer resume': [],
};

export async function startFaultServer(options: FaultServerOptions): Promise<FaultServer> {
  const { certificate, strikes, random, token, foreignRequests } = options;
  const sockets = new Set<Socket>();
  const hits = new Map<Strike, number>();
  /** Refusals: whether the server is gone, and how many pauses of the client it stays away. */
  let gone: { readonly strike: Strike; pauses: number } | undefined;
  let healed = false;
  let sabotaged = false;

  const accept = (answer: (request: Request) => void) => (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    readRequests(socket, (request) => answer({ ...request, socket }));
  };
  const server = certificate === undefined ? createServer() : createTlsServer(certificate);
  server.on(
    certificate === undefined ? 'connection' : 'secureConnection',
    accept((request) => serve(request)),
  );
  // A handshake that the client gives up.
  server.on('tlsClientError', () => undefined);
  const foreignServer = createServer(
    accept((request) => {
      const { method, url, headers, body } = request;
      foreignRequests.push({ method, url, headers, body });
      sendWell(request, contentOf(request), random);
    }),
  );
  // An address of its own, so that nobody takes the port of a server that is gone; the certificate is for one address only.
  const leaves = certificate === undefined && strikes.some(({ fault }) => fault === 'refuse');
  const hostname = leaves ? '127.0.0.2' : '127.0.0.1';
  const [port, foreignPort] = [await listen(server, 0, hostname), await listen(foreignServer, 0, '127.0.0.1')];
  const origin = `${certificate === undefined ? 'http' : 'https'}://${hostname}:${port}`;
  const foreign = `http://127.0.0.1:${foreignPort}`;

  const contentOf = ({ url, headers }: LoggedRequest): Answer => {
    const { index, image } = options;
    const wanted = url.split('/').at(-1) as Digest;
    const isManifest = url.includes('/manifests/');
    const digest = wanted.startsWith('sha256:') ? wanted : index.descriptor.digest;
    const body = index.blobs.get(digest) ?? image.blobs.get(digest);
    if (body === undefined) return { status: 404, headers: {}, body: new Uint8Array(), offset: 0 };
    const { mediaType } = digest === index.descriptor.digest ? index.descriptor : image.descriptor;
    const described = isManifest ? { 'content-type': mediaType, 'docker-content-digest': digest } : {};
    const from = /^bytes=(\d+)-$/.exec(String(headers['range'] ?? ''))?.[1];
    if (from === undefined) return { status: 200, headers: described, body, offset: 0 };
    const offset = Number(from);
    const range = `bytes ${offset}-${body.length - 1}/${body.length}`;
    return { status: 206, headers: { 'content-range': range }, body: body.subarray(offset), offset };
  };
  const isAllowed = ({ headers }: LoggedRequest): boolean => headers['authorization'] === `Bearer ${token}`;
  const challenge = `Bearer realm="${origin}/token",service="${hostname}"`;
  const answerTo = (request: LoggedRequest): Answer => {
    if (request.url.startsWith('/token')) {
      const body = Buffer.from(JSON.stringify({ token, expires_in: 3600 }));
      return { status: 200, headers: { 'content-type': 'application/json' }, body, offset: 0 };
    }
    if (isAllowed(request)) return contentOf(request);
    const body = Buffer.from('{"errors":[{"code":"UNAUTHORIZED","message":"a token is wanted"}]}');
    return { status: 401, headers: { 'www-authenticate': challenge }, body, offset: 0 };
  };
  const phasesOf = (request: LoggedRequest): readonly Phase[] => {
    const { method, url, headers } = request;
    if (url.startsWith('/token')) {
      if (method === 'POST') return ['OAuth2 refresh'];
      return [headers['authorization'] === undefined ? 'anonymous token' : 'Basic-exchanged token'];
    }
    if (!isAllowed(request)) return headers['authorization'] === undefined ? ['ping'] : [];
    if (url.endsWith('/manifests/1')) return ['manifest by tag'];
    if (url.includes('/manifests/')) return ['child by digest'];
    if (url.endsWith(options.image.manifest.config.digest)) return ['config'];
    const whole: readonly Phase[] = ['layer first byte', 'layer middle'];
    return headers['range'] === undefined ? whole : [...whole, 'layer resume'];
  };

  /** A server that refuses connections answers the request before, and is gone. */
  const leave = (strike: Strike, pauses: number, last?: Socket): void => {
    gone = { strike, pauses };
    server.close();
    for (const socket of sockets) if (socket !== last) socket.destroy();
  };
  const strikeLeft = (strike: Strike): boolean => !healed && (hits.get(strike) ?? 0) < strike.times;
  const refusalAfter = (phases: readonly Phase[]): Strike | undefined =>
    strikes.find(
      (strike) =>
        strike.fault === 'refuse' &&
        strikeLeft(strike) &&
        gone === undefined &&
        BEFORE[strike.phase].some((before) => phases.includes(before)),
    );
  const serve = (request: Request): void => {
    const phases = phasesOf(request);
    const answer = answerTo(request);
    const strike = strikes.find(
      (found) => found.fault !== 'refuse' && phases.includes(found.phase) && strikeLeft(found),
    );
    const refusal = refusalAfter(phases);
    const resumed = strikes.find(({ phase }) => phase === 'layer resume');
    const sabotages = resumed !== undefined && !sabotaged && phases.includes('layer middle') && answer.offset === 0;
    if (strike !== undefined && !sabotages) {
      hits.set(strike, (hits.get(strike) ?? 0) + 1);
      const place = Math.floor((answer.offset + answer.body.length) * (PLACES[strike.phase] ?? 1 / 2));
      const at = Math.max(0, place - answer.offset);
      SEND[strike.fault]({ request, answer, at, random, foreign, challenge });
      return;
    }
    if (sabotages) {
      sabotaged = true;
      if (resumed?.fault === 'refuse') leave(resumed, 1, request.socket);
      const cut = Math.floor(answer.body.length * CUT_AT);
      write(request.socket, [headOf(answer), answer.body.subarray(0, cut)], 'end');
      return;
    }
    if (refusal === undefined) return sendWell(request, answer, random);
    leave(refusal, 0, request.socket);
    sendWell(request, { ...answer, headers: { ...answer.headers, connection: 'close' } }, random, 'end');
  };
  const comeBack = async (): Promise<void> => {
    if (gone === undefined) return;
    gone = undefined;
    await listen(server, port, hostname);
  };

  const first = strikes.find(({ fault, phase }) => fault === 'refuse' && phase === 'ping');
  if (first !== undefined) leave(first, 0);
  const closeServer = async (closing: Server): Promise<void> => {
    if (!closing.listening) return;
    const closed = once(closing, 'close');
    closing.close();
    await closed;
  };
  return {
    origin,
    host: `${hostname}:${port}`,
    get connections() {
      return sockets.size;
    },
    hits: (strike) => hits.get(strike) ?? 0,
    async onPause() {
      if (gone === undefined) return;
      gone.pauses -= 1;
      if (gone.pauses >= 0) return;
      const { strike } = gone;
      hits.set(strike, (hits.get(strike) ?? 0) + 1);
      if (!strikeLeft(strike)) await comeBack();
    },
    async heal() {
      healed = true;
      await comeBack();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([closeServer(server), closeServer(foreignServer)]);
    },
  };
}

/** Calls for each request, when all of it has come. */
function readRequests(socket: Socket, onRequest: (request: LoggedRequest) => void): void {
  let waiting = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    waiting = Buffer.concat([waiting, bytes]);
    for (;;) {
      const end = waiting.indexOf('\r\n\r\n');
      if (end < 0) return;
      const [line = '', ...lines] = waiting.subarray(0, end).toString('latin1').split('\r\n');
      const headers = Object.fromEntries(
        lines.map((text) => [text.slice(0, text.indexOf(':')).toLowerCase(), text.slice(text.indexOf(':') + 1).trim()]),
      );
      const length = Number(headers['content-length'] ?? 0);
      if (waiting.length < end + 4 + length) return;
      const [method = '', url = ''] = line.split(' ');
      const body = waiting.subarray(end + 4, end + 4 + length);
      waiting = waiting.subarray(end + 4 + length);
      onRequest({ method, url, headers, body });
    }
  });
}

async function listen(server: Server, port: number, hostname: string): Promise<number> {
  server.listen(port, hostname);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
