import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  billOfMaterials,
  dependenciesOf,
  dependenciesPage,
  licenseFaults,
  optionalDependencies,
  requiredDependencies,
} from './dependencies.mjs';
import { root } from './entries.mjs';

/** Without the padding of tables, which the formatter decides. */
const bare = (text: string): string => text.replace(/ +/g, ' ').replace(/-+/g, '-');

describe('the dependencies', () => {
  const all = [...requiredDependencies(), ...optionalDependencies()];

  it('have permissive licenses', () => {
    expect(licenseFaults(all)).toEqual([]);
  });

  it.each(all.map(({ place, ...rest }) => [place, rest] as const))(
    'are installed with the license that the lock file names: %s',
    (place, { name, version, license }) => {
      const installed: unknown = JSON.parse(readFileSync(join(root, place, 'package.json'), 'utf8'));
      expect(installed).toMatchObject({ name, version, license });
    },
  );

  it('are those of the page; `node test/packaging/dependencies.mjs --write` renews it', () => {
    expect(bare(readFileSync(join(root, 'docs/dependencies.md'), 'utf8'))).toBe(bare(dependenciesPage()));
  });

  it('are all in the bill of materials, with their licenses, and nothing else is', () => {
    interface Bill {
      readonly bomFormat: string;
      readonly metadata: { readonly component: { readonly name: string } };
      readonly components: readonly {
        readonly name: string;
        readonly version: string;
        readonly licenses: readonly { readonly license: { readonly id: string } }[];
      }[];
    }
    const bill = JSON.parse(billOfMaterials()) as Bill;
    expect([bill.bomFormat, bill.metadata.component.name]).toEqual(['CycloneDX', 'kubepull']);
    const listed = bill.components.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    expect(
      listed.map(({ name, version, licenses }) => [name, version, licenses.map(({ license }) => license.id)]),
    ).toEqual(requiredDependencies().map(({ name, version, license }) => [name, version, [license]]));
  });
});

describe('dependenciesOf', () => {
  const locked = {
    'node_modules/a': { version: '1.0.0', license: 'MIT', dependencies: { b: '^1.0.0', c: '^2.0.0' } },
    'node_modules/a/node_modules/b': { version: '1.1.0', license: 'GPL-3.0-only', dependencies: { c: '^2.0.0' } },
    'node_modules/b': { version: '2.0.0', license: 'MIT' },
    'node_modules/c': { version: '2.0.0', dependencies: { a: '^1.0.0' } },
  };

  it('takes the nearest copy of a package, and ends where packages need each other', () => {
    expect(dependenciesOf(locked, ['a']).map(({ place, direct }) => [place, direct])).toEqual([
      ['node_modules/a', true],
      ['node_modules/a/node_modules/b', false],
      ['node_modules/c', false],
    ]);
  });

  it('finds a license that is not permissive, and one that is missing, also below another package', () => {
    expect(licenseFaults(dependenciesOf(locked, ['a']))).toEqual(['b 1.1.0: GPL-3.0-only', 'c 2.0.0: none']);
  });

  it('throws for a package that the lock file lacks', () => {
    expect(() => dependenciesOf(locked, ['d'])).toThrow(/^d, which this package needs, is not in package-lock\.json$/);
  });
});
