import type { Clock } from '../../clock/index.js';
import { type Digest, isDigest } from '../../digest/index.js';
import { isRetryableStatus, retryAfterMs } from '../transport/retry.js';
import { type FollowedResponse, isEncoded, type TransportResponse } from '../transport/transport.js';
import { ImageError, type RegistryDiagnostic, RegistryError } from '../../errors/index.js';
import {
  type ByteBuffer,
  createByteBuffer,
  type JsonNode,
  memberOf,
  printable,
  readJson,
} from '../../internal/index.js';
import { normalizeMediaType, type Platform } from '../../oci/index.js';

/** What is read of the body of an error, and for how long. */
const MAX_BODY = 8 * 1024;
const MAX_WAIT_MS = 1000;
const MAX_DIAGNOSTICS = 8;
const MAX_SHOWN = 512;
/** Where registries and those before them say how they know a request by. */
const REQUEST_IDS = [
  'x-request-id',
  'x-amzn-requestid',
  'x-ms-correlation-request-id',
  'x-github-request-id',
  'cf-ray',
];
/** Notices that are remembered. */
const MAX_TOLD = 100;
const MAX_WARNINGS = 8;
/** What the distribution spec lets a warning take in all. */
const MAX_LENGTH = 4096;

/**
 * Reads at most `limit` bytes of a body, for no longer than `until`, and gives the rest up. What came before that, or
 * before a failure, counts.
 */
async function readWhatComes(response: TransportResponse, limit: number, until: Promise<unknown>): Promise<Uint8Array> {
  const collected = createByteBuffer(limit);
  await Promise.race([collect(response, collected).catch(() => undefined), until]);
  return collected.take();
}

/**
 * Reads a document whole; a server cannot fill memory.
 *
 * @param tooLong - makes the error for more bytes than `limit`
 * @throws {@link ImageError} `ERR_REGISTRY_DOCUMENT` when it is larger than `limit`, or has a secret of ours in it: what it
 * says goes into events and results
 */
export async function readDocument(
  followed: FollowedResponse,
  limit: number,
  tooLong?: (received: number) => Error,
): Promise<Uint8Array> {
  const bytes = await readWhole(followed, limit, tooLong);
  if (!followed.echoes(new TextDecoder().decode(bytes))) return bytes;
  throw unreadable(followed.shown, 'it has a secret in it that was sent to get it');
}

/** Reads an answer whole that is not shown, nor given on. */
export async function readWhole(
  { response, shown }: FollowedResponse,
  limit: number,
  tooLong: (received: number) => Error = () => unreadable(shown, `it has more than ${limit} bytes`),
): Promise<Uint8Array> {
  const collected = createByteBuffer(limit + 1);
  await collect(response, collected);
  if (!collected.full) return collected.take();
  throw tooLong(limit + 1);
}

/**
 * Refuses bodies that are compressed for the transfer, where no digest says what their bytes should be: nothing is
 * decoded, which could be a bomb. Bytes that have a digest are compared as they come, whatever the header says.
 */
export async function refuseEncoding({ response, shown }: FollowedResponse): Promise<void> {
  if (!isEncoded(response)) return;
  await response.discard();
  const cure = 'the registry, or what stands before it, has to send it as it is';
  throw unreadable(shown, `it came with a Content-Encoding that was not asked for; ${cure}`);
}

/** The error for a document of a registry or token server that cannot be what it should be. */
export function unreadable(shown: string, reason: string): ImageError<'ERR_REGISTRY_DOCUMENT'> {
  return new ImageError('ERR_REGISTRY_DOCUMENT', `Cannot read ${shown}: ${reason}`);
}

async function collect({ body }: TransportResponse, collected: ByteBuffer): Promise<void> {
  for await (const chunk of body) {
    collected.add(chunk);
    if (collected.full) break;
  }
}

export function headerOf({ response }: FollowedResponse, name: string): string | undefined {
  return response.headers.get(name)?.[0];
}

/** The `Content-Type` without its parameters; empty when there is none. */
export function typeOf(followed: FollowedResponse): string {
  return normalizeMediaType(headerOf(followed, 'content-type') ?? '');
}

