import { describe, expect, it } from 'vitest';
import { createSecret, type DockerConfigEntry } from 'kubepull/docker-config';
import { explainPull, formatExplanation } from 'kubepull/explain';
import { nodeHasher } from '../../src/node/hasher.ts';
import { hashCredential, type ImagePulledRecord } from 'kubepull/image-access';
import { createPullSecret } from 'kubepull/pull-secrets';
import { createKeyring } from 'kubepull/keyring';
import { parseImageName } from 'kubepull/reference';
import { canary } from '../support/canary.ts';

const pod = (image: string, more: object = {}) => ({
  metadata: { name: 'web', namespace: 'shop' },
  spec: { containers: [{ name: 'web', image, ...more }], imagePullSecrets: [{ name: 'team' }, { name: 'gone' }] },
});

const secret = (name: string, server: string, password: string) =>
  createPullSecret({ name, namespace: 'shop', server, username: 'u', password });

const nodeEntry = (pattern: string): DockerConfigEntry => ({
  pattern,
  source: { kind: 'file', path: '/var/lib/kubelet/config.json' },
  credential: {
    username: 'node',
    password: createSecret(canary('password')),
    identityToken: undefined,
    registryToken: undefined,
    email: undefined,
  },
});

describe('explainPull', () => {
  it('gives name, policy, secrets and credentials of an image that is not there', () => {
    const explained = explainPull(pod('r.example/team/app:1'), 'web', {
      secrets: [secret('team', 'r.example', canary('password'))],
      nodeConfig: [nodeEntry('r.example/team'), nodeEntry('other.example')],
    });
    expect(explained).toMatchObject({
      policy: { policy: 'IfNotPresent', reason: 'other-tag' },
      name: { domain: 'r.example', path: 'team/app', tag: '1' },
      runtimeImage: 'r.example/team/app:1',
      listedBy: 'pod',
      secrets: { missing: ['gone'] },
      decision: { action: 'pull', reason: 'absent' },
      failure: undefined,
    });
    const sources = explained.lookup?.candidates.map(({ entry, key }) => [key, entry.source.kind]);
    expect(sources).toEqual([
      ['r.example', 'secret'],
      ['r.example/team', 'file'],
    ]);
    expect(explained.lookup?.rejected).toHaveLength(1);
  });

  it.each([
    ['Deployment', (spec: object) => ({ spec: { template: { spec } } }), 'spec.template.spec.containers[0]'],
    ['PodTemplate', (spec: object) => ({ template: { spec } }), 'template.spec.containers[0]'],
    [
      'CronJob',
      (spec: object) => ({ spec: { jobTemplate: { spec: { template: { spec } } } } }),
      'spec.jobTemplate.spec.template.spec.containers[0]',
    ],
  ])('explains the pods of a %s that says its kind', (kind, withTemplate, path) => {
    const { metadata, spec } = pod('r.example/team/app:1');
    const workload = { kind, metadata, ...withTemplate(spec) };
    const explained = explainPull(workload, 'web', { secrets: [secret('team', 'r.example', canary('password'))] });
    expect(explained.policy.path).toBe(path);
    expect(explained).toMatchObject({ secrets: { found: ['team'], missing: ['gone'] }, decision: { action: 'pull' } });
    expect(explainPull({ kind: 'List', items: [workload] }, 'web').policy.path).toBe(`items[0].${path}`);
  });

  it('puts what plugins and clouds gave last, and says what each did', () => {
    const serviceAccount = { namespace: 'shop', name: 'default', uid: 'u' };
    const source = { kind: 'plugin', provider: 'ecr', serviceAccount } as const;
    const asked = createKeyring([{ ...nodeEntry('r.example'), source }]).lookup(parseImageName('r.example/team/app'));
    const report = { source, outcome: 'fetched', detail: 'not kept', error: undefined } as const;
    const explained = explainPull(pod('r.example/team/app:1'), 'web', {
      secrets: [secret('team', 'r.example', canary('password'))],
      nodeConfig: [nodeEntry('r.example/team')],
      nodeLookup: { ...asked, sources: [report] },
    });
    expect(explained.lookup?.candidates.map(({ entry }) => entry.source.kind)).toEqual(['secret', 'file', 'plugin']);
    expect(formatExplanation(explained)).toContain('plugin ecr');
  });

  it("takes the service account's list when the pod has none", () => {
    const bare = { metadata: { namespace: 'shop' }, spec: { containers: [{ name: 'web', image: 'r.example/app' }] } };
    const serviceAccount = { metadata: { name: 'default' }, imagePullSecrets: [{ name: 'team' }] };
    const secrets = [secret('team', 'r.example', canary('password'))];
    expect(explainPull(bare, 'web', { secrets, serviceAccount })).toMatchObject({
      listedBy: 'service-account',
      lookup: { candidates: [{ key: 'r.example' }] },
    });
    expect(explainPull(bare, 'web', { secrets })).toMatchObject({ listedBy: 'none', lookup: { candidates: [] } });
  });

  it('says InvalidImageName in the words of the event', () => {
    const { failure, decision, lookup } = explainPull(pod('Foo'), 'web');
    expect([decision, lookup]).toEqual([undefined, undefined]);
    expect(failure).toEqual({
      reason: 'InvalidImageName',
      message:
        'Failed to apply default image tag "Foo": couldn\'t parse image name "Foo": invalid reference format: repository name (library/Foo) must be lowercase',
    });
  });

  it("gives a malformed secret's own text as reason, but only when credentials are needed", () => {
    const broken = {
      metadata: { name: 'team', namespace: 'shop' },
      type: 'kubernetes.io/dockerconfigjson',
      stringData: { '.dockerconfigjson': '{"auths":{"r.example":{"auth":"!!"}}}' },
    };
    const text = 'illegal base64 data at input byte 0';
    const options = { secrets: [broken] };
    expect(explainPull(pod('r.example/app:1'), 'web', options).failure).toEqual({ reason: text, message: text });
    const present = { imageRef: 'sha256:1', createHasher: nodeHasher };
    expect(explainPull(pod('r.example/app:1'), 'web', { ...options, present })).toMatchObject({
      decision: { action: 'use' },
      failure: undefined,
    });
  });

  it('fails an absent image with policy Never', () => {
    expect(explainPull(pod('app:1', { imagePullPolicy: 'Never' }), 'web').failure).toEqual({
      reason: 'ErrImageNeverPull',
      message: 'Container image "app:1" is not present with pull policy of Never',
    });
  });

  it('compares the credentials of the pod with the record of a present image', () => {
    const password = canary('password');
    const none = { identityToken: undefined, registryToken: undefined, email: undefined };
    const hash = hashCredential({ username: 'u', password: createSecret(password), ...none }, nodeHasher);
    const record: ImagePulledRecord = {
      imageRef: 'sha256:1',
      lastUpdatedAt: 0,
      credentialMapping: new Map([
        [
          'r.example/app',
          {
            kubernetesSecrets: [{ uid: '1', namespace: 'other', name: 'other', credentialHash: hash }],
            kubernetesServiceAccounts: [],
            nodePodsAccessible: false,
          },
        ],
      ]),
    };
    const present = { imageRef: 'sha256:1', record, verification: {}, createHasher: nodeHasher };
    const explain = (text: string) =>
      explainPull(pod('r.example/app:1'), 'web', { present, secrets: [secret('team', 'r.example', text)] });
    expect(explain(password)).toMatchObject({
      mustPull: { mustPull: false, reason: 'same-credential' },
      decision: { action: 'use', reason: 'verified' },
    });
    expect(explain(canary('password'))).toMatchObject({
      mustPull: { mustPull: true, reason: 'no-match' },
      decision: { action: 'pull', reason: 'must-verify' },
    });
  });

  it('compares also what a plugin gave to the service account', () => {
    const serviceAccount = { namespace: 'shop', name: 'default', uid: 'u' };
    const source = { kind: 'plugin', provider: 'ecr', serviceAccount } as const;
    const nodeLookup = createKeyring([{ ...nodeEntry('r.example'), source }]).lookup(parseImageName('r.example/app'));
    const access = {
      kubernetesSecrets: [],
      kubernetesServiceAccounts: [serviceAccount],
      nodePodsAccessible: false,
    };
    const record: ImagePulledRecord = {
      imageRef: 'sha256:1',
      lastUpdatedAt: 0,
      credentialMapping: new Map([['r.example/app', access]]),
    };
    const present = { imageRef: 'sha256:1', record, verification: {}, createHasher: nodeHasher };
    expect(explainPull(pod('r.example/app:1'), 'web', { present, nodeLookup })).toMatchObject({
      mustPull: { mustPull: false, reason: 'same-service-account' },
    });
  });

  describe('of a present image, with a pull secret that is malformed', () => {
    const broken = { ...secret('team', 'r.example', 'p'), data: { '.dockerconfigjson': 'ew==' } };
    const access = (fields: object): ImagePulledRecord => ({
      imageRef: 'sha256:1',
      lastUpdatedAt: 0,
      credentialMapping: new Map([
        [
          'r.example/app',
          { kubernetesSecrets: [], kubernetesServiceAccounts: [], nodePodsAccessible: false, ...fields },
        ],
      ]),
    });
    const known = { uid: '1', namespace: 'shop', name: 'team', credentialHash: 'h' };
    const text = 'unexpected end of JSON input';
    const explain = (record: ImagePulledRecord | undefined, imagePullPolicy = 'IfNotPresent') => {
      const present = { imageRef: 'sha256:1', record, createHasher: nodeHasher };
      return explainPull(pod('r.example/app:1', { imagePullPolicy }), 'web', { present, secrets: [broken] });
    };

    it.each(['IfNotPresent', 'Never'])(
      'neither uses nor pulls it with policy %s: the container cannot start',
      (policy) => {
        const explained = explain(access({ kubernetesSecrets: [known] }), policy);
        expect(explained).toMatchObject({
          mustPull: { mustPull: undefined, reason: 'credentials-needed' },
          decision: undefined,
          failure: { reason: text, message: text },
        });
        expect(formatExplanation(explained)).toContain(
          'present image: depends on credentials that cannot be read (credentials-needed)',
        );
      },
    );

    it('uses it where no credentials are needed, as kubelet does not look at them then', () => {
      for (const record of [undefined, access({ nodePodsAccessible: true })]) {
        expect(explain(record)).toMatchObject({ decision: { action: 'use' }, failure: undefined });
      }
    });

    it('says of a pull that it fails', () => {
      expect(explain(access({}))).toMatchObject({ decision: { action: 'pull' }, failure: { reason: text } });
    });
  });

  it('verifies by default, and does not where it is told so', () => {
    const record: ImagePulledRecord = { imageRef: 'sha256:1', lastUpdatedAt: 0, credentialMapping: new Map() };
    const explain = (more: object) =>
      explainPull(pod('r.example/app:1'), 'web', {
        present: { imageRef: 'sha256:1', createHasher: nodeHasher, ...more },
      }).decision;
    expect(explain({})).toMatchObject({ action: 'use', reason: 'verified' });
    expect(explain({ record })).toMatchObject({ action: 'pull', reason: 'must-verify' });
    expect(explain({ intent: true })).toMatchObject({ action: 'pull', reason: 'must-verify' });
    expect(explain({ record, verification: false })).toMatchObject({ action: 'use', reason: 'present' });
    expect(explain({ record, verification: { policy: 'NeverVerify' } })).toMatchObject({ action: 'use' });
  });

  it.each(['file', 'http'])('says of a static pod from a %s with pull secrets that it never runs', (source) => {
    const { metadata, spec } = pod('app:1');
    const annotations = { 'kubernetes.io/config.source': source };
    const text = 'static pods may not reference secrets';
    const explained = explainPull({ metadata: { ...metadata, annotations }, spec }, 'web');
    expect(explained).toMatchObject({ decision: undefined, failure: { reason: text, message: text } });
    const free = { metadata: { ...metadata, annotations }, spec: { ...spec, imagePullSecrets: [{ name: '' }] } };
    expect(explainPull(free, 'web')).toMatchObject({ decision: { action: 'pull' }, failure: undefined });
  });

  it('leaves open what a secret that is malformed keeps it from comparing', () => {
    const broken = { ...secret('team', 'r.example', 'p'), data: { '.dockerconfigjson': '!' } };
    const present = { imageRef: 'sha256:1', record: undefined, verification: {}, createHasher: nodeHasher };
    const explained = explainPull(pod('r.example/app:1'), 'web', { present, secrets: [broken] });
    expect(explained.configError?.code).toBe('ERR_CONFIG_INVALID');
    expect(explained.lookup).toBe(undefined);
    expect(formatExplanation(explained)).toContain('credentials: none at all: Cannot read secret shop/team');
  });

  it("takes a pod's own list for its own, also of one name", () => {
    const { metadata, spec } = pod('app');
    const one = { metadata, spec: { ...spec, imagePullSecrets: [{ name: 'team' }] } };
    expect(explainPull(one, 'web').listedBy).toBe('pod');
    const none = { metadata, spec: { ...spec, imagePullSecrets: [] } };
    expect(formatExplanation(explainPull(none, 'web'))).toContain('pull secrets: none (no list');
  });

  it('names the containers that there are, ten of them at most', () => {
    const containers = Array.from({ length: 11 }, (_, index) => ({ name: `c${index}`, image: 'app' }));
    const refusalOf = (count: number): RegExp => new RegExp(`has "c0".*"c${count - 1}"${count > 10 ? '' : '$'}`);
    expect(() => explainPull({ spec: { containers: containers.slice(0, 10) } }, 'x')).toThrow(refusalOf(10));
    expect(() => explainPull({ spec: { containers } }, 'x')).toThrow(/"c9", …$/);
  });

  it('passes on what is no fault of a secret', () => {
    const nodeConfig = {} as unknown as readonly DockerConfigEntry[];
    expect(() => explainPull(pod('app'), 'web', { nodeConfig })).toThrow(/Cannot create keyring/);
  });

  it('refuses a container that the pod does not have', () => {
    expect(() => explainPull(pod('app'), 'db')).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }));
    expect(() => explainPull(pod('app'), undefined as unknown as string)).toThrow(
      /container "undefined": the pod has "web"/,
    );
  });
});

