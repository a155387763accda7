import {
  type CallOptions,
  Client,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { CriError, type CriOperation } from './cri-error.js';
import { goDescription } from './go-status.js';
import { createRunningCalls } from './running-calls.js';

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
  const translate = ({ code, details }: Pick<ServiceError, 'code' | 'details'>, settings: CallSettings): CriError => {
    const { operation, mask } = settings;
    return new CriError({ operation, code, description: mask(goDescription({ code, details }, socketPath)) });
  };
  return {
    unary: (method, request, settings) =>
      calls.run(settings, ({ resolve, reject }) => {
        const { path, requestSerialize, responseDeserialize } = method;
        const options = callOptions(settings);
        return client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          new Metadata(),
          options,
          (error, answer) => {
            if (error !== null || answer === undefined) reject(translate(error ?? NO_ANSWER, settings));
            else resolve(answer);
          },
        );
      }),
    stream: (method, request, settings, onMessage) =>
      calls.run(settings, ({ resolve, reject }) => {
        const { path, requestSerialize, responseDeserialize } = method;
        const options = callOptions(settings);
        return client
          .makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, new Metadata(), options)
          .on('data', (message) => attempt(() => onMessage(message), reject))
          .on('error', (error: ServiceError) => reject(translate(error, settings)))
          .on('end', () => resolve());
      }),
    close() {
      calls.close();
      client.close();
    },
  };
}

const NO_ANSWER = { code: status.INTERNAL, details: 'the runtime sent no answer' };

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
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
}

function attempt(action: () => void, onError: (error: unknown) => void): void {
  try {
    action();
  } catch (error) {
    onError(error);
  }
}
