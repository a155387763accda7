// The text of an image is read once on its way through the manager, whatever is decided of it: counted where every reader
// of references passes.
import { describe, expect, it, vi } from 'vitest';
import { createPullSecret } from 'kubepull/pull-secrets';
import type { ImageManagerOptions } from 'kubepull/image-manager';
import type { VerificationOptions } from 'kubepull/image-access';
import type * as refuse from '../../src/reference/refuse.ts';
import { createKit, runtimeImage } from './fake-images.ts';

const { texts } = vi.hoisted(() => ({ texts: [] as string[] }));
vi.mock('../../src/reference/refuse.ts', async (load) => {
  const real = await load<typeof refuse>();
  const tryRead: typeof real.tryRead = (input, read) => {
    texts.push(input);
    return real.tryRead(input, read);
  };
  const readOrThrow: typeof real.readOrThrow = (input, read) => {
    texts.push(input);
    return real.readOrThrow(input, read);
  };
  return { ...real, tryRead, readOrThrow };
});

const IMAGE = 'Team.Example:5000/app';
const secret = createPullSecret({ name: 'creds', server: 'Team.Example:5000', username: 'user', password: 'word' });

interface Way {
  readonly image: string;
  readonly present: boolean;
  readonly options?: Partial<ImageManagerOptions>;
}

/** What is read of one image that is ensured, after one that leaves a record. */
async function readTexts({ image, present, options = {} }: Way): Promise<readonly string[]> {
  const { images, manager } = createKit(options);
  if (present) images.present.set(`${image}:latest`, runtimeImage(`${image}:latest`));
  const pod = { metadata: { name: 'web', uid: 'u' }, spec: { containers: [{ name: 'app', image }] } };
  texts.length = 0;
  await manager.ensureContainerImage({ pod, container: 'app', pullSecrets: [secret] });
  return [...texts];
}

const verification = (policy: VerificationOptions['policy']): Partial<ImageManagerOptions> => ({
  imagePullCredentialsVerificationPolicy: policy,
  ...(policy === 'NeverVerifyAllowlistedImages' ? { preloadedImagesVerificationAllowlist: ['b.example/app'] } : {}),
});

describe('ensureContainerImage', () => {
  it.each<[string, Way]>([
    ['is absent', { image: IMAGE, present: false }],
    ['is present', { image: IMAGE, present: true }],
    ['is present and must be verified', { image: IMAGE, present: true, options: verification('AlwaysVerify') }],
    [
      'is compared with an allow list',
      { image: IMAGE, present: true, options: verification('NeverVerifyAllowlistedImages') },
    ],
    ['is recorded as kubelet 1.35 does', { image: IMAGE, present: false, options: { release: '1.35' } }],
    ['cannot be read', { image: 'Not A Name', present: false }],
  ])('reads the text of its image once when the image %s', async (_, way) => {
    expect(await readTexts(way)).toEqual([way.image]);
  });
});
