import { describe, expect, it } from 'vitest';
import { parseDockerConfigJson } from 'kubepull/docker-config';
import { lintPod } from 'kubepull/lint';
import { canary } from '../../support/canary.ts';
import { codes, configFor, podOf, secretOf } from '../support.ts';

const podSpec = { containers: [{ name: 'web', image: 'app:latest' }], imagePullSecrets: [{ name: 'creds' }] };

describe('lintPod', () => {
  it('finds nothing in a good pod', () => {
    const pod = podOf({ image: 'r.example/app:1' }, { imagePullSecrets: [{ name: 'creds' }] });
    expect(lintPod(pod)).toEqual([]);
    expect(lintPod(pod, { secrets: [secretOf(configFor('r.example'))], nodeConfig: [] })).toEqual([]);
  });

  it('looks at containers of every kind and at image volumes, and names their place', () => {
    const item = { image: 'https://r.example/app' };
    const pod = {
      spec: {
        containers: [{ image: 'app:1' }, item],
        initContainers: [item],
        ephemeralContainers: [item],
        volumes: [{}, { image: { reference: 'A', pullPolicy: 'always' } }],
      },
    };
    expect(lintPod(pod)).toMatchObject([
      { code: 'IMAGE_INVALID', place: 'spec.initContainers[0].image', suggestion: 'r.example/app' },
      { code: 'IMAGE_INVALID', place: 'spec.containers[1].image' },
      { code: 'IMAGE_INVALID', place: 'spec.ephemeralContainers[0].image' },
      { code: 'IMAGE_INVALID', place: 'spec.volumes[1].image.reference', suggestion: 'a' },
      { code: 'POLICY_UNKNOWN', place: 'spec.volumes[1].image.pullPolicy', suggestion: 'Always' },
    ]);
  });

  it('suggests the image without the white space', () => {
    expect(lintPod(podOf({ image: ' app:1' }))[0]).toMatchObject({ code: 'IMAGE_OUTER_SPACE', suggestion: 'app:1' });
    expect(codes(lintPod(podOf({ image: ' App:1' })))).toEqual(['IMAGE_OUTER_SPACE', 'IMAGE_INVALID']);
  });

  it('uses the pull secrets of the service account for a pod without its own', () => {
    const serviceAccount = { metadata: { name: 'default' }, imagePullSecrets: [{ name: 'creds' }, { name: '' }] };
    expect(lintPod(podOf({ image: 'r.example/app:1' }), { serviceAccount, secrets: [] })).toMatchObject([
      { code: 'PULL_SECRET_NAME_EMPTY', place: 'serviceAccount.imagePullSecrets[1].name' },
      { code: 'PULL_SECRET_MISSING', place: 'serviceAccount.imagePullSecrets[0].name' },
      { code: 'IMAGE_ANONYMOUS', place: 'spec.containers[0].image' },
    ]);
  });

  it('names what is lost of a service account', () => {
    const serviceAccount = { imagePullSecrets: [{ name: 'a' }, { name: 'b' }, { name: 'b' }] };
    const pod = podOf({ image: 'app:1' }, { imagePullSecrets: [{ name: 'a' }] });
    expect(lintPod(pod, { serviceAccount })[0]?.message).toBe('Not added: "b"');
  });

  it('counts the credentials of secrets and node together', () => {
    const pod = {
      spec: {
        containers: [{ image: 'r.example/app:1' }, { image: 's.example/app:1' }, { image: 'app:1' }],
        imagePullSecrets: [{ name: 'creds' }],
      },
    };
    const secrets = [secretOf(configFor('r.example'))];
    const nodeConfig = parseDockerConfigJson(configFor('s.example'));
    expect(lintPod(pod, { secrets, nodeConfig })).toMatchObject([
      { code: 'IMAGE_ANONYMOUS', place: 'spec.containers[2].image', message: 'No key matches "docker.io/library/app"' },
    ]);
  });

  it('takes the later of two secrets with one name, in the namespace of the pod', () => {
    const pod = { ...podOf({ image: 'r.example/app:1' }, { imagePullSecrets: [{ name: 'creds' }] }) };
    const bad = secretOf('{}', 'Opaque');
    const good = secretOf(configFor('r.example'));
    expect(lintPod(pod, { secrets: [bad, good] })).toEqual([]);
    expect(codes(lintPod(pod, { secrets: new Set([good, bad]) }))).toEqual(['PULL_SECRET_IGNORED', 'IMAGE_ANONYMOUS']);
  });

  it.each([
    ['nothing', null],
    ['a number', 5],
    ['an empty object', {}],
    ['a list without a pod', [{ kind: 'Service', spec: {} }, null]],
    ['a List without a pod', { kind: 'List', items: [] }],
    ['an object of another kind', { kind: 'ConfigMap', data: {} }],
    ['a Secret', { kind: 'Secret', spec: { containers: [{ image: 'app' }] } }],
  ])('refuses %s', (_, object) => {
    expect(() => lintPod(object as object)).toThrow(
      expect.objectContaining({
        code: 'ERR_OPTION_INVALID',
        message: expect.stringMatching(/^Cannot lint pod: .*; pass a Pod/),
      }),
    );
  });

  it.each([
    ['Pod', (spec: object) => ({ spec }), 'spec'],
    ['PodTemplate', (spec: object) => ({ template: { spec } }), 'template.spec'],
    ...['ReplicationController', 'ReplicaSet', 'Deployment', 'StatefulSet', 'DaemonSet', 'Job'].map(
      (kind) => [kind, (spec: object) => ({ spec: { template: { spec } } }), 'spec.template.spec'] as const,
    ),
    [
      'CronJob',
      (spec: object) => ({ spec: { jobTemplate: { spec: { template: { spec } } } } }),
      'spec.jobTemplate.spec.template.spec',
    ],
  ] as const)('looks into a %s, and names places from its top', (kind, wrap, at) => {
    const object = { kind, metadata: { namespace: 'team' }, ...wrap(podSpec) };
    const found = [
      { code: 'IMAGE_TAG_LATEST', place: `${at}.containers[0].image` },
      {
        code: 'PULL_SECRET_MISSING',
        place: `${at}.imagePullSecrets[0].name`,
        message: 'There is no "creds" in "team"',
      },
    ];
    expect(lintPod(object, { secrets: [] }).slice(0, 2)).toMatchObject(found);
    const listed = lintPod({ kind: 'List', items: [{ kind: 'Service' }, object] }, { secrets: [] });
    expect(listed.slice(0, 2)).toMatchObject(found.map((one) => ({ ...one, place: `items[1].${one.place}` })));
    const documents = lintPod([{ kind: 'Secret', data: {} }, null, { kind: `${kind}List`, items: [object] }], {
      secrets: [],
    });
    expect(documents.slice(0, 2)).toMatchObject(found.map((one) => ({ ...one, place: `[2].items[0].${one.place}` })));
  });

  it('takes a name that is written as text for the name, and says how to write it', () => {
    const findings = lintPod(podOf({ image: 'app:1' }, { imagePullSecrets: ['regcred'] }));
    expect(findings).toMatchObject([
      { code: 'OBJECT_MALFORMED', place: 'spec.imagePullSecrets[0]', suggestion: '- name: regcred' },
    ]);
  });

  it('finds a list of pull secrets inside of a container', () => {
    const [found] = lintPod(podOf({ image: 'app:1', imagePullSecrets: [{ name: 'regcred' }] }));
    expect(found).toMatchObject({ code: 'PULL_SECRETS_MISPLACED', place: 'spec.containers[0].imagePullSecrets' });
  });

  it.each([
    '${TAG}',
    '$(TAG)',
    '$TAG',
    '{{ .Values.tag }}',
    '<no value>',
    '<nil>',
    '%TAG%',
    '%!s(<nil>)',
    '__TAG__',
    '@TAG@',
  ])('names the placeholder %s', (placeholder) => {
    const [found, ...others] = lintPod(podOf({ image: `r.example/app:${placeholder}` }));
    expect(found).toMatchObject({ code: 'IMAGE_PLACEHOLDER', suggestion: undefined });
    expect(found?.message).toContain(placeholder.slice(0, 4));
    expect(codes(others)).toEqual([]);
  });

  it('looks for no placeholder in user info, which may be a password', () => {
    const [found] = lintPod(podOf({ image: 'https://user:pa$word@r.example/app:1' }));
    expect(found?.code).toBe('IMAGE_INVALID');
    expect(found?.message).not.toContain('word');
  });

  it('names the quotes in an image', () => {
    expect(lintPod(podOf({ image: 'busybox":"latest' }))[0]?.message).toContain('has quotes in it');
  });

  it.each([
    { spec: [] },
    { spec: { containers: {} } },
    { spec: { containers: [5, { image: 5 }] } },
    { spec: { containers: [], volumes: [{ image: [] }], imagePullSecrets: [5] }, metadata: 'x' },
  ])('takes %j for a pod with faults', (pod) => {
    expect(() => lintPod(pod as object)).not.toThrow();
    expect(codes(lintPod(pod as object))).toContain('OBJECT_MALFORMED');
  });

  it('refuses options that are no lists', () => {
    expect(() => lintPod({}, { secrets: 5 as unknown as [] })).toThrow(/secrets must be a list/);
    expect(() => lintPod({}, { secrets: null as unknown as [] })).toThrow(/secrets must be a list/);
    expect(() => lintPod({}, { nodeConfig: [5] as unknown as [] })).toThrow(/nodeConfig must be a list/);
  });

  it('shows no user info of an image', () => {
    // No canary: the error of the reference keeps its input, which the finding does not.
    const [found] = lintPod(podOf({ image: 'https://user:hunter2@r.example/app' }));
    expect(found).toMatchObject({ code: 'IMAGE_INVALID', suggestion: undefined });
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });

  it('shows nothing of a pull secret', () => {
    const password = canary('password');
    const pod = podOf({ image: 'app:1' }, { imagePullSecrets: [{ name: 'creds' }] });
    const broken = { ...secretOf(''), data: { '.dockerconfigjson': password } };
    for (const secret of [secretOf(password), broken]) {
      expect(codes(lintPod(pod, { secrets: [secret] }))).toEqual(['PULL_SECRET_MALFORMED', 'IMAGE_ANONYMOUS']);
      expect(lintPod(pod, { secrets: [secret] })).toHaveLength(2);
    }
  });

  describe('across the objects of a cluster', () => {
    const app = podOf({ image: 'r.example/app:1' });
    const named = (name: string, json: string, namespace = 'default'): object => ({
      ...secretOf(json),
      metadata: { name, namespace },
    });
    const found = (pod: object, options: object, ...wanted: readonly string[]): readonly string[] =>
      lintPod(pod, options)
        .filter(({ code }) => wanted.includes(code))
        .map(({ code, place, message, suggestion }) => `${code} ${place}: ${message} (${suggestion ?? ''})`);

    it('suggests the one secret of the namespace that would serve', () => {
      const secrets = [named('creds', configFor('r.example')), named('other', configFor('s.example'))];
      expect(found(app, { secrets }, 'PULL_SECRET_UNLISTED')).toEqual([
        'PULL_SECRET_UNLISTED spec.containers[0].image: A key for "r.example/app" is in "creds" (creds)',
      ]);
      const two = [...secrets, named('more', configFor('r.example'))];
      expect(found(app, { secrets: two }, 'PULL_SECRET_UNLISTED')[0]).toContain('is in "creds", "more" ()');
    });

    it('says so once: not beside the name of a secret that is missing and was meant', () => {
      const pod = podOf({ image: 'r.example/app:1' }, { imagePullSecrets: [{ name: 'regcred' }] });
      const secrets = [named('creds', configFor('r.example'))];
      expect(found(pod, { secrets }, 'PULL_SECRET_MISSING', 'PULL_SECRET_UNLISTED')).toEqual([
        'PULL_SECRET_MISSING spec.imagePullSecrets[0].name: There is no "regcred" in "default" (creds)',
      ]);
    });

    it('does not miss a secret where the node has a credential', () => {
      const secrets = [named('creds', configFor('r.example'))];
      const nodeConfig = parseDockerConfigJson(configFor('r.example'));
      expect(found(app, { secrets, nodeConfig }, 'PULL_SECRET_UNLISTED')).toEqual([]);
    });

    it('names secrets of other namespaces only where the own has none', () => {
      const far = [named('creds', configFor('r.example'), 'a'), named('creds', configFor('r.example'), 'b')];
      expect(found(app, { secrets: far }, 'PULL_SECRET_ELSEWHERE')).toEqual([
        'PULL_SECRET_ELSEWHERE spec.containers[0].image: A key for "r.example/app" is in "a/creds", "b/creds" ()',
      ]);
      const secrets = [...far, named('near', configFor('r.example'))];
      expect(found(app, { secrets }, 'PULL_SECRET_ELSEWHERE')).toEqual([]);
    });

    it('gives the order of secrets that disagree about a registry, once for all its images', () => {
      const pod = podOf(
        { image: 'r.example/team/app:1' },
        {
          initContainers: [{ name: 'init', image: 'r.example/team/init:1' }],
          imagePullSecrets: [{ name: 'wide' }, { name: 'long' }],
        },
      );
      const secrets = [named('wide', configFor('r.example')), named('long', configFor('s.example', 'r.example/team'))];
      expect(found(pod, { secrets }, 'PULL_SECRETS_DISAGREE')).toEqual([
        'PULL_SECRETS_DISAGREE spec.initContainers[0].image: For "r.example" the order is "long", then "wide" ()',
      ]);
    });

    const node = (name: string, names: readonly string[], labels: object = {}, more = 0): object => ({
      metadata: { name, labels },
      status: {
        images: [...names, ...Array.from({ length: more }, (_, at) => `x:${at}`)].map((one) => ({ names: [one] })),
      },
    });

    it('finds an image on nodes under every form of its name', () => {
      const nodes = [node('a', ['docker.io/library/nginx:1']), node('b', ['docker.io/library/nginx:2'])];
      expect(found(podOf({ image: 'nginx:1' }), { nodes }, 'IMAGE_ON_SOME_NODES')).toEqual([
        'IMAGE_ON_SOME_NODES spec.containers[0].image: It is on "a"; it is not on "b" ()',
      ]);
      const digest = `r.example/app@sha256:${'0'.repeat(64)}`;
      const byDigest = [node('a', [digest]), node('b', ['r.example/app:1'])];
      expect(found(podOf({ image: digest }), { nodes: byDigest }, 'IMAGE_ON_SOME_NODES')).toHaveLength(1);
    });

    it('asks only the nodes that may run the pod, and that list all that they have', () => {
      const nodes = [node('a', ['app:1'], { disk: 'ssd' }), node('b', []), node('c', [], { disk: 'ssd' }, 50)];
      const never = (spec: object): readonly string[] =>
        found(podOf({ image: 'app:1', imagePullPolicy: 'Never' }, spec), { nodes }, 'IMAGE_NOT_ON_NODES');
      expect(never({})).toEqual(['IMAGE_NOT_ON_NODES spec.containers[0].image: It is on "a"; it is not on "b" ()']);
      expect(never({ nodeSelector: { disk: 'ssd' } })).toEqual([]);
      expect(never({ nodeName: 'a' })).toEqual([]);
      expect(never({ nodeName: 'b' })[0]).toContain('No node has it; it is not on "b"');
    });

    it('says nothing of where an image is with policy Always, and refuses nodes that are none', () => {
      const nodes = [node('a', ['app:1']), node('b', [])];
      expect(found(podOf({ image: 'app:1', imagePullPolicy: 'Always' }), { nodes }, 'IMAGE_ON_SOME_NODES')).toEqual([]);
      expect(() => lintPod(app, { nodes: [{ status: { images: 'many' } }] } as never)).toThrow(
        'Cannot lint pod: nodes[0].status.images must be a list',
      );
    });
  });
});
