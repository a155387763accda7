import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  decidePullPolicy,
  defaultPodPullPolicies,
  defaultPullPolicy,
  defaultWorkloadPullPolicies,
  decidePolicyAfterUpdate,
} from 'kubepull/pull-policy';
import { type PodLike } from 'kubepull/kubernetes';
import { safeParseReference } from 'kubepull/reference';
import { pullPolicyOf } from '../../src/pull-policy/inner.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}

describe('decidePullPolicy', () => {
  it.each([
    ['nginx', 'Always', 'no-tag'],
    ['nginx:latest', 'Always', 'latest-tag'],
    ['nginx:LATEST', 'IfNotPresent', 'other-tag'],
    ['nginx:Latest', 'IfNotPresent', 'other-tag'],
    ['nginx:1.27', 'IfNotPresent', 'other-tag'],
    [`nginx@${DIGEST}`, 'IfNotPresent', 'digest'],
    [`nginx:1.27@${DIGEST}`, 'IfNotPresent', 'other-tag'],
    [`nginx:latest@${DIGEST}`, 'Always', 'latest-tag'],
    ['localhost:5000', 'IfNotPresent', 'other-tag'],
    ['localhost:5000/app', 'Always', 'no-tag'],
    ['Nginx', 'IfNotPresent', 'unparseable'],
    ['', 'IfNotPresent', 'unparseable'],
    [' nginx', 'IfNotPresent', 'unparseable'],
    ['a'.repeat(64), 'IfNotPresent', 'unparseable'],
  ])('%s gets %s', (image, policy, reason) => {
    expect(decidePullPolicy(image)).toEqual({ image, policy, reason });
    expect(defaultPullPolicy(image)).toBe(policy);
    const parsed = safeParseReference(image);
    expect(pullPolicyOf(parsed.ok ? parsed.value : undefined, undefined)).toBe(policy);
  });

  it('keeps what the container names, but for an empty text', () => {
    expect(decidePullPolicy('nginx', 'Never')).toEqual({ image: 'nginx', policy: 'Never', reason: 'explicit' });
    expect(decidePullPolicy('nginx', 'always').policy).toBe('always');
    expect(decidePullPolicy('nginx', '').policy).toBe('Always');
    expect(decidePullPolicy(undefined)).toEqual({ image: '', policy: 'IfNotPresent', reason: 'unparseable' });
    expect([pullPolicyOf(undefined, 'Never'), pullPolicyOf(undefined, null)]).toEqual(['Never', 'IfNotPresent']);
  });
});

