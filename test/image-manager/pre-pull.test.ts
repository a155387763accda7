import { describe, expect, it } from 'vitest';
import { prepullImages } from 'kubepull/image-manager';
import { createKeyring } from 'kubepull/keyring';
import { mergePullSecrets } from 'kubepull/pull-secrets';
import { createFakeClock } from 'kubepull/testing';
import { createFakeImages, REF, runtimeImage, secretOf } from './fake-images.ts';

describe('prePull', () => {
  it('reports each image once, in order, and goes on after a failure', async () => {
    const images = createFakeImages();
    const clock = createFakeClock();
    images.present.set('there:1', runtimeImage('there:1'));
    const { onPull } = images;
    images.onPull = (request) => {
      if (request.image.image === 'bad:1') throw new Error('manifest unknown');
      return onPull(request);
    };
    const done: string[] = [];
    const report = await prepullImages(['there:1', 'bad:1', 'Foo', 'app', 'app'], {
      images,
      clock,
      onResult: ({ image }) => void done.push(image),
    });
    expect(report).toMatchObject({ present: 1, pulled: 1, failed: 2, pulledBytes: 10_485_760 });
    expect(report.results).toMatchObject([
      { image: 'there:1', outcome: 'present', imageRef: REF, size: 10_485_760, source: undefined, message: undefined },
      { image: 'bad:1', outcome: 'failed', imageRef: undefined, size: 0, message: 'manifest unknown' },
      { image: 'Foo', outcome: 'failed', message: expect.stringContaining(`couldn't parse image name "Foo"`) },
      { image: 'app', outcome: 'pulled', imageRef: REF, source: { kind: 'anonymous' }, ms: 0 },
    ]);
    expect(done).toEqual(['there:1', 'bad:1', 'Foo', 'app']);
    expect(images.calls).toContain('PullImage(app:latest, nobody)');
  });

  it("tries the node's credentials in order, and joins their errors", async () => {
    const images = createFakeImages();
    const keyring = createKeyring(mergePullSecrets([secretOf('A'), secretOf('B')]).entries);
    images.onPull = ({ auth }) => {
      throw new Error(`no ${auth?.credential.username}`);
    };
    const { results } = await prepullImages(['private.example/app:1'], { images, keyring });
    expect(results).toMatchObject([{ message: '[no A, no B]', errors: [{ message: 'no A' }, { message: 'no B' }] }]);
  });

  it('pulls what is present with Always, and so many at once as it may', async () => {
    const images = createFakeImages();
    let [running, most] = [0, 0];
    images.onPull = async () => {
      most = Math.max(most, (running += 1));
      await Promise.resolve();
      running -= 1;
      return REF;
    };
    const names = Array.from({ length: 9 }, (_, at) => `app:${at}`);
    for (const name of names) images.present.set(name, runtimeImage(name));
    const report = await prepullImages(names, { images, pullPolicy: 'Always', maxParallelImagePulls: 3 });
    expect([report.pulled, most]).toEqual([9, 3]);
  });

  it('refuses a number of pulls that is none, and rejects with the reason of an abort', async () => {
    const images = createFakeImages();
    await expect(prepullImages(['app'], { images, maxParallelImagePulls: 0 })).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
    });
    const reason = new Error('enough');
    await expect(prepullImages(['app'], { images, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
