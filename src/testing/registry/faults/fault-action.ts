/**
 * How an answer says where its body ends.
 *
 * - `length` by its `Content-Length`.
 * - `chunked` by the last chunk.
 * - `close` by the end of the connection, so that a client cannot tell whether it has all.
 *
 * @beta
 */
export type FaultFraming = 'length' | 'chunked' | 'close';

/**
 * What an answer to a range says or does wrong.
 *
 * - `start`, `end` and `total` are off by one in `Content-Range`; the bytes are those asked for.
 * - `shift` sends the bytes from one further on, and says so.
 * - `unasked` answers a request without `Range` with the first half of the content, as a 206.
 * - `full` answers a request for a range with a 200 and everything.
 * - `multipart` wraps the range as one part of several.
 *
 * @beta
 */
export type RangeLie = 'start' | 'end' | 'total' | 'shift' | 'unasked' | 'full' | 'multipart';

/**
 * Faults that change what the answer is.
 *
 * - `status` answers with another status, instead of what was asked for.
 * - `header` sets a header of the answer, or removes it when the value is absent. Warnings and rate limits are headers,
 *   too.
 * - `body` sends another body, under the same status and headers.
 * - `flip` inverts one byte, counted from the start of the content, also in an answer to a range.
 * - `truncate` sends only so many bytes, and ends as if that were all.
 * - `extend` sends so many zero bytes more. With `unchanged` framing they come behind the `Content-Length`, where the
 *   next answer belongs.
 * - `encode` compresses the body, and says so in `Content-Encoding`, which nobody asked for.
 * - `redirect` sends the client elsewhere.
 * - `challenge` asks for other credentials.
 * - `range-lie` is wrong about the range; an answer that has none, such as a 404, stays as it is.
 *
 * @beta
 */
export type AnswerFault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
      readonly body?: string | Uint8Array | undefined;
    }
  | { readonly kind: 'header'; readonly name: string; readonly value?: string | readonly string[] | undefined }
  | { readonly kind: 'body'; readonly body: string | Uint8Array }
  | { readonly kind: 'flip'; readonly offset: number }
  | {
      readonly kind: 'truncate';
      readonly afterBytes: number;
      /** @defaultValue `'length'` */
      readonly framing?: FaultFraming | undefined;
    }
  | {
      readonly kind: 'extend';
      readonly bytes: number;
      /** @defaultValue `'length'` */
      readonly framing?: FaultFraming | 'unchanged' | undefined;
    }
  | { readonly kind: 'encode'; readonly encoding: 'gzip' | 'deflate' | 'br' }
  | { readonly kind: 'redirect'; readonly location: string; readonly status?: 301 | 302 | 303 | 307 | 308 | undefined }
  | { readonly kind: 'challenge'; readonly challenge: string | readonly string[] }
  | { readonly kind: 'range-lie'; readonly lie: RangeLie };

/**
 * Faults that change how the answer is sent.
 *
 * - `delay` waits before it answers.
 * - `drip` sends so many bytes at a time, with a pause after each.
 * - `stall` falls silent after so many bytes of the body, and keeps the connection; without a number it sends nothing.
 * - `cut` ends the connection after so many bytes of the body.
 * - `rst` resets the connection a moment after so many bytes of the body; what the client has not read by then is lost.
 * - `raw` writes bytes of the test's own to the socket, in place of the answer or in front of it.
 *
 * Pauses go by the clock of the registry.
 *
 * @beta
 */
export type DeliveryFault =
  | { readonly kind: 'delay'; readonly ms: number }
  | {
      readonly kind: 'drip';
      readonly bytes: number;
      readonly intervalMs: number;
      /**
       * How many bytes of the body are sent at once before.
       *
       * @defaultValue 0
       */
      readonly afterBytes?: number | undefined;
    }
  | { readonly kind: 'stall'; readonly afterBytes?: number | undefined }
  | { readonly kind: 'cut'; readonly afterBytes: number }
  | { readonly kind: 'rst'; readonly afterBytes: number }
  | {
      readonly kind: 'raw';
      readonly bytes: string | Uint8Array;
      /**
       * What comes after: the end of the connection, silence, a reset, or the answer.
       *
       * @defaultValue `'end'`
       */
      readonly after?: 'end' | 'open' | 'rst' | 'answer' | undefined;
    };

/**
 * What goes wrong with an answer.
 *
 * @beta
 */
export type FaultAction = AnswerFault | DeliveryFault;
