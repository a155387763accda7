import { describe, expect, it } from 'vitest';
import { ImageRefusedError } from 'kubepull/errors';
import { createImageRules } from 'kubepull/rules';
import { createKit, IMAGE, podOf, runtimeImage } from './fake-images.ts';

const rules = createImageRules({ allow: ['private.example/**'], deny: ['**/app'] });

describe('an image manager with rules of its operator', () => {
  it.each(['Always', 'IfNotPresent', 'Never'])(
    'refuses an image with policy %s before anybody is asked',
    async (policy) => {
      const kit = createKit({ rules });
      kit.images.present.set(IMAGE, runtimeImage(IMAGE));
      for (let sync = 0; sync < 3; sync += 1) {
        const result = await kit.manager.ensureContainerImage({ pod: podOf(IMAGE, policy), container: 'app' });
        const message = `Cannot pull "${IMAGE}": it is denied by the rule "**/app"`;
        expect(result).toMatchObject({ status: 'waiting', reason: 'ErrImagePull', message, retryAfterMs: 0 });
        const error = result.status === 'waiting' ? result.errors[0] : undefined;
        expect(error).toBeInstanceOf(ImageRefusedError);
        expect(error).toMatchObject({ code: 'ERR_IMAGE_REFUSED', image: IMAGE, digest: undefined });
        expect(kit.said()).toEqual([
          `Warning Failed Failed to pull image "${IMAGE}": ${message}`,
          'Warning Failed Error: ErrImagePull',
        ]);
      }
      expect(kit.images.calls).toEqual([]);
      expect(kit.manager.stats.inBackoff).toBe(0);
    },
  );

  it('pulls what they allow, and refuses what no rule allows, for image volumes as well', async () => {
    const kit = createKit({ rules });
    const good = 'private.example/good:1';
    const volumes = [good, 'nginx:1'].map((reference) => ({ name: reference, image: { reference } }));
    const pod = { ...podOf(good), spec: { ...podOf(good).spec, volumes } };
    expect(await kit.manager.ensureContainerImage({ pod, container: 'app' })).toMatchObject({ status: 'pulled' });
    const results = await kit.manager.ensureImageVolumes({ pod });
    expect(results.get(good)?.result.status).toBe('present');
    expect(results.get('nginx:1')?.result).toMatchObject({
      reason: 'ErrImagePull',
      message: 'Cannot pull "nginx:1": it is allowed by no rule',
    });
    expect(kit.images.calls.some((call) => call.includes('nginx'))).toBe(false);
  });

  it('leaves a name that cannot be read to kubelet’s own words', async () => {
    const kit = createKit({ rules });
    const result = await kit.manager.ensureContainerImage({ pod: podOf('Nginx'), container: 'app' });
    expect(result).toMatchObject({ reason: 'InvalidImageName' });
  });
});
