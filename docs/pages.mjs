// The pages of the documentation site: docs/README.md is their one list.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * @typedef {{ title: string, path: string, about: string, group: string }} Page path: from the project's root; group: the
 *   heading that it stands under
 */

/**
 * The pages that docs/README.md lists, each a line `- [title](path): what it is about` under the heading of its group; folders
 * are left out.
 *
 * @param {string} text of docs/README.md
 * @returns {Page[]}
 */
export function listPages(text) {
  return text.split(/^## /mu).flatMap((part, at) => {
    const group = at === 0 ? '' : part.slice(0, part.indexOf('\n'));
    const lines = part.matchAll(/^- \[([^\]]+)\]\(([^)\s]+\.md)\): (.+)$/gmu);
    return Array.from(lines, ([, title = '', path = '', about = '']) => ({
      title,
      path: posix.join('docs', path),
      about,
      group,
    }));
  });
}

/**
 * The pages of the site in their order: those of docs/README.md, and those of the folders of decisions.
 *
 * @returns {Omit<Page, 'about'>[]}
 */
export function listSitePages() {
  const overview = { title: 'all pages', path: 'docs/README.md', group: 'First steps' };
  const decisions = readdirSync(join(root, 'docs/decisions')).toSorted();
  return [
    ...listPages(readFileSync(join(root, 'docs/README.md'), 'utf8')),
    overview,
    ...decisions.map((name) => {
      const path = `docs/decisions/${name}`;
      const [title = name] = readFileSync(join(root, path), 'utf8').split('\n');
      return { title: title.replace(/^# /u, ''), path, group: 'Decisions' };
    }),
  ];
}
