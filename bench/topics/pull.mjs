// Whole pulls from a docker-registry on loopback, as whole processes beside skopeo and curl: time, processor time and memory.
// skopeo and the library write an OCI layout and sync it; curl writes bare files and verifies nothing.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createNodeRuntime, openOciLayout } from 'kubepull/node';
import { pullImage } from 'kubepull/puller';
import { inTurn, toRow } from '../harness.mjs';
import { hasProgram, pushImage, withRegistry } from '../registry.mjs';

const run = promisify(execFile);
const CHILD = fileURLToPath(new URL('../pull-child.mjs', import.meta.url));
const TIME = '/usr/bin/time';
const MEMORY = '/dev/shm';
const CURL = ['curl', '-sS', '--fail', '-Z', '--parallel-max', '4', '--create-dirs'];
const CURLS = 'curl, 4 at once';
const ONE_THREAD = 'kubepull, one thread';
/** Touches memory and gives it back: a virtual machine that has to fetch it from its host in a timed run spoils that. */
const TOUCH = 'for (let left = Number(process.argv[1]); left > 0; left -= 64) Buffer.alloc(64 * 2 ** 20, 1)';

/** For the large image. */
const COST_GOALS = {
  cpu: { side: 'kubepull', to: 'skopeo', most: 0.6 },
  rss: { side: 'kubepull', most: 130 },
};

/** @typedef {{ wall: number, cpu: number, rss: number }} Cost milliseconds, milliseconds, MiB */
/** @typedef {import('../harness.mjs').Goal} Goal */
/** @typedef {{ host: string, tlsHost: string, certificate: string }} Registry */

/**
 * @typedef {object} Plan
 * @property {string} name
 * @property {string} image its repository
 * @property {readonly string[]} layers
 * @property {'http' | 'https'} scheme
 * @property {string} directory
 * @property {number} rounds
 * @property {number} ballastMib
 * @property {boolean} [again] whether all is there already
 * @property {readonly Goal[]} goals of the time
 * @property {boolean} [threads] whether a pull without worker threads is measured, too
 * @property {boolean} [costs] whether processor time and memory have rows of their own
 */

/**
 * The commands by name.
 *
 * @param {Plan} plan
 * @param {Registry} registry
 * @returns {Promise<Record<string, (target: string) => readonly string[]>>}
 */
async function pullersOf({ image, layers, scheme, again, threads }, { host, tlsHost }) {
  const server = scheme === 'http' ? host : tlsHost;
  const name = `${server}/${image}:latest`;
  const verify = scheme === 'http' ? ['--src-tls-verify=false'] : [];
  const curls = layers.flatMap((digest, at) => [`${scheme}://${server}/v2/${image}/blobs/${digest}`, `-o#${at}`]);
  return {
    kubepull: (target) => [process.execPath, CHILD, scheme, name, target],
    ...(threads === true && {
      [ONE_THREAD]: (/** @type {string} */ target) => [process.execPath, CHILD, scheme, name, target, '0'],
    }),
    ...((await hasProgram('skopeo')) && {
      skopeo: (/** @type {string} */ target) => [
        'skopeo',
        'copy',
        '-q',
        ...verify,
        `docker://${name}`,
        `oci:${target}:latest`,
      ],
    }),
    ...(again !== true &&
      (await hasProgram('curl')) && {
        [CURLS]: (/** @type {string} */ target) => [
          ...CURL,
          ...curls.map((part) => (part.startsWith('-o#') ? `-o${target}/${part.slice(3)}` : part)),
        ],
      }),
  };
}

/**
 * One process from its start to its end.
 *
 * @param {readonly string[]} command
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Cost>}
 */
async function measureProcess(command, env) {
  const report = join(tmpdir(), `kubepull-bench-time-${process.pid}`);
  const timed = existsSync(TIME) ? [TIME, '--output', report, '--format', '%U %S %M', ...command] : command;
  const [program = '', ...args] = timed;
  const started = performance.now();
  await run(program, args, { env });
  const wall = performance.now() - started;
  if (program !== TIME) return { wall, cpu: Number.NaN, rss: Number.NaN };
  const [user = 0, system = 0, rssKib = 0] = (await readFile(report, 'utf8')).trim().split(' ').map(Number);
  await rm(report);
  return { wall, cpu: (user + system) * 1000, rss: rssKib / 1024 };
}

/**
 * @param {Plan} plan
 * @param {Registry} registry
 */
