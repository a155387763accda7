// Run by puller/bombs.test.ts in a process of its own, bundled: pulls an image that is right until memory is as usual, then one
// that is a bomb, and says how much more that took.
import { createNodeRuntime, nodeHasher } from 'kubepull/node';
import { pullImage } from 'kubepull/puller';
import { createMemoryStore } from 'kubepull/store';

const [host = '', right = '', bomb = ''] = process.argv.slice(2);
const runtime = createNodeRuntime({ platform: { os: 'linux', architecture: 'amd64' } });

async function pull(name: string): Promise<string> {
  const store = createMemoryStore({ createHasher: nodeHasher });
  const options = { runtime, store, plainHttp: [host], signal: AbortSignal.timeout(20_000) };
  return pullImage(`${host}/${name}:1`, options).then(
    () => 'pulled',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );
}

const peakMib = (): number => process.resourceUsage().maxRSS / 1024;

let first = '';
for (let round = 0; round < 30; round += 1) first = await pull(right);
const before = peakMib();
const code = await pull(bomb);
await runtime.close();
console.log(JSON.stringify({ first, code, grown: peakMib() - before }));
