// The corpus as the rules make it, and behind that, in each file, what the fuzzer found. Run by itself, it writes it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DOCUMENTS } from './corpus-documents.mjs';
import { WORDS } from './corpus-words.mjs';

/** Why lines are there that no rule makes; they stay. */
export const FOUND = 'found by fuzzing';

/** The file of a target. */
export function corpusFile(/** @type {string} */ name) {
  return fileURLToPath(new URL(`../corpus/${name}.jsonl`, import.meta.url));
}

/** @returns {readonly { why: string, input: string }[]} the lines of a file as it is; none where there is no file */
export function readCorpus(/** @type {string} */ name) {
  const file = corpusFile(name);
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  return lines.map((line) => JSON.parse(line));
}

/** The text of each file, by the name of its target. */
export function makeCorpus() {
  const all = Object.entries({ ...WORDS, ...DOCUMENTS }).map(([name, rules]) => {
    /** @type {Map<string, string>} */
    const whys = new Map();
    const ruled = rules.flatMap(([why, inputs]) => inputs.map((input) => ({ why, input })));
    for (const { why, input } of [...ruled, ...readCorpus(name).filter((line) => line.why === FOUND)])
      if (!whys.has(input)) whys.set(input, why);
    const text = [...whys].map(([input, why]) => `${JSON.stringify({ why, input })}\n`).join('');
    return /** @type {const} */ ([name, text]);
  });
  return Object.fromEntries(all);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const [name, text] of Object.entries(makeCorpus())) writeFileSync(corpusFile(name), text);
