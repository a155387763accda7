// The benchmarks: node bench/run.mjs [TOPIC…] [--quick]
//
// Prints the tables of all topics, or of those named. Without --quick it also writes bench/results.json, a plot for each topic
// and the tables of bench/README.md. Run `npm run build` first; what is compared with is installed into bench/peers.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { format } from 'prettier';
import { measureCase, watchLoad } from './harness.mjs';
import { drawPlot } from './plot.mjs';
import { formatGoals, formatTable } from './tables.mjs';
import { importTopics } from './topics.mjs';

/** A share of the machine above which other work may have changed the figures. */
const LOADED = 0.12;

/** @typedef {import('./tables.mjs').TopicResult} TopicResult */

const { values, positionals } = parseArgs({ options: { quick: { type: 'boolean' } }, allowPositionals: true });
const quick = values.quick ?? false;
/** @param {string} path */
const at = (path) => fileURLToPath(new URL(path, import.meta.url));

installPeers();
const topics = (await importTopics()).filter(({ name }) => positionals.length === 0 || positionals.includes(name));
if (topics.length === 0) throw new Error(`No topic has that name: ${positionals.join(', ')}`);
const kept = readKept();
for (const topic of topics) {
  const result = await measureTopic(topic);
  kept.set(topic.name, result);
  console.log(`${formatTable(result)}\n`);
  if (!quick) writeFileSync(at(`plots/${topic.name}.svg`), drawPlot(result));
}
const measured = [...kept.values()].filter(({ name }) => topics.some((topic) => topic.name === name));
const goals = measured.flatMap(({ rows }) => rows.flatMap((row) => row.goals));
console.log(`${goals.filter(({ met }) => met).length} of ${goals.length} goals met`);
if (!quick) await write([...kept.values()]);

/**
 * @param {import('./harness.mjs').Topic} topic
 * @returns {Promise<TopicResult>}
 */
async function measureTopic({ name, about, cases, measure }) {
  const load = watchLoad();
  const settings = { quick, rounds: quick ? 5 : 15, batchMs: quick ? 5 : 20, watch: load.watch };
  /** @type {import('./harness.mjs').Row[]} */
  const rows = [];
  let missing = '';
  try {
    for (const compared of cases?.() ?? []) rows.push(await measureCase(compared, settings));
    rows.push(...((await measure?.(settings)) ?? []));
  } catch (error) {
    // Such as a registry that is not installed: the other topics are worth their figures.
    missing = error instanceof Error ? error.message : String(error);
  }
  const others = load.end();
  return { name, about, machine: describeMachine(), others, loaded: (others ?? 0) > LOADED, missing, rows };
}

function describeMachine() {
  const [first] = cpus();
  const load = loadavg().map((average) => average.toFixed(1));
  return `Node ${process.versions.node}, ${cpus().length} × ${first?.model ?? 'unknown'}, Linux ${release()}, load ${load.join(' ')}`;
}

/** The results of earlier runs, so that a topic can be measured anew by itself. */
function readKept() {
  const path = at('results.json');
  const all = existsSync(path) && !quick ? /** @type {TopicResult[]} */ (JSON.parse(readFileSync(path, 'utf8'))) : [];
  return new Map(all.map((result) => [result.name, result]));
}

/** @param {readonly TopicResult[]} results */
async function write(results) {
  const order = (await importTopics()).map(({ name }) => name);
  const sorted = results.filter(({ name }) => order.includes(name));
  sorted.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  const style = { printWidth: 120 };
  writeFileSync(at('results.json'), await format(JSON.stringify(sorted), { ...style, parser: 'json' }));
  const page = readFileSync(at('README.md'), 'utf8');
  const figures = sorted.map(
    (result) => `### ${result.name}\n\n![${result.name}](plots/${result.name}.svg)\n\n${formatTable(result)}`,
  );
  const text = `<!-- figures -->\n\n${[formatGoals(sorted), ...figures].join('\n\n')}\n\n<!-- end -->`;
  const written = page.replace(/<!-- figures -->[^]*<!-- end -->/, () => text);
  writeFileSync(at('README.md'), await format(written, { ...style, parser: 'markdown' }));
}

/** Installs what is compared with, by its own lock file. Without a network the library is measured alone. */
function installPeers() {
  if (existsSync(at('peers/node_modules'))) return;
  console.error('Installing what is compared with into bench/peers …');
  try {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: at('peers'), stdio: 'ignore' });
  } catch {
    console.error('That failed: packages are left out of the tables.');
  }
}
