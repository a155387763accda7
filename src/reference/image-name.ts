import { InvalidReferenceError } from '../errors/index.js';
import { goQuote, hideUserInfo } from '../internal/index.js';
import { readNormalized } from './read.js';
import { tryRead } from './refuse.js';
import type { ImageReference } from './types.js';

const DEFAULT_TAG = 'latest';

/**
 * Parses the image of a container as kubelet does for everything but the pull itself: to look up credentials, to ask
 * plugins, to keep records, and to choose the default pull policy.
 *
 * @param image - the `image` of a container, or the `reference` of an image volume
 * @returns its parts, with the text as written as `input`; the tag is `latest` when there is neither tag nor digest
 * @throws {@link InvalidReferenceError} as of `parseReference`, with kubelet's longer text as `upstream`
 * @example
 * ```ts
 * import { parseImageName } from 'kubepull/reference';
 *
 * const { name, tag } = parseImageName('nginx'); // 'docker.io/library/nginx', 'latest'
 * ```
 * @see ParseImageName in kubernetes pkg/util/parsers/parsers.go, v1.32
 * @public
 */
export function parseImageName(image: string): ImageReference {
  const ref = tryRead(image, readNormalized);
  if (ref instanceof InvalidReferenceError) throw asKubelet(typeof image === 'string' ? image : '', ref);
  return ref.tag === undefined && ref.digest === undefined ? { ...ref, tag: DEFAULT_TAG } : ref;
}

/**
 * Gives the image string that kubelet hands to the container runtime: the container's own, with `:latest` behind it when
 * it has neither tag nor digest.
 *
 * A short name stays short. Which registry it means is the runtime's decision.
 *
 * @param image - the container's `image`
 * @returns the string for the runtime
 * @throws {@link InvalidReferenceError} when the image cannot be parsed: kubelet's `InvalidImageName`. `upstream` is the
 * text that kubelet puts behind `Failed to apply default image tag "…": `
 * @example
 * ```ts
 * import { applyDefaultTag } from 'kubepull/reference';
 *
 * applyDefaultTag('nginx'); // 'nginx:latest'
 * applyDefaultTag('quay.io/team/app:1'); // unchanged
 * ```
 * @see applyDefaultImageTag in kubernetes pkg/kubelet/images/image_manager.go, v1.35
 * @public
 */
export function applyDefaultTag(image: string): string {
  return textWithTag(parseImageName(image));
}

/** The text of an image that `parseImageName` has read, with the tag that it filled in. */
export function textWithTag({ input, tag, digest }: ImageReference): string {
  const addTag = digest === undefined && tag !== undefined && !input.endsWith(`:${tag}`);
  return addTag ? `${input}:${tag}` : input;
}

function asKubelet(image: string, error: InvalidReferenceError): InvalidReferenceError {
  const upstream = `couldn't parse image name ${goQuote(hideUserInfo(image))}: ${error.upstream}`;
  return new InvalidReferenceError(error.message, hideUserInfo(image), { ...pickFault(error), upstream });
}

function pickFault({
  reason,
  position,
  suggestion,
}: InvalidReferenceError): Pick<InvalidReferenceError, 'reason' | 'position' | 'suggestion'> {
  return { reason, position, suggestion };
}
