import { isAbsolute } from 'node:path';
import { status } from '@grpc/grpc-js';
import type { CallOptions } from '../clock/index.js';
import { CriError, type CriOperation, ImageError } from '../errors/index.js';
import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import type {
  ImageService,
  ImageSpec,
  PullImageRequest,
  RuntimeImage,
  ImageFileSystem,
  PodSandbox,
} from '../image-service/index.js';
import { imageSpecKind, pullRequestKind } from '../image-service/inner.js';
import { createMask as maskSecrets, type Mask, MIN_SECRET, quote } from '../internal/index.js';
import { type CallSettings, createRpcClient, type RpcClient } from './client.js';
import { criError } from './cri-error.js';
import { goCodeName } from './go-status.js';
import { checkedLimits, type CriImageServiceOptions } from './options.js';
import {
  type ImageServiceDefinition,
  loadImageService,
  type WireFilesystemUsage,
  type WireImage,
  type WireImageSpec,
  type WireInteger,
  type WirePull,
  type WireSandboxConfig,
} from './schema.js';
import type { Credential } from '../docker-config/index.js';

/**
 * A runtime behind a CRI socket. It holds a connection until closed.
 *
 * @public
 */
export interface CriImageService extends ImageService, AsyncDisposable {
  /** Ends the connection. Calls still under way fail, and so does every later one. */
  close(): Promise<void>;
}

/**
 * Makes an image service of a runtime that speaks CRI v1, such as containerd or CRI-O.
 *
 * It connects with the first call, and again after the runtime was away. A call to a runtime that is not there fails at
 * once. A call that fails rejects with a {@link CriError}, whose message is kubelet's; an aborted call rejects with the
 * signal's reason, and the runtime is told.
 *
 * It needs the packages `@grpc/grpc-js` and `@grpc/proto-loader`, which do not come with this one.
 *
 * @param options - see {@link CriImageServiceOptions}
 * @returns the service; `close` it, or declare it with `await using`
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an endpoint that is no Unix socket and for numbers that are not whole
 * ones from 1
 * @example
 * ```ts
 * import { createCriImageService } from 'kubepull/cri';
 *
 * const runtime = createCriImageService({ endpoint: 'unix:///run/containerd/containerd.sock' });
 * for (const { id, repoTags } of await runtime.listImages()) console.log(id, repoTags);
 * await runtime.close();
 * ```
 * @see remoteImageService in kubernetes staging/src/k8s.io/cri-client/pkg/remote_image.go, v1.36
 * @public
 */