describe('formatExplanation', () => {
  it.each([
    [true, 'present image: must be pulled again (no-match)'],
    [false, 'present image: may be used (no-match)'],
  ])('gives the verdict on a present image: must be pulled %s', (mustPull, line) => {
    const explained = explainPull(pod('app:1'), 'web');
    const decided = { ...explained, mustPull: { mustPull, reason: 'no-match' } } as typeof explained;
    expect(formatExplanation(decided).split('\n')).toContain(line);
  });

  it('tells the whole story, without a secret', () => {
    const password = canary('password');
    const explained = explainPull(pod('r.example/team/app'), 'web', {
      secrets: [secret('team', 'https://r.example/v1/', password)],
      nodeConfig: [nodeEntry('*.example.org')],
    });
    expect(formatExplanation(explained)).toBe(
      [
        'container web (regular): image r.example/team/app',
        'name: r.example/team/app; the runtime is asked for r.example/team/app:latest',
        'policy: Always, because of no-tag',
        "pull secrets: team (the pod's own list)",
        '  Unable to retrieve some image pull secrets (gone); attempting to pull the image may not succeed.',
        'credentials: r.example/team/app: 1 to try, in this order',
        '  1. r.example (secret shop/team): literal',
        'not tried:',
        '  - *.example.org (file /var/lib/kubelet/config.json): label-count',
        'decision: pull, because always',
      ].join('\n'),
    );
  });

  it('names a correction for a bad image once', () => {
    const text = formatExplanation(explainPull(pod('https://r.example/app'), 'web'));
    expect(text.match(/did you mean .*?\?/g)).toEqual(['did you mean "r.example/app"?']);
    expect(text).toContain('the container waits: InvalidImageName');
  });
});
