import { check, is } from '../errors/inner.js';
import type { CallOptions } from '../clock/index.js';
import type { ImageService, ImageSpec } from '../image-service/index.js';
import { kinds } from '../image-service/inner.js';
import { checkText, textsOfPull, textsOfSpec } from './check-text.js';
import { type CallSettings, createRpcClient } from './client.js';
import { fromWireImage, fromWireUsage, toWirePull, toWireSpec } from './convert.js';
import type { CriOperation } from '../errors/index.js';
import { socketPathOf } from './endpoint.js';
import { createListImages } from './list-images.js';
import { createMask } from './mask.js';
import { checkedLimits, type CriImageServiceOptions } from './options.js';
import { loadImageService } from './schema.js';

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
      check('Cannot call the runtime', { request }, { request: kinds.pullRequest });
      check<CallOptions>('Cannot call the runtime', call, is.callOptions);
      const { signal } = call;
      checkText('PullImage', textsOfPull(request));
      const answer = await client.unary(service.PullImage, toWirePull(request), {
        ...limited('PullImage', signal, undefined),
        mask: createMask(request.auth?.credential),
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
  check('Cannot call the runtime', { image }, { image: kinds.imageSpec });
  check<CallOptions>('Cannot call the runtime', call, is.callOptions);
}

function limited(
  operation: CriOperation,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
): CallSettings {
  return { operation, signal, timeoutMs, mask: createMask(undefined) };
}