export function createCriImageService(options: CriImageServiceOptions): CriImageService {
  const { timeoutMs, maxMessageBytes } = checkedLimits(options);
  const client = createRpcClient(socketPathOf(options.endpoint), maxMessageBytes);
  const service = loadImageService();
  const list = createListImages(client, service, options.listStreaming ?? true);
  const close = async (): Promise<void> => client.close();
  return {
    async imageStatus(image, call = {}) {
      checkSpec(image, call);
      const { signal } = call;
      checkText('ImageStatus', textsOfSpec(image));
      const request = { image: toWireSpec(image) };
      const answer = await client.unary(service.ImageStatus, request, limited('ImageStatus', signal, timeoutMs));
      return answer.image === null ? undefined : fromWireImage(answer.image);
    },
    async pullImage(request, call = {}) {
      check('Cannot call the runtime', { request }, { request: pullRequestKind });
      check<CallOptions>('Cannot call the runtime', call, is.callOptions);
      const { signal } = call;
      checkText('PullImage', textsOfPull(request));
      const answer = await client.unary(service.PullImage, toWirePull(request), {
        ...limited('PullImage', signal, undefined),
        mask: createMask(request.auth?.credential, request.image.image),
      });
      return answer.imageRef;
    },
    async listImages(call = {}) {
      check<CallOptions>('Cannot call the runtime', call, is.callOptions);
      return list((operation) => limited(operation, call.signal, timeoutMs));
    },
    async removeImage(image, call = {}) {
      checkSpec(image, call);
      const { signal } = call;
      checkText('RemoveImage', textsOfSpec(image));
      await client.unary(service.RemoveImage, { image: toWireSpec(image) }, limited('RemoveImage', signal, timeoutMs));
    },
    async imageFsInfo(call = {}) {
      check<CallOptions>('Cannot call the runtime', call, is.callOptions);
      const { signal } = call;
      const answer = await client.unary(service.ImageFsInfo, {}, limited('ImageFsInfo', signal, timeoutMs));
      return answer.imageFilesystems.map(fromWireUsage);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function checkSpec(image: ImageSpec, call: CallOptions): void {
  check('Cannot call the runtime', { image }, { image: imageSpecKind });
  check<CallOptions>('Cannot call the runtime', call, is.callOptions);
}

function limited(
  operation: CriOperation,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
): CallSettings {
  return { operation, signal, timeoutMs, mask: createMask() };
}

/** Linux gives a socket's name 108 bytes, one of them for its end. */
const MAX_PATH_BYTES = 107;

/**
 * The socket that an endpoint names: `unix:///path`, as in kubelet's configuration, or the path alone.
 *
 * Nothing but a Unix socket will do, because credentials go over it in the clear.
 */
function socketPathOf(endpoint: string): string {
  const path = endpoint.replace(/^unix:(?:\/\/(?=\/))?/, '');
  if (!isAbsolute(path) || path.includes('\0')) throw refusal(endpoint, 'it is not the absolute path of a Unix socket');
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    throw refusal(endpoint, `its path is longer than ${MAX_PATH_BYTES} bytes`);
  return path;
}

function refusal(endpoint: string, reason: string): ImageError {
  return new ImageError('ERR_OPTION_INVALID', `Cannot connect to the runtime at ${quote(endpoint)}: ${reason}`);
}

const LONE_SURROGATE = /\p{Cs}/u;

/**
 * Refuses text that has no UTF-8, as Go's protobuf does; the one here would send other bytes than were meant. A password
 * that was not UTF-8 in its secret is such text.
 */
function checkText(operation: CriOperation, texts: readonly string[]): void {
  if (!texts.some((text) => LONE_SURROGATE.test(text))) return;
  const description = 'grpc: error while marshaling: string field contains invalid UTF-8';
  throw criError({ operation, code: status.INTERNAL, description });
}

/** All text of a pull that comes from outside. */
function textsOfPull({ image, auth, sandbox }: PullImageRequest): readonly string[] {
  const shown = auth === undefined ? [] : [auth.credential.username, auth.credential.password.reveal()];
  const pod = sandbox === undefined ? [] : [sandbox.name, sandbox.namespace, sandbox.uid];
  return [...textsOfSpec(image), ...shown, ...pod, ...Object.entries(sandbox?.annotations ?? {}).flat()];
}

/** All text of an image's name. */
function textsOfSpec({ image, annotations, runtimeHandler }: PullImageRequest['image']): readonly string[] {
  return [image, runtimeHandler, ...Object.entries(annotations).flat()];
}

/** A runtime that streams more images than this does not mean it. */
const MAX_STREAMED_IMAGES = 100_000;

type SettingsOf = (operation: CriOperation) => CallSettings;

/** Makes the list of all images: streamed, until the runtime turns out not to know how. */
function createListImages(
  client: RpcClient,
  service: Pick<ImageServiceDefinition, 'ListImages' | 'StreamImages'>,
  streaming: boolean,
): (settingsOf: SettingsOf) => Promise<readonly RuntimeImage[]> {
  let isStreaming = streaming;
  return async (settingsOf) => {
    if (isStreaming) {
      try {
        return await streamImages(client, service.StreamImages, settingsOf('StreamImages'));
      } catch (error) {
        if (!isUnimplemented(error)) throw error;
        isStreaming = false;
      }
    }
    const { images } = await client.unary(service.ListImages, {}, settingsOf('ListImages'));
    return images.map(fromWireImage);
  };
}

async function streamImages(
  client: RpcClient,
  method: ImageServiceDefinition['StreamImages'],
  settings: CallSettings,
): Promise<readonly RuntimeImage[]> {
  const all: RuntimeImage[] = [];
  await client.stream(method, {}, settings, ({ images }) => {
    if (all.length + images.length > MAX_STREAMED_IMAGES) throw tooMany();
    for (const image of images) all.push(fromWireImage(image));
  });
  return all;
}

function isUnimplemented(error: unknown): boolean {
  return error instanceof CriError && error.status === goCodeName(status.UNIMPLEMENTED);
}

function tooMany(): CriError {
  const description = `the runtime streams more than ${MAX_STREAMED_IMAGES} images`;
  return criError({ operation: 'StreamImages', code: status.RESOURCE_EXHAUSTED, description });
}

function toWireSpec({ image, annotations, runtimeHandler }: ImageSpec): Partial<WireImageSpec> {
  return { image, annotations, runtimeHandler };
}

/** What kubelet sends: of a credential the user and the password, and of the pod what names it. */
function toWirePull({ image, auth, sandbox }: PullImageRequest): WirePull {
  return {
    image: toWireSpec(image),
    ...(auth === undefined
      ? {}
      : { auth: { username: auth.credential.username, password: auth.credential.password.reveal() } }),
    ...(sandbox === undefined ? {} : { sandboxConfig: toWireSandbox(sandbox) }),
  };
}

function toWireSandbox({ name, namespace, uid, annotations }: PodSandbox): WireSandboxConfig {
  const labels = {
    'io.kubernetes.pod.name': name,
    'io.kubernetes.pod.namespace': namespace,
    'io.kubernetes.pod.uid': uid,
  };
  return { metadata: { name, namespace, uid, attempt: 0 }, labels, annotations };
}

function fromWireImage(image: WireImage): RuntimeImage {
  const { id, repoTags, repoDigests, size, pinned, spec } = image;
  return { id, repoTags, repoDigests, size: toNumber(size), pinned, runtimeHandler: spec?.runtimeHandler ?? '' };
}

function fromWireUsage({ fsId, usedBytes, inodesUsed }: WireFilesystemUsage): ImageFileSystem {
  return {
    mountpoint: fsId?.mountpoint ?? '',
    usedBytes: toNumber(usedBytes?.value ?? 0),
    inodesUsed: inodesUsed === null ? undefined : toNumber(inodesUsed.value),
  };
}

/** No file system and no image is so large that it matters what lies beyond the safe integers. */
function toNumber(value: WireInteger): number {
  return Math.min(Number(value), Number.MAX_SAFE_INTEGER);
}

/** Shorter ones occur by chance. */
const REDACTED = '[redacted]';

/** What may stand beside a part of an image's name only if it is another part. */
const NAME_CHARACTER = '[\\w.-]';

const WORD = /[^\s"'`<>]+/g;
const PARAMETER = /[^?&;#]+|[?&;#]/g;
/** What signs a URL, in the parameters of the clouds and of CDNs. */
const SECRET_NAME = /sig|token|secret|credential|passw|auth|policy|key/i;

/**
 * Makes the filter for what a runtime says about a call. It takes out the credential, in every form in which a runtime or
 * a registry could echo it, and from URLs user info and what signs them. The image's name stays, although a short
 * password may occur in it: it is no secret, and errors that differ in nothing else must stay equal.
 */
function createMask(credential?: Credential, image = ''): Mask {
  if (credential === undefined) return maskWords;
  const password = credential.password.reveal();
  const pair = `${credential.username}:${password}`;
  // A password that is too short to be told from other text is not masked, and neither is the pair that it is in.
  const mask = maskSecrets(password.length < MIN_SECRET ? [] : [password, pair]);
  const names = [image, ...image.split('/')].filter((name) => mask(name) !== name && !pair.includes(name));
  if (names.length === 0) return (text) => maskWords(mask(text));
  const pattern = new RegExp(`(${names.map(wholeName).join('|')})`);
  // Of what is split by a pattern in parentheses, each second piece is what the pattern found.
  const maskAll = (text: string): string =>
    text
      .split(pattern)
      .map((part, at) => (at % 2 === 0 ? mask(part) : part))
      .join('');
  return (text) => maskWords(maskAll(text));
}

function maskWords(text: string): string {
  return text.replace(WORD, maskParameters);
}

function wholeName(name: string): string {
  return `(?<!${NAME_CHARACTER})${escapeRegExp(name)}(?!${NAME_CHARACTER})`;
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

function maskParameters(word: string): string {
  const query = word.indexOf('?');
  const path = maskUser(query < 0 ? word : word.slice(0, query));
  return query < 0 ? path : path + word.slice(query).replace(PARAMETER, maskParameter);
}

function maskParameter(parameter: string): string {
  const end = parameter.indexOf('=') + 1;
  return end > 0 && SECRET_NAME.test(parameter.slice(0, end)) ? parameter.slice(0, end) + REDACTED : parameter;
}

function maskUser(url: string): string {
  const start = url.indexOf('://') + '://'.length;
  if (start < '://'.length) return url;
  const slash = url.indexOf('/', start);
  const at = url.lastIndexOf('@', slash < 0 ? url.length : slash);
  return at < start ? url : url.slice(0, start) + REDACTED + url.slice(at);
}
