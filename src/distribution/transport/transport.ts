import { type Kind } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import type { Mask } from '../../internal/index.js';
import type { ContentFile, FilledContent } from '../../store/index.js';

/**
 * A class of network addresses, for rules on what may be dialled.
 *
 * @public
 */
export type AddressClass = 'public' | 'private' | 'loopback' | 'link-local' | 'metadata' | 'reserved';

/**
 * One HTTP request. A transport sends it as it is: no redirects, no retries, no decoding.
 *
 * @public
 */
export interface TransportRequest {
  /** The HTTP method. */
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** An absolute `http:` or `https:` URL without user info. */
  readonly url: string;
  /** Headers by name; they may hold a credential. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * What to send. Chunks are sent as they come, and only as fast as the server takes them; with a `content-length` header
   * their sum has to be that.
   */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** Ends the exchange when it is aborted, also while the body of the answer is read. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The classes of addresses that may be dialled for this request; a transport checks the address that it really
   * connects to. Any address when absent.
   */
  readonly allowAddresses?: readonly AddressClass[] | undefined;
  /**
   * The origin of the registry that this request is made for, when it goes elsewhere: to its token server, or where it
   * redirects to. A transport that knows whom the registry's operator trusts takes that for the target as well.
   */
  readonly registry?: string | undefined;
  /**
   * What errors call the URL, where it is a secret itself as the signed target of a redirect is.
   *
   * @defaultValue the URL without user info, query and fragment
   */
  readonly shownUrl?: string | undefined;
}

/** A request, as a transport needs it. */
export const requestKind: Kind = /* @__PURE__ */ is.shape(
  {
    method: is.text,
    url: is.text,
    headers: is.object,
    body: /* @__PURE__ */ is.optional(/* @__PURE__ */ is.either(is.bytes, is.asyncIterable)),
    allowAddresses: /* @__PURE__ */ is.optional(/* @__PURE__ */ is.listOf(is.text)),
    registry: /* @__PURE__ */ is.optional(is.text),
    shownUrl: /* @__PURE__ */ is.optional(is.text),
    ...is.callOptions,
  },
  'a request',
);

/**
 * The answer to a {@link TransportRequest}. Whoever gets one reads the body to its end or calls `discard`.
 *
 * @public
 */
export interface TransportResponse {
  /** The HTTP status. */
  readonly status: number;
  /** Lower-case names; a header that came several times has several values. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** The raw bytes, once, in chunks that are the reader's to keep; leaving the loop early closes the connection. */
  readonly body: AsyncIterable<Uint8Array>;
  /**
   * Gives the rest of the body up. A transport may read a short rest to use the connection again, and closes it
   * otherwise. It never rejects, and may be called at any time.
   */
  discard(): Promise<void>;
  /** The peer's IP address, where the platform tells it. */
  readonly remoteAddress: string | undefined;
  /**
   * Puts the body into a file, in place of `body`, and tells meanwhile how many bytes are in it; what `onProgress` throws
   * ends it, as a failure of the source. It does not reject. Only the answer of a {@link BlobCarrier} may have it.
   */
  readonly bring?: ((file: ContentFile, onProgress: (size: number) => void) => Promise<FilledContent>) | undefined;
}

/**
 * Sends HTTP requests. `kubepull/node` has one over undici; `createFetchTransport` serves other runtimes.
 *
 * Failures reject with `TransportError`; an aborted request rejects with the signal's own reason.
 *
 * @public
 */
export type Transport = (request: TransportRequest) => Promise<TransportResponse>;

/**
 * Brings blobs. It sends a request as a {@link Transport} does, by the same rules and with the same failures, and may put the
 * content of the answer into a file by itself, hashed, so that the bytes need not pass through the thread of its caller.
 *
 * What is asked for, of whom, with which credential, whether an answer counts, and what its bytes have to be stays with
 * the caller. An answer without `bring` is read as any other.
 *
 * @public
 */
export interface BlobCarrier {
  /** Bytes that a pull has to lack for the carrier to be used. */
  readonly minBytes: number;
  /** Whose requests it may send instead: a runtime that has another transport goes without the carrier. */
  readonly transport: Transport;
  /** Sends the requests for blobs; its answers may have `bring`. */
  readonly send: Transport;
}

/** What sends the requests for blobs: not a carrier that belongs to another transport, which would then not see them. */
export function senderOfBlobs(given: {
  readonly transport: Transport;
  readonly carrier?: BlobCarrier | undefined;
}): Transport {
  const { transport, carrier } = given;
  return carrier?.transport === transport ? carrier.send : transport;
}

export const carrierKind: Kind = /* @__PURE__ */ is.shape(
  { minBytes: /* @__PURE__ */ is.wholeFrom(0), transport: is.callable, send: is.callable },
  'a carrier of blobs',
);

/** What a server is sent of its own that a registry redirects to, and what no answer of it may show. */
export interface Admission {
  readonly authorization: string;
  readonly secrets: readonly string[];
}

/** The answer at the end of a chain of redirects. */
export interface FollowedResponse {
  readonly response: TransportResponse;
  /** The request that began the chain. */
  readonly request: TransportRequest;
  /** The URL that answered. It may be a secret itself, so messages have `shown`. */
  readonly url: string;
  /** The `Authorization` that was sent there. */
  readonly authorization: string | undefined;
  /** What messages call the URL that answered. */
  readonly shown: string;
  /** Whether the chain has left the origin that it began at, even if it came back. */
  readonly foreign: boolean;
  /** Masks what was sent as a secret; whatever the answer says goes through it before it is shown. */
  readonly mask: Mask;
  /** Whether a document has a secret in it that was sent, and that is too long to stand there by chance. */
  echoes(document: string): boolean;
}

/** Whether a body is compressed for the transfer, or says so. */
export function isEncoded({ headers }: Pick<TransportResponse, 'headers'>): boolean {
  const encodings = headers.get('content-encoding') ?? [];
  return encodings
    .flatMap((encoding) => encoding.split(','))
    .map((encoding) => encoding.trim().toLowerCase())
    .some((encoding) => encoding !== '' && encoding !== 'identity');
}

/** Runs what may throw, such as a function of the caller, while a body is open: if it does, the body is given up. */
export async function orDiscard<T>(response: TransportResponse | undefined, step: () => T): Promise<T> {
  try {
    return step();
  } catch (error) {
    await response?.discard();
    throw error;
  }
}
