import {
  type CallOptions,
  Client,
  connectivityState,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { systemClock } from '../clock/index.js';
import type { CriError, CriOperation } from '../errors/index.js';
import { criError } from './cri-error.js';
import { goDescription } from './go-status.js';

/** Of kubelet's client: how soon it dials again after a failure. */
const FIRST_REDIAL_MS = 100;
const MAX_REDIAL_MS = 3_000;

/** How one call is made. */
export interface CallSettings {
  readonly operation: CriOperation;
  /** No limit when `undefined`. */
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Takes out of an error's text what must not appear in it. */
  readonly mask: (text: string) => string;
}

/** The calls over one socket. */
export interface RpcClient {
  unary<Q, A>(method: MethodDefinition<Q, A>, request: Q, settings: CallSettings): Promise<A>;
  /** Hands every message on; what `onMessage` throws ends the call. */
  stream<Q, A>(
    method: MethodDefinition<Q, A>,
    request: Q,
    settings: CallSettings,
    onMessage: (message: A) => void,
  ): Promise<void>;
  /** Ends the connection, and all calls on it. */
  close(): void;
}

export function createRpcClient(socketPath: string, maxMessageBytes: number): RpcClient {
  const client = openClient(socketPath, maxMessageBytes);
  const calls = createRunningCalls();

  /** Runs a call, whose failures come as gRPC's and go as ours. */
  const run = <T>(settings: CallSettings, begin: (outcome: Outcome<T>) => SentCall): Promise<T> =>
    calls.run<T>(settings, (settlement) => {
      const fail = (answer: ClientStatus): void => settlement.reject(errorOf(answer, settings, socketPath));
      const sent = begin({ ...settlement, fail });
      return { cancel: () => sent.cancel(), release: watchHandshake(client, () => fail(silence(socketPath))) };
    });
  return {
    unary: (method, request, settings) =>
      run(settings, ({ resolve, fail }) => {
        const { path, requestSerialize, responseDeserialize } = method;
        const options = callOptions(settings);
        const onAnswer = (error: ServiceError | null, answer: Parameters<typeof resolve>[0] | undefined): void => {
          if (error !== null || answer === undefined) fail(error ?? NO_ANSWER);
          else resolve(answer);
        };
        return client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          new Metadata(),
          options,
          onAnswer,
        );
      }),
    stream: (method, request, settings, onMessage) =>
      run(settings, ({ resolve, reject, fail }) => {
        const { path, requestSerialize, responseDeserialize } = method;
        const options = callOptions(settings);
        return client
          .makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, new Metadata(), options)
          .on('data', (message) => attempt(() => onMessage(message), reject))
          .on('error', fail)
          .on('end', () => resolve());
      }),
    close() {
      calls.close();
      client.close();
    },
  };
}

/** As gRPC has it: for some faults in a message it has neither code nor words, whatever its types say. */
interface ClientStatus {
  readonly code: status | undefined;
  readonly details: string | undefined;
}

interface Outcome<T> extends Settlement<T> {
  /** Rejects with what a status stands for. */
  fail(answer: ClientStatus): void;
}

const NO_ANSWER: ClientStatus = { code: undefined, details: undefined };

function errorOf(answer: ClientStatus, { operation, mask }: CallSettings, socketPath: string): CriError {
  const { code = status.INTERNAL, details = 'grpc: the answer cannot be read' } = answer;
  return criError({ operation, code, description: mask(goDescription({ code, details }, socketPath)) });
}

function silence(socketPath: string): ClientStatus {
  const reason = `error reading server preface: read unix @->${socketPath}: use of closed network connection`;
  return { code: status.UNAVAILABLE, details: `connection error: desc = "${reason}"` };
}

function openClient(socketPath: string, maxMessageBytes: number): Client {
  return new Client(`unix:${socketPath}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc.initial_reconnect_backoff_ms': FIRST_REDIAL_MS,
    'grpc.max_reconnect_backoff_ms': MAX_REDIAL_MS,
    // A pool of one's own, so that nothing of the connection outlives `close`.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
  });
}

function callOptions({ timeoutMs }: CallSettings): CallOptions {
  return timeoutMs === undefined ? {} : { deadline: systemClock.now() + timeoutMs };
}

function attempt(action: () => void, onError: (error: unknown) => void): void {
  try {
    action();
  } catch (error) {
    onError(error);
  }
}

/** Of kubelet's client: so long may a runtime take from the connection to its first word. */
const HANDSHAKE_MS = 5_000;

/**
 * Tells when a runtime lets itself be connected to and then says nothing, as one does that was stopped. A pull has no
 * deadline, and gRPC would wait for ever.
 *
 * @returns ends the watch
 */
function watchHandshake(client: Client, onSilence: () => void): () => void {
  const controller = new AbortController();
  const watch = async (): Promise<void> => {
    await systemClock.sleep(HANDSHAKE_MS, controller);
    if (client.getChannel().getConnectivityState(false) === connectivityState.CONNECTING) onSilence();
  };
  watch().catch(() => undefined);
  return () => controller.abort();
}

/** What a call reports to; the first report counts, and a rejection cancels the call. */
interface Settlement<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** A call that was sent. */
interface SentCall {
  cancel(): void;
  /** Is called once, when nobody waits any more. */
  release?(): void;
}

/** The calls that are under way. */
interface RunningCalls {
  run<T>(
    settings: { readonly operation: CriOperation; readonly signal: AbortSignal | undefined },
    begin: (settlement: Settlement<T>) => SentCall,
  ): Promise<T>;
  /** Ends all of them, and refuses new ones. */
  close(): void;
}

function createRunningCalls(): RunningCalls {
  const running = new Set<() => void>();
  let closed = false;
  return {
    run: ({ operation, signal }, begin) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        if (closed) throw closedError(operation);
        let sent: SentCall | undefined;
        const release = (): boolean => {
          if (!running.delete(onClose)) return false;
          signal?.removeEventListener('abort', onAbort);
          sent?.release?.();
          return true;
        };
        const fail = (error: unknown): void => {
          if (!release()) return;
          reject(error);
          sent?.cancel();
        };
        const onClose = (): void => fail(closedError(operation));
        const onAbort = (): void => fail(signal?.reason);
        running.add(onClose);
        signal?.addEventListener('abort', onAbort, { once: true });
        sent = begin({
          resolve(value) {
            if (release()) resolve(value);
          },
          reject: fail,
        });
      }),
    close() {
      closed = true;
      for (const end of running) end();
    },
  };
}

/** In the words of Go's client. */
function closedError(operation: CriOperation): CriError {
  const description = 'grpc: the client connection is closing';
  return criError({ operation, code: status.CANCELLED, description });
}
