// Pods, manifests and records of public reports.
import { expect } from 'vitest';
import { explainPull, formatExplanation } from 'kubepull/explain';
import { createMemoryRecords, type ImagePulledRecord } from 'kubepull/image-access';
import { formatFinding, lintPod, lintPullSecret } from 'kubepull/lint';
import { nodeHasher } from 'kubepull/node';
import { createPullSecret, validateSecret } from 'kubepull/pull-secrets';
import { kitWithImage, MALFORMED, IMAGE, recordOf, REF, runtimeImage, startContainer } from '../image-manager/fake-images.ts';
import { canary } from '../support/canary.ts';
import { type Case, type Check, inputWith } from './case.ts';

const podWith = (spec: object, container: object = {}): object => ({
  spec: { containers: [{ name: 'web', image: 'r.example/app:1', ...container }], ...spec },
});
const type = 'kubernetes.io/dockerconfigjson';
const say = (pod: object, options: object = {}): readonly string[] => lintPod(pod, options).map(formatFinding);

/** By the kind of the case. */
export const POD_CHECKS: Readonly<Record<string, Check>> = {
  'double base64': ({ expected }) => {
    const secret = { metadata: { name: 'a' }, type, stringData: { '.dockerconfigjson': 'eyJhdXRocyI6e319' } };
    expect(validateSecret(secret).message).toContain(expected.replace('API: ', ''));
    expect(lintPullSecret(secret).map(({ code }) => code)).toContain('DOCUMENT_IS_BASE64');
  },
  'data key is the file name': ({ expected }) => {
    const secret = { metadata: { name: 'a' }, type, data: { 'pull-secret.json': 'e30=' } };
    expect(validateSecret(secret).message).toContain(expected.replace('API: ', ''));
    expect(lintPullSecret(secret).map(({ code }) => code)).toContain('SECRET_KEY_MISSING');
  },
  'imagePullSecrets: [string]': ({ input }) => {
    const found = say(podWith(input as object));
    expect(found).toEqual([expect.stringMatching(/^error OBJECT_MALFORMED spec\.imagePullSecrets\[0\]: .* Write - name: regcred$/)]);
  },
  'imagePullSecrets is a map': ({ input }) => {
    expect(say(podWith(input as object))).toEqual([expect.stringContaining('OBJECT_MALFORMED spec.imagePullSecrets: It should be a list')]);
  },
  'imagePullSecrets inside the container': ({ input }) => {
    expect(say(podWith({}, inputWith(input, 'container')?.container as object))).toEqual([
      expect.stringContaining('PULL_SECRETS_MISPLACED spec.containers[0].imagePullSecrets'),
    ]);
  },
  'pod names another secret than the one that was made': ({ input }) => {
    const { pod: wanted, secrets: made } = inputWith(input, 'pod', 'secrets') ?? {};
    const pod = podWith({ imagePullSecrets: [{ name: wanted }] });
    const secrets = (made as readonly string[]).map((name) =>
      createPullSecret({ name, server: 'r.example', username: 'u', password: canary('password') }),
    );
    const [missing] = say(pod, { secrets });
    expect(missing).toMatch(new RegExp(`^error PULL_SECRET_MISSING spec.imagePullSecrets\\[0\\].name: .* Write ${String(made)}$`));
    const explained = explainPull(pod, 'web', { secrets });
    expect(explained.secrets.message).toBe(
      `Unable to retrieve some image pull secrets (${String(wanted)}); attempting to pull the image may not succeed.`,
    );
    expect(explained).toMatchObject({ decision: { action: 'pull' }, lookup: { candidates: [] } });
  },
  'preloaded image, same content pulled under another name': async ({ input, expected }) => {
    const { policy, record: name } = inputWith(input, 'policy', 'record') ?? {};
    const [credentials] = recordOf('x').credentialMapping.values();
    if (credentials === undefined) throw new Error('no credentials');
    const record: ImagePulledRecord = { ...recordOf('x'), credentialMapping: new Map([[String(name), credentials]]) };
    const explained = explainPull(podWith({}, { image: IMAGE, imagePullPolicy: policy }), 'web', {
      present: { imageRef: REF, record, createHasher: nodeHasher },
    });
    expect(expected).toContain(explained.failure?.reason);
    expect(explained).toMatchObject({ mustPull: { mustPull: true, reason: 'other-name' } });
    expect(formatExplanation(explained)).toContain('a pull under this name');
    const kit = kitWithImage({ records: createMemoryRecords({ records: [record] }) });
    kit.images.present.set(IMAGE, runtimeImage(IMAGE));
    expect(await startContainer(kit, String(policy))).toMatchObject({ reason: explained.failure?.reason });
  },
  'look-up of credentials fails while verifying': checkMalformed,
};

/** The explanation, and the manager, which cannot tell another story. */
async function checkMalformed({ input, expected }: Case): Promise<void> {
  const { secret: text, policy } = inputWith(input, 'secret', 'policy') ?? {};
  const secret = { ...MALFORMED, stringData: { '.dockerconfigjson': String(text) } };
  const fault = /message "([^"]+)"/.exec(expected)?.[1];
  const pod = podWith({ imagePullSecrets: [{ name: 'bad' }] }, { image: IMAGE, imagePullPolicy: policy });
  const explained = explainPull(pod, 'web', {
    secrets: [secret],
    present: { imageRef: REF, record: recordOf('x'), createHasher: nodeHasher },
  });
  expect(explained).toMatchObject({ decision: undefined, failure: { reason: fault, message: fault } });
  const kit = kitWithImage({ records: createMemoryRecords({ records: [recordOf('x')] }) });
  expect(await startContainer(kit, String(policy), { pullSecrets: [secret] })).toMatchObject({
    reason: fault,
    message: fault,
  });
  expect(kit.images.calls.some((call) => call.startsWith('PullImage'))).toBe(false);
}
