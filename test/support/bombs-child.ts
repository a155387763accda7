// Run by rows-m04.test.ts in a process of its own, bundled: pulls an image that is right until memory is as usual, then all
// the others, and says how much more those took.
import { createNodeRuntime, nodeHasher } from 'kubepull/node';
import { pullImage } from 'kubepull/puller';
import { createMemoryStore } from 'kubepull/store';

const [host = '', right = '', ...bombs] = process.argv.slice(2);
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
for (let round = 0; round < 100; round += 1) first = await pull(right);
const before = peakMib();
const results = [];
for (const bomb of bombs) results.push([bomb, await pull(bomb), Math.round(peakMib() - before)]);
await runtime.close();
console.log(JSON.stringify({ first, before: Math.round(before), grown: peakMib() - before, results }));
