import { ImageError, StoreError } from '../errors/index.js';
import { hasMethods, isOptionalFunction, quote, wrongOption } from '../internal/index.js';
import { copyContent } from './copy-content.js';
import type { CopiedImage, CopyImageOptions } from './copy-types.js';
import { checkStoreName } from './store-name.js';
import type { ImageStore } from './types.js';

/**
 * Copies an image from one store to another, and names it there once all of it has come and is verified.
 *
 * An index is copied with the images of all its platforms, byte for byte. With `select` it is one of them only, or an
 * index of some. A single image, such as `pullImage` stores, is copied as it is: `select` is not asked, so it is no check
 * of the platform.
 *
 * @param from - the store that has the image
 * @param name - its name there
 * @param to - the store that shall have it; what it has already is not copied again
 * @param options - the name in the target, what to take of an index, who is told of progress, an abort signal
 * @returns what the target has now
 * @throws {@link StoreError} when the source has no such name or lacks content of it, or when a store failed
 * @throws {@link ContentMismatchError} when content of the source is not what its descriptor says
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when `select` chooses nothing, or what is not in the index, and
 * for an option of the wrong kind
 * @throws {@link PlatformNotFoundError} from a `select` that finds no image for its platform
 * @example
 * ```ts
 * import { nodeHasher, openOciLayout } from 'kubepull/node';
 * import { parsePlatform, selectManifest } from 'kubepull/platform';
 * import { copyImage } from 'kubepull/store';
 *
 * const platform = parsePlatform('linux/arm64');
 * await copyImage(await openOciLayout('./all'), 'registry.example.com/app:1', await openOciLayout('./edge'), {
 *   select: (index) => selectManifest(index, platform),
 *   createHasher: nodeHasher,
 * });
 * ```
 * @see Copy in oras.land/oras-go copy.go
 * @public
 */
export async function copyImage(
  from: Pick<ImageStore, 'has' | 'read' | 'resolve'>,
  name: string,
  to: ImageStore,
  options: CopyImageOptions = {},
): Promise<CopiedImage> {
  checkKinds(from, name, to, options);
  const { as = name, signal } = options;
  signal?.throwIfAborted();
  checkStoreName(as);
  const found = await from.resolve(name, { signal });
  if (found === undefined) {
    throw new StoreError(`Cannot copy ${quote(name)}: the store has no such name`, { operation: 'resolve' });
  }
  const copied = await copyContent(from, found, to, options);
  await to.tag(as, copied.root, { signal });
  return { name: as, ...copied };
}

function checkKinds(
  from: unknown,
  name: unknown,
  to: unknown,
  { select, createHasher, onEvent }: CopyImageOptions,
): void {
  const wrong = wrongOption(
    ['source', hasMethods(from, 'has', 'read', 'resolve'), 'a store'],
    ['name', typeof name === 'string', 'a text'],
    ['target', hasMethods(to, 'has', 'ingest', 'tag'), 'a store'],
    ['select', isOptionalFunction(select), 'a function of an index'],
    ['createHasher', isOptionalFunction(createHasher), 'a function, such as nodeHasher of kubepull/node'],
    ['onEvent', isOptionalFunction(onEvent), 'a function'],
  );
  if (wrong !== undefined) throw new ImageError('ERR_OPTION_INVALID', `Cannot copy with ${wrong}`);
}
