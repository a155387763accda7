import { describe, expect, it } from 'vitest';
import { encodeAuth, parseDockerConfigJson } from 'kubepull/docker-config';
import { explainPod, formatPodExplanation } from 'kubepull/failures';
import { nodeHasher } from 'kubepull/node';
import { canary } from '../support/canary.ts';

const R = 'registry.example.com';
const backOff = (image: string, inner = ''): object => ({
  waiting: {
    reason: 'ImagePullBackOff',
    message: `Back-off pulling image "${image}"${inner === '' ? '' : `: ErrImagePull: ${inner}`}`,
  },
});
const notFound = (image: string): string =>
  `rpc error: code = NotFound desc = failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`;
const initializing = { waiting: { reason: 'PodInitializing' } };

/** A pod that waits for its init container. */
const web = {
  kind: 'Pod',
  metadata: { name: 'web-1', namespace: 'shop', uid: 'u1' },
  spec: {
    initContainers: [
      { name: 'prepare', image: `${R}/prepare:1` },
      { name: 'migrate', image: `${R}/migrate:2` },
    ],
    containers: [{ name: 'web', image: `${R}/web:1.4` }],
    volumes: [{ name: 'model', image: { reference: `${R}/model:3` } }],
  },
  status: {
    initContainerStatuses: [
      { name: 'prepare', state: { terminated: { exitCode: 0 } } },
      { name: 'migrate', state: backOff(`${R}/migrate:2`, notFound(`${R}/migrate:2`)) },
    ],
    containerStatuses: [{ name: 'web', state: initializing }],
  },
};
const seen = (object: object, options = {}): readonly (readonly [string, string | undefined, string | undefined])[] =>
  explainPod(object as never, options).map(
    ({ pull, reason, failure }) => [pull.policy.path, reason, failure?.cause] as const,
  );

