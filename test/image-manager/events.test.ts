import { describe, expect, it } from 'vitest';
import {
  formatGoDuration,
  createPullStepEvent,
  decideWaitingAfterFailure,
  decideWaitingInBackOff,
} from 'kubepull/image-manager';
import { decidePull } from 'kubepull/pull-policy';
import { selectPullSecrets } from 'kubepull/pull-secrets';
import {
  ACCESSIBLE,
  createKit,
  ensure,
  failPulls,
  GATE_OFF,
  IMAGE,
  type Kit,
  kitWithImage,
  NEVER,
  PRESENT,
  PULLED,
  PULLING,
  REF,
  secretOf,
  startContainer,
} from './fake-images.ts';

describe('pullStepEvent', () => {
  const pulled = 'in 1.234s (1m2.5s including waiting). Image size: 10485760 bytes.';

  it.each([
    ['events, Pulling: event', { step: 'pulling' }, 'Normal', 'Pulling', 'Pulling image "app:1"'],
    [
      'events, Pulled: event',
      { step: 'pulled', pullMs: 1234.9, totalMs: 62_500, size: 10_485_760 },
      'Normal',
      'Pulled',
      `Successfully pulled image "app:1" ${pulled}`,
    ],
    ['events, BackOff: event', { step: 'back-off' }, 'Normal', 'BackOff', 'Back-off pulling image "app:1"'],
    [
      'events, Failed: event',
      { step: 'failed', errorText: 'denied' },
      'Warning',
      'Failed',
      'Failed to pull image "app:1": denied',
    ],
    ['events, Error: event', { step: 'error', error: 'ErrImagePull' }, 'Warning', 'Failed', 'Error: ErrImagePull'],
    [
      'events, InspectFailed, name: event',
      { step: 'invalid-name', errorText: 'bad' },
      'Warning',
      'InspectFailed',
      'Failed to apply default image tag "app:1": bad',
    ],
    [
      'events, InspectFailed, status: event',
      { step: 'inspect-failed', errorText: 'down' },
      'Warning',
      'InspectFailed',
      'Failed to inspect image "": down',
    ],
  ] as const)('%s %j', (_, step, type, reason, message) => {
    expect(createPullStepEvent('app:1', step)).toEqual({ type, reason, message });
  });
});

describe('events without a pull', () => {
  it.each([
    ['events, present: gate off', GATE_OFF, `Normal Pulled ${PRESENT}`],
    ['events, accessible: gate on', {}, `Normal Pulled ${ACCESSIBLE}`],
    [
      'events, ErrImageNeverPull: may not be used',
      { imagePullCredentialsVerificationPolicy: 'AlwaysVerify' } as const,
      `Warning ErrImageNeverPull ${NEVER}`,
    ],
  ])('%s', async (_, options, line) => {
    const kit = kitWithImage(options);
    await ensure(kit, 'Never');
    expect(kit.said()).toEqual([line]);
  });

  it('events, FailedToRetrieveImagePullSecret: it comes with the secrets that are there', () => {
    const pod = { spec: { imagePullSecrets: [{ name: 'a' }, { name: 'creds-A' }, { name: 'b' }] } };
    const { found, event } = selectPullSecrets(pod, [secretOf('A')]);
    expect(found.map(({ metadata }) => metadata?.name)).toEqual(['creds-A']);
    expect(event).toEqual({
      type: 'Warning',
      reason: 'FailedToRetrieveImagePullSecret',
      message: 'Unable to retrieve some image pull secrets (a, b); attempting to pull the image may not succeed.',
    });
  });
});

describe('durations and size of the event Pulled', () => {
  const slowPull = (kit: Kit, ms: number): void => {
    kit.images.onPull = async () => {
      await kit.clock.sleep(ms);
      return REF;
    };
  };

  it('events, d1: the pulls with all credentials and the query of the size; cut to milliseconds', async () => {
    const kit = kitWithImage();
    kit.images.onPull = async ({ auth }) => {
      await kit.clock.sleep(500);
      if (auth?.credential.username === 'A') throw new Error('denied');
      return REF;
    };
    const imageStatus = kit.images.imageStatus.bind(kit.images);
    kit.images.imageStatus = async (image) => {
      await kit.clock.sleep(250.75);
      return imageStatus(image);
    };
    const done = ensure(kit, 'Always', { pullSecrets: [secretOf('A'), secretOf('B')] });
    await kit.clock.advance(2_000);
    await done;
    expect(kit.said()).toEqual([
      PULLING,
      `Normal Pulled Successfully pulled image "${IMAGE}" in 1.25s (1.25s including waiting). Image size: 10485760 bytes.`,
    ]);
  });

  it('events, d2: from the event Pulling on, with the queue', async () => {
    const kit = kitWithImage();
    slowPull(kit, 1_500);
    const both = ['u1', 'u2'].map((uid) => ensure(kit, 'Always', { uid }));
    await kit.clock.advance(3_000);
    await Promise.all(both);
    expect(kit.said()).toEqual([
      PULLING,
      PULLING,
      `Normal Pulled Successfully pulled image "${IMAGE}" in 1.5s (1.5s including waiting). Image size: 10485760 bytes.`,
      `Normal Pulled Successfully pulled image "${IMAGE}" in 1.5s (3s including waiting). Image size: 10485760 bytes.`,
    ]);
  });

  it.each([
    ['fails', 'down'],
    ['knows no image', undefined],
  ])('events, size: 0 when the status after the pull %s', async (_, text) => {
    const kit = createKit();
    kit.images.onStatus = () => {
      if (text !== undefined) throw new Error(text);
      return undefined;
    };
    expect(await ensure(kit, 'Always')).toMatchObject({ status: 'pulled', size: 0 });
    expect(kit.said().at(-1)).toBe(
      `Normal Pulled Successfully pulled image "${IMAGE}" in 0s (0s including waiting). Image size: 0 bytes.`,
    );
  });
});

