import { describe, expect, it } from 'vitest';
import { ARROWS, crowdedFolders, fileCircles, folderCircles, INNER_ARROWS, layerViolations } from './layers.ts';
import type { SourceText } from './imports.ts';
import { readSources } from './sources.ts';

const check = (path: string, text: string): readonly string[] => layerViolations([{ path, text }]);

describe('layers', () => {
  it('are kept by every import of src', () => {
    expect(layerViolations(readSources())).toEqual([]);
  });

  it('have no circle between folders, values and types alike', () => {
    expect(folderCircles(readSources())).toEqual([]);
  });

  it('have no circle between files, values and types alike', () => {
    expect(fileCircles(readSources())).toEqual([]);
  });

  it('have an arrow for every folder of a room, to folders below it only', () => {
    for (const [room, arrows] of Object.entries(INNER_ARROWS)) {
      const folders = Object.keys(arrows);
      const inside = new Set(
        readSources()
          .filter(({ path }) => path.startsWith(`${room}/`))
          .map(({ path }) => path.slice(room.length + 1, Math.max(room.length + 1, path.lastIndexOf('/'))) || '.'),
      );
      expect(folders.toSorted()).toEqual([...inside].toSorted());
      for (const [at, folder] of folders.entries())
        expect(folders.slice(0, at)).toEqual(expect.arrayContaining([...(arrows[folder] ?? [])]));
    }
  });

  it('have no more than 20 files in any folder', () => {
    expect(crowdedFolders(readSources())).toEqual([]);
  });

  it('have an arrow for every module, to modules below it only', () => {
    const modules = Object.keys(ARROWS);
    const folders = new Set(readSources().map(({ path }) => path.split('/')[0]));
    const top = ['index.ts', 'node', 'testing', 'cri', 'cli'];
    expect([...folders].filter((name) => !top.includes(name ?? '') && !modules.includes(name ?? ''))).toEqual([]);
    for (const [at, name] of modules.entries())
      expect(modules.slice(0, at)).toEqual(expect.arrayContaining([...(ARROWS[name] ?? [])]));
  });
});

describe('crowdedFolders', () => {
  it('counts the files of each folder by itself, also those of the root', () => {
    const files = (folder: string, count: number): readonly SourceText[] =>
      Array.from({ length: count }, (_, index) => ({ path: `${folder}${index}.ts`, text: '' }));
    expect(crowdedFolders([...files('node/', 20), ...files('node/files/', 20), ...files('lint/', 21)])).toEqual([
      'lint: 21 files',
    ]);
    expect(crowdedFolders(files('', 21))).toEqual(['.: 21 files']);
  });
});

