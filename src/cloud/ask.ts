import { type CallOptions, type Clock, systemClock } from '../clock/index.js';
import { type Transport, type TransportRequest, type TransportResponse, withRetry } from '../distribution/index.js';
import { ImageError, isImageError } from '../errors/index.js';
import { check, type Kinds } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { collectBytes, randomFraction, redactUrl, untilAbort, USER_AGENT } from '../internal/index.js';
import type { CloudOptions } from './types.js';

const TIMEOUT_MS = 10_000;
const MAX_REPLY = 1024 * 1024;
const MAX_CODE = 64;
const MAX_ASKED = 3;
const FIRST_PAUSE_MS = 500;
/** A function of the caller's may ask a cloud several times. */
const FUNCTION_TIMEOUT_MS = 60_000;
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** How a cloud is asked. */
export interface CloudClient {
  readonly clock: Clock;
  /** Sends a request and reads the answer, whatever its status, within the time limit. */
  ask(request: TransportRequest, options: CallOptions): Promise<CloudReply>;
  /** Calls a function of the caller's, of that name, and does not wait for it for ever: other look-ups wait as well. */
  call<T>(name: string, work: (options: CallOptions) => Promise<T>, options: CallOptions): Promise<T>;
}

/** An answer of a cloud. Its text may hold a token: no part of it goes into an error but a code. */
export interface CloudReply {
  readonly status: number;
  readonly headers: TransportResponse['headers'];
  readonly text: string;
  /** The URL, fit to be shown. */
  readonly shown: string;
  /** Whether a text was part of the request. */
  echoes(text: string): boolean;
}

/** The variables of an environment. */
export const envKind: is.Kind = /* @__PURE__ */ is.optional(
  /* @__PURE__ */ is.recordOf(/* @__PURE__ */ is.optional(is.text)),
);

/** Checks the options of a cloud, and those that this one has besides. */
export function checkCloud<T extends CloudOptions>(options: T, own: Kinds<Omit<T, keyof CloudOptions>>): void {
  check<Readonly<Record<string, unknown>>>('Cannot ask a cloud', options as never, {
    transport: is.callable,
    clock: is.optional(is.clock),
    timeoutMs: is.optional(is.timeoutMs),
    random: is.optional(is.callable),
    ...own,
  });
}

export function createCloudClient(options: CloudOptions): CloudClient {
  const { clock = systemClock, timeoutMs = TIMEOUT_MS, random = randomFraction } = options;
  const transport = withRetry(options.transport, { clock, random, attempts: 4 });
  return {
    clock,
    async ask(request, call) {
      for (let attempt = 1; ; attempt += 1) {
        const outcome = await settle(askWithin(transport, clock, timeoutMs, request, call));
        if (attempt === MAX_ASKED || call.signal?.aborted || !isPassing(request, outcome)) return take(outcome);
        await clock.sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + random() / 2), { signal: call.signal });
      }
    },
    call(name, work, call) {
      const limitMs = Math.min(Math.max(FUNCTION_TIMEOUT_MS, 6 * timeoutMs), MAX_TIMEOUT_MS);
      const late = tooLate(`Cannot get what ${name} gives`, limitMs);
      return within(clock, limitMs, late, call, (signal) => work({ signal }));
    },
  };
}

/** How a request ended. */
type Outcome =
  { readonly reply: CloudReply; readonly error?: undefined } | { readonly reply?: undefined; readonly error: unknown };

function settle(asked: Promise<CloudReply>): Promise<Outcome> {
  return asked.then(
    (reply) => ({ reply }),
    (error: unknown) => ({ error }),
  );
}

function take({ reply, error }: Outcome): CloudReply {
  if (reply === undefined) throw error;
  return reply;
}

/**
 * What the transport did not repeat, and may go better soon: a body that was cut, and any failure of a POST or PUT, which
 * here only ask for tokens, so that asking twice does no harm.
 */
function isPassing({ method }: TransportRequest, { reply, error }: Outcome): boolean {
  const repeated = method === 'GET';
  if (reply !== undefined) return isThrottled(reply) || (!repeated && [500, 502, 503, 504].includes(reply.status));
  if (!isImageError(error) || error.code !== 'ERR_TRANSPORT') return false;
  return error.retryable && (!repeated || error.phase === 'body');
}

/** Amazon throttles with 400 and a word, which no transport takes for passing. */
function isThrottled(reply: CloudReply): boolean {
  return reply.status === 400 && /Throttl|TooManyRequests/.test(faultCode(reply) ?? '');
}