describe('explainPod', () => {
  it('finds the init container whose image cannot be pulled, and not those that wait for it', () => {
    expect(seen(web)).toEqual([
      ['spec.initContainers[0]', undefined, undefined],
      ['spec.initContainers[1]', 'ImagePullBackOff', 'tag'],
      ['spec.containers[0]', 'PodInitializing', undefined],
      ['spec.volumes[0].image', undefined, undefined],
    ]);
    expect(explainPod(web).map(({ state }) => state)).toEqual(['terminated', 'waiting', 'waiting', undefined]);
    expect(explainPod(web)[1]).toMatchObject({
      namespace: 'shop',
      pod: 'web-1',
      failure: { reason: 'ImagePullBackOff', image: `${R}/migrate:2`, registry: R },
      pull: { policy: { container: 'migrate', image: `${R}/migrate:2` }, decision: { action: 'pull' } },
    });
  });

  it('tells the failure of an image volume at the volume, not at the container that mounts it', () => {
    const state = backOff(`${R}/model:3`, notFound(`${R}/model:3`));
    const object = { ...web, status: { containerStatuses: [{ name: 'web', state }] } };
    expect(seen(object).slice(2)).toEqual([
      ['spec.containers[0]', 'ImagePullBackOff', undefined],
      ['spec.volumes[0].image', undefined, 'tag'],
    ]);
  });

  it('keeps a container and an init container of one name apart', () => {
    const spec = {
      initContainers: [{ name: 'web', image: 'busybox:1' }],
      containers: [{ name: 'web', image: 'nginx:1' }],
    };
    const status = { containerStatuses: [{ name: 'web', state: backOff('nginx:1', 'no space left on device') }] };
    expect(seen({ spec, status }).map(([, , cause]) => cause)).toEqual([undefined, 'disk']);
  });

  it('takes the cause from the last event of the container where the status says only that kubelet waits', () => {
    const state = backOff(`${R}/migrate:2`);
    const object = { ...web, status: { initContainerStatuses: [{ name: 'migrate', state }] } };
    const about = { name: 'web-1', namespace: 'shop', uid: 'u1', fieldPath: 'spec.initContainers{migrate}' };
    const event = (message: string, involvedObject: object = about): object => ({
      reason: 'Failed',
      message,
      involvedObject,
    });
    const pull = `Failed to pull image "${R}/migrate:2": `;
    const events = [
      event(`${pull}no space left on device`),
      event(`${pull}dial tcp: lookup ${R}: no such host`),
      event('Error: ImagePullBackOff'),
      event(`${pull}403 Forbidden`, { ...about, uid: 'u2' }),
      event(`${pull}403 Forbidden`, { ...about, fieldPath: 'spec.containers{web}' }),
    ];
    expect(explainPod(object as never, { events })[1]?.failure).toMatchObject({
      cause: 'dns',
      reason: 'ImagePullBackOff',
    });
    expect(seen(object)[1]).toEqual(['spec.initContainers[1]', 'ImagePullBackOff', 'back-off']);
  });

  it('reads events of events.k8s.io, and matches by name where there is no uid', () => {
    const object = { metadata: { name: 'web' }, spec: { containers: [{ name: 'web', image: 'nginx:1' }] } };
    const regarding = { name: 'web', namespace: 'default', fieldPath: 'spec.containers{web}' };
    const events = [{ reason: 'Failed', note: 'Failed to pull image "nginx:1": pull QPS exceeded', regarding }];
    expect(seen(object, { events })).toEqual([['spec.containers[0]', undefined, 'throttled']]);
    expect(seen({ ...object, metadata: { name: 'web', namespace: 'shop' } }, { events })[0]?.[2]).toBeUndefined();
  });

  it('tells no old event of a container that runs', () => {
    const object = { ...web, status: { containerStatuses: [{ name: 'web', state: { running: {} } }] } };
    const involvedObject = { name: 'web-1', namespace: 'shop', uid: 'u1', fieldPath: 'spec.containers{web}' };
    const events = [{ reason: 'Failed', message: 'Failed to pull image "x": no space left on device', involvedObject }];
    expect(seen(object, { events })[2]).toEqual(['spec.containers[0]', undefined, undefined]);
  });

  it('says of a malformed secret what the waiting reason says', () => {
    const state = {
      waiting: { reason: 'illegal base64 data at input byte 4', message: 'illegal base64 data at input byte 4' },
    };
    const object = { ...web, status: { containerStatuses: [{ name: 'web', state }] } };
    expect(seen(object)[2]?.[2]).toBe('secret-malformed');
    const other = {
      ...web,
      status: { containerStatuses: [{ name: 'web', state: { waiting: { reason: 'CrashLoopBackOff' } } }] },
    };
    expect(seen(other)[2]).toEqual(['spec.containers[0]', 'CrashLoopBackOff', undefined]);
  });

  it('applies service accounts of the namespace to templates and new pods, and not to pods that were admitted', () => {
    const password = canary('password');
    const auths = { [R]: { auth: encodeAuth('user', password) } };
    const secrets = [
      {
        metadata: { name: 'creds', namespace: 'shop' },
        type: 'kubernetes.io/dockerconfigjson',
        stringData: { '.dockerconfigjson': JSON.stringify({ auths }) },
      },
    ];
    const serviceAccounts = [
      { metadata: { name: 'robot', namespace: 'other' }, imagePullSecrets: [{ name: 'wrong' }] },
      { metadata: { name: 'robot', namespace: 'shop' }, imagePullSecrets: [{ name: 'creds' }] },
    ];
    const spec = { serviceAccountName: 'robot', containers: [{ name: 'web', image: `${R}/web:1` }] };
    const metadata = { name: 'web', namespace: 'shop' };
    const listedBy = (object: object): string | undefined =>
      explainPod(object, { secrets, serviceAccounts })[0]?.pull.listedBy;
    expect(listedBy({ metadata, spec })).toBe('service-account');
    expect(listedBy({ kind: 'Deployment', metadata: { ...metadata, uid: 'd' }, spec: { template: { spec } } })).toBe(
      'service-account',
    );
    expect(listedBy({ metadata: { ...metadata, uid: 'u' }, spec })).toBe('none');
  });

  it('asks for each image what the node has, and takes its docker config', () => {
    const node = parseDockerConfigJson(
      JSON.stringify({ auths: { [R]: { auth: encodeAuth('u', canary('password')) } } }),
    );
    const asked: string[] = [];
    const explained = explainPod(web, {
      nodeConfig: node,
      present: (image) => {
        asked.push(image);
        return image === `${R}/web:1.4`
          ? { imageRef: 'sha256:1', createHasher: nodeHasher, verification: false }
          : undefined;
      },
    });
    expect(asked).toEqual([`${R}/prepare:1`, `${R}/migrate:2`, `${R}/web:1.4`, `${R}/model:3`]);
    expect(explained.map(({ pull }) => pull.decision?.action)).toEqual(['pull', 'pull', 'use', 'pull']);
    expect(explained[0]?.pull.lookup?.candidates).toHaveLength(1);
  });

  it('explains the pods of a List, each with its own status', () => {
    const running = {
      ...web,
      metadata: { name: 'web-2', namespace: 'shop' },
      status: { containerStatuses: [{ name: 'web', state: { running: {} } }] },
    };
    const explained = explainPod({ kind: 'List', items: [web, { kind: 'Secret' }, running] });
    expect(
      explained.filter(({ failure }) => failure !== undefined).map(({ pod, pull }) => `${pod} ${pull.policy.path}`),
    ).toEqual(['web-1 items[0].spec.initContainers[1]']);
    expect(explained.at(-2)).toMatchObject({ pod: 'web-2', state: 'running' });
  });

  it('refuses a status of a wrong type', () => {
    expect(() => explainPod({ ...web, status: { containerStatuses: 'none' } } as never)).toThrow(
      'Cannot explain a pod: status.containerStatuses must be a list',
    );
  });
});

