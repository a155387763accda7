import { describe, expect, it } from 'vitest';
import { aggregateErrorTexts } from 'kubepull/puller';
import { formatGoDuration, pullStepEvent, waitingAfterFailure, waitingInBackOff } from 'kubepull/image-manager';

describe('formatGoDuration', () => {
  it.each([
    [0, '0s'],
    [626, '626ms'],
    [626.9, '626ms'],
    [1000, '1s'],
    [1893, '1.893s'],
    [2000, '2s'],
    [60_000, '1m0s'],
    [62_500, '1m2.5s'],
    [3_600_250, '1h0m0.25s'],
    [-5, '0s'],
  ])('semantics 06 §14: %d ms is %s', (ms, text) => {
    expect(formatGoDuration(ms)).toBe(text);
  });
});

describe('aggregateErrorTexts', () => {
  it.each([
    [['a'], 'a'],
    [['a', 'a'], 'a'],
    [['a', 'b', 'a'], '[a, b]'],
  ])('semantics 06 §7: %j', (texts, text) => {
    expect(aggregateErrorTexts(texts)).toBe(text);
  });
});

describe('waitingAfterFailure', () => {
  it.each([
    ['failed to authorize', 'ErrImagePull', 'failed to authorize'],
    [
      'RegistryUnavailable: connection refused',
      'RegistryUnavailable',
      'image pull failed for app:1 because the registry is unavailable: connection refused',
    ],
    [
      'SignatureValidationFailed: no key',
      'SignatureValidationFailed',
      'image pull failed for app:1 because the signature validation failed: no key',
    ],
    ['[RegistryUnavailable: x, y]', 'ErrImagePull', '[RegistryUnavailable: x, y]'],
  ])('semantics 06 §5: %s', (text, reason, message) => {
    expect(waitingAfterFailure('app:1', text)).toEqual({ reason, message });
  });
});

describe('waitingInBackOff', () => {
  it('semantics 06 §15 trace 2: repeats what the last attempt ended with', () => {
    const text = '[failed to authorize, rpc error: code = NotFound desc = x]';
    const waiting = waitingInBackOff('private.example/app:1', waitingAfterFailure('private.example/app:1', text));
    expect(waiting.reason).toBe('ImagePullBackOff');
    expect(waiting.message).toBe(`Back-off pulling image "private.example/app:1": ErrImagePull: ${text}`);
  });

  it('says only that it waits when the last error is not known', () => {
    expect(waitingInBackOff('app:1').message).toBe('Back-off pulling image "app:1"');
  });
});

describe('pullStepEvent', () => {
  it.each([
    [{ step: 'pulling' }, 'Normal', 'Pulling', 'Pulling image "app:1"'],
    [
      { step: 'pulled', pullMs: 1234, totalMs: 1234, size: 10_485_760 },
      'Normal',
      'Pulled',
      'Successfully pulled image "app:1" in 1.234s (1.234s including waiting). Image size: 10485760 bytes.',
    ],
    [{ step: 'failed', errorText: 'denied' }, 'Warning', 'Failed', 'Failed to pull image "app:1": denied'],
    [{ step: 'back-off' }, 'Normal', 'BackOff', 'Back-off pulling image "app:1"'],
    [{ step: 'error', error: 'ErrImagePull' }, 'Warning', 'Failed', 'Error: ErrImagePull'],
  ] as const)('semantics 06 §8: %j', (step, type, reason, message) => {
    expect(pullStepEvent('app:1', step)).toEqual({ type, reason, message });
  });
});
