import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, type Ran } from '../child.ts';
import { listEntries, root } from '../entries.mjs';
import { followLinks } from '../links.mjs';
import { readFiles } from '../sources.ts';

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

  it('has a page for every module, and for every page of docs', () => {
    const modules = listEntries().filter((entry) => entry !== 'index');
    expect(modules.filter((entry) => !existsSync(join(site, 'modules', `${entry}.html`)))).toEqual([]);
    const texts = readFiles('docs', /^(?!api\/|site\/).*\.md$/).map(({ path }) => path);
    expect(texts.length).toBeGreaterThan(50);
    const pageOf = (path: string): string => join(site, 'documents', path.replace(/\.md$/u, '.html'));
    expect(texts.filter((path) => !existsSync(pageOf(path)))).toEqual([]);
  });

  it('says on the page of every symbol how it is imported', () => {
    const pages = readPages().filter(({ path }) => /^(functions|variables|classes|interfaces|types)\//u.test(path));
    expect(pages.length).toBeGreaterThan(700);
    const without = pages.filter(({ path, text }) => {
      const [, module = '', name = ''] = /^\w+\/([\w-]+)\.(\w+)\.html$/u.exec(path) ?? [];
      const [, line = ''] = /<pre class="import"[^>]*><code>([^<]*)<\/code>/u.exec(text) ?? [];
      return !new RegExp(`^import (type )?\\{ ${name} \\} from 'kubepull/${module}';`, 'u').test(
        line.replaceAll('&#39;', "'"),
      );
    });
    expect(without.map(({ path }) => path)).toEqual([]);
  });

  it('draws every diagram', () => {
    const drawn = readFileSync(join(site, 'documents/architecture.html'), 'utf8');
    const written = readFileSync(join(root, 'docs/architecture.md'), 'utf8').split('```mermaid').length - 1;
    expect(drawn.split('<figure class="diagram').length - 1).toBe(written);
    expect(readPages().filter(({ text }) => text.includes('class="mermaid"'))).toEqual([]);
  });

  it('has no broken link: every file is there, and in it the place that is named', () => {
    const { pages, links, broken } = followLinks(site);
    expect(broken).toEqual([]);
    expect([pages > 800, links > 30_000]).toEqual([true, true]);
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
    const guides = readFiles('docs/guides', /\.md$/);
    expect(items.filter(({ target }) => target?.startsWith('documents/guides/')).length).toBe(guides.length);
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
