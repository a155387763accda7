// Compares the public API of every entry with its report in docs/api; `--write` updates the reports for review.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { CompilerState, Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';
import { listEntries, root } from './entries.mjs';

const write = process.argv.includes('--write');
const base = ExtractorConfig.loadFile(join(root, 'api-extractor.json'));
const reports = join(root, 'docs/api');

/** @param {string} entry */
const declarationsOf = (entry) => join(root, 'dist/types', entry === 'index' ? 'index.d.ts' : `${entry}/index.d.ts`);

/** @param {string} entry */
function configOf(entry) {
  return ExtractorConfig.prepare({
    configObject: {
      ...base,
      mainEntryPointFilePath: declarationsOf(entry),
      apiReport: { enabled: true, ...base.apiReport, reportFileName: `${entry}.api.md` },
    },
    configObjectFullPath: join(root, 'api-extractor.json'),
    packageJsonFullPath: join(root, 'package.json'),
  });
}

/**
 * The names that a report's entry exports.
 *
 * @param {import('typescript').Program} program
 * @param {string} entry
 */
function exportedNames(program, entry) {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(declarationsOf(entry));
  const symbol = source && checker.getSymbolAtLocation(source);
  return symbol ? checker.getExportsOfModule(symbol).map(({ name }) => name) : [];
}

const entries = listEntries();
mkdirSync(reports, { recursive: true });
const compilerState = CompilerState.create(configOf('index'), { additionalEntryPoints: entries.map(declarationsOf) });
const program = /** @type {import('typescript').Program} */ (compilerState.program);
const published = new Set(entries.flatMap((entry) => exportedNames(program, entry)));

/**
 * Whether a finding is none here: a type of a neighbour room belongs to that room's entry; every export
 * and every member needs a comment.
 *
 * @param {string} id
 * @param {string} text
 */
function isExempt(id, text) {
  const names = [...text.matchAll(/"([^"]+)"/g)].map(([, name = '']) => name);
  if (id === 'ae-unresolved-link') return published.has(names.at(-1) ?? '');
  // A name that the platform has too, like Credential, gets a number.
  return id === 'ae-forgotten-export' && published.has(names[0]?.replace(/_\d+$/, '') ?? '');
}

/** @type {string[]} */
const problems = [];
for (const entry of entries) {
  const result = Extractor.invoke(configOf(entry), {
    compilerState,
    localBuild: write,
    messageCallback(message) {
      message.handled = true;
      if (isExempt(message.messageId, message.text)) message.logLevel = ExtractorLogLevel.None;
      if (message.logLevel !== ExtractorLogLevel.Error) return;
      const place = message.sourceFilePath ? `${relative(root, message.sourceFilePath)}:${message.sourceFileLine}` : '';
      problems.push(`${place || entry} ${message.messageId}: ${message.text}`);
    },
  });
  if (!write && result.apiReportChanged) {
    problems.push(`docs/api/${entry}.api.md differs: run npm run api, then review it`);
  }
}

for (const file of readdirSync(reports).filter((name) => name.endsWith('.api.md'))) {
  if (entries.includes(file.slice(0, -'.api.md'.length))) continue;
  if (write) rmSync(join(reports, file));
  else problems.push(`docs/api/${file} belongs to no entry`);
}

const unique = [...new Set(problems)];
for (const problem of unique) console.error(problem);
const undocumented = unique.filter((problem) => problem.includes(' ae-undocumented: ')).length;
console.log(
  `API reports: ${entries.length} entries, ${published.size} public symbols, ${undocumented} of them or of their members undocumented, ${unique.length} problems`,
);
if (unique.length > 0) process.exitCode = 1;
