// containerd/platforms on a linux/amd64 host.
import type { Digest } from 'kubepull/digest';
import { isImageError } from 'kubepull/errors';
import type { ImageIndex, Platform } from 'kubepull/oci';
import {
  formatPlatform,
  normalizePlatform,
  createPlatformMatcher,
  createStrictPlatformMatcher,
  parsePlatform,
  rankManifests,
} from 'kubepull/platform';
import { type Outcome, pick, plain, text, type VectorCase } from './check.ts';

const host = { os: 'linux', architecture: 'amd64' };

/** A platform in the words of the vector file. */
interface VectorPlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly osVersion?: string;
  readonly osFeatures?: readonly string[];
}

function fromVector({ osVersion, osFeatures, ...rest }: VectorPlatform): Platform {
  return { ...rest, 'os.version': osVersion, 'os.features': osFeatures };
}

function toVector({ 'os.version': osVersion, 'os.features': osFeatures, ...rest }: Platform): VectorCase {
  return plain({ ...rest, osVersion, osFeatures });
}

export function checkPlatform(vector: VectorCase): Outcome {
  const want = pick(vector, 'ok', 'out', 'format', 'matches', 'best');
  switch (vector['op']) {
    case 'parse':
      return { want, got: parse(text(vector, 'in')) };
    case 'normalize': {
      const normalized = normalizePlatform(platformOf(vector), { host });
      return { want, got: { out: toVector(normalized), format: formatPlatform(normalized) } };
    }
    default:
      return { want, got: rank(vector) };
  }
}

function platformOf(vector: VectorCase): Platform {
  return fromVector(vector['platform'] as VectorPlatform);
}

function parse(specifier: string): VectorCase {
  try {
    const parsed = parsePlatform(specifier, { host });
    return { ok: true, out: toVector(parsed), format: formatPlatform(parsed) };
  } catch (error) {
    if (isImageError(error) && error.code === 'ERR_PLATFORM_INVALID') return { ok: false };
    throw error;
  }
}

function rank(vector: VectorCase): VectorCase {
  const platform = platformOf(vector);
  const makeMatcher = vector['op'] === 'only' ? createPlatformMatcher : createStrictPlatformMatcher;
  const index = indexOf(vector['index'] as readonly (VectorPlatform | null)[]);
  const matches = rankManifests(index, platform, makeMatcher(platform, { host })).map(({ size }) => size);
  return { matches, best: matches[0] ?? -1 };
}

/** An index of these platforms; an entry's size tells its place. */
function indexOf(platforms: readonly (VectorPlatform | null)[]): ImageIndex {
  return {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: platforms.map((platform, place) => ({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: `sha256:${'0'.repeat(64)}` as Digest,
      size: place,
      platform: platform === null ? undefined : fromVector(platform),
    })),
  };
}