/** What the registry says the digest is, when that is one. */
export function digestHeader(followed: FollowedResponse): Digest | undefined {
  const digest = headerOf(followed, 'docker-content-digest');
  return isDigest(digest) && followed.mask(digest) === digest ? digest : undefined;
}

/** The `Content-Length` of an answer to HEAD. Some count the body that they do not send: 0 tells nothing. */
export function lengthOf(followed: FollowedResponse): number | undefined {
  const text = headerOf(followed, 'content-length') ?? '';
  return /^\d{1,15}$/.test(text) && Number(text) > 0 ? Number(text) : undefined;
}

/**
 * Makes an error of an answer that is not the wanted one. The body is read up to 8 KiB or for a second, and given up.
 *
 * What the server may have got as a secret is masked in it.
 *
 * @param cause - what more is known of why, for the end of the message
 * @throws the signal's reason when the request was aborted meanwhile
 */
export async function responseError(
  { request, response, shown, mask }: FollowedResponse,
  clock: Clock,
  cause = '',
): Promise<RegistryError> {
  const body = await readErrorBody(response, clock);
  request.signal?.throwIfAborted();
  const diagnostics = readDiagnostics(body).map(({ code, message, detail }) => ({
    code: printable(mask(code), 64),
    message: printable(mask(message), MAX_SHOWN),
    ...(detail === undefined ? {} : { detail: printable(mask(detail), MAX_SHOWN) }),
  }));
  const requestId = REQUEST_IDS.map((name) => response.headers.get(name)?.[0]).find((id) => id !== undefined);
  const details = diagnostics.map(({ code, message }) => (message === '' ? code : `${code}: ${message}`)).join(', ');
  const { status } = response;
  const { method } = request;
  return new RegistryError(`Cannot ${method} ${shown}: ${status}${details === '' ? '' : ` (${details})`}${cause}`, {
    method,
    url: shown,
    status,
    retryable: isRetryableStatus(status),
    retryAfterMs: retryAfterMs(response, clock),
    diagnostics,
    requestId: requestId === undefined ? undefined : printable(mask(requestId), 128),
  });
}

/** An error's text is worth a second at most; the status says enough. */
async function readErrorBody(response: TransportResponse, clock: Clock): Promise<Uint8Array> {
  const read = new AbortController();
  try {
    const overdue = clock.sleep(MAX_WAIT_MS, { signal: read.signal }).then(
      () => response.discard(),
      () => undefined,
    );
    return await readWhatComes(response, MAX_BODY, overdue);
  } finally {
    read.abort();
    await response.discard();
  }
}

function readDiagnostics(body: Uint8Array): readonly RegistryDiagnostic[] {
  const parsed = readJson(body);
  if (!parsed.ok) return [];
  const errors = memberOf(parsed.node, 'errors');
  if (errors?.kind !== 'array') return [];
  return errors.items.slice(0, MAX_DIAGNOSTICS).map((item) => ({
    code: textOf(memberOf(item, 'code')) || 'UNKNOWN',
    message: textOf(memberOf(item, 'message')),
    detail: detailOf(memberOf(item, 'detail')),
  }));
}

function textOf(node: JsonNode | undefined): string {
  return node?.kind === 'string' ? node.value : '';
}

/** A text as it is, anything else as JSON. */
function detailOf(node: JsonNode | undefined): string | undefined {
  if (node === undefined || node.kind === 'null') return undefined;
  return node.kind === 'string' ? node.value : JSON.stringify(valueOf(node));
}

function valueOf(node: JsonNode): unknown {
  if (node.kind === 'array') return node.items.map(valueOf);
  if (node.kind === 'object') return Object.fromEntries(node.members.map(({ key, value }) => [key, valueOf(value)]));
  if (node.kind === 'null') return null;
  return node.kind === 'number' ? Number(node.text) : node.value;
}

/**
 * What is worth knowing of a registry's answers beside their content: its warnings for people, how much of a rate limit is
 * left, and what was wrong and did no harm.
 *
 * @public
 */