async function comparePullers(plan, registry) {
  const root = await mkdtemp(join(plan.directory, 'kubepull-bench-'));
  const env = {
    ...process.env,
    NODE_EXTRA_CA_CERTS: registry.certificate,
    SSL_CERT_FILE: registry.certificate,
    CURL_CA_BUNDLE: registry.certificate,
  };
  const pullers = await pullersOf(plan, registry);
  /** @type {Record<string, Cost[]>} */
  const costs = Object.fromEntries(Object.keys(pullers).map((name) => [name, []]));
  try {
    const wall = await inTurn(Object.keys(pullers), plan.rounds, async (name) => {
      const target = join(root, plan.again === true ? name : 'target');
      if (plan.again !== true) await rm(target, { recursive: true, force: true });
      if (plan.ballastMib > 0) await run(process.execPath, ['--eval', TOUCH, String(plan.ballastMib)]);
      const cost = await measureProcess(pullers[name]?.(target) ?? [], env);
      costs[name]?.push(cost);
      return cost.wall;
    });
    const rows = [toRow(plan.name, 'ms', wall, plan.goals)];
    if (plan.costs !== true || !existsSync(TIME)) return rows;
    /** @param {Goal} goal */
    const goals = (goal) => (plan.goals.length === 0 ? [] : [goal]);
    /** @param {'cpu' | 'rss'} kind */
    const samples = (kind) =>
      Object.fromEntries(Object.entries(costs).map(([name, all]) => [name, all.slice(1).map((cost) => cost[kind])]));
    return [
      ...rows,
      toRow(`${plan.name}: processor time`, 'ms', samples('cpu'), goals(COST_GOALS.cpu)),
      toRow(`${plan.name}: peak memory`, 'MiB', samples('rss'), goals(COST_GOALS.rss)),
    ];
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/**
 * A pull in a process that runs already, beside skopeo, which is always a new one.
 *
 * @param {Plan} plan
 * @param {Registry} registry
 */
async function compareRunning(plan, registry) {
  const root = await mkdtemp(join(plan.directory, 'kubepull-bench-'));
  const { skopeo } = await pullersOf(plan, registry);
  const runtime = createNodeRuntime();
  try {
    const samples = await inTurn(
      skopeo === undefined ? ['kubepull'] : ['kubepull', 'skopeo'],
      plan.rounds,
      async (name) => {
        const target = join(root, 'target');
        await rm(target, { recursive: true, force: true });
        if (name === 'skopeo' && skopeo !== undefined) return (await measureProcess(skopeo(target), process.env)).wall;
        const started = performance.now();
        const store = await openOciLayout(target);
        await pullImage(`${registry.host}/${plan.image}:latest`, { runtime, store, plainHttp: [registry.host] });
        return performance.now() - started;
      },
    );
    return [toRow(plan.name, 'ms', samples, plan.goals)];
  } finally {
    await runtime.close();
    await rm(root, { recursive: true, force: true });
  }
}

/**
 * @param {Registry} registry
 * @param {boolean} quick
 */
async function measureAll(registry, quick) {
  const shapes = quick
    ? { big: { layers: 4, mib: 16 }, many: { layers: 20, mib: 2 }, small: { layers: 2, mib: 1 } }
    : { big: { layers: 8, mib: 128 }, many: { layers: 60, mib: 2 }, small: { layers: 2, mib: 1 } };
  /** @type {Record<string, readonly string[]>} */
  const pushed = {};
  for (const [name, shape] of Object.entries(shapes)) {
    pushed[name] = (await pushImage(`http://${registry.host}/v2/${name}`, shape)).layers;
  }
  const memory = existsSync(MEMORY) ? MEMORY : tmpdir();
  /** @param {keyof typeof shapes} image @param {Pick<Plan, 'name' | 'goals'> & Partial<Plan>} rest @returns {Plan} */
  const plan = (image, rest) => ({
    image,
    layers: pushed[image] ?? [],
    scheme: 'http',
    directory: memory,
    rounds: quick ? 2 : 5,
    ballastMib: quick ? 0 : image === 'big' ? 2560 : 256,
    ...rest,
    // The goals are those of the large images.
    goals: quick && image !== 'small' ? [] : rest.goals,
  });
  /** @param {number} most @param {string} to @returns {Goal} */
  const goal = (most, to = 'skopeo') => ({ side: 'kubepull', to, most });
  /** @type {Goal} */
  const oneThread = { side: ONE_THREAD, to: 'skopeo', most: 0.8 };
  const [big, many, small] = Object.values(shapes).map(({ layers, mib }) => `${layers} × ${mib} MiB`);
  await mkdir(memory, { recursive: true });
  return [
    ...(await comparePullers(
      plan('big', {
        name: `${big}, HTTP, in memory`,
        goals: [goal(0.6), goal(1.9, CURLS), oneThread],
        threads: true,
        costs: true,
      }),
      registry,
    )),
    ...(await comparePullers(
      plan('big', { name: `${big}, TLS, in memory`, goals: [goal(0.75)], scheme: 'https' }),
      registry,
    )),
    ...(await comparePullers(
      plan('big', { name: `${big}, HTTP, on disk`, goals: [goal(0.65)], directory: tmpdir() }),
      registry,
    )),
    ...(await comparePullers(
      plan('big', { name: `${big}, all there, new process`, goals: [goal(4)], again: true }),
      registry,
    )),
    ...(await comparePullers(plan('many', { name: `${many}, HTTP, in memory`, goals: [goal(0.75)] }), registry)),
    ...(await comparePullers(
      plan('small', { name: `the smallest, ${small}, new process`, goals: [goal(3.5)] }),
      registry,
    )),
    ...(await compareRunning(
      plan('small', { name: `the smallest, ${small}, running process`, goals: [goal(0.8)] }),
      registry,
    )),
  ];
}

/** @type {import('../harness.mjs').Topic} */
export const topic = {
  name: 'pull',
  about: 'A pull from a registry on loopback; the images are random bytes that nobody compresses again.',
  measure: ({ quick, watch }) => withRegistry((registry) => measureAll(registry, quick), watch),
};
