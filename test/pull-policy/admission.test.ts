import { describe, expect, it } from 'vitest';
import type { PodLike } from 'kubepull/kubernetes';
import { mutateAlwaysPullImages, validateAlwaysPullImages, validatePullPolicies } from 'kubepull/pull-policy';

const container = (image: string, imagePullPolicy?: string) => ({ name: 'c', image, imagePullPolicy });
const pod = (...containers: readonly object[]) => ({
  metadata: { name: 'web' },
  spec: { containers: [...containers] },
});
const UNSUPPORTED = 'Unsupported value: "always": supported values: "Always", "IfNotPresent", "Never"';

describe('validatePullPolicies', () => {
  it.each([
    [pod(container('nginx', 'Always')), []],
    [pod(container('nginx')), ['spec.containers[0].imagePullPolicy: Required value']],
    [pod(container('nginx', 'always')), [`spec.containers[0].imagePullPolicy: ${UNSUPPORTED}`]],
    [pod(container('', 'Never')), ['spec.containers[0].image: Required value']],
    [
      pod(container(' nginx', 'Never')),
      ['spec.containers[0].image: Invalid value: " nginx": must not have leading or trailing whitespace'],
    ],
    [pod(container('Not A Reference', 'Never')), []],
    [
      { metadata: { name: 'web' }, spec: { volumes: [{ name: 'v', image: { pullPolicy: 'Never' } }] } },
      ['spec.volumes[0].image.reference: Required value'],
    ],
    [
      {
        metadata: { name: 'web' },
        spec: { volumes: [{ name: 'v', image: { reference: 'm', pullPolicy: 'always' } }] },
      },
      [`spec.volumes[0].image.pullPolicy: ${UNSUPPORTED}`],
    ],
    [
      {
        metadata: { name: 'web' },
        spec: { volumes: [{ name: 'v', image: { reference: 'm', pullPolicy: 'Never' }, emptyDir: {} }] },
      },
      ['spec.volumes[0].image: Forbidden: may not specify more than 1 volume type'],
    ],
  ])('%j', (object, messages) => {
    expect(validatePullPolicies(object).errors.map(({ message }) => message)).toEqual(messages);
  });

  it('joins several errors as the API server does', () => {
    expect(validatePullPolicies(pod(container('', 'Never'))).message).toBe(
      'Pod "web" is invalid: spec.containers[0].image: Required value',
    );
    expect(validatePullPolicies(pod(container('', 'Never'), container('', 'Never'))).message).toBe(
      'Pod "web" is invalid: [spec.containers[0].image: Required value, spec.containers[1].image: Required value]',
    );
    expect(validatePullPolicies(pod(container('nginx', 'Never'))).message).toBeUndefined();
  });

  it('lets a template have outer white space, which a pod may not have', () => {
    const spaced = pod(container(' nginx', 'Never'));
    expect(validatePullPolicies(spaced, { object: 'template' }).errors).toEqual([]);
    expect(validatePullPolicies(spaced, { object: 'pod' }).errors).toHaveLength(1);
  });

  it.each([
    ['1.35', 'template', []],
    ['1.36', 'template', []],
    ['1.37', 'template', ['spec.volumes[0].image.reference']],
    ['1.35', 'pod', ['spec.volumes[0].image.reference']],
  ] as const)('in %s wants of the image volume of a %s a reference: %j', (release, object, paths) => {
    const spec = { volumes: [{ name: 'v', image: { pullPolicy: 'Never' } }] };
    expect(validatePullPolicies({ spec }, { release, object }).errors.map(({ path }) => path)).toEqual(paths);
  });

  it('looks past what YAML leaves empty, and past other volumes', () => {
    const spec = {
      containers: [null],
      volumes: [null, { name: 'd', emptyDir: {} }, { name: 'v', image: { reference: 'm', pullPolicy: 'Never' } }],
      imagePullSecrets: [{ name: 'a' }, null],
    };
    Object.assign(spec.volumes[2] as object, { emptyDir: null, secret: undefined });
    const { message, warnings } = validatePullPolicies({ spec } as unknown as PodLike);
    expect(message).toBe(
      'Pod "" is invalid: [spec.containers[0].image: Required value, spec.containers[0].imagePullPolicy: Required value]',
    );
    expect(warnings).toEqual(['spec.imagePullSecrets[1].name: invalid empty name ""']);
    expect(validatePullPolicies({})).toEqual({ errors: [], warnings: [], message: undefined });
  });

  it('holds init containers to the rules of others', () => {
    const spec = { initContainers: [container('', 'odd')] };
    expect(validatePullPolicies({ spec }).errors.map(({ type, path }) => `${type} ${path}`)).toEqual([
      'required spec.initContainers[0].image',
      'unsupported spec.initContainers[0].imagePullPolicy',
    ]);
  });

  it('takes for white space what Go does: U+0085, but not U+FEFF', () => {
    const messages = (image: string) =>
      validatePullPolicies(pod(container(image, 'Never'))).errors.map((e) => e.message);
    expect(messages('nginx\u0085')).toEqual([
      String.raw`spec.containers[0].image: Invalid value: "nginx\u0085": must not have leading or trailing whitespace`,
    ]);
    expect(messages('\ufeffnginx')).toEqual([]);
  });

  it('reports volumes, containers, init and ephemeral containers, then white space', () => {
    const spec = {
      volumes: [{ name: 'v', image: { reference: 'm' } }],
      initContainers: [container('b\t', 'Never')],
      containers: [container('a ', 'odd')],
      ephemeralContainers: [container('\u00a0c', 'Never')],
    };
    expect(validatePullPolicies({ spec }).errors.map(({ type, path }) => `${type} ${path}`)).toEqual([
      'required spec.volumes[0].image.pullPolicy',
      'unsupported spec.containers[0].imagePullPolicy',
      'invalid spec.ephemeralContainers[0].image',
      'invalid spec.containers[0].image',
      'invalid spec.initContainers[0].image',
    ]);
  });

  it('warns of repeated and empty names of pull secrets', () => {
    const secrets = { spec: { imagePullSecrets: [{ name: '' }, { name: 'a' }, { name: 'a' }] } };
    expect(validatePullPolicies(secrets)).toMatchObject({
      errors: [],
      warnings: [
        'spec.imagePullSecrets[2].name: duplicate name "a"',
        'spec.imagePullSecrets[0].name: invalid empty name ""',
      ],
    });
  });
});