export type RegistryNotice =
  | {
      readonly kind: 'warning';
      readonly origin: string;
      /** The registry's own words: escaped, at most 512 characters. */
      readonly text: string;
    }
  | {
      readonly kind: 'rate-limit';
      readonly origin: string;
      /** Requests in a window, where the registry tells it. */
      readonly limit: number | undefined;
      readonly remaining: number | undefined;
      /** The window's length. */
      readonly windowSeconds: number | undefined;
    }
  | {
      /** A manifest came with a `Content-Type` that is not its media type. Its digest is right, so it was read all the same. */
      readonly kind: 'content-type';
      readonly origin: string;
      readonly digest: Digest;
      /** As it came: escaped, at most 128 characters, empty when there was none. */
      readonly contentType: string;
      /** What it was read as. */
      readonly mediaType: string;
    }
  | {
      /** An image without index whose config names another platform than the wanted one was pulled all the same. */
      readonly kind: 'platform';
      readonly origin: string;
      readonly wanted: Platform;
      /** What the config names. */
      readonly platform: Platform;
    }
  | {
      /** What is not a tag by the distribution spec was left out of a page of a list. */
      readonly kind: 'tags';
      readonly origin: string;
      readonly count: number;
      /** The first of them: escaped, at most 128 characters. */
      readonly first: string;
    };

/** Gives notices on, each once. */
export interface NoticeTeller {
  /** Tells what an answer says beside its content. */
  hear(followed: FollowedResponse): void;
  tell(notice: RegistryNotice): void;
}

/** Tells each warning once, and what is left of a rate limit whenever it changes. */
export function noticeTeller(origin: string, onNotice: ((notice: RegistryNotice) => void) | undefined): NoticeTeller {
  const told = new Set<string>();
  const tell = (notice: RegistryNotice): void => {
    const text = JSON.stringify(notice);
    if (told.has(text)) return;
    if (told.size === MAX_TOLD) told.clear();
    told.add(text);
    onNotice?.(notice);
  };
  return {
    tell,
    hear(followed) {
      if (onNotice !== undefined) for (const notice of readNotices(followed, origin)) tell(notice);
    },
  };
}

/** Reads the notices of an answer; what is malformed is no notice. */
function readNotices({ response: { headers }, mask }: FollowedResponse, origin: string): readonly RegistryNotice[] {
  const warnings = (headers.get('warning') ?? []).flatMap(readWarnings).slice(0, MAX_WARNINGS);
  const limit = readLimit(headers.get('ratelimit-limit')?.[0]);
  const remaining = readLimit(headers.get('ratelimit-remaining')?.[0]);
  const notices = warnings.map(
    (text) => ({ kind: 'warning', origin, text: printable(mask(text), MAX_SHOWN) }) as const,
  );
  if (limit === undefined && remaining === undefined) return notices;
  const windowSeconds = limit?.windowSeconds ?? remaining?.windowSeconds;
  return [...notices, { kind: 'rate-limit', origin, limit: limit?.count, remaining: remaining?.count, windowSeconds }];
}

/** `299 - "text"`, as the distribution spec has it; several may stand in one header, and what follows a fault is lost. */
function readWarnings(header: string): readonly string[] {
  const next = /[ \t,]*299 - "((?:[^"\\]|\\.)*)"/y;
  const texts: string[] = [];
  if (header.length > MAX_LENGTH) return texts;
  for (let match = next.exec(header); match !== null; match = next.exec(header)) {
    texts.push((match[1] ?? '').replace(/\\(.)/g, '$1'));
  }
  return texts.filter((text) => text !== '');
}

/** A count, in Docker Hub's form with its window: `100;w=21600`. */
function readLimit(
  header: string | undefined,
): { readonly count: number; readonly windowSeconds: number | undefined } | undefined {
  const match = /^(\d{1,12})(?:[ \t]*;[ \t]*w=(\d{1,9}))?$/.exec(header ?? '');
  if (match === null) return undefined;
  return { count: Number(match[1]), windowSeconds: match[2] === undefined ? undefined : Number(match[2]) };
}
