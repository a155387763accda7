import { describe, expect, it } from 'vitest';
import { parseDockerConfigJson } from 'kubepull/docker-config';
import { lintPod } from 'kubepull/lint';
import { canary } from '../../support/canary.ts';
import { codes, configFor, podOf, secretOf } from '../support.ts';

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
    null,
    5,
    { spec: [] },
    { spec: { containers: {} } },
    { spec: { containers: [5, { image: 5 }] } },
    { spec: { containers: [], volumes: [{ image: [] }], imagePullSecrets: ['creds'] }, metadata: 'x' },
  ])('takes %j for a pod with faults', (pod) => {
    expect(() => lintPod(pod as object)).not.toThrow();
    if (pod !== null) expect(codes(lintPod(pod as object))).toContain('OBJECT_MALFORMED');
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
});
