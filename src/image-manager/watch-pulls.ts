import { ImageError } from '../errors/index.js';
import type { ImageService } from '../image-service/index.js';
import type { ImageManagerOptions, ImagePullEvent } from './manager-options.js';

/**
 * The same image service, asked to tell what its pulls do and to judge images.
 *
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when images are to be judged by a service that does not: it would pull them all
 */
export function watchPulls(
  images: ImageService,
  { verify, onPullEvent }: Pick<ImageManagerOptions, 'verify' | 'onPullEvent'>,
): ImageService {
  if (verify !== undefined && images.verifies !== true) {
    const cure = 'createPullerImageService() gives one; a runtime has its own policy for signatures';
    throw new ImageError(
      'ERR_OPTION_INVALID',
      `Cannot create the image manager: verify needs an image service that asks it: ${cure}`,
    );
  }
  if (verify === undefined && onPullEvent === undefined) return images;
  return {
    verifies: images.verifies,
    imageStatus: (image, call) => images.imageStatus(image, call),
    listImages: (call) => images.listImages(call),
    removeImage: (image, call) => images.removeImage(image, call),
    imageFsInfo: (call) => images.imageFsInfo(call),
    pullImage: (request, call) => {
      const { image, sandbox } = request;
      const tell =
        onPullEvent && ((event: ImagePullEvent['event']) => onPullEvent({ image: image.image, sandbox, event }));
      return images.pullImage(request, { ...call, verify, onEvent: tell });
    },
  };
}
