import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { root, specifierOf } from '../entries.mjs';

/** What each program needs of the library, and names of functions that must not come along. */
const PROGRAMS: Readonly<Record<string, { readonly source: string; readonly without: readonly string[] }>> = {
  parseReference: {
    source: `export { parseReference } from 'kubepull/reference';`,
    without: ['parsePattern', 'createKeyring', 'parsePlatform', 'pullImage', 'createRegistrySession', 'parseManifest'],
  },
  createKeyring: {
    source: `export { createKeyring } from 'kubepull/keyring';`,
    without: ['validateSecret', 'pullImage', 'createRegistrySession', 'parseManifest', 'lintPod', 'createMemoryStore'],
  },
  'pullImage with a transport and a store': {
    source: `export { pullImage } from 'kubepull/puller';
      export { createFetchTransport } from 'kubepull/distribution';
      export { createMemoryStore } from 'kubepull/store';`,
    without: [
      'pushBlob',
      'pushManifest',
      'listTags',
      'listReferrers',
      'lintPod',
      'createImageManager',
      'validateSecret',
    ],
  },
  createImageManager: {
    source: `export { createImageManager } from 'kubepull/image-manager';`,
    without: [
      'pushBlob',
      'listTags',
      'listReferrers',
      'createMemoryStore',
      'pullImage',
      'createFetchTransport',
      'lintPod',
    ],
  },
};

/** The bundle of a program for a browser, with the names of functions as they are in the source. */
async function bundleOf(source: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: root },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}

const declares = (code: string, name: string): boolean => new RegExp(`function\\*? ${name}\\(`).test(code);

describe('a bundle', () => {
  it.each(Object.entries(PROGRAMS))('of %s has no function of what it does not use', async (_, { source, without }) => {
    const code = await bundleOf(source);
    expect(without.filter((name) => declares(code, name))).toEqual([]);
  });

  it('would be caught: one of everything has all of these names', async () => {
    const rooms = [
      'kubepull',
      ...['distribution', 'image-manager', 'match', 'oci', 'puller', 'store'].map(specifierOf),
    ];
    const code = await bundleOf(rooms.map((room) => `export * from '${room}';`).join('\n'));
    const names = Object.values(PROGRAMS).flatMap(({ without }) => without);
    expect(names.filter((name) => !declares(code, name))).toEqual([]);
  });
});
