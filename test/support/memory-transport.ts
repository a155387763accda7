import type { Transport, TransportRequest, TransportResponse } from 'kubepull/distribution';

/** What a scripted server says to one request. */
export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  readonly remoteAddress?: string;
}

export interface MemoryTransport {
  readonly transport: Transport;
  /** Every request so far. */
  readonly requests: readonly TransportRequest[];
  /** Answers whose body was neither read to its end nor given up. */
  open(): number;
}

/** A transport without a network: `answer` plays all servers. */
export function createMemoryTransport(answer: (request: TransportRequest) => Reply | Promise<Reply>): MemoryTransport {
  const requests: TransportRequest[] = [];
  let open = 0;
  return {
    requests,
    open: () => open,
    async transport(request): Promise<TransportResponse> {
      request.signal?.throwIfAborted();
      requests.push(request);
      const { status = 200, headers = {}, body = '', remoteAddress } = await answer(request);
      open += 1;
      let ended = false;
      const end = (): void => {
        if (!ended) open -= 1;
        ended = true;
      };
      const values = Object.entries(headers).map(
        ([name, value]) => [name, typeof value === 'string' ? [value] : value] as const,
      );
      return { status, headers: new Map(values), remoteAddress, body: deliver(body, end), discard: async () => end() };
    },
  };
}

async function* deliver(
  body: NonNullable<Reply['body']>,
  end: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (typeof body === 'string') yield new TextEncoder().encode(body);
    else if (body instanceof Uint8Array) yield body;
    else yield* body;
  } finally {
    end();
  }
}
