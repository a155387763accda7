import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AdmissionReviewLike, type AdmissionRules, review, reviewPinned } from 'kubepull/admission';
import { ImageError, TransportError } from 'kubepull/errors';
import { createImageRules } from 'kubepull/rules';
import { deepFreeze } from '../docker-config/support.ts';
import { canary } from '../support/canary.ts';
import { growth } from '../support/least.ts';
import { patchedBy, patchOf, reviewOf, updateOf } from './support.ts';

const images = createImageRules({ allow: ['docker.io/library/**', 'registry.example.com/**'], deny: ['**/evil/**'] });
const MUTATING: AdmissionRules = { phase: 'mutating', images, alwaysPullImages: true, defaultPolicies: true };
const VALIDATING: AdmissionRules = { phase: 'validating', images, alwaysPullImages: true, validatePolicies: true };
const UID = '705ab4f5-6393-11e8-b7cc-42010a800002';
const A = `sha256:${'a'.repeat(64)}`;

const podOf = (...containers: readonly string[]) =>
  deepFreeze({
    kind: 'Pod',
    metadata: { name: 'web' },
    spec: { containers: containers.map((image, at) => ({ name: `c${at}`, image, imagePullPolicy: 'Always' })) },
  });
const WORKLOADS = [
  ['PodTemplate', 'podtemplates', (spec: object) => ({ template: { spec } }), 'template.spec'],
  [
    'ReplicationController',
    'replicationcontrollers',
    (spec: object) => ({ spec: { template: { spec } } }),
    'spec.template.spec',
  ],
  ['ReplicaSet', 'replicasets.apps', (spec: object) => ({ spec: { template: { spec } } }), 'spec.template.spec'],
  ['Deployment', 'deployments.apps', (spec: object) => ({ spec: { template: { spec } } }), 'spec.template.spec'],
  ['StatefulSet', 'statefulsets.apps', (spec: object) => ({ spec: { template: { spec } } }), 'spec.template.spec'],
  ['DaemonSet', 'daemonsets.apps', (spec: object) => ({ spec: { template: { spec } } }), 'spec.template.spec'],
  ['Job', 'jobs.batch', (spec: object) => ({ spec: { template: { spec } } }), 'spec.template.spec'],
  [
    'CronJob',
    'cronjobs.batch',
    (spec: object) => ({ spec: { jobTemplate: { spec: { template: { spec } } } } }),
    'spec.jobTemplate.spec.template.spec',
  ],
] as const;

