// The golden cases of containerd/platforms, on a linux/amd64 host, through the public API.
import { readFileSync } from 'node:fs';
import type { Digest } from 'kubepull/digest';
import { isImageError } from 'kubepull/errors';
import type { ImageIndex, Platform } from 'kubepull/oci';
import {
  formatPlatform,
  normalizePlatform,
  onlyPlatform,
  onlyStrictPlatform,
  parsePlatform,
  rankManifests,
} from 'kubepull/platform';
import { describe, expect, it } from 'vitest';

interface VectorPlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly osVersion?: string;
  readonly osFeatures?: readonly string[];
}

type Case =
  | {
      readonly op: 'parse';
      readonly in: string;
      readonly ok: boolean;
      readonly out?: VectorPlatform;
      readonly format?: string;
    }
  | {
      readonly op: 'normalize';
      readonly platform: VectorPlatform;
      readonly out: VectorPlatform;
      readonly format: string;
    }
  | {
      readonly op: 'only' | 'onlyStrict';
      readonly platform: VectorPlatform;
      readonly index: readonly (VectorPlatform | null)[];
      readonly matches: readonly number[];
      readonly best: number;
    };

const host = { os: 'linux', architecture: 'amd64' };

function fromVector({ osVersion, osFeatures, ...rest }: VectorPlatform): Platform {
  return { ...rest, 'os.version': osVersion, 'os.features': osFeatures };
}

function toVector(platform: Platform): VectorPlatform {
  const { 'os.version': osVersion, 'os.features': osFeatures, variant, os, architecture } = platform;
  return {
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    ...(osVersion === undefined ? {} : { osVersion }),
    ...(osFeatures === undefined ? {} : { osFeatures }),
  };
}

function indexOf(platforms: readonly (VectorPlatform | null)[]): ImageIndex {
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const digest = `sha256:${'0'.repeat(64)}` as Digest;
  return {
    schemaVersion: 2,
    mediaType,
    manifests: platforms.map((platform, place) => ({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest,
      size: place,
      platform: platform === null ? undefined : fromVector(platform),
    })),
  };
}

/** What the library answers, in the words of the vector file. */
function answer(one: Case): unknown {
  if (one.op === 'parse') {
    try {
      const parsed = parsePlatform(one.in, { host });
      return { ok: true, out: toVector(parsed), format: formatPlatform(parsed) };
    } catch (error) {
      return { ok: !isImageError(error) || error.code !== 'ERR_PLATFORM_INVALID' };
    }
  }
  const platform = fromVector(one.platform);
  if (one.op === 'normalize') {
    const normalized = normalizePlatform(platform, { host });
    return { out: toVector(normalized), format: formatPlatform(normalized) };
  }
  const matcher = one.op === 'only' ? onlyPlatform(platform, { host }) : onlyStrictPlatform(platform, { host });
  const matches = rankManifests(indexOf(one.index), platform, matcher).map(({ size }) => size);
  return { matches, best: matches[0] ?? -1 };
}

const { cases } = JSON.parse(readFileSync(new URL('../vectors/platforms.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly Case[];
};

describe.each([
  ['parse', 'parsePlatform'],
  ['normalize', 'normalizePlatform'],
  ['only', 'onlyPlatform'],
  ['onlyStrict', 'onlyStrictPlatform'],
] as const)('%s', (op, name) => {
  it(`M10 ${name} agrees with containerd on every case of platforms.json`, () => {
    const own = cases.filter((one) => one.op === op);
    expect(own.length).toBeGreaterThan(50);
    const differing = own.flatMap((one) => {
      const got = answer(one);
      const want = Object.fromEntries(
        Object.entries(one).filter(([key]) => ['ok', 'out', 'format', 'matches', 'best'].includes(key)),
      );
      return JSON.stringify(sorted(got)) === JSON.stringify(sorted(want)) ? [] : [{ one, got }];
    });
    expect(differing).toEqual([]);
  });
});

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([key, part]) => [key, sorted(part)] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