async function askWithin(
  transport: Transport,
  clock: Clock,
  timeoutMs: number,
  request: TransportRequest,
  call: CallOptions,
): Promise<CloudReply> {
  const shown = redactUrl(request.url);
  const headers = { 'accept-encoding': 'identity', 'user-agent': USER_AGENT, ...request.headers };
  const body = request.body instanceof Uint8Array ? new TextDecoder().decode(request.body) : '';
  const sent = [request.url, body, ...Object.values(headers)];
  const late = tooLate(`Cannot ask ${shown}`, timeoutMs);
  return within(clock, timeoutMs, late, call, async (signal) => {
    const response = await transport({ ...request, headers, signal });
    const text = new TextDecoder().decode(await collectBytes(response.body, MAX_REPLY));
    const echoes = (part: string): boolean => sent.some((value) => value.includes(part));
    return { status: response.status, headers: response.headers, text, shown, echoes };
  });
}

function tooLate(what: string, limitMs: number): ImageError<'ERR_CREDENTIAL_PROVIDER'> {
  return new ImageError('ERR_CREDENTIAL_PROVIDER', `${what}: it took longer than ${limitMs / 1000} s`);
}

/** Does work that is told when its time is over; when it does not listen, nobody waits for it any more. */
async function within<T>(
  clock: Clock,
  limitMs: number,
  late: ImageError,
  { signal }: CallOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const [attempt, timer] = [new AbortController(), new AbortController()];
  const onAbort = (): void => attempt.abort(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  void clock.sleep(limitMs, { signal: timer.signal }).then(
    () => attempt.abort(late),
    () => undefined,
  );
  try {
    return await untilAbort(work(attempt.signal), attempt.signal);
  } catch (error) {
    // A body that is cut off by the abort may fail in its own way.
    attempt.signal.throwIfAborted();
    throw error;
  } finally {
    timer.abort();
    signal?.removeEventListener('abort', onAbort);
  }
}

/** The fields of an answer with status 200, or the error that says why there are none. */
export function readFields(reply: CloudReply): ReadonlyMap<string, unknown> {
  if (reply.status !== 200) throw refused(reply);
  const fields = parseFields(reply.text);
  if (fields === undefined) throw malformed(reply, 'it is no JSON object');
  return fields;
}

/** A field that has to be a text, and not an empty one. */
export function textField(reply: CloudReply, fields: ReadonlyMap<string, unknown>, name: string): string {
  const value = fields.get(name);
  if (typeof value === 'string' && value !== '') return value;
  throw malformed(reply, `it has no ${name}`);
}

/** A number of seconds, which some clouds send as text; `undefined` when it is not a number. */
export function secondsField(fields: ReadonlyMap<string, unknown>, name: string): number | undefined {
  const value = fields.get(name);
  const seconds = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof seconds === 'number' && Number.isFinite(seconds) ? seconds : undefined;
}

/** What a cloud calls the fault, when it is a plain word, and not one that was sent: messages may quote a secret. */
export function faultCode(reply: CloudReply): string | undefined {
  const fields = parseFields(reply.text);
  const nested = fields?.get('error');
  const errors = fields?.get('errors');
  const fault: unknown = Array.isArray(errors) ? errors[0] : nested;
  const inner = typeof fault === 'object' && fault !== null ? new Map(Object.entries(fault)) : undefined;
  const values = [
    fields?.get('__type'),
    fields?.get('code'),
    fields?.get('Code'),
    nested,
    inner?.get('status'),
    inner?.get('code'),
    fields?.get('errorCode'),
    fields === undefined ? xmlText(reply.text, 'Code') : undefined,
  ];
  const code = values.find((value) => typeof value === 'string');
  const word = typeof code === 'string' ? code.replace(/^.*#/s, '') : '';
  return word.length <= MAX_CODE && /^[\w.-]+$/.test(word) && !reply.echoes(word) ? word : undefined;
}

export function refused(reply: CloudReply): ImageError<'ERR_CREDENTIAL_PROVIDER'> {
  const code = faultCode(reply);
  const reason = `it answered ${reply.status}${code === undefined ? '' : ` (${code})`}`;
  return new ImageError('ERR_CREDENTIAL_PROVIDER', `Cannot get a token from ${reply.shown}: ${reason}`);
}

export function malformed({ shown }: CloudReply, reason: string): ImageError<'ERR_CREDENTIAL_PROVIDER'> {
  return new ImageError('ERR_CREDENTIAL_PROVIDER', `Cannot read the answer of ${shown}: ${reason}`);
}

/** What stands in the first element of that name. No value of these services needs an escape. */
export function xmlText(text: string, name: string): string | undefined {
  const start = text.indexOf(`<${name}>`);
  const end = text.indexOf(`</${name}>`, start);
  const value = start === -1 || end === -1 ? '' : text.slice(start + name.length + 2, end).trim();
  return value === '' || /[<>&]/.test(value) ? undefined : value;
}

function parseFields(text: string): ReadonlyMap<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? new Map(Object.entries(value))
      : undefined;
  } catch {
    return undefined;
  }
}
