import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openOciLayout } from 'kubepull/node';
import { copyImage } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { storeWith } from '../node/archive/support.ts';
import { assertLayoutValid } from '../support/layout-check.ts';
import { readWhileChurning } from '../support/layout-processes.ts';
import { tempDir } from '../support/temp-dir.ts';
import { run } from './servers.ts';

describe('openOciLayout', () => {
  it('shows 4 readers the whole of the old or of the new for 60 s of writes, deletions and collections [S14]', async () => {
    const { directory, whole } = await readWhileChurning(60_000);
    expect(whole).toBeGreaterThan(500);
    await assertLayoutValid(directory, { allowPartials: false });
    await run('skopeo', 'inspect', `oci:${directory}:kept`);
  }, 180_000);

  it('takes an image into the layout that umoci begins, and out of one without names, and umoci and skopeo read it', async () => {
    const { path } = tempDir();
    const [layout, unnamed] = [join(path, 'umoci'), join(path, 'skopeo')];
    await run('umoci', 'init', '--layout', layout);
    const store = await openOciLayout(layout);
    expect(await store.names()).toEqual([]);
    const image = buildImage({ layers: [{ files: { a: 'b' } }] });
    await copyImage(await storeWith({ app: image }), 'app', store);
    expect((await run('umoci', 'list', '--layout', layout)).trim()).toBe('app');
    await run('skopeo', 'copy', '--quiet', '--preserve-digests', `oci:${layout}:app`, `oci:${unnamed}`);
    const from = await openOciLayout(unnamed);
    expect(await from.names()).toEqual([image.descriptor.digest]);
    expect((await copyImage(from, '', store, { as: 'again' })).root.digest).toBe(image.descriptor.digest);
    await run('umoci', 'remove', '--image', `${layout}:app`);
    await run('umoci', 'remove', '--image', `${layout}:again`);
    expect(await store.names()).toEqual([]);
  });
});