describe('layerViolations', () => {
  it.each([
    ['an import upwards', 'match/a.ts', `import { x } from '../keyring/index.js';`, 'no arrow from match to keyring'],
    ['a sideways import', 'oci/a.ts', `import { x } from '../reference/index.js';`, 'no arrow from oci to reference'],
    ['an inline type, which stays as an import', 'oci/a.ts', `import { type X } from '../match/index.js';`, 'no arrow'],
    ['a re-export', 'oci/index.ts', `export { x } from '../match/index.js';`, 'no arrow from oci to match'],
    ['a dynamic import', 'oci/a.ts', `const x = () => import('../match/index.js');`, 'no arrow from oci to match'],
    ['a require', 'oci/a.ts', `const x = require('node:fs');`, 'not for oci'],
    [
      'a type from above',
      'match/a.ts',
      `import type { X } from '../keyring/index.js';`,
      'no arrow from match to keyring',
    ],
    [
      'a type for errors',
      'errors/a.ts',
      `import type { X } from '../puller/index.js';`,
      'no arrow from errors to puller',
    ],
    [
      'a way past the doors',
      'puller/a.ts',
      `import { x } from '../store/memory.js';`,
      'through its index.js or inner.js',
    ],
    ['a way past the doors for a type', 'puller/a.ts', `import type { X } from '../store/types.js';`, 'its index.js'],
    [
      'an arrow upwards inside a room',
      'distribution/transport/a.ts',
      `import { x } from '../pull/b.js';`,
      'no arrow in',
    ],
    ['a type upwards inside a room', 'node/files/a.ts', `import type { X } from '../layout/b.js';`, 'no arrow in node'],
    ['a folder that has no arrow', 'node/attic/a.ts', `import { x } from '../files/b.js';`, 'no arrow for its folder'],
    ['the root', 'keyring/a.ts', `import { x } from '../index.js';`, 'nobody imports index'],
    ['the root, for a type', 'keyring/a.ts', `import type { X } from '../index.js';`, 'nobody imports index'],
    ['the Node adapters', 'testing/a.ts', `import { x } from '../node/index.js';`, 'nobody imports node'],
    ['the testing module', 'node/a.ts', `import { x } from '../testing/index.js';`, 'nobody imports testing'],
    ['the command line', 'node/a.ts', `import { x } from '../cli/index.js';`, 'nobody imports cli'],
    [
      'the testing module in the command line',
      'cli/a.ts',
      `import { x } from '../testing/index.js';`,
      'nobody imports testing',
    ],
    ['the root, by re-export of node', 'index.ts', `export { x } from './node/index.js';`, 'nobody imports node'],
    ['a built-in in a portable module', 'store/a.ts', `import { x } from 'node:fs';`, 'not for store'],
    ['a built-in in a portable type', 'store/a.ts', `import type { X } from 'node:fs';`, 'not for store'],
    ['a built-in by import type', 'store/a.ts', `type X = import('node:fs').Stats;`, 'not for store'],
    ['a built-in without its prefix', 'node/a.ts', `import { x } from 'fs';`, 'not a package'],
    ['undici in a portable module', 'distribution/a.ts', `import { x } from 'undici';`, 'not for distribution'],
    ['picomatch outside rules', 'match/a.ts', `import p from 'picomatch/posix.js';`, 'not for match'],
    ['an unlisted package', 'node/a.ts', `import { x } from 'undici-types';`, 'not a package'],
    ['a module without an arrow', 'novelty/a.ts', `import { x } from '../errors/index.js';`, 'novelty has no arrow'],
    ['a missing extension', 'oci/a.ts', `import { x } from './types';`, 'ends in .js'],
  ])('refuses %s', (_, path, text, reason) => {
    expect(check(path, text)).toEqual([expect.stringContaining(reason)]);
  });

  it.each([
    ['an arrow', 'keyring/a.ts', `import { x } from '../match/index.js';`],
    [
      'errors and internal',
      'match/a.ts',
      `import { x } from '../errors/index.js'; import { y } from '../internal/index.js';`,
    ],
    ['the door for other rooms', 'image-manager/a.ts', `import { x } from '../image-service/inner.js';`],
    ['an arrow inside a room', 'distribution/pull/a.ts', `import { x } from '../session/b.js';`],
    ['what is below errors', 'errors/a.ts', `import type { X } from '../internal/index.js';`],
    ['its own files', 'oci/index.ts', `export { x } from './types.js';`],
    ['Node in an adapter', 'node/a.ts', `import { x } from 'node:fs/promises'; import { y } from 'undici';`],
    ['the Node adapters in the command line', 'cli/a.ts', `import { x } from '../node/index.js';`],
    ['picomatch in rules', 'rules/a.ts', `import p from 'picomatch/posix.js';`],
    ['any portable module in an adapter', 'testing/a.ts', `import { x } from '../puller/index.js';`],
    ['any portable module in the root', 'index.ts', `export { x } from './puller/index.js';`],
    [
      'an import in a comment',
      'oci/a.ts',
      `// import { x } from 'node:fs';\n/** import('undici') */ export const x = 1;`,
    ],
  ])('allows %s', (_, path, text) => {
    expect(check(path, text)).toEqual([]);
  });
});

describe('folderCircles', () => {
  it.each([
    ['of values', `import { x } from '../keyring/index.js';`],
    ['of types', `import type { X } from '../keyring/index.js';`],
  ])('finds a circle %s', (_, text) => {
    const planted = [
      { path: 'match/a.ts', text },
      { path: 'keyring/b.ts', text: `import { y } from '../match/index.js';` },
      { path: 'lint/c.ts', text: `import { y } from '../match/index.js';` },
    ];
    expect(folderCircles(planted)).toEqual(['keyring', 'match']);
  });

  it('finds a circle inside a room', () => {
    const planted = [
      { path: 'node/files/a.ts', text: `import type { X } from '../layout/b.js';` },
      { path: 'node/layout/b.ts', text: `import { y } from '../files/a.js';` },
    ];
    expect(folderCircles(planted)).toEqual(['node/files', 'node/layout']);
  });
});

describe('fileCircles', () => {
  it('finds a circle of three files, also where one arrow is a type', () => {
    const planted = [
      { path: 'match/a.ts', text: `import { b } from './b.js';` },
      { path: 'match/b.ts', text: `import type { C } from './c.js';` },
      { path: 'match/c.ts', text: `import { a } from './a.js';` },
      { path: 'match/d.ts', text: `import { a } from './a.js';` },
    ];
    expect(fileCircles(planted)).toEqual(['match/a.ts', 'match/b.ts', 'match/c.ts']);
  });
});
