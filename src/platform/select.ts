import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { PlatformNotFoundError } from '../errors/index.js';
import { printable } from '../internal/index.js';
import {
  type Descriptor,
  type ImageIndex,
  isIndexMediaType,
  isManifestMediaType,
  normalizeMediaType,
  type Platform,
} from '../oci/index.js';
import { formatPlatform } from './format.js';
import { createPlatformMatcher, type PlatformMatcher } from './matcher.js';
import { checkPlatform } from './normalize.js';

const INDEX = /* @__PURE__ */ is.shape(
  { manifests: is.listOf(is.object) },
  'an index, such as parseImageIndex() gives',
);
const MATCHER = /* @__PURE__ */ is.having('a matcher, such as onlyPlatform() gives', 'matches', 'compare');

const MAX_LISTED = 50;
const MAX_NAME = 64;
const MAX_KINDS = 4;
/** BuildKit's mark of an entry that is a statement about an image and no image. */
const REFERENCE_TYPE = 'vnd.docker.reference.type';

/**
 * The entries of an index that fit a platform, best first.
 *
 * Entries without platform are kept and come last: what they are for is in their image's config. Entries that fit equally
 * well keep their order. Attestations are left out, and what is neither a manifest nor an index: an index may have entries
 * of kinds that are not known yet.
 *
 * @param index - the index
 * @param wanted - the platform that the image is for
 * @param matcher - what fits and what is better; by default {@link createPlatformMatcher} of the wanted platform
 * @returns the candidates; empty when nothing fits
 * @example
 * ```ts
 * import { parseImageIndex } from 'kubepull/oci';
 * import { rankManifests } from 'kubepull/platform';
 *
 * const bytes = new TextEncoder().encode('{"schemaVersion":2,"manifests":[]}');
 * rankManifests(parseImageIndex(bytes), { os: 'linux', architecture: 'arm64' }); // []
 * ```
 * @see Manifest in containerd core/images/image.go
 * @public
 */
export function rankManifests(
  index: ImageIndex,
  wanted: Platform,
  matcher: PlatformMatcher = createPlatformMatcher(wanted),
): readonly Descriptor[] {
  checkPlatform('Cannot select a manifest', wanted);
  check('Cannot select a manifest', { index, matcher }, { index: INDEX, matcher: MATCHER });
  const candidates = index.manifests.filter(
    (entry) => isImage(entry) && (entry.platform === undefined || matcher.matches(entry.platform)),
  );
  return candidates.toSorted((a, b) => {
    if (a.platform === undefined || b.platform === undefined) return Number(!a.platform) - Number(!b.platform);
    return matcher.compare(a.platform, b.platform);
  });
}

/**
 * The entry of an index that a node of the wanted platform pulls.
 *
 * @param index - the index
 * @param wanted - the platform that the image is for
 * @param matcher - what fits and what is better; by default {@link createPlatformMatcher} of the wanted platform
 * @returns the best entry
 * @throws {@link PlatformNotFoundError} when nothing fits; it lists what there is, at most 50
 * @example
 * ```ts
 * import { parseImageIndex } from 'kubepull/oci';
 * import { parsePlatform, selectManifest } from 'kubepull/platform';
 *
 * declare const bytes: Uint8Array; // the index as the registry sent it
 * selectManifest(parseImageIndex(bytes), parsePlatform('linux/arm64')).digest;
 * ```
 * @see Manifest in containerd core/images/image.go
 * @public
 */
export function selectManifest(index: ImageIndex, wanted: Platform, matcher?: PlatformMatcher): Descriptor {
  const [best] = rankManifests(index, wanted, matcher);
  if (best !== undefined) return best;
  const platforms = listPlatforms(index);
  const names = [...platforms.keys()].map((name) => printable(name, MAX_NAME));
  const hidden = names.length - MAX_LISTED;
  const listed = `${names.slice(0, MAX_LISTED).join(', ')}${hidden > 0 ? ` and ${hidden} more` : ''}`;
  const has = names.length === 0 ? `no image${otherKinds(index)}` : `only ${listed}`;
  throw new PlatformNotFoundError(
    `Cannot select a manifest for ${printable(formatPlatform(wanted))}: the index has ${has}`,
    wanted,
    [...platforms.values()].slice(0, MAX_LISTED),
  );
}

/** The platforms that an index has images for, by name, each once, in its order. */
function listPlatforms(index: ImageIndex): ReadonlyMap<string, Platform> {
  const platforms = new Map<string, Platform>();
  for (const entry of index.manifests) {
    const { platform } = entry;
    if (platform === undefined || !isImage(entry)) continue;
    const isUnknown = platform.os === 'unknown' && platform.architecture === 'unknown';
    if (!isUnknown) platforms.set(formatPlatform(platform), platform);
  }
  return platforms;
}

/** Whether an entry may be an image, or lead to one. */
function isImage({ mediaType, annotations }: Descriptor): boolean {
  const type = normalizeMediaType(mediaType);
  return (isManifestMediaType(type) || isIndexMediaType(type)) && !isAttestation(annotations);
}

/** What an index without images has instead, as far as that is worth a word. */
function otherKinds({ manifests }: ImageIndex): string {
  const kinds = new Set(manifests.filter((entry) => !isImage(entry)).map(({ mediaType }) => mediaType));
  const names = [...kinds].slice(0, MAX_KINDS).map((kind) => printable(kind, MAX_NAME));
  return names.length === 0 ? '' : `, but ${names.join(', ')}`;
}

function isAttestation(annotations: Descriptor['annotations']): boolean {
  if (annotations === undefined || !Object.hasOwn(annotations, REFERENCE_TYPE)) return false;
  return annotations[REFERENCE_TYPE] === 'attestation-manifest';
}
