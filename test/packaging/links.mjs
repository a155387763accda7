// Follows every link of a built site: `node test/packaging/links.mjs [FOLDER]`. A link is broken when no file is there, or the
// file has no place of that name. Links to other servers are counted and not followed.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inflateSync } from 'node:zlib';

/**
 * @typedef {object} Links
 * @property {number} pages files whose links were followed
 * @property {number} links that lead to the site itself
 * @property {number} outside links that lead elsewhere
 * @property {readonly string[]} broken `page: link`
 */

/** @param {string} text */
const decode = (text) =>
  text
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'");

/**
 * The targets of a page's links, scripts, pictures and styles.
 *
 * @param {string} path
 * @param {string} text
 * @returns {string[]}
 */
function targetsOf(path, text) {
  if (path.endsWith('.html')) {
    const tags = text.replaceAll(/<script\b[^>]*>[^]*?<\/script>/gu, (script) =>
      script.slice(0, script.indexOf('>') + 1),
    );
    return Array.from(tags.matchAll(/\s(?:href|src)="([^"]*)"/gu), ([, target = '']) => decode(target));
  }
  if (path.endsWith('.txt'))
    return Array.from(withoutCode(text).matchAll(/\]\(([^)\s]+)\)/gu), ([, target = '']) => target);
  if (path.endsWith('.css'))
    return Array.from(text.matchAll(/url\(\s*["']?([^"')\s]+)/gu), ([, target = '']) => target);
  // The menu of TypeDoc: names and addresses, packed.
  const [, packed] = /^window\.navigationData = "data:[^,]*,([^"]*)"/u.exec(text) ?? [];
  if (packed === undefined) return [];
  const menu = inflateSync(Buffer.from(packed, 'base64')).toString('utf8');
  return Array.from(menu.matchAll(/"path":"([^"]*)"/gu), ([, target = '']) => `../${target}`);
}

/** @param {string} text */
const withoutCode = (text) => text.replaceAll(/^```[^]*?^```/gmu, '').replaceAll(/`[^`\n]*`/gu, '');

/**
 * @param {string} site
 * @returns {Links}
 */
export function followLinks(site) {
  const files = readdirSync(site, { recursive: true, encoding: 'utf8' })
    .map((path) => path.split(sep).join('/'))
    .filter((path) => /(\.html|\.css|(^|\/)llms\.txt|(^|\/)navigation\.js)$/u.test(path));
  /** @type {Map<string, Set<string>>} */
  const known = new Map();
  /** @param {string} path of a page */
  const placesOf = (path) => {
    const found =
      known.get(path) ??
      new Set(
        Array.from(readFileSync(path, 'utf8').matchAll(/\s(?:id|name)="([^"]*)"/gu), ([, id = '']) => decode(id)),
      );
    known.set(path, found);
    return found;
  };
  let links = 0;
  let outside = 0;
  const broken = files.flatMap((path) =>
    targetsOf(path, readFileSync(join(site, path), 'utf8'))
      .filter((target) => {
        if (/^(https?:|mailto:|data:|#$)/u.test(target)) {
          if (/^https?:/u.test(target)) outside += 1;
          return false;
        }
        links += 1;
        const [address = '', anchor] = target.split('#');
        const [file = ''] = decodeURIComponent(address).split('?');
        const there = file === '' ? join(site, path) : resolve(site, dirname(path), file);
        const inside = !relative(site, there).startsWith('..');
        const page = existsSync(there) && statSync(there).isDirectory() ? join(there, 'index.html') : there;
        if (!inside || !existsSync(page)) return true;
        if (anchor === undefined || anchor === '' || !page.endsWith('.html')) return false;
        return !placesOf(page).has(decodeURIComponent(anchor));
      })
      .map((target) => `${posix.normalize(path)}: ${target}`),
  );
  return { pages: files.length, links, outside, broken };
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) {
  const site = argv[2] ?? fileURLToPath(new URL('../../docs/site', import.meta.url));
  const { pages, links, outside, broken } = followLinks(resolve(site));
  for (const link of broken) console.error(`broken: ${link}`);
  console.log(
    `Links: ${pages} files, ${links} links inside the site, ${broken.length} broken; ${outside} lead elsewhere`,
  );
  if (broken.length > 0) process.exitCode = 1;
}
