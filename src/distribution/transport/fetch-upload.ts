import type { TransportRequest } from './transport.js';

/** What `fetch` is told; runtimes ignore what they do not know. */
interface Init extends RequestInit {
  /** Without it a stream cannot be sent. */
  readonly duplex: 'half';
  /** Bun's: leave a `Content-Encoding` alone. */
  readonly decompress: false;
}

/**
 * Says a request in the words of `fetch`: no redirects followed, no cookies, no cache.
 *
 * @param onFault - gets what the source of the body fails with; `fetch` makes its own error of that
 */
export function requestInit(
  { method, headers, body }: TransportRequest,
  signal: AbortSignal,
  onFault: (error: unknown) => void,
): Init {
  return {
    method,
    headers: { ...headers },
    body: body === undefined ? null : toBody(body, onFault),
    signal,
    redirect: 'manual',
    credentials: 'omit',
    cache: 'no-store',
    duplex: 'half',
    decompress: false,
  };
}

function toBody(body: NonNullable<TransportRequest['body']>, onFault: (error: unknown) => void): BodyInit {
  return body instanceof Uint8Array ? (body as BodyInit) : toStream(body[Symbol.asyncIterator](), onFault);
}

/** `ReadableStream.from` is not everywhere. The server's pace is kept: a chunk is asked for when the last has gone. */
function toStream(source: AsyncIterator<Uint8Array>, onFault: (error: unknown) => void): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await source.next();
          if (done === true) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          onFault(error);
          throw error;
        }
      },
      async cancel() {
        await source.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
