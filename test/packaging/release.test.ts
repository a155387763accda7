import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listEntries, root } from './entries.mjs';
import { jsrManifestOf } from './jsr.mjs';
import { missingFiles, releaseFaults, type Release } from './release.mjs';

const log = (heading: string): string => `# Changelog\n\n${heading}\n\n### Added\n\n## [1.1.0] - 2026-01-31\n`;
const tagged: Release = {
  version: '1.2.0',
  locked: ['1.2.0', '1.2.0'],
  changelog: log('## [1.2.0] - 2026-02-28'),
  tags: ['v1.1.0', 'v1.2.0'],
  here: ['v1.2.0', 'stable'],
};
const rehearsed: Release = { ...tagged, changelog: log('## [1.2.0] - Unreleased'), tags: ['v1.1.0'], here: [] };

describe('a release', () => {
  it.each([
    ['tagged, with its date', tagged],
    ['rehearsed without a tag, with its date', { ...tagged, tags: ['v1.1.0'], here: [] }],
    ['rehearsed without a tag and a date', rehearsed],
    [
      'of a pre-release',
      {
        ...rehearsed,
        version: '2.0.0-rc.1',
        locked: ['2.0.0-rc.1'],
        changelog: log('## [2.0.0-rc.1] - Unreleased'),
      },
    ],
  ])('is in order when %s', (_, release) => {
    expect(releaseFaults(release)).toEqual([]);
  });

  it.each([
    [
      'is tagged otherwise than its version',
      { ...tagged, tags: ['v1.3.0'], here: ['v1.3.0'] },
      /^The tag of this commit is v1\.3\.0, .* tag it v1\.2\.0$/,
    ],
    ['has the version of an earlier release', { ...rehearsed, tags: ['v1.2.0'] }, /^v1\.2\.0 is the tag of another/],
    ['is tagged before its date is written', { ...rehearsed, here: ['v1.2.0'] }, /^CHANGELOG\.md: .* Unreleased/],
    [
      'has no section of its own',
      { ...tagged, changelog: log('') },
      /newest section is 1\.1\.0; begin one for 1\.2\.0/,
    ],
    ['has no changelog', { ...tagged, changelog: '' }, /newest section is none/],
    [
      'has a date of another form',
      { ...tagged, changelog: log('## [1.2.0] - 28 February') },
      /has the date 28 February/,
    ],
    [
      'has another version in the lock file',
      { ...tagged, locked: ['1.2.0', '1.1.0'] },
      /^package-lock\.json: it has 1\.1\.0/,
    ],
    ['has a version that is none', { ...rehearsed, version: '1.2' }, /^package\.json: 1\.2 is no version/],
  ] as const)('is refused when it %s', (_, release, fault) => {
    expect(releaseFaults(release)).toContainEqual(expect.stringMatching(fault));
  });
});

describe('missingFiles', () => {
  it('names what exports, bin and npm promise and the tarball lacks', () => {
    const manifest = {
      exports: { '.': { types: './dist/a.d.ts', default: './dist/a.js' } },
      bin: { a: 'dist/bin/a.js' },
    };
    const all = ['dist/a.d.ts', 'dist/a.js', 'dist/bin/a.js', 'README.md', 'LICENSE', 'CHANGELOG.md'];
    expect(missingFiles(manifest, all)).toEqual([]);
    for (const path of all)
      expect(
        missingFiles(
          manifest,
          all.filter((other) => other !== path),
        ),
      ).toEqual([path]);
  });
});

describe('the manifest for JSR', () => {
  const manifest = jsrManifestOf(
    { version: '1.2.0', license: 'Apache-2.0', dependencies: { yaml: '^2.0.0' }, peerDependencies: { peer: '^1.0.0' } },
    listEntries(),
  );

  it('exports the source of every entry', () => {
    expect(Object.keys(manifest.exports).length).toBe(listEntries().length);
    expect([manifest.exports['.'], manifest.exports['./keyring']]).toEqual([
      './src/index.ts',
      './src/keyring/index.ts',
    ]);
    expect(Object.values(manifest.exports).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('has the version and the dependencies of package.json', () => {
    expect(manifest).toMatchObject({ version: '1.2.0', imports: { yaml: 'npm:yaml@^2.0.0', peer: 'npm:peer@^1.0.0' } });
  });
});
