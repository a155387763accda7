// Every topic: the files of bench/topics.
import { readdirSync } from 'node:fs';

/** The order of the tables; what is not named comes last. */
const ORDER = [
  'reference',
  'match',
  'keyring',
  'node-keyring',
  'docker-config',
  'digest',
  'start',
  'pull',
  'resolve',
  'preflight',
  'scale',
];

/** @returns {Promise<readonly import('./harness.mjs').Topic[]>} */
export async function importTopics() {
  const files = readdirSync(new URL('topics', import.meta.url)).filter((file) => file.endsWith('.mjs'));
  const modules = files.map(async (file) => {
    const { topic } = /** @type {{ topic: import('./harness.mjs').Topic }} */ (
      await import(`./topics/${file.slice(0, -4)}.mjs`)
    );
    return topic;
  });
  /** @param {string} name */
  const placeOf = (name) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  return (await Promise.all(modules)).toSorted((a, b) => placeOf(a.name) - placeOf(b.name));
}
