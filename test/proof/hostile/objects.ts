// Readers of objects of Kubernetes, and of what a kubelet writes down.
import { review } from 'kubepull/admission';
import { explainPod, formatPodExplanation } from 'kubepull/failures';
import { listPodImages } from 'kubepull/kubernetes';
import { lintPod, lintPullSecret } from 'kubepull/lint';
import { defaultPodPullPolicies, validatePullPolicies } from 'kubepull/pull-policy';
import { mergePullSecrets, validateSecret } from 'kubepull/pull-secrets';
import { parseYaml } from '../../../src/cli/yaml.ts';
import { decodeIntent, decodeRecord } from '../../../src/node/kubelet/records-decode.ts';
import { encodeRecord } from '../../../src/node/kubelet/records-encode.ts';
import { YAML_WORDS } from './configs.ts';
import { JSON_WORDS, attemptJson } from './json.ts';
import { type Hear, type Target, attempt, bytesOf, law, objectOf, sameLaw } from './target.ts';

const yaml: Target = {
  name: 'yaml',
  words: [
    ...YAML_WORDS,
    'kind: Pod',
    'kind: List',
    'image: app',
    'spec:',
    'containers:',
    '\t',
    '\r\n',
    '0x1f',
    '1_000',
    'yes',
    '2001-01-01',
  ],
  run(input, hear) {
    const documents = parseYaml(bytesOf(input));
    if (typeof documents === 'string') {
      law(documents !== '' && documents.length < 1024, 'a fault is told in a line');
      return undefined;
    }
    const value = attemptJson(input.trim());
    if (value.ok && documents.length === 1 && /^[[{]/.test(input.trim()) && !/[^\n -~]|\\|\d|!/.test(input))
      sameLaw(JSON.stringify(documents[0]), JSON.stringify(value.value), 'JSON is YAML');
    for (const document of documents) runObject(document, hear);
    return documents.length;
  },
};

/** All that is done with an object of Kubernetes, whatever it is. */
function runObject(value: unknown, hear: Hear): void {
  const object = value as Parameters<typeof lintPod>[0];
  const pod = value as Parameters<typeof defaultPodPullPolicies>[0];
  const findings = attempt(hear, () => lintPod(object));
  if (findings.ok) hear(findings.value);
  const explained = attempt(hear, () => explainPod(object));
  if (explained.ok) hear(formatPodExplanation(explained.value));
  attempt(hear, () => [...listPodImages(object)]);
  const before = JSON.stringify(value);
  const filled = attempt(hear, () => defaultPodPullPolicies(pod));
  if (filled.ok) {
    sameLaw(JSON.stringify(value), before, 'what is given stays as it is');
    sameLaw(defaultPodPullPolicies(filled.value.pod).pod, filled.value.pod, 'a second defaulting changes nothing');
  }
  attempt(hear, () => validatePullPolicies(pod));
}

const KUBERNETES_WORDS = [
  ...JSON_WORDS,
  '"kind":"Pod"',
  '"kind":"Deployment"',
  '"kind":"List","items":[',
  '"spec":{',
  '"containers":[{"name":"a","image":"app:1"}]',
  '"initContainers":[',
  '"imagePullPolicy":"Never"',
  '"imagePullSecrets":[{"name":"s"}]',
  '"status":{',
  '"containerStatuses":[{"name":"a","state":{"waiting":{"reason":"ErrImagePull","message":"x"}}}]',
  '"volumes":[{"name":"v","image":{"reference":"a"}}]',
  '"template":{',
];

const pod: Target = {
  name: 'pod',
  words: KUBERNETES_WORDS,
  run(input, hear) {
    const value = objectOf(input);
    if (value === undefined) return undefined;
    runObject(value, hear);
    const request = {
      uid: 'u',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      operation: 'CREATE',
      object: value,
    };
    const body = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request };
    for (const review_ of [body, value as unknown as typeof body])
      attempt(hear, () => review(review_, { phase: 'mutating', alwaysPullImages: true, defaultPolicies: true }));
    return true;
  },
};

const secret: Target = {
  name: 'secret',
  words: [
    ...JSON_WORDS,
    '"type":"kubernetes.io/dockerconfigjson"',
    '"data":{',
    '".dockerconfigjson":"',
    'eyJhdXRocyI6e319',
    '".dockercfg":',
    '"stringData":{',
  ],
  run(input, hear) {
    const value = objectOf(input) as Parameters<typeof validateSecret>[0] | undefined;
    if (value === undefined) return undefined;
    const valid = attempt(hear, () => validateSecret(value));
    if (valid.ok) hear(valid.value);
    const merged = attempt(hear, () => mergePullSecrets([value]));
    const linted = attempt(hear, () => lintPullSecret(value));
    if (linted.ok) hear(linted.value);
    return merged.ok;
  },
};

const record: Target = {
  name: 'record',
  words: [
    ...JSON_WORDS,
    '"kind":"ImagePulledRecord"',
    '"apiVersion":"kubelet.config.k8s.io/v1beta1"',
    '"credentialMapping":{',
    '"lastUpdatedTime":"2025-01-01T00:00:00Z"',
  ],
  run(input) {
    decodeIntent(bytesOf(input));
    const read = decodeRecord(bytesOf(input));
    if (!read.ok) return false;
    const again = decodeRecord(bytesOf(encodeRecord(read.value)));
    law(again.ok, 'a record that is written can be read');
    sameLaw(again.value.imageRef, read.value.imageRef, 'and is of the same image');
    return true;
  },
};

export const OBJECT_TARGETS: readonly Target[] = [yaml, pod, secret, record];