describe('review with rules on images', () => {
  it('refuses in the words of the API server what the rules refuse, and echoes the uid', () => {
    for (const rules of [MUTATING, VALIDATING])
      expect(review(reviewOf(podOf('quay.io/app:1')), rules)).toEqual({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        response: {
          uid: UID,
          allowed: false,
          status: {
            status: 'Failure',
            code: 403,
            reason: 'Forbidden',
            message:
              'pods "web" is forbidden: spec.containers[0].image: Invalid value: "quay.io/app:1": it is allowed by no rule',
          },
        },
      });
  });

  it('names every image that is refused, of every kind of user, once each', () => {
    const { spec } = podOf('nginx', 'registry.example.com/evil/a');
    const object = {
      kind: 'Pod',
      metadata: { generateName: 'web-' },
      spec: {
        ...spec,
        initContainers: [{ name: 'i', image: 'Bad Name', imagePullPolicy: 'Always' }],
        ephemeralContainers: [{ name: 'e', image: 'quay.io/e', imagePullPolicy: 'Always' }],
        volumes: [{ name: 'v', image: { reference: 'quay.io/v', pullPolicy: 'Always' } }],
      },
    };
    const said = (path: string, image: string, why: string): string =>
      `pods "web-" is forbidden: spec.${path}: Invalid value: "${image}": ${why}`;
    const { status } = review(reviewOf(object), { ...VALIDATING, validatePolicies: false }).response;
    expect(status?.message.replace(/(it is no image name): [^,\]]+/, '$1')).toBe(
      `[${[
        said('initContainers[0].image', 'Bad Name', 'it is no image name'),
        said('containers[1].image', 'registry.example.com/evil/a', 'it is denied by the rule "**/evil/**"'),
        said('ephemeralContainers[0].image', 'quay.io/e', 'it is allowed by no rule'),
        said('volumes[0].image.reference', 'quay.io/v', 'it is allowed by no rule'),
      ].join(', ')}]`,
    );
  });

  it.each(WORKLOADS)('looks into the template of a %s', (kind, resource, make, at) => {
    const object = { kind, metadata: { name: 'web' }, ...make(podOf('nginx', 'quay.io/app').spec) };
    const message = `${resource} "web" is forbidden: ${at}.containers[1].image: Invalid value: "quay.io/app": it is allowed by no rule`;
    expect(review(reviewOf(object), VALIDATING).response.status?.message).toBe(message);
    expect(review(reviewOf(object), MUTATING).response.status?.message).toBe(message);
    const good = { kind, metadata: { name: 'web' }, ...make({ containers: [{ name: 'c', image: 'nginx:1' }] }) };
    const answer = review(reviewOf(good), MUTATING);
    // AlwaysPullImages leaves templates alone; their pods come later.
    const pointer = `/${at.replaceAll('.', '/')}/containers/0/imagePullPolicy`;
    expect(patchOf(answer)).toEqual([{ op: 'add', path: pointer, value: 'IfNotPresent' }]);
    const bad = {
      kind,
      metadata: { name: 'web' },
      ...make({ containers: [{ name: 'c', imagePullPolicy: 'Always' }] }),
    };
    const group = resource.split('.')[1];
    expect(review(reviewOf(bad), VALIDATING).response.status).toMatchObject({
      code: 422,
      reason: 'Invalid',
      message: `${group === undefined ? kind : `${kind}.${group}`} "web" is invalid: ${at}.containers[0].image: Required value`,
    });
  });

  it('does not judge again what an update leaves in place', () => {
    const old = podOf('quay.io/old', 'nginx');
    expect(
      review(updateOf(old, { ...old, metadata: { name: 'web', labels: { a: 'b' } } }), VALIDATING).response.allowed,
    ).toBe(true);
    expect(review(updateOf(old, podOf('nginx', 'quay.io/old')), VALIDATING).response.allowed).toBe(true);
    const { status } = review(updateOf(old, podOf('quay.io/old', 'quay.io/new')), VALIDATING).response;
    expect(status?.message).toContain('spec.containers[1].image: Invalid value: "quay.io/new"');
    expect(status?.message).not.toContain('quay.io/old');
  });

  it('judges ephemeral containers that are added to a pod, and forces no policy there', () => {
    const old = podOf('nginx:1');
    const debug = (image: string): object => ({
      ...old,
      spec: { ...old.spec, ephemeralContainers: [{ name: 'd', image }] },
    });
    const change = { subResource: 'ephemeralcontainers' };
    expect(review(updateOf(old, debug('quay.io/x'), change), MUTATING).response.status?.message).toContain(
      'spec.ephemeralContainers[0].image',
    );
    const answer = review(updateOf(old, debug('busybox:1'), change), MUTATING);
    expect(patchOf(answer)).toEqual([
      { op: 'add', path: '/spec/ephemeralContainers/0/imagePullPolicy', value: 'IfNotPresent' },
    ]);
    const admitted = patchedBy(updateOf(old, debug('busybox:1'), change), answer);
    expect(review(updateOf(old, admitted, change), VALIDATING).response.allowed).toBe(true);
  });

  it.each([
    ['a deletion', reviewOf(podOf('quay.io/x'), { operation: 'DELETE', object: null })],
    ['a connection', reviewOf(podOf('quay.io/x'), { operation: 'CONNECT' })],
    ['a status', updateOf(podOf('quay.io/x'), podOf('quay.io/y'), { subResource: 'status' })],
    ['an object of another kind', reviewOf({ kind: 'Service', spec: { template: { spec: podOf('quay.io/x').spec } } })],
    [
      'a kind of the same name in another group',
      reviewOf(
        { kind: 'Deployment', spec: 'x' },
        { kind: { group: 'example.com', version: 'v1', kind: 'Deployment' } },
      ),
    ],
  ])('allows %s as it is', (_, body) => {
    for (const rules of [MUTATING, VALIDATING])
      expect(review(body, rules).response).toEqual({ uid: UID, allowed: true });
  });

  it('shows no password that somebody wrote in front of a registry', () => {
    const { status } = review(reviewOf(podOf(`https://user:${canary('password')}@r.example/app`)), MUTATING).response;
    expect(status?.message).toContain('"https://***@r.example/app"');
  });
});

