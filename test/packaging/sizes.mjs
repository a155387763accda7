// Writes the KiB of docs/modules.md anew, as size-limit measures them: `npm run build && node test/packaging/sizes.mjs --write`.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { root } from './entries.mjs';

const PAGE = join(root, 'docs/modules.md');
const ROW = /^(\| (?<name>[^|]+?) +\|(?: [^|]+ \|)?) +(?<size>\d+\.\d) +\|/u;

/**
 * The rows of the page that have a size: its name as size-limit has it, without the marks of code.
 *
 * @param {string} page
 */
export function listSizes(page) {
  return page.split('\n').flatMap((line) => {
    const { name = '', size } = ROW.exec(line)?.groups ?? {};
    return size === undefined ? [] : [{ name: name.replaceAll('`', ''), size: Number(size) }];
  });
}

/**
 * @param {string} page
 * @param {ReadonlyMap<string, number>} sizes in KiB, by name
 */
export function writeSizes(page, sizes) {
  return page
    .split('\n')
    .map((line) => {
      const { name = '' } = ROW.exec(line)?.groups ?? {};
      const size = sizes.get(name.replaceAll('`', ''));
      return size === undefined ? line : line.replace(ROW, `$1 ${size.toFixed(1)} |`);
    })
    .join('\n');
}

if (argv[1] === fileURLToPath(import.meta.url) && argv.includes('--write')) {
  const program = join(root, 'node_modules/size-limit/bin.js');
  const printed = execFileSync(process.execPath, [program, '--json'], { cwd: root, encoding: 'utf8' });
  /** @type {{ name: string, size: number }[]} */
  const measured = JSON.parse(printed);
  const page = readFileSync(PAGE, 'utf8');
  const missing = listSizes(page).filter(({ name }) => !measured.some((check) => check.name === name));
  if (missing.length > 0) throw new Error(`.size-limit.mjs does not measure ${missing.map(({ name }) => name).join()}`);
  const text = writeSizes(page, new Map(measured.map(({ name, size }) => [name, size / 1024])));
  writeFileSync(PAGE, await format(text, { ...(await resolveConfig(PAGE)), parser: 'markdown' }));
}
