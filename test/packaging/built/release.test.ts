import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../child.ts';
import { root } from '../entries.mjs';

it('a release can be rehearsed: tag, changelog and version agree, and npm would publish all that package.json names', async () => {
  // Nothing listens there, so npm reaches no registry; it takes the version for one that is not published.
  const env = { npm_config_registry: 'http://127.0.0.1:9', npm_config_fetch_retries: '0' };
  const { exitCode, stdout, stderr } = await run(process.execPath, [join(root, 'test/packaging/release.mjs')], { env });
  expect([exitCode, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^kubepull@\d+\.\d+\.\d+\S*: \d{2,} files, \d+ KiB packed; nothing was published\n$/);
});