describe('review with pull policies', () => {
  it('fills in and forces policies by a patch of the members that change', () => {
    const pod = deepFreeze({
      kind: 'Pod',
      metadata: { name: 'web' },
      spec: {
        initContainers: [{ name: 'i', image: 'nginx:1' }],
        containers: [
          { name: 'a', image: 'nginx:1', imagePullPolicy: 'Always' },
          { name: 'b', image: 'nginx:1', imagePullPolicy: 'Never' },
        ],
        volumes: [
          { name: 'w', emptyDir: {} },
          { name: 'v', image: { reference: 'nginx' } },
        ],
      },
    });
    const answer = review(reviewOf(pod), MUTATING);
    expect(answer.response).toMatchObject({ uid: UID, allowed: true, patchType: 'JSONPatch' });
    expect(patchOf(answer)).toEqual([
      { op: 'add', path: '/spec/initContainers/0/imagePullPolicy', value: 'Always' },
      { op: 'replace', path: '/spec/containers/1/imagePullPolicy', value: 'Always' },
      { op: 'add', path: '/spec/volumes/1/image/pullPolicy', value: 'Always' },
    ]);
    const admitted = patchedBy(reviewOf(pod), answer);
    expect(review(reviewOf(admitted), MUTATING).response).toEqual({ uid: UID, allowed: true });
    expect(review(reviewOf(admitted), VALIDATING).response).toEqual({ uid: UID, allowed: true });
    const { spec: alone } = patchedBy(
      reviewOf(pod),
      review(reviewOf(pod), { phase: 'mutating', defaultPolicies: true }),
    ) as typeof pod;
    expect(alone.containers[1]?.imagePullPolicy).toBe('Never');
    expect(alone.initContainers[0]).toMatchObject({ imagePullPolicy: 'IfNotPresent' });
  });

  it('validates a template as a template, whose images may have outer white space', () => {
    const spec = { containers: [{ name: 'c', image: ' nginx', imagePullPolicy: 'Always' }] };
    const rules: AdmissionRules = { phase: 'validating', validatePolicies: true };
    expect(review(reviewOf({ kind: 'Job', spec: { template: { spec } } }), rules).response.allowed).toBe(true);
    expect(review(reviewOf({ kind: 'Pod', spec }), rules).response.status?.message).toContain('whitespace');
  });

  it('names the object as the request does, which knows a name that is made only now', () => {
    const { spec } = podOf('quay.io/x');
    const body = reviewOf({ kind: 'Pod', metadata: { generateName: 'web-' }, spec }, { name: 'web-x7' });
    expect(review(body, VALIDATING).response.status?.message).toMatch(/^pods "web-x7" is forbidden/);
  });

  it('refuses when it validates what another webhook made of a policy, and patches nothing', () => {
    const pod = { ...podOf('nginx'), spec: { containers: [{ name: 'a', image: 'nginx', imagePullPolicy: 'Never' }] } };
    expect(review(reviewOf(pod), VALIDATING).response).toEqual({
      uid: UID,
      allowed: false,
      status: {
        status: 'Failure',
        code: 403,
        reason: 'Forbidden',
        message:
          'pods "web" is forbidden: spec.containers[0].imagePullPolicy: Unsupported value: "Never": supported values: "Always"',
      },
    });
  });

  it('gives the warnings of the API server, also of an object that it refuses', () => {
    const secrets = { ...podOf('nginx').spec, imagePullSecrets: [{ name: 'a' }, { name: 'a' }] };
    const warnings = ['spec.imagePullSecrets[1].name: duplicate name "a"'];
    expect(review(reviewOf({ ...podOf(), spec: secrets }), VALIDATING).response).toEqual({
      uid: UID,
      allowed: true,
      warnings,
    });
    const refused = {
      ...podOf(),
      spec: { ...secrets, containers: [{ name: 'a', image: 'quay.io/a', imagePullPolicy: 'Always' }] },
    };
    expect(review(reviewOf(refused), VALIDATING).response).toMatchObject({ allowed: false, warnings });
    const deployment = { kind: 'Deployment', metadata: { name: 'd' }, spec: { template: { spec: secrets } } };
    expect(review(reviewOf(deployment), VALIDATING).response.warnings).toEqual([`spec.template.${warnings[0]}`]);
  });

  it('does nothing when nothing is wanted', () => {
    for (const phase of ['mutating', 'validating'] as const)
      expect(review(reviewOf(podOf('Bad Name')), { phase }).response).toEqual({ uid: UID, allowed: true });
  });

  it('makes patches that give what was made, of any pod, and none the second time', () => {
    const image = fc.constantFrom('nginx', 'nginx:1', `x@${A}`, 'registry.example.com/a:latest', '');
    const policy = fc.constantFrom('Always', 'Never', 'IfNotPresent', 'bad', '');
    const list = fc.array(
      fc.record(
        { name: fc.string(), image, imagePullPolicy: policy, args: fc.array(fc.string()) },
        { requiredKeys: [] },
      ),
    );
    const volumes = fc.array(
      fc.record(
        { image: fc.record({ reference: image, pullPolicy: policy }, { requiredKeys: [] }) },
        { requiredKeys: [] },
      ),
    );
    const spec = fc.record(
      { containers: list, initContainers: list, ephemeralContainers: list, volumes },
      { requiredKeys: ['containers'] },
    );
    fc.assert(
      fc.property(spec, (one) => {
        const request = reviewOf({ kind: 'Pod', metadata: { name: 'a/b~c' }, spec: one });
        const answer = review(request, MUTATING);
        expect(answer.response.allowed).toBe(true);
        const users = [...one.containers, ...(one.initContainers ?? []), ...(one.ephemeralContainers ?? [])];
        const sources = (one.volumes ?? []).flatMap((volume) => volume.image ?? []);
        const all = [
          ...users.map(({ imagePullPolicy }) => imagePullPolicy),
          ...sources.map(({ pullPolicy }) => pullPolicy),
        ];
        expect(patchOf(answer).length).toBe(all.filter((value) => value !== 'Always').length);
        const patched = patchedBy(request, answer);
        expect(review(reviewOf(patched), MUTATING).response).toEqual({ uid: UID, allowed: true });
        const without = (key: string, value: unknown): unknown =>
          key === 'imagePullPolicy' || key === 'pullPolicy' ? undefined : value;
        expect(JSON.stringify(patched, without)).toBe(JSON.stringify(request.request?.object, without));
      }),
    );
  });

  it('takes a time that grows with the containers, and not with their square', () => {
    const podWith = (count: number): AdmissionReviewLike => {
      const containers = Array.from({ length: count }, (_, at) => ({
        name: `c${at}`,
        image: `nginx:${at}`,
        args: ['a', 'b'],
      }));
      return reviewOf({ kind: 'Pod', metadata: { name: 'web' }, spec: { containers } });
    };
    const [small, large] = [podWith(1_000), podWith(10_000)];
    const ratio = growth(
      40,
      () => review(small, MUTATING),
      () => review(large, MUTATING),
    );
    expect(ratio).toBeLessThan(40);
  });
});

