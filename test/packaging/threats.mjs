// The table of docs/threats.md: each row of the threat model, and the tests that are named after it.
//   node test/packaging/threats.mjs --write
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv } from 'node:process';
import { root } from './entries.mjs';

/** What each row is about; the first letter is its chapter. */
const ROWS = {
  A01: 'headers across a redirect to another origin',
  A02: 'headers given back on a redirect home',
  A03: 'a credential for one path, redirected to another repository',
  A04: 'https downgraded to http',
  A05: 'a foreign server that asks for credentials',
  A06: 'foreign layer URLs',
  A07: 'a token realm at an inner address',
  A08: 'a name that resolves to an inner address',
  A09: 'a token server that redirects, or answers with other keys',
  A10: 'a token of one realm sent to another',
  A11: 'a token of one credential used for another',
  A12: 'two pulls merged of which one may not',
  A13: 'more scope than needed',
  A14: 'parameters injected into the token request',
  A15: 'challenges that can be read in two ways',
  A16: 'a weaker scheme in the middle of a pull',
  A17: "a registry's credential sent to its mirror",
  A18: 'user info in URLs',
  A19: 'hosts spelt to pass for others',
  A20: 'all credentials fired at a failing server',
  A21: 'a broken entry replaced by another',
  A22: 'control characters in credentials',
  A23: 'hostile replies of token servers',
  A24: 'a token that ends in mid-pull',
  A25: 'credentials of proxy and origin mixed up',
  A26: 'host globs that match too much',
  A27: 'path prefixes that match a neighbour',
  L01: 'secrets in renderings of values',
  L02: 'secrets in errors',
  L03: 'secrets in errors of parsers',
  L04: 'secrets in foreign errors',
  L05: 'signed URLs in errors and events',
  L06: 'secrets and escapes reflected by servers',
  L07: 'requests in flight, inspected',
  L08: 'secrets in arguments, environment and debug logs',
  L09: 'comparison of secrets, unsalted hashes',
  L10: 'polluted prototypes',
  M01: 'a document with two meanings',
  M02: 'other bytes than the digest says',
  M03: 'a tag that moves in mid-pull',
  M04: 'documents that are too large, deep or many',
  M05: 'sizes that are none, or wrong',
  M06: 'compressed transfer, and its bombs',
  M07: 'duplicate keys and keys in other case',
  M08: 'documents that are no text or no object',
  M09: 'statuses and types that were not asked for',
  M10: 'platforms that trick the choice',
  M11: 'embedded data',
  M12: 'presence taken for permission',
  M13: 'hostile response headers',
  B01: 'wrong bytes of the right length',
  B02: 'truncation that looks like success',
  B03: 'answers to a range that are another',
  B04: '416',
  B05: 'a poisoned part',
  B06: 'stalls',
  B07: 'broken HTTP',
  B08: 'Retry-After of any kind',
  B09: 'progress that never ends',
  B10: 'what must not be repeated',
  B11: 'redirects that loop, lead nowhere or expire',
  B12: 'bodies that nobody reads',
  B13: 'a slow disk behind a fast network',
  B14: 'an abort at any moment',
  B15: 'one layer of many that fails',
  B16: 'listeners that pile up on one signal',
  S01: 'the process killed at any moment',
  S02: 'power lost at any moment',
  S03: 'errors of every file-system call',
  S04: 'short writes',
  S05: 'many processes that pull one image',
  S06: 'lost names in the index',
  S07: 'a lock whose holder is gone',
  S08: 'a corrupt blob that is there already',
  S09: 'symbolic links in the layout',
  S10: 'what is no file where a file should be',
  S11: 'a hostile layout',
  S12: 'names and annotations as paths',
  S13: 'temporary files in the wrong place, or left behind',
  S14: 'readers beside writers and garbage collection',
  S15: 'buffers that callers change',
  S16: 'tenants that share a store',
  X01: 'names of plugins that lead elsewhere',
  X02: 'plugins that hang or fork',
  X03: 'plugins that flood',
  X04: 'plugins that do not read',
  X05: 'what cannot be started',
  X06: 'answers of plugins that are wrong',
  X07: 'cache keys that collide',
  X08: 'answers for other images',
  X09: 'too many processes',
  X10: 'the environment of plugins',
};

const NAME = /(?:^|[[('"`\s])((?:[A-Z]\d\d(?:,? and |, | )?)+)/g;

/** @returns {ReadonlyMap<string, readonly string[]>} the test files of each row */
export function testsOfRows() {
  /** @type {Map<string, Set<string>>} */
  const found = new Map(Object.keys(ROWS).map((id) => [id, new Set()]));
  const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' });
  for (const file of files.filter((name) => name.endsWith('.test.ts')).toSorted()) {
    for (const line of readFileSync(join(root, 'test', file), 'utf8').split('\n')) {
      for (const [, ids = ''] of line.matchAll(NAME)) {
        for (const id of ids.match(/[A-Z]\d\d/g) ?? []) found.get(id)?.add(file);
      }
    }
  }
  return new Map([...found].map(([id, names]) => [id, [...names]]));
}

/** @returns {string} */
export function threatsPage() {
  const tests = testsOfRows();
  const rows = Object.entries(ROWS).map(
    ([id, about]) => `| ${id} | ${about} | ${(tests.get(id) ?? []).map((file) => `\`${file}\``).join(', ')} |`,
  );
  return `# Threats

What a hostile registry, file, plugin or moment can try, and the tests of it, which run in every build: \`npx vitest run
--config test/vitest.config.ts -t A07\` runs those of one row. A is for credentials on the wire, L for secrets in output, M
for manifests, B for blobs, S for stores, X for plugins. Files are below \`test/\`; those in \`real/\` need the servers that
\`.ci/run\` installs.

| Row | What is tried | Tests |
| --- | --- | --- |
${rows.join('\n')}
`;
}

if (argv.includes('--write')) writeFileSync(join(root, 'docs/threats.md'), threatsPage());
