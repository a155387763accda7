// A runtime that does what a script says, over gRPC. Nothing here needs a test around it.
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

/** What a scripted runtime is asked: the message as it came over the socket. */
export interface CriCall {
  readonly method: string;
  readonly request: Readonly<Record<string, unknown>>;
  /** Set when the client gives the call up, or its deadline is over. */
  readonly cancelled: Promise<void>;
  /** Milliseconds that the client gives for an answer; `undefined` for no limit. */
  readonly timeoutMs: number | undefined;
}

/** What a scripted runtime does with a call: a message, several for a stream, a status, or nothing at all. */
export type CriAnswer =
  | { readonly message: object }
  | { readonly messages: readonly object[]; readonly ending?: CriFailure }
  | { readonly failure: CriFailure }
  | 'never';

export interface CriFailure {
  readonly code: number;
  readonly details: string;
}

export type CriScript = Readonly<Record<string, (call: CriCall) => CriAnswer | Promise<CriAnswer>>>;

const text = (id: number): object => ({ type: 'string', id });
const map = (id: number): object => ({ keyType: 'string', type: 'string', id });
const message = (type: string, id: number): object => ({ type, id });

/**
 * CRI v1 as `api.proto` of kubernetes/cri-api has it, written down once more from there, so that a wrong number in the
 * library does not go unseen.
 */
const MESSAGES: Readonly<Record<string, Readonly<Record<string, object>>>> = {
  Int64Value: { value: message('int64', 1) },
  UInt64Value: { value: message('uint64', 1) },
  ImageSpec: {
    image: text(1),
    annotations: map(2),
    user_specified_image: text(18),
    runtime_handler: text(19),
    image_ref: text(20),
  },
  Image: {
    id: text(1),
    repo_tags: { rule: 'repeated', type: 'string', id: 2 },
    repo_digests: { rule: 'repeated', type: 'string', id: 3 },
    size: message('uint64', 4),
    uid: message('Int64Value', 5),
    username: text(6),
    spec: message('ImageSpec', 7),
    pinned: message('bool', 8),
    // Nobody has it; a later CRI may.
    unheard_of: text(77),
  },
  AuthConfig: {
    username: text(1),
    password: text(2),
    auth: text(3),
    server_address: text(4),
    identity_token: text(5),
    registry_token: text(6),
  },
  PodSandboxMetadata: { name: text(1), uid: text(2), namespace: text(3), attempt: message('uint32', 4) },
  PodSandboxConfig: {
    metadata: message('PodSandboxMetadata', 1),
    hostname: text(2),
    log_directory: text(3),
    labels: map(6),
    annotations: map(7),
  },
  ImageFilter: { image: message('ImageSpec', 1) },
  ListImagesRequest: { filter: message('ImageFilter', 1) },
  ListImagesResponse: { images: { rule: 'repeated', type: 'Image', id: 1 } },
  StreamImagesRequest: { filter: message('ImageFilter', 1) },
  StreamImagesResponse: { images: { rule: 'repeated', type: 'Image', id: 1 } },
  ImageStatusRequest: { image: message('ImageSpec', 1), verbose: message('bool', 2) },
  ImageStatusResponse: { image: message('Image', 1), info: map(2) },
  PullImageRequest: {
    image: message('ImageSpec', 1),
    auth: message('AuthConfig', 2),
    sandbox_config: message('PodSandboxConfig', 3),
  },
  PullImageResponse: { image_ref: text(1) },
  RemoveImageRequest: { image: message('ImageSpec', 1) },
  RemoveImageResponse: {},
  ImageFsInfoRequest: {},
  FilesystemIdentifier: { mountpoint: text(1) },
  FilesystemUsage: {
    timestamp: message('int64', 1),
    fs_id: message('FilesystemIdentifier', 2),
    used_bytes: message('UInt64Value', 3),
    inodes_used: message('UInt64Value', 4),
  },
  ImageFsInfoResponse: {
    image_filesystems: { rule: 'repeated', type: 'FilesystemUsage', id: 1 },
    container_filesystems: { rule: 'repeated', type: 'FilesystemUsage', id: 2 },
  },
};

const METHODS = ['ListImages', 'StreamImages', 'ImageStatus', 'PullImage', 'RemoveImage', 'ImageFsInfo'];

function serviceDefinition(): Parameters<Server['addService']>[0] {
  const methods = METHODS.map((name) => [
    name,
    { requestType: `${name}Request`, responseType: `${name}Response`, responseStream: name === 'StreamImages' },
  ]);
  const types = Object.entries(MESSAGES).map(([name, fields]) => [name, { fields }]);
  const nested = { ...Object.fromEntries(types), ImageService: { methods: Object.fromEntries(methods) } };
  const json = { nested: { runtime: { nested: { v1: { nested } } } } };
  // As they came: what was not sent is not there.
  const definitions = fromJSON(json, { keepCase: true, longs: String });
  return definitions['runtime.v1.ImageService'] as unknown as Parameters<Server['addService']>[0];
}

type Handler = Parameters<Server['addService']>[1][string];

/** The part of a server's call that unary ones and streams share. */
interface ServerCall {
  readonly request: Readonly<Record<string, unknown>>;
  readonly cancelled: boolean;
  getDeadline(): Date | number;
  on(event: 'cancelled', listener: () => void): unknown;
  write(message: object): boolean;
  end(): void;
  emit(event: 'error', failure: CriFailure): unknown;
}

/** Serves a script on a socket, and notes what it is asked. A call that the script does not name is unimplemented. */
export async function serveCri(socketPath: string, script: CriScript, calls: CriCall[] = []): Promise<Server> {
  const server = new Server({ 'grpc.max_send_message_length': -1, 'grpc.max_receive_message_length': -1 });
  const scripted = Object.entries(script).map(([method, answer]) => [method, handler(method, answer, calls)]);
  server.addService(serviceDefinition(), Object.fromEntries(scripted) as Record<string, Handler>);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  return server;
}

function handler(method: string, script: CriScript[string], calls: CriCall[]): Handler {
  const serve = async (
    call: ServerCall,
    callback?: (error: object | null, message?: object) => void,
  ): Promise<void> => {
    const deadline = call.getDeadline();
    const cancelled = new Promise<void>((resolve) => void call.on('cancelled', () => resolve()));
    const timeoutMs = deadline instanceof Date ? deadline.getTime() - Date.now() : deadline - Date.now();
    const seen = {
      method,
      request: call.request,
      cancelled,
      timeoutMs: Number.isFinite(timeoutMs) ? timeoutMs : undefined,
    };
    calls.push(seen);
    const answer = await script(seen);
    if (answer === 'never') return;
    const failure = 'failure' in answer ? answer.failure : 'messages' in answer ? answer.ending : undefined;
    const sent = 'message' in answer ? [answer.message] : 'messages' in answer ? answer.messages : [];
    if (callback !== undefined) callback(failure ?? null, sent[0]);
    else finishStream(call, sent, failure);
  };
  return serve as Handler;
}

function finishStream(call: ServerCall, messages: readonly object[], failure: CriFailure | undefined): void {
  for (const part of messages) call.write(part);
  if (failure === undefined) call.end();
  else call.emit('error', failure);
}

/** An answer with a status of gRPC. */
export function fails(code: keyof typeof status, details: string): CriAnswer {
  return { failure: { code: status[code], details } };
}

/** An image as a runtime tells it. */
export function wireImage(id: string, fields: object = {}): object {
  return { id, repo_tags: [`registry.example.com/${id}:1`], repo_digests: [], size: '1', ...fields };
}