describe('review of what is no AdmissionReview', () => {
  const good = reviewOf(podOf('nginx'));
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'review is missing'],
    ['text', 'x', 'review must be an object'],
    [
      'another version',
      { ...good, apiVersion: 'admission.k8s.io/v1beta1' },
      'apiVersion must be "admission.k8s.io/v1"',
    ],
    ['another kind', { ...good, kind: 'Pod' }, 'kind must be "AdmissionReview"'],
    ['no request', { ...good, request: undefined }, 'request is missing'],
    ['an answer', { ...good, request: null, response: {} }, 'request must be'],
    ['no uid', { ...good, request: { ...good.request, uid: '' } }, 'request.uid must be'],
    ['no kind', { ...good, request: { ...good.request, kind: undefined } }, 'request.kind is missing'],
    [
      'another operation',
      { ...good, request: { ...good.request, operation: 'create' } },
      'request.operation must be "CREATE"',
    ],
    ['a creation of nothing', { ...good, request: { ...good.request, object: null } }, 'object must be a pod'],
    ['an object that is none', { ...good, request: { ...good.request, object: 'x' } }, 'request.object must be'],
    [
      'a pod that is none',
      { ...good, request: { ...good.request, object: { kind: 'Pod', spec: { containers: 'x' } } } },
      'object.spec.containers must be',
    ],
    [
      'a template that is none',
      reviewOf({ kind: 'Deployment', spec: { template: { spec: { containers: [{ image: 5 }] } } } }),
      'object.spec.template.spec.containers[0].image must be',
    ],
  ])('refuses %s with a coded error', (_, body, words) => {
    for (const rules of [MUTATING, VALIDATING]) {
      const run = (): unknown => review(body as AdmissionReviewLike, rules);
      expect(run).toThrow(ImageError);
      expect(run).toThrow(`Cannot review an admission request: ${words}`);
    }
  });

  it('allows objects with null and missing members, as the API server reads them', () => {
    for (const object of [
      { kind: 'Pod' },
      { kind: 'Pod', spec: null },
      { kind: 'Deployment', spec: { template: null } },
    ])
      expect(review(reviewOf(object), MUTATING).response.allowed).toBe(true);
  });
});

