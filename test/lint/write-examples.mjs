// Writes the examples of docs/lint.md anew: `node test/lint/write-examples.mjs`.
import { readFileSync, writeFileSync } from 'node:fs';
import { loadBundled, root } from '../support/load-bundled.mjs';

const { renderExamples } = await loadBundled('test/lint/examples.ts');
const page = `${root}docs/lint.md`;
const before = readFileSync(page, 'utf8').split('write-examples.mjs`.\n')[0];
writeFileSync(page, `${before}write-examples.mjs\`.\n\n${renderExamples()}\n`);
