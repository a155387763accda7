// Run by exec-plugin.test.ts in a process of its own, bundled: runs a quiet plugin until memory is as usual, then two that
// flood, and says what became of them and how much more memory that took.
import { createExecPlugin } from 'kubepull/node';

const exec = createExecPlugin({ binDir: process.argv[2] ?? '' });

const outcome = (provider: string): Promise<string> =>
  exec({ provider, args: [], env: [], stdin: () => '{}\n' }).then(
    () => 'answered',
    (error: unknown) => (error as Error).message,
  );

const peakMib = (): number => process.resourceUsage().maxRSS / 1024;

let quiet = '';
for (let round = 0; round < 10; round += 1) quiet = await outcome('quiet');
const before = peakMib();
const [stdout, stderr] = [await outcome('stdout'), await outcome('stderr')];
console.log(JSON.stringify({ quiet, stdout, stderr, grown: peakMib() - before }));