describe('usual sequences of events', () => {
  const run = async (kit: Kit, policy: string, image = IMAGE): Promise<readonly string[]> => {
    await startContainer(kit, policy, { image });
    return kit.said();
  };
  const failingKit = (): Kit => {
    const kit = createKit();
    failPulls(kit, 'denied');
    return kit;
  };

  it('events, success: Pulling, Pulled', async () => {
    expect(await run(createKit(), 'Always')).toEqual([PULLING, PULLED]);
  });

  it('events, failed pull: Pulling, Failed, Failed', async () => {
    expect(await run(failingKit(), 'Always')).toEqual([
      PULLING,
      `Warning Failed Failed to pull image "${IMAGE}": denied`,
      'Warning Failed Error: ErrImagePull',
    ]);
  });

  it('events, back-off: BackOff, which never has the earlier error, and Failed', async () => {
    const kit = failingKit();
    await run(kit, 'Always');
    expect(await run(kit, 'Always')).toEqual([
      `Normal BackOff Back-off pulling image "${IMAGE}"`,
      'Warning Failed Error: ImagePullBackOff',
    ]);
  });

  it('events, invalid name: InspectFailed, Failed', async () => {
    const text = `couldn't parse image name "Foo": invalid reference format: repository name (library/Foo) must be lowercase`;
    expect(await run(createKit(), 'Always', 'Foo')).toEqual([
      `Warning InspectFailed Failed to apply default image tag "Foo": ${text}`,
      'Warning Failed Error: InvalidImageName',
    ]);
  });

  it('events, Never, absent: ErrImageNeverPull, Failed', async () => {
    expect(await run(createKit(), 'Never')).toEqual([
      `Warning ErrImageNeverPull ${NEVER}`,
      'Warning Failed Error: ErrImageNeverPull',
    ]);
  });
});

describe('formatGoDuration', () => {
  it.each([
    [0, '0s'],
    [0.9, '0s'],
    [1, '1ms'],
    [626, '626ms'],
    [626.9, '626ms'],
    [999.9, '999ms'],
    [1000, '1s'],
    [1893, '1.893s'],
    [2000, '2s'],
    [2050, '2.05s'],
    [59_999, '59.999s'],
    [60_000, '1m0s'],
    [62_500, '1m2.5s'],
    [3_599_999, '59m59.999s'],
    [3_600_000, '1h0m0s'],
    [3_600_250, '1h0m0.25s'],
    [90_061_001, '25h1m1.001s'],
    [-5, '0s'],
  ])('text, durations: %d ms is %s', (ms, text) => {
    expect(formatGoDuration(ms)).toBe(text);
  });
});

describe('quoted values', () => {
  const odd = 'a"b\\\u0001\u00e9';
  const quoted = '"a\\"b\\\\\\x01\u00e9"';

  it('text, quoted: as %q of Go does', () => {
    expect(createPullStepEvent(odd, { step: 'pulling' }).message).toBe(`Pulling image ${quoted}`);
    expect(decideWaitingInBackOff(odd).message).toBe(`Back-off pulling image ${quoted}`);
    expect(decidePull({ image: odd, policy: 'Never', present: false })).toMatchObject({
      message: `Container image ${quoted} is not present with pull policy of Never`,
    });
  });

  it('text, unquoted: in the messages of an unavailable registry and a refused signature', () => {
    expect(decideWaitingAfterFailure(odd, 'RegistryUnavailable')).toEqual({
      reason: 'RegistryUnavailable',
      message: `image pull failed for ${odd} because the registry is unavailable`,
    });
    expect(decideWaitingAfterFailure(odd, 'SignatureValidationFailed: x')).toEqual({
      reason: 'SignatureValidationFailed',
      message: `image pull failed for ${odd} because the signature validation failed: x`,
    });
  });
});
