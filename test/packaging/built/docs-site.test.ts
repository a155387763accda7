import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, type Ran } from '../child.ts';
import { listEntries, root } from '../entries.mjs';

const site = mkdtempSync(join(tmpdir(), 'kubepull-site-'));
let built: Ran;

beforeAll(async () => {
  built = await run(process.execPath, [join(root, 'node_modules/typedoc/bin/typedoc'), '--out', site]);
});
afterAll(() => rmSync(site, { recursive: true, force: true }));

/** Every page, by its path in the site. */
function readPages(): readonly { readonly path: string; readonly text: string }[] {
  const files = readdirSync(site, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.html'));
  return files.map((path) => ({ path, text: readFileSync(join(site, path), 'utf8') }));
}

describe('the documentation site', () => {
  it('is built without a warning, such as a link that leads nowhere', () => {
    expect([built.exitCode, built.stderr]).toEqual([0, '']);
  });

  it('has a page for every module and every guide', () => {
    const modules = listEntries().filter((entry) => entry !== 'index');
    expect(modules.filter((entry) => !existsSync(join(site, 'modules', `${entry}.html`)))).toEqual([]);
    const guides = readdirSync(join(root, 'docs/guides')).filter((name) => name.endsWith('.md'));
    const pages = readPages().map(({ path }) => path);
    expect(pages.filter((path) => path.startsWith('documents')).length).toBeGreaterThan(guides.length);
  });

  it('links to files that are there', () => {
    const broken = readPages().flatMap(({ path, text }) =>
      [...text.matchAll(/(?:href|src)="(?!https?:|#|mailto:|data:)([^"#?]+)/gu)]
        .map(([, target = '']) => resolve(site, dirname(path), decodeURIComponent(target)))
        .filter((target) => !existsSync(target))
        .map((target) => `${path}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('asks no other server for anything', () => {
    const loads = /<(?:script|img|iframe|link|source|video|audio)\b[^>]*\b(?:src|href)="(?:https?:)?\/\/[^"]*"/gu;
    const asked = readPages().flatMap(({ path, text }) => (text.match(loads) ?? []).map((tag) => `${path}: ${tag}`));
    expect(asked).toEqual([]);
    const styles = readdirSync(join(site, 'assets')).filter((name) => name.endsWith('.css'));
    expect(
      styles.filter((name) => /url\((?:"|')?https?:/u.test(readFileSync(join(site, 'assets', name), 'utf8'))),
    ).toEqual([]);
  });

  it('lists every module and guide for programs in llms.txt, a line each, with links to files that are there', () => {
    const text = readFileSync(join(site, 'llms.txt'), 'utf8');
    const items = [...text.matchAll(/^- \[([^\]]+)\]\(([^)]+)\): (\S.*)$/gmu)].map(([, name, target]) => ({
      name,
      target,
    }));
    const modules = listEntries().filter((entry) => entry !== 'index');
    expect(items.filter(({ target }) => target?.startsWith('modules/')).map(({ name }) => name)).toEqual(
      modules.map((entry) => `kubepull/${entry}`),
    );
    const guides = readdirSync(join(root, 'docs/guides')).filter((name) => name.endsWith('.md'));
    expect(items.filter(({ target }) => target?.startsWith('documents/docs_guides_')).length).toBe(guides.length + 1);
    const targets = Array.from(text.matchAll(/\]\(([^)]+)\)/gu), ([, target = '']) => target);
    expect(targets.filter((target) => !existsSync(join(site, target)))).toEqual([]);
  });

  it('gives the README and every guide in full in llms-full.txt', () => {
    const text = readFileSync(join(site, 'llms-full.txt'), 'utf8');
    const guides = readdirSync(join(root, 'docs/guides'), { recursive: true, encoding: 'utf8' });
    const sources = [
      'README.md',
      ...guides.filter((name) => name.endsWith('.md')).map((name) => `docs/guides/${name}`),
    ];
    expect(sources.length).toBeGreaterThan(20);
    const missing = sources.filter(
      (path) =>
        text.split(readFileSync(join(root, path), 'utf8').trim()).length !== 2 || !text.includes(`<!-- ${path} -->`),
    );
    expect(missing).toEqual([]);
  });
});
