// Run by pull-secrets/hostile.test.ts in a process of its own, bundled: reads a plain secret until memory is as usual, then one
// that is hostile, and says how many MiB more that took.
import { mergePullSecrets } from 'kubepull/pull-secrets';
import { HOSTILE, PLAIN, secretOf } from './hostile-secrets.ts';

const [name = ''] = process.argv.slice(2);
const [plain, hostile] = [secretOf(PLAIN), secretOf(HOSTILE[name] ?? '')];
const peakMib = (): number => process.resourceUsage().maxRSS / 1024;

for (let round = 0; round < 10; round += 1) mergePullSecrets([plain]);
const before = peakMib();
try {
  mergePullSecrets([hostile]);
} catch {
  // What is refused costs as much.
}
console.log(JSON.stringify(peakMib() - before));
