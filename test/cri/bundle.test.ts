import { join } from 'node:path';
import { openPulledRecords } from 'kubepull/node';
import { expect, it } from 'vitest';
import { startPullProcess } from '../support/cri-process.ts';
import { wireImage } from '../support/cri-runtime.ts';
import { startCriServer } from '../support/cri-server.ts';
import { tempDir } from '../support/temp-dir.ts';

it('works from one file, without packages beside it, and lets the process end when it is done', async () => {
  const server = await startCriServer({
    ImageStatus: () => ({ message: {} }),
    PullImage: () => ({ message: { image_ref: 'sha256:a' } }),
  });
  const root = join(tempDir().path, 'kubelet');
  const child = await startPullProcess(server.endpoint, root, 'app:1');
  await child.ended;
  expect(child.lines).toEqual(['Pulling', 'Pulled', 'pulled']);
  const [record] = await (await openPulledRecords(root)).listRecords();
  expect(record).toMatchObject({ imageRef: 'sha256:a' });
});

it('is killed in the middle of a pull, and the runtime hears of it', async () => {
  const server = await startCriServer({
    ImageStatus: () => ({ message: { image: wireImage('sha256:a') } }),
    PullImage: () => 'never',
  });
  const root = join(tempDir().path, 'kubelet');
  const child = await startPullProcess(server.endpoint, root, 'app');
  await expect.poll(() => server.calls.at(-1)?.method, { timeout: 30_000 }).toBe('PullImage');
  await child.kill();
  await server.calls.at(-1)?.cancelled;
  expect(await (await openPulledRecords(root)).listIntents()).toEqual(['app']);
});
