import { describe, expect, it } from 'vitest';
import { assertLayoutValid } from '../support/layout-check.ts';
import { readWhileChurning } from '../support/layout-processes.ts';
import { run } from './servers.ts';

describe('openOciLayout', () => {
  it('shows 4 readers the whole of the old or of the new for 60 s of writes, deletions and collections [S14]', async () => {
    const { directory, whole } = await readWhileChurning(60_000);
    expect(whole).toBeGreaterThan(500);
    await assertLayoutValid(directory, { allowPartials: false });
    await run('skopeo', 'inspect', `oci:${directory}:kept`);
  }, 180_000);
});
