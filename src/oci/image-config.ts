import { type Digest, isDigest } from '../digest/index.js';
import type { JsonNode, Platform } from '../internal/index.js';
import { readDocument } from './document.js';
import { type DocumentOptions, resolveLimits } from './limits.js';
import { refuse, show } from './place.js';

/**
 * What an image's config says of the image; what is needed to run it is left out.
 *
 * @public
 */
export interface ImageConfig {
  /** What the image is for; `undefined` unless operating system and architecture are both named. */
  readonly platform: Platform | undefined;
  /** When it was built, as written. */
  readonly created: string | undefined;
  /** The digests of the layers' content, unpacked, lowest first. */
  readonly diffIds: readonly Digest[];
}

/**
 * Reads an image's config for what it says of the image.
 *
 * It is read with an open mind, because nothing is decided by it but the platform: fields of an unexpected type count as
 * missing.
 *
 * @param bytes - the config, already verified against its descriptor
 * @param options - limits
 * @returns platform, time and layers
 * @throws {@link ImageError} `ERR_REGISTRY_DOCUMENT` when it is no JSON object or too large
 * @example
 * ```ts
 * import { parseImageConfig } from 'kubepull/oci';
 *
 * const bytes = new TextEncoder().encode('{"os":"linux","architecture":"arm64"}');
 * parseImageConfig(bytes).platform; // { os: 'linux', architecture: 'arm64' }
 * ```
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md
 * @public
 */
export function parseImageConfig(bytes: Uint8Array, options: DocumentOptions = {}): ImageConfig {
  const root = readDocument(bytes, 'image config', resolveLimits(options));
  if (root.node.kind !== 'object') throw refuse(root, `must be an object, not ${show(root.node)}`);
  return {
    platform: readPlatform(root.node),
    created: textOf(root.node, 'created'),
    diffIds: textsOf(memberOf(root.node, 'rootfs'), 'diff_ids').filter((text) => isDigest(text)),
  };
}

function readPlatform(node: JsonNode): Platform | undefined {
  const [os = '', architecture = ''] = [textOf(node, 'os'), textOf(node, 'architecture')];
  if (os === '' || architecture === '') return undefined;
  const [variant = '', version = ''] = [textOf(node, 'variant'), textOf(node, 'os.version')];
  const features = textsOf(node, 'os.features');
  return {
    os,
    architecture,
    ...(variant === '' ? {} : { variant }),
    ...(version === '' ? {} : { 'os.version': version }),
    ...(features.length === 0 ? {} : { 'os.features': features }),
  };
}

/** The last member of that name, as Go and `JSON.parse` have it. */
function memberOf(node: JsonNode | undefined, key: string): JsonNode | undefined {
  return node?.kind === 'object' ? node.members.findLast((member) => member.key === key)?.value : undefined;
}

function textOf(node: JsonNode, key: string): string | undefined {
  const member = memberOf(node, key);
  return member?.kind === 'string' ? member.value : undefined;
}

function textsOf(node: JsonNode | undefined, key: string): readonly string[] {
  const member = memberOf(node, key);
  const items = member?.kind === 'array' ? member.items : [];
  return items.flatMap((item) => (item.kind === 'string' ? [item.value] : []));
}
