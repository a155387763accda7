import { isIP } from 'node:net';
import { systemClock } from '../../clock/index.js';
import type { BlobCarrier, TransportRequest, TransportResponse } from '../../distribution/index.js';
import type { ExchangeLimits } from '../../distribution/inner.js';
import type { Digest } from '../../digest/index.js';
import type { TransportPhase } from '../../errors/index.js';
import { untilAbort } from '../../internal/index.js';
import type { ContentFile, FilledContent } from '../../store/index.js';
import type { BlobAnswer, BlobExchange, BlobReader, BlobRequest } from './blob-reader.js';
import type { DirectRoute, Dispatchers } from './connections.js';
import { checkUrl, transportFailure } from './failures.js';
import { codeOf, faultOf } from './watchdog.js';

/** Heads above this do not fit into the buffers of a reader with room to spare. */
const MAX_HEAD_BYTES = 128 * 1024;
const TOKEN = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** What says how a request, or its connection, is to be read. */
const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** What a carrier is made of. */
export interface CarrierParts {
  readonly reader: BlobReader;
  readonly dispatchers: Dispatchers;
  readonly limits: ExchangeLimits;
  readonly connectTimeoutMs: number;
  readonly maxHeaderBytes: number;
  /** Sends what the reader is not for. */
  readonly send: BlobCarrier['send'];
}

/**
 * Makes a carrier over a reader of blobs. What decides stays here: it finds and checks the addresses, writes the request,
 * and makes of faults the errors that the transport has for them. What has to go through a proxy or a dispatcher, or shows a
 * client certificate, it leaves to the transport.
 */
export function createBlobCarrier(parts: CarrierParts): BlobCarrier['send'] {
  return async (request) => {
    const url = checkUrl(request);
    const { dispatchers, maxHeaderBytes, send } = parts;
    const route = dispatchers.closed ? undefined : dispatchers.routeFor(url, request.registry);
    const headers = { ...dispatchers.headersFor(url.origin), ...request.headers };
    const text = requestText(request, url, headers);
    if (route === undefined || text === undefined || maxHeaderBytes > MAX_HEAD_BYTES) return send(request);
    request.signal?.throwIfAborted();
    return carry(parts, request, { url, route, text });
  };
}

/** A request, and where and how to send it. */
interface Directions {
  readonly url: URL;
  readonly route: DirectRoute;
  readonly text: string;
}

async function carry(parts: CarrierParts, request: TransportRequest, way: Directions): Promise<TransportResponse> {
  const { dispatchers, reader } = parts;
  const { signal } = request;
  const translate = (code: string, phase: TransportPhase): unknown =>
    transportFailure(request, faultOf(code), phase, dispatchers.closed);
  let exchange: BlobExchange | undefined;
  const onAbort = (): void => exchange?.drop();
  const finish = (): void => signal?.removeEventListener('abort', onAbort);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    exchange = reader.send(await toBlobRequest(parts, request, way));
    const answer = await untilAbort(exchange.answer, signal);
    return responseOf(exchange, answer, { request, translate, finish });
  } catch (error) {
    exchange?.drop();
    finish();
    const { phase = 'connect' } = (error ?? {}) as { readonly phase?: TransportPhase };
    throw translate(codeOf(error), phase);
  }
}

/** With the addresses that its host has now, and that may be dialled: whoever reads it looks up no name. */
async function toBlobRequest(
  { dispatchers, limits, connectTimeoutMs, maxHeaderBytes }: CarrierParts,
  { allowAddresses, signal }: TransportRequest,
  { url, route, text }: Directions,
): Promise<BlobRequest> {
  const started = systemClock.monotonic();
  const secure = url.protocol === 'https:';
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const found = isIP(hostname) === 0 ? dispatchers.addressesOf(hostname, allowAddresses) : [hostname];
  const addresses = await untilAbort(withinTime(Promise.resolve(found), connectTimeoutMs), signal);
  const target = {
    secure,
    hostname,
    port: Number(url.port || (secure ? 443 : 80)),
    addresses,
    ...route,
    connectTimeoutMs: Math.max(1, Math.ceil(connectTimeoutMs - (systemClock.monotonic() - started))),
  };
  return { target, text, limits, maxHeaderBytes };
}

async function withinTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(faultOf('UND_ERR_CONNECT_TIMEOUT')), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A request as it is sent; `undefined` for one that the transport has to see to. */
function requestText(
  { method, body }: TransportRequest,
  { host, pathname, search }: URL,
  headers: TransportRequest['headers'],
): string | undefined {
  if (method !== 'GET' || body !== undefined) return undefined;
  const entries = Object.entries(headers);
  const isPlain = entries.every(
    ([name, value]) => TOKEN.test(name) && VALUE.test(value) && !FRAMING.has(name.toLowerCase()),
  );
  if (!isPlain) return undefined;
  const lines = entries.map(([name, value]) => `${name}: ${value}`);
  return [`GET ${pathname}${search} HTTP/1.1`, `host: ${host}`, 'connection: keep-alive', ...lines, '', ''].join(
    '\r\n',
  );
}

interface Answered {
  readonly request: TransportRequest;
  readonly translate: (code: string, phase: TransportPhase) => unknown;
  readonly finish: () => void;
}

function responseOf(exchange: BlobExchange, answer: BlobAnswer, answered: Answered): TransportResponse {
  const { status, remoteAddress, body } = answer;
  const { finish } = answered;
  const headers = new Map<string, readonly string[]>();
  for (const [name, value] of answer.headers) headers.set(name, [...(headers.get(name) ?? []), value]);
  const isContent = status === 200 || status === 206;
  // All that will come of another answer has come.
  if (!isContent) finish();
  async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
    if (body.length > 0) yield body;
    await discard();
  }
  const discard = async (): Promise<void> => {
    finish();
    exchange.drop();
  };
  const response = { status, headers, remoteAddress, body: { [Symbol.asyncIterator]: read }, discard };
  if (!isContent) return response;
  return { ...response, bring: (file, onProgress) => bringInto(exchange, file, { ...answered, onProgress }) };
}

async function bringInto(
  exchange: BlobExchange,
  file: ContentFile,
  { request: { signal }, translate, finish, onProgress }: Answered & { readonly onProgress: (size: number) => void },
): Promise<FilledContent> {
  let refusal: { readonly error: unknown } | undefined;
  const { size, hash, fault } = await exchange.bring(file, (reached) => {
    try {
      if (refusal === undefined && signal?.aborted !== true) onProgress(reached);
    } catch (error) {
      refusal = { error };
      exchange.drop();
    }
  });
  finish();
  const digest = hash === undefined ? undefined : (`${file.algorithm}:${hash}` as Digest);
  if (fault?.at === 'file') return { size, digest, failure: { at: 'file', error: faultOf(fault.code) } };
  const error = refusal === undefined && fault !== undefined ? translate(fault.code, 'body') : refusal?.error;
  return { size, digest, failure: error === undefined ? undefined : { at: 'source', error } };
}
