// Pulls one large image to disk with the built package and with skopeo, in turn, and prints what each took.
//
//   node bench/pull.mjs [--layers 8] [--mib 128] [--rounds 5] [--directory /tmp] [--prepare-mib 2560]
//
// It needs skopeo, docker-registry and GNU time. Read the ratios: seconds drift with the machine.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { pushImage } from './pull-image.mjs';

const run = promisify(execFile);
const CHILD = fileURLToPath(new URL('pull-child.mjs', import.meta.url));
/** Touches memory and gives it back: a virtual machine that has to fetch it from its host in a timed run spoils that. */
const TOUCH = 'for (let left = Number(process.argv[1]); left > 0; left -= 64) Buffer.alloc(64 * 2 ** 20, 1)';

const { values } = parseArgs({
  options: {
    layers: { type: 'string', default: '8' },
    mib: { type: 'string', default: '128' },
    rounds: { type: 'string', default: '5' },
    directory: { type: 'string', default: tmpdir() },
    'prepare-mib': { type: 'string', default: '2560' },
  },
});

/** @typedef {{ wall: number, cpu: number, rss: number }} Cost seconds, seconds, MiB */
/** @typedef {{ name: string, command: (target: string) => [string, ...string[]] }} Puller */

const directory = await mkdtemp(join(values.directory, 'kubepull-bench-'));
const registry = await startRegistry(directory);
try {
  await comparePulls();
} finally {
  registry.stop();
  await rm(directory, { recursive: true, force: true });
}

async function comparePulls() {
  const shape = { layers: Number(values.layers), mib: Number(values.mib) };
  await pushImage(`http://${registry.host}/v2/bench`, shape);
  const image = `${registry.host}/bench:latest`;
  /** @type {readonly Puller[]} */
  const pullers = [
    {
      name: 'skopeo',
      command: (target) => [
        'skopeo',
        'copy',
        '-q',
        '--src-tls-verify=false',
        `docker://${image}`,
        `oci:${target}:latest`,
      ],
    },
    { name: 'kubepull', command: (target) => [process.execPath, CHILD, image, target] },
  ];
  /** @type {Cost[][]} */
  const rounds = [];
  for (let round = 0; round <= Number(values.rounds); round += 1) {
    const costs = await measureRound(pullers, round);
    if (round > 0) rounds.push(costs); // The first one warms the caches up.
  }
  const { stdout: skopeo } = await run('skopeo', ['--version']);
  console.log(`${shape.layers} layers of ${shape.mib} MiB, ${rounds.length} rounds, in ${values.directory}`);
  console.log(
    `Node ${process.version}, ${skopeo.trim()}, load ${loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')}\n`,
  );
  report(pullers, rounds);
}

/**
 * Each puller once, another one first every time.
 *
 * @param {readonly Puller[]} pullers
 * @param {number} round
 */
async function measureRound(pullers, round) {
  /** @type {Cost[]} */
  const costs = [];
  for (let turn = 0; turn < pullers.length; turn += 1) {
    const place = (round + turn) % pullers.length;
    const puller = pullers[place];
    if (puller !== undefined) costs[place] = await measure(puller.command);
  }
  return costs;
}

/**
 * @param {Puller['command']} command
 * @returns {Promise<Cost>}
 */
async function measure(command) {
  const target = join(directory, 'target');
  const report = join(directory, 'time');
  await rm(target, { recursive: true, force: true });
  await run('sync');
  await run(process.execPath, ['--eval', TOUCH, values['prepare-mib']]);
  const started = performance.now();
  await run('/usr/bin/time', ['--output', report, '--format', '%U %S %M', ...command(target)]);
  const wall = (performance.now() - started) / 1000;
  const [user = 0, system = 0, rssKib = 0] = (await readFile(report, 'utf8')).trim().split(' ').map(Number);
  return { wall, cpu: user + system, rss: rssKib / 1024 };
}

/**
 * @param {readonly Puller[]} pullers
 * @param {readonly Cost[][]} rounds
 */
function report(pullers, rounds) {
  console.log('| Puller | Wall, s (best) | to skopeo | CPU, s | to skopeo | Peak RSS, MiB (most) |');
  console.log('| --- | ---: | ---: | ---: | ---: | ---: |');
  pullers.forEach(({ name }, place) => {
    /** @param {keyof Cost} kind */
    const all = (kind) => rounds.map((costs) => costs[place]?.[kind] ?? Number.NaN);
    /** @param {keyof Cost} kind */
    const ratio = (kind) =>
      median(rounds.map((costs) => (costs[place]?.[kind] ?? 0) / (costs[0]?.[kind] ?? 0))).toFixed(2);
    const wall = `${median(all('wall')).toFixed(2)} (${Math.min(...all('wall')).toFixed(2)})`;
    const rss = `${median(all('rss')).toFixed(0)} (${Math.max(...all('rss')).toFixed(0)})`;
    console.log(
      `| ${name} | ${wall} | ${ratio('wall')} | ${median(all('cpu')).toFixed(2)} | ${ratio('cpu')} | ${rss} |`,
    );
  });
}

/** @param {readonly number[]} numbers */
function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}

/**
 * A docker-registry on loopback, with its files below a directory.
 *
 * @param {string} root
 */
async function startRegistry(root) {
  const host = `127.0.0.1:${await freePort()}`;
  const file = join(root, 'registry.yml');
  const config = {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(root, 'registry') }, cache: { blobdescriptor: 'inmemory' } },
    http: { addr: host },
  };
  await writeFile(file, JSON.stringify(config)); // JSON is YAML.
  const server = spawn('docker-registry', ['serve', file], { stdio: 'ignore' });
  const failed = once(server, 'exit').then(() => Promise.reject(new Error('docker-registry did not start')));
  failed.catch(() => undefined);
  await Promise.race([untilReady(`http://${host}/v2/`), failed]);
  return { host, stop: () => server.kill() };
}

/** @param {string} url */
async function untilReady(url) {
  while (
    !(await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await new Promise((resolve) => setTimeout(resolve, 50));
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = /** @type {import('node:net').AddressInfo} */ (probe.address());
  probe.close();
  return address.port;
}