describe('defaultPodPullPolicies', () => {
  const pod = deepFreeze({
    metadata: { name: 'web', labels: { app: 'web' } },
    spec: {
      initContainers: [{ name: 'init', image: 'busybox:latest' }],
      containers: [
        { name: 'web', image: 'nginx:1.27', ports: [{ containerPort: 80 }] },
        { name: 'log', image: 'fluentd', imagePullPolicy: 'Never' },
      ],
      ephemeralContainers: [{ name: 'debug', image: 'busybox' }],
      volumes: [
        { name: 'data', image: { reference: 'models:latest' } },
        { name: 'none', emptyDir: {} },
        { name: 'set', image: { reference: 'models', pullPolicy: 'Never' } },
      ],
    },
  });

  it('fills in every kind of container and image volume, and tells why', () => {
    const { decisions } = defaultPodPullPolicies(pod);
    expect(
      decisions.map(({ kind, container, policy, reason, path }) => [kind, container, policy, reason, path]),
    ).toEqual([
      ['init', 'init', 'Always', 'latest-tag', 'spec.initContainers[0]'],
      ['regular', 'web', 'IfNotPresent', 'other-tag', 'spec.containers[0]'],
      ['regular', 'log', 'Never', 'explicit', 'spec.containers[1]'],
      ['ephemeral', 'debug', 'Always', 'no-tag', 'spec.ephemeralContainers[0]'],
      ['volume', 'data', 'Always', 'latest-tag', 'spec.volumes[0].image'],
      ['volume', 'set', 'Never', 'explicit', 'spec.volumes[2].image'],
    ]);
  });

  it('gives a new pod, with everything else as it was', () => {
    const defaulted = defaultPodPullPolicies(pod).pod;
    expect(defaulted).not.toBe(pod);
    expect(defaulted.metadata).toBe(pod.metadata);
    expect(defaulted.spec.containers[1]).toBe(pod.spec.containers[1]);
    expect(defaulted.spec.volumes[2]).toBe(pod.spec.volumes[2]);
    expect(defaulted.spec.containers[0]).toEqual({
      name: 'web',
      image: 'nginx:1.27',
      ports: [{ containerPort: 80 }],
      imagePullPolicy: 'IfNotPresent',
    });
    expect(defaulted.spec.volumes[1]).toEqual({ name: 'none', emptyDir: {} });
  });

  it.each([[{}], [{ spec: {} }], [{ spec: { containers: [] } }], [{ metadata: {} }]])(
    'takes the pod %j',
    (bare: PodLike) => {
      expect(defaultPodPullPolicies(bare).decisions).toEqual([]);
    },
  );

  it('takes parsed YAML, with its nulls', () => {
    const text = [
      'spec:',
      '  containers: [{ name: web, image: nginx, imagePullPolicy: null }, null]',
      '  initContainers: null',
      '  volumes: [null, { name: v, image: null }]',
    ];
    const { decisions } = defaultPodPullPolicies(parse(text.join('\n')) as PodLike);
    expect(decisions.map(({ policy }) => policy)).toEqual(['Always', 'IfNotPresent']);
  });

  it('keeps the class of what it copies', () => {
    class V1Pod {
      readonly spec: PodLike['spec'] = { containers: [{ name: 'web', image: 'nginx' }] };
    }
    const defaulted = defaultPodPullPolicies(new V1Pod()).pod;
    expect(defaulted).toBeInstanceOf(V1Pod);
    expect(defaulted.spec?.containers?.[0]?.imagePullPolicy).toBe('Always');
  });

  it('takes a key named __proto__ for a key', () => {
    const hostile = JSON.parse('{"__proto__":{"polluted":true},"spec":{"containers":[{"image":"a"}]}}') as PodLike;
    const copy = defaultPodPullPolicies(hostile).pod;
    expect([Object.getPrototypeOf(copy) === Object.prototype, Object.hasOwn(copy, '__proto__')]).toEqual([true, true]);
  });

  it('changes nothing the second time, for any pod', () => {
    const container = fc.record({
      name: fc.string(),
      image: fc.oneof(fc.constantFrom('nginx', 'nginx:1', 'nginx:latest', 'Bad', ''), fc.string()),
      imagePullPolicy: fc.option(fc.constantFrom('Always', 'IfNotPresent', 'Never', '', 'odd'), { nil: undefined }),
    });
    const list = fc.option(fc.array(container, { maxLength: 3 }), { nil: undefined });
    const spec = fc.record({ containers: list, initContainers: list, ephemeralContainers: list });
    fc.assert(
      fc.property(spec, (random) => {
        const first = defaultPodPullPolicies(deepFreeze({ spec: random }));
        const second = defaultPodPullPolicies(first.pod);
        expect(second.pod).toEqual(first.pod);
        expect(second.decisions.every(({ reason }) => reason === 'explicit')).toBe(true);
        expect(first.decisions.every(({ policy }) => policy !== '')).toBe(true);
      }),
    );
  });
});

