// llms.txt and llms-full.txt of the documentation site: for programs that read text rather than pages. The first is a list of
// the pages, by the groups, the order and the lines of docs/README.md, and of the modules; the second has the texts of the
// guides in full.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listPages } from './pages.mjs';

/** @typedef {{ name: string, url: string, about: string }} Module url: from the site's root */

/** @param {string} path */
const isGuide = (path) => path.startsWith('docs/guides/');

/**
 * @param {string} root the project's folder
 * @param {ReadonlyMap<string, string>} urls of the site's pages, by the path of their source
 * @param {readonly Module[]} modules
 * @returns {Record<'llms.txt' | 'llms-full.txt', string>} text by the name of the file
 */
export function renderLlms(root, urls, modules) {
  const read = (/** @type {string} */ path) => readFileSync(join(root, path), 'utf8').trim();
  const pages = listPages(read('docs/README.md'));
  const { description } = JSON.parse(read('package.json'));
  const item = (/** @type {import('./pages.mjs').Page} */ { title, path, about }) => {
    const url = urls.get(path);
    if (url === undefined) throw new Error(`docs/README.md lists ${path}, which is no page of the site`);
    return `- [${title}](${url}): ${about}`;
  };
  const moduleList = modules.map(({ name, url, about }) => `- [kubepull/${name}](${url}): ${about}`);
  const head = ['# kubepull', `> ${description}`];
  const groups = [...new Set(pages.map(({ group }) => group))];
  const sections = groups.map(
    (group) =>
      `## ${group}\n\n${pages
        .filter((page) => page.group === group)
        .map(item)
        .join('\n')}`,
  );

  const list = [
    ...head,
    'The npm package `kubepull`, in TypeScript. Each module is a subpath of it. [llms-full.txt](llms-full.txt) has the README and the guides in full, and [the first page](index.html) is the README.',
    ...sections,
    `## Modules\n\n${moduleList.join('\n')}`,
  ];
  const guides = pages.map(({ path }) => path).filter(isGuide);
  const full = [
    ...head,
    `## Modules\n\n${moduleList.join('\n')}`,
    ...['README.md', ...guides].map((path) => `<!-- ${path} -->\n\n${read(path)}`),
  ];
  return { 'llms.txt': `${list.join('\n\n')}\n`, 'llms-full.txt': `${full.join('\n\n')}\n` };
}
