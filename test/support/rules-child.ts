// Run by image-rules.test.ts in a process of its own, bundled: makes a rule of each short pattern of special characters, which
// must not hang, and tries it on a name.
import { createImageRules } from 'kubepull/rules';

const ALPHABET = ['\\', '[', ']', '*', '{', ',', '}', '.', '/', '!', 'a'];
const MAX_LENGTH = 4;
let [tried, foreign] = [0, 0];

function attempt(pattern: string): void {
  tried += 1;
  try {
    createImageRules({ deny: [pattern] }).decide({ name: 'r.io/a' });
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_OPTION_INVALID') foreign += 1;
  }
}

let patterns = [''];
for (let length = 0; length < MAX_LENGTH; length += 1) {
  patterns = patterns.flatMap((start) => ALPHABET.map((character) => start + character));
  for (const pattern of patterns) attempt(pattern);
}
attempt(String.raw`\[\\\\`);
console.log(JSON.stringify({ tried, foreign }));