describe('AlwaysPullImages', () => {
  it('sets every container to Always at creation, whatever it was', () => {
    const created = {
      spec: {
        initContainers: [container('a:1', 'Never')],
        containers: [container('b:1', 'IfNotPresent')],
        ephemeralContainers: [container('c:1')],
        volumes: [{ name: 'v', image: { reference: 'm', pullPolicy: 'Never' } }],
      },
    };
    const mutated = mutateAlwaysPullImages(created).pod.spec;
    expect([mutated.initContainers[0]?.imagePullPolicy, mutated.containers[0]?.imagePullPolicy]).toEqual([
      'Always',
      'Always',
    ]);
    expect(mutated.ephemeralContainers[0]?.imagePullPolicy).toBe('Always');
    expect(mutated.volumes[0]?.image.pullPolicy).toBe('Always');
    expect(created.spec.containers[0]?.imagePullPolicy).toBe('IfNotPresent');
  });

  it.each([
    ['labels change', pod(container('a:1', 'Never')), pod(container('a:1', 'Never')), 'no-new-image'],
    [
      'the images swap',
      pod(container('a:1'), container('b:1')),
      pod(container('b:1'), container('a:1')),
      'no-new-image',
    ],
    ['an image goes', pod(container('a:1'), container('b:1')), pod(container('b:1')), 'no-new-image'],
    ['an image changes', pod(container('a:1', 'Never')), pod(container('a:2', 'Never')), undefined],
  ])('an update in which %s', (_, oldPod, updated, ignored) => {
    expect(mutateAlwaysPullImages(updated, { oldPod }).ignored).toBe(ignored);
    const verdict = validateAlwaysPullImages(updated, { oldPod });
    expect(verdict.ignored).toBe(ignored);
    if (ignored !== undefined) expect(verdict).toEqual({ ignored, errors: [], message: undefined });
  });

  it('does not count the image of a volume as one of a container, neither before nor after an update', () => {
    const withVolume = (image: string, reference: string): PodLike => ({
      spec: { containers: [container(image)], volumes: [{ name: 'v', image: { reference } }] },
    });
    const ignored = (oldPod: PodLike, updated: PodLike): unknown => [
      mutateAlwaysPullImages(updated, { oldPod }).ignored,
      validateAlwaysPullImages(updated, { oldPod }).ignored,
    ];
    const unchanged = ['no-new-image', 'no-new-image'];
    expect(ignored(withVolume('a:1', 'v:1'), withVolume('a:1', 'v:2'))).toEqual(unchanged);
    expect(ignored(withVolume('a:1', 'v:1'), withVolume('v:1', 'v:1'))).toEqual([undefined, undefined]);
  });

  it('is refused by the validation of the update when it changes a policy of a pod that was there before', () => {
    const oldPod = pod(container('a:1', 'IfNotPresent'));
    const updated = pod(container('a:2', 'IfNotPresent'));
    const { pod: mutated } = mutateAlwaysPullImages(updated, { oldPod });
    expect(validatePullPolicies(updated, { oldPod }).message).toBeUndefined();
    expect(validatePullPolicies(mutated, { oldPod }).message).toMatch(
      /^Pod "web" is invalid: spec: Forbidden: pod updates may not change fields other than `spec\.containers\[\*\]\.image`,/,
    );
  });

  it('names a pod that has no name yet, and the field of a volume', () => {
    const spec = { containers: [], volumes: [{ name: 'v', image: { reference: 'm', pullPolicy: 'Never' } }] };
    const text = (name: string): string =>
      `pods "${name}" is forbidden: spec.volumes[0].image.pullPolicy: Unsupported value: "Never": supported values: "Always"`;
    expect(validateAlwaysPullImages({ metadata: { generateName: 'web-' }, spec }).message).toBe(text('web-'));
    expect(validateAlwaysPullImages({ spec }).message).toBe(text('Unknown'));
  });

  it('leaves subresources alone', () => {
    const created = pod(container('a:1', 'Never'));
    expect(mutateAlwaysPullImages(created, { subresource: 'ephemeralcontainers' })).toEqual({
      pod: created,
      ignored: 'subresource',
    });
  });

  it('refuses each container that is not Always, in one text', () => {
    const text = (path: string, policy: string): string =>
      `pods "web" is forbidden: ${path}.imagePullPolicy: Unsupported value: "${policy}": supported values: "Always"`;
    const both = {
      metadata: { name: 'web' },
      spec: { initContainers: [container('a', 'Never')], containers: [container('b', 'IfNotPresent')] },
    };
    const errors = [text('spec.initContainers[0]', 'Never'), text('spec.containers[0]', 'IfNotPresent')];
    expect(validateAlwaysPullImages(both)).toEqual({ ignored: undefined, errors, message: `[${errors.join(', ')}]` });
    const admitted = { ignored: undefined, errors: [], message: undefined };
    expect(validateAlwaysPullImages(mutateAlwaysPullImages(both).pod)).toEqual(admitted);
  });
});