describe('defaultWorkloadPullPolicies', () => {
  const spec = { containers: [{ name: 'web', image: 'nginx' }] };
  const template = { spec: { template: { spec } } };

  it.each([
    ['Pod', { spec }, 'spec.containers[0]'],
    ['PodTemplate', { template: { spec } }, 'template.spec.containers[0]'],
    ['ReplicationController', template, 'spec.template.spec.containers[0]'],
    ['ReplicaSet', template, 'spec.template.spec.containers[0]'],
    ['Deployment', template, 'spec.template.spec.containers[0]'],
    ['StatefulSet', template, 'spec.template.spec.containers[0]'],
    ['DaemonSet', template, 'spec.template.spec.containers[0]'],
    ['Job', template, 'spec.template.spec.containers[0]'],
    ['CronJob', { spec: { jobTemplate: template } }, 'spec.jobTemplate.spec.template.spec.containers[0]'],
  ])('fills in the containers of a %s', (kind, body, path) => {
    const { object, decisions } = defaultWorkloadPullPolicies(deepFreeze({ kind, ...body }));
    expect(decisions.map((decision) => [decision.path, decision.policy])).toEqual([[path, 'Always']]);
    expect(JSON.stringify(object)).toContain('"imagePullPolicy":"Always"');
    expect(defaultWorkloadPullPolicies(body).decisions).toEqual(decisions);
  });

  it('leaves an object without template as it is', () => {
    const controller = { kind: 'ReplicationController', spec: {} };
    expect(defaultWorkloadPullPolicies(controller)).toEqual({ object: controller, decisions: [] });
    expect(defaultWorkloadPullPolicies({})).toEqual({ object: {}, decisions: [] });
  });

  it.each(['ConfigMap', 'Rollout', '', '__proto__', 'constructor'])('refuses the kind %j', (kind) => {
    const message = `Cannot default pull policies of kind "${kind}": the API server knows no pod template in it`;
    expect(() => defaultWorkloadPullPolicies({ kind })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID', message }) as Error,
    );
  });
});

describe('policyAfterUpdate', () => {
  const stored = { image: 'app:1', imagePullPolicy: 'IfNotPresent' };
  const latest = { image: 'app:latest' };

  it.each([
    ['template', 'patch', latest, 'IfNotPresent', 'stored', false],
    ['pod', 'patch', latest, 'IfNotPresent', 'stored', false],
    ['template', 'replace', latest, 'Always', 'latest-tag', false],
    ['pod', 'replace', latest, 'Always', 'latest-tag', true],
    ['pod', 'replace', { image: 'app:2' }, 'IfNotPresent', 'other-tag', false],
    ['pod', 'patch', { imagePullPolicy: 'Always' }, 'Always', 'explicit', true],
    ['template', 'patch', { imagePullPolicy: 'Always' }, 'Always', 'explicit', false],
    ['template', 'patch', { ...latest, imagePullPolicy: null }, 'Always', 'latest-tag', false],
    ['template', 'patch', { ...latest, imagePullPolicy: '' }, 'Always', 'latest-tag', false],
    ['template', 'replace', {}, 'IfNotPresent', 'unparseable', false],
  ] as const)('%s, %s of %j gives %s (%s)', (object, operation, request, policy, reason, refused) => {
    expect(decidePolicyAfterUpdate({ object, operation, stored, request })).toMatchObject({ policy, reason, refused });
  });

  it('tells the image after it, and whether the policy is another', () => {
    const after = (operation: 'patch' | 'replace', request: object) =>
      decidePolicyAfterUpdate({ object: 'template', operation, stored, request });
    expect(after('patch', {})).toMatchObject({ image: 'app:1', changed: false });
    expect(after('patch', latest)).toMatchObject({ image: 'app:latest', changed: false });
    expect(after('replace', {})).toMatchObject({ image: '', changed: false });
    expect(after('replace', latest)).toMatchObject({ image: 'app:latest', changed: true });
  });

  it('decides anew where nothing is stored', () => {
    expect(
      decidePolicyAfterUpdate({ object: 'template', operation: 'patch', stored: { image: 'app' }, request: {} }),
    ).toEqual({ image: 'app', policy: 'Always', reason: 'no-tag', changed: true, refused: false });
  });
});
