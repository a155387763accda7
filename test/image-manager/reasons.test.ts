import { describe, expect, it } from 'vitest';
import { createMemoryRecords, type PulledRecords } from 'kubepull/image-access';
import {
  createKit,
  failPulls,
  IMAGE,
  kitWithImage,
  type Kit,
  MALFORMED,
  MALFORMED_TEXT,
  NEVER,
  PULLED,
  PULLING,
  secretOf,
  startContainer,
} from './fake-images.ts';

const INTENT_TEXT = `Failed to record image pull intent for container image "${IMAGE}": no space left on device`;
const BACK_OFF = `Back-off pulling image "${IMAGE}"`;

const noSpace = (): PulledRecords => ({
  ...createMemoryRecords(),
  writeIntent: () => Promise.reject(new Error('no space left on device')),
});

/** What each row does, and what the pod shows and hears then. */
interface Row {
  readonly says: string;
  readonly kit: () => Kit;
  readonly policy?: string;
  readonly image?: string;
  readonly reason: string;
  readonly message: string;
  readonly isError?: boolean;
}

const failing = (text: string) => (): Kit => {
  const kit = createKit();
  failPulls(kit, text);
  return kit;
};
const ROWS: readonly Row[] = [
  {
    says: 'reason, InvalidImageName: of an image that does not parse',
    kit: () => createKit(),
    image: 'a"b',
    reason: 'InvalidImageName',
    message: `Failed to apply default image tag "a\\"b": couldn't parse image name "a\\"b": invalid reference format`,
  },
  {
    says: 'reason, ImageInspectError: of a status that fails',
    kit() {
      const kit = createKit();
      kit.images.onStatus = () => {
        throw new Error('rpc error: code = Unknown desc = down');
      };
      return kit;
    },
    policy: 'IfNotPresent',
    reason: 'ImageInspectError',
    message: 'Failed to inspect image "": rpc error: code = Unknown desc = down',
  },
  {
    says: 'reason, ErrImageNeverPull: of step 4',
    kit: () => createKit(),
    policy: 'Never',
    reason: 'ErrImageNeverPull',
    message: NEVER,
  },
  {
    says: 'reason, ErrImageNeverPull: of step 8',
    kit: () => kitWithImage({ imagePullCredentialsVerificationPolicy: 'AlwaysVerify' }),
    policy: 'Never',
    reason: 'ErrImageNeverPull',
    message: NEVER,
  },
  {
    says: 'reason, RegistryUnavailable: the rest after that word, whatever it is',
    kit: failing('RegistryUnavailable 503'),
    reason: 'RegistryUnavailable',
    message: `image pull failed for ${IMAGE} because the registry is unavailable 503`,
  },
  {
    says: 'reason, SignatureValidationFailed: the rest after that word',
    kit: failing('SignatureValidationFailed: no key'),
    reason: 'SignatureValidationFailed',
    message: `image pull failed for ${IMAGE} because the signature validation failed: no key`,
  },
  {
    says: 'reason, ErrImagePull: any other error of the pull',
    kit: failing('denied: RegistryUnavailable'),
    reason: 'ErrImagePull',
    message: 'denied: RegistryUnavailable',
  },
  {
    says: 'reason, Error event: also of an intent that cannot be written',
    kit: () => createKit({ records: noSpace() }),
    reason: 'no space left on device',
    message: INTENT_TEXT,
    isError: true,
  },
];

describe('reasons and messages', () => {
  it.each(ROWS.map((row) => [row.says, row] as const))('%s', async (_, row) => {
    const { kit: make, policy = 'Always', image = IMAGE, reason, message, isError } = row;
    const kit = make();
    const result = await startContainer(kit, policy, { image });
    expect(result).toMatchObject({ status: isError === true ? 'error' : 'waiting', reason, message });
    expect(kit.said().at(-1)).toBe(`Warning Failed Error: ${reason}`);
  });

  it('reason, ImagePullBackOff: with the text of the error before', async () => {
    const kit = failing('SignatureValidationFailed')();
    await startContainer(kit, 'Always');
    kit.said();
    expect(await startContainer(kit, 'Always')).toMatchObject({
      reason: 'ImagePullBackOff',
      message: `${BACK_OFF}: SignatureValidationFailed: image pull failed for ${IMAGE} because the signature validation failed`,
    });
    expect(kit.said()).toEqual([`Normal BackOff ${BACK_OFF}`, 'Warning Failed Error: ImagePullBackOff']);
  });

  it.each(['IfNotPresent', 'Always'])('reason, decoder error: %s, reason and message are its text', async (policy) => {
    const kit = createKit();
    expect(await startContainer(kit, policy, { pullSecrets: [MALFORMED] })).toMatchObject({
      status: 'error',
      reason: MALFORMED_TEXT,
      message: MALFORMED_TEXT,
    });
    expect(kit.said()).toEqual([`Warning Failed Error: ${MALFORMED_TEXT}`]);
  });

  it('reason, classify: looks at the beginning of the joined text', async () => {
    const pullSecrets = [secretOf('A'), secretOf('B')];
    const of = async (text: (user: string) => string) => {
      const kit = createKit();
      failPulls(kit, text);
      const result = await startContainer(kit, 'Always', { pullSecrets });
      return 'reason' in result ? [result.reason, result.message] : [];
    };
    expect(await of((user) => (user === 'A' ? 'RegistryUnavailable: x' : 'y'))).toEqual([
      'ErrImagePull',
      '[RegistryUnavailable: x, y]',
    ]);
    expect(await of(() => 'RegistryUnavailable: x')).toEqual([
      'RegistryUnavailable',
      `image pull failed for ${IMAGE} because the registry is unavailable: x`,
    ]);
  });

  it('reason, Error event: a success has none', async () => {
    const kit = createKit();
    await startContainer(kit, 'Always');
    expect(kit.said()).toEqual([PULLING, PULLED]);
  });
});
