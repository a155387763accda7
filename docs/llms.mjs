// llms.txt and llms-full.txt of the documentation site: for programs that read text rather than pages. The first is a list of
// the pages, by the order and the lines of docs/README.md, and of the modules; the second has the texts of the guides in full.
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/**
 * @typedef {{ title: string, path: string, about: string }} Page path: from the project's root
 * @typedef {{ name: string, url: string, about: string }} Module url: from the site's root
 */

/**
 * The pages that docs/README.md lists, each a line `- [title](path): what it is about`; folders are left out.
 *
 * @param {string} text of docs/README.md
 * @returns {Page[]}
 */
export function listPages(text) {
  const lines = text.matchAll(/^- \[([^\]]+)\]\(([^)\s]+\.md)\): (.+)$/gmu);
  return Array.from(lines, ([, title = '', path = '', about = '']) => ({
    title,
    path: posix.join('docs', path),
    about,
  }));
}

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
  const item = (/** @type {Page} */ { title, path, about }) => {
    const url = urls.get(path);
    if (url === undefined) throw new Error(`docs/README.md lists ${path}, which is no page of the site`);
    return `- [${title}](${url}): ${about}`;
  };
  const moduleList = modules.map(({ name, url, about }) => `- [kubepull/${name}](${url}): ${about}`);
  const head = ['# kubepull', `> ${description}`];

  const list = [
    ...head,
    'The npm package `kubepull`, in TypeScript. Each module is a subpath of it. [llms-full.txt](llms-full.txt) has the README and the guides in full, and [the first page](index.html) is the README.',
    `## Guides\n\n${pages
      .filter(({ path }) => isGuide(path))
      .map(item)
      .join('\n')}`,
    `## Modules\n\n${moduleList.join('\n')}`,
    `## Reference\n\n${pages
      .filter(({ path }) => !isGuide(path))
      .map(item)
      .join('\n')}`,
  ];
  // The pages of one source each, in the order of the list; those of a folder follow its README.
  const listed = pages.map(({ path }) => path).filter(isGuide);
  const below = (/** @type {string} */ path) =>
    path.endsWith('/README.md')
      ? [...urls.keys()].filter((other) => other !== path && posix.dirname(other) === posix.dirname(path)).toSorted()
      : [];
  const guides = [...new Set(listed.flatMap((path) => [path, ...below(path)]))];
  const full = [
    ...head,
    `## Modules\n\n${moduleList.join('\n')}`,
    ...['README.md', ...guides].map((path) => `<!-- ${path} -->\n\n${read(path)}`),
  ];
  return { 'llms.txt': `${list.join('\n\n')}\n`, 'llms-full.txt': `${full.join('\n\n')}\n` };
}