describe('formatPodExplanation', () => {
  it('gives a line for each image, and for one that fails cause, cure and decisions', () => {
    expect(formatPodExplanation(explainPod(web))).toBe(
      [
        'pod shop/web-1',
        '  spec.initContainers[0] prepare: registry.example.com/prepare:1 is terminated',
        '  spec.initContainers[1] migrate: registry.example.com/migrate:2 waits with ImagePullBackOff',
        '    cause: tag, by the words "failed to resolve reference … not found": The registry has no such tag or digest, or no such repository',
        '      image registry.example.com/migrate:2, registry registry.example.com, reason ImagePullBackOff, runtime containerd',
        '    cure: Correct the tag, or push the image; check also the registry and the path',
        '    name: registry.example.com/migrate; the runtime is asked for registry.example.com/migrate:2',
        '    policy: IfNotPresent, because of other-tag',
        '    pull secrets: none (no list: neither the pod nor a service account names any)',
        '    credentials: registry.example.com/migrate: no credential, the pull is anonymous',
        '    decision: pull, because absent',
        '  spec.containers[0] web: registry.example.com/web:1.4 waits with PodInitializing',
        '  spec.volumes[0].image model: registry.example.com/model:3',
      ].join('\n'),
    );
  });

  it('tells also what cannot be pulled before anything was tried', () => {
    const text = formatPodExplanation(explainPod({ spec: { containers: [{ name: 'web', image: 'Nginx' }] } }));
    expect(text).toContain('the container waits: InvalidImageName');
  });

  it('shows no password that stands in an image or in a message', () => {
    const image = `https://bot:${canary('password')}@${R}/web:1`;
    const waiting = {
      reason: 'InvalidImageName',
      message: `Failed to apply default image tag "${image}": invalid reference format`,
    };
    const object = {
      spec: { containers: [{ name: 'web', image }] },
      status: { containerStatuses: [{ name: 'web', state: { waiting } }] },
    };
    expect(formatPodExplanation(explainPod(object))).toContain('cause: name');
  });
});
