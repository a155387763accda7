// What a caller without types can pass: each is refused by its name, and of a text no more than its type is shown.
import { describe, expect, it } from 'vitest';
import {
  decidePolicyAfterUpdate,
  decidePull,
  decidePullPolicy,
  defaultPodPullPolicies,
  defaultPullPolicy,
  defaultWorkloadPullPolicies,
  mutateAlwaysPullImages,
  needsImageStatus,
  validateAlwaysPullImages,
  validatePullPolicies,
} from 'kubepull/pull-policy';
import { optionRefused } from '../support/option-refused.ts';

const question = { image: 'app:1', policy: 'Never', present: true };
const update = { object: 'pod', operation: 'patch', stored: {}, request: {} } as const;

describe.each<readonly [string, (value: never) => unknown, unknown, string]>([
  ['decidePullPolicy', (image) => decidePullPolicy(image), 5, 'Cannot decide a pull policy: image must be a text'],
  [
    'decidePullPolicy',
    (explicit) => decidePullPolicy('app', explicit),
    {},
    'Cannot decide a pull policy: explicit must be a text, not an object',
  ],
  ['defaultPullPolicy', defaultPullPolicy, undefined, 'Cannot decide a pull policy: image is missing'],
  ['needsImageStatus', needsImageStatus, null, 'Cannot judge a pull policy: policy must be a text, not null'],
  ['decidePull', decidePull, undefined, 'Cannot decide a pull: options is missing'],
  ...Object.entries({ image: 5, policy: [], present: 1, verifiesCredentials: 'yes', mustPull: 0 }).map(
    ([option, value]) =>
      [
        'decidePull',
        (wrong: never) => decidePull({ ...question, [option]: wrong }),
        value,
        `Cannot decide a pull: ${option} must be `,
      ] as const,
  ),
  ...Object.entries({ object: 'job', operation: 'post', stored: 'app', request: null }).map(
    ([option, value]) =>
      [
        'decidePolicyAfterUpdate',
        (wrong: never) => decidePolicyAfterUpdate({ ...update, [option]: wrong }),
        value,
        `Cannot update a pull policy: ${option} must be `,
      ] as const,
  ),
  ...['stored', 'request'].flatMap((side) =>
    ['image', 'imagePullPolicy'].map(
      (field) =>
        [
          'decidePolicyAfterUpdate',
          (wrong: never) => decidePolicyAfterUpdate({ ...update, [side]: { [field]: wrong } }),
          5,
          `Cannot update a pull policy: ${side}.${field} must be a text, not 5`,
        ] as const,
    ),
  ),
  ['defaultPodPullPolicies', defaultPodPullPolicies, [], 'Cannot default pull policies: pod must be a pod, not a list'],
  [
    'defaultWorkloadPullPolicies',
    defaultWorkloadPullPolicies,
    'web',
    'Cannot default pull policies: object must be a pod or a workload, not a text',
  ],
  ['validatePullPolicies', validatePullPolicies, null, 'Cannot validate a pod: pod must be a pod, not null'],
  ...Object.entries({ object: 'job', oldPod: [], release: '1.20' }).map(
    ([option, value]) =>
      [
        'validatePullPolicies',
        (wrong: never) => validatePullPolicies({}, { [option]: wrong }),
        value,
        `Cannot validate a pod: ${option} must be `,
      ] as const,
  ),
  ...[mutateAlwaysPullImages, validateAlwaysPullImages].flatMap((admit) => [
    [admit.name, (pod: never) => admit(pod), null, 'Cannot admit a pod: pod must be a pod, not null'] as const,
    ...Object.entries({ oldPod: 'web', subresource: 5 }).map(
      ([option, value]) =>
        [
          admit.name,
          (wrong: never) => admit({}, { [option]: wrong }),
          value,
          `Cannot admit a pod: ${option} must be `,
        ] as const,
    ),
  ]),
])('%s', (_, call, value, message) => {
  it(`refuses ${JSON.stringify(value)}: ${message}`, () => {
    expect(() => call(value as never)).toThrow(optionRefused(message));
  });
});