describe('reviewPinned', () => {
  const resolve = (): string => A;

  it('pins, forces and judges in one answer', async () => {
    const body = reviewOf(podOf('nginx', `nginx@${A}`));
    const answer = await reviewPinned(body, { resolve, images, alwaysPullImages: true });
    expect(patchOf(answer)).toEqual([{ op: 'replace', path: '/spec/containers/0/image', value: `nginx:latest@${A}` }]);
    expect(await reviewPinned(reviewOf(patchedBy(body, answer)), { resolve, images })).toMatchObject({
      response: { uid: UID, allowed: true },
    });
  });

  it('asks for nothing that the rules refuse, and for nothing that is there', async () => {
    const asked: string[] = [];
    const ask = ({ path }: { readonly path: string }): string => {
      asked.push(path);
      return A;
    };
    const refused = await reviewPinned(reviewOf(podOf('nginx', 'quay.io/x')), { resolve: ask, images });
    expect(refused.response).toMatchObject({ allowed: false, status: { code: 403 } });
    expect(asked).toEqual([]);
    const update = updateOf(podOf('nginx:1', 'nginx:2'), podOf('nginx:1', 'nginx:3'));
    const answer = await reviewPinned(update, { resolve: ask, images });
    expect(asked).toEqual(['library/nginx']);
    expect(patchOf(answer)).toEqual([{ op: 'replace', path: '/spec/containers/1/image', value: `nginx:3@${A}` }]);
    expect((await reviewPinned(reviewOf({ kind: 'Service' }), { resolve: ask })).response).toEqual({
      uid: UID,
      allowed: true,
    });
    expect(asked).toHaveLength(1);
  });

  it('refuses an image whose digest is not found, or warns of it', async () => {
    const failure = new TransportError('Cannot GET https://r.example/: no connection', {
      method: 'GET',
      url: 'https://r.example/',
      phase: 'connect',
      retryable: true,
    });
    const lost = ({ path }: { readonly path: string }): string | undefined => {
      if (path.endsWith('/down')) throw failure;
      return path.endsWith('/gone') ? undefined : A;
    };
    const body = reviewOf(podOf('nginx', 'registry.example.com/a/gone:1', 'registry.example.com/a/down:1', 'Bad'));
    const { response } = await reviewPinned(body, { resolve: lost });
    expect(response).toMatchObject({ allowed: false, status: { code: 403, reason: 'Forbidden' } });
    expect(response.status?.message).toContain(
      'spec.containers[1].image: Invalid value: "registry.example.com/a/gone:1": it has no digest: There is no such image',
    );
    expect(response.status?.message).toContain('spec.containers[2].image');
    const warned = await reviewPinned(body, { resolve: lost, unresolved: 'warn' });
    expect(warned.response.warnings).toEqual([
      'spec.containers[1].image: "registry.example.com/a/gone:1" is not pinned: There is no such image',
      'spec.containers[2].image: "registry.example.com/a/down:1" is not pinned: Cannot GET https://r.example/: no connection',
    ]);
    expect(patchOf(warned)).toHaveLength(1);
  });

  it('ends with the reason of its signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const never = (): Promise<string> => {
      queueMicrotask(() => controller.abort(reason));
      return new Promise(() => undefined);
    };
    await expect(reviewPinned(reviewOf(podOf('nginx')), { resolve: never, signal: controller.signal })).rejects.toBe(
      reason,
    );
    await expect(reviewPinned({}, { resolve })).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });
});
