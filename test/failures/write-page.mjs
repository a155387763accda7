// Writes the tables of docs/failures.md anew: `node test/failures/write-page.mjs`.
import { readFileSync, writeFileSync } from 'node:fs';
import { loadBundled, root } from '../support/load-bundled.mjs';

const { renderTables } = await loadBundled('test/failures/page.ts');
const page = `${root}docs/failures.md`;
const before = readFileSync(page, 'utf8').split('write-page.mjs`.\n')[0];
// The texts are read here, because a bundle has no place of its own.
const texts = JSON.parse(readFileSync(`${root}test/failures/texts.json`, 'utf8'));
writeFileSync(page, `${before}write-page.mjs\`.\n\n${renderTables(texts)}\n`);
