import type { NodeLintCode, PodLintCode, SecretLintCode } from './codes.js';
import type { RuleTable } from './table.js';

export const POD_RULES: RuleTable<PodLintCode> = {
  IMAGE_MISSING: {
    severity: 'error',
    title: 'There is no image, and the API server refuses the pod',
    cure: 'Write the image',
  },
  IMAGE_OUTER_SPACE: {
    severity: 'error',
    title: 'The image has white space at its ends, and the API server refuses the pod',
    cure: 'Remove the white space',
  },
  IMAGE_INVALID: {
    severity: 'error',
    title: 'The image cannot be parsed; its container waits with InvalidImageName',
    cure: 'Write registry/repository:tag in lower case, without a scheme',
  },
  IMAGE_PLACEHOLDER: {
    severity: 'error',
    title: 'The image has a variable or a template in it that was not filled in',
    cure: 'Fill in the value before the object is written: Kubernetes expands nothing in an image',
  },
  IMAGE_TAG_IMPLIED: {
    severity: 'warning',
    title: 'The image has neither tag nor digest, which stands for latest',
    cure: 'Write the tag or the digest of a release',
  },
  IMAGE_TAG_LATEST: {
    severity: 'warning',
    title: 'The image has the tag latest, which stands for another content after each push',
    cure: 'Write the tag or the digest of a release, so that every node runs the same',
  },
  IMAGE_TAG_AND_DIGEST: {
    severity: 'info',
    title: 'The image has a tag and a digest, of which only the digest says what is pulled',
    cure: 'Know that the tag is a remark; latest in front of a digest still makes Always the default policy',
  },
  IMAGE_ANONYMOUS: {
    severity: 'info',
    title: 'No credential of the pod or node matches the image, so it is pulled without one',
    cure: 'Nothing for a public image; for a private one add an entry for its registry',
  },
  POLICY_UNKNOWN: {
    severity: 'error',
    title: 'There is no such pull policy, and the API server refuses the pod',
    cure: 'Write Always, IfNotPresent or Never; case counts',
  },
  POLICY_KEEPS_LATEST: {
    severity: 'warning',
    title: 'The tag latest is pulled once for each node, so nodes run different images',
    cure: 'Write the tag or the digest of a release, or the policy Always',
  },
  POLICY_NEVER: {
    severity: 'info',
    title: 'The image is never pulled and must be on the node already',
    cure: 'Bring the image to each node beforehand, or use IfNotPresent',
  },
  POLICY_ALWAYS_WITH_DIGEST: {
    severity: 'info',
    title: 'The registry is asked at each start, although a digest cannot change',
    cure: 'Write IfNotPresent, unless the registry shall check the credential each time',
  },
  PULL_SECRETS_MISPLACED: {
    severity: 'error',
    title: 'The list imagePullSecrets stands in a container, where the API server drops or refuses it',
    cure: 'Move it up to the spec of the pod, beside containers',
  },
  PULL_SECRET_NAME_EMPTY: {
    severity: 'warning',
    title: 'A pull secret has no name, so the entry is skipped',
    cure: 'Write the name, or remove the entry: as the only one it keeps those of the service account away',
  },
  PULL_SECRET_REPEATED: {
    severity: 'warning',
    title: 'A pull secret is listed twice, and its credentials are tried twice',
    cure: 'Remove one of them',
  },
  PULL_SECRET_MISSING: {
    severity: 'error',
    title: 'There is no secret of that name; the pull goes on without it',
    cure: 'Create the secret in the namespace of the pod',
  },
  PULL_SECRET_OTHER_NAMESPACE: {
    severity: 'error',
    title: 'The secret is in another namespace, which a pod cannot use',
    cure: 'Create the secret once in each namespace that needs it',
  },
  PULL_SECRET_IGNORED: {
    severity: 'error',
    title: 'The secret has a type or content that makes kubelet ignore it',
    cure: 'Lint the secret itself, and create it anew as docker-registry secret',
  },
  PULL_SECRET_MALFORMED: {
    severity: 'error',
    title: 'The secret cannot be decoded, which stops every pull of the pod that needs a credential',
    cure: 'Lint the secret itself and correct it; the good secrets of the pod do not help',
  },
  PULL_SECRET_UNUSED: {
    severity: 'warning',
    title: 'The secret matches none of the images of the pod',
    cure: 'Correct the keys in the secret, or remove it from the pod',
  },
  PULL_SECRET_UNLISTED: {
    severity: 'warning',
    title: 'The image is pulled without a credential, and a secret beside the pod has one that the pod does not name',
    cure: 'List the secret in imagePullSecrets of the pod or of its service account',
  },
  PULL_SECRET_ELSEWHERE: {
    severity: 'info',
    title: 'The image is pulled without a credential, and only a secret of another namespace has one',
    cure: 'Create the secret in the namespace of the pod as well, and list it in imagePullSecrets',
  },
  PULL_SECRETS_DISAGREE: {
    severity: 'warning',
    title: 'Two pull secrets of the pod have different credentials for the image, which are tried one after the other',
    cure: 'Remove the one that is old; until then the first that the registry accepts counts, whatever it may read',
  },
  SERVICE_ACCOUNT_DIFFERS: {
    severity: 'warning',
    title: 'The service account is not the one that the pod names',
    cure: 'Write serviceAccountName, or lint with the right service account',
  },
  SERVICE_ACCOUNT_SECRETS_IGNORED: {
    severity: 'warning',
    title: 'The pod has pull secrets of its own, so those of its service account are not added',
    cure: 'List all secrets in the pod, or none',
  },
  IMAGE_NOT_ON_NODES: {
    severity: 'error',
    title: 'The policy is Never, and a node that may run the pod does not have the image',
    cure: 'Bring the image to each node, keep the pod to nodes that have it, or use IfNotPresent',
  },
  IMAGE_ON_SOME_NODES: {
    severity: 'info',
    title: 'Some of the nodes that may run the pod have the image, and the others pull it when the pod comes',
    cure: 'Nothing for a tag that does not move; else write a digest, so that every node runs the same',
  },
};

export const NODE_RULES: RuleTable<NodeLintCode> = {
  NODE_KEY_MISSING: {
    severity: 'warning',
    title: 'A key stands in the docker config of some nodes only, so pods are pulled or not by the node they come to',
    cure: 'Give every node the same docker config, or use pull secrets',
  },
  NODE_CREDENTIAL_DIFFERS: {
    severity: 'warning',
    title: 'A key has another credential on this node than on the others',
    cure: 'Find out which one is old, and give every node the same',
  },
};

export const SECRET_RULES: RuleTable<SecretLintCode> = {
  OBJECT_MALFORMED: {
    severity: 'error',
    title: 'A part of the object has a type that the API does not allow',
    cure: 'Write it as the API reference has it',
  },
  SECRET_TYPE_WRONG: {
    severity: 'error',
    title: 'The secret has another type than that of a pull secret, and is ignored',
    cure: 'Create the secret anew with the right type; the type of a secret cannot be changed',
  },
  SECRET_TYPE_KEY_MISMATCH: {
    severity: 'error',
    title: 'The secret has the data key of the other type',
    cure: 'Change the type or the data key: .dockerconfigjson has the level auths, .dockercfg has not',
  },
  SECRET_KEY_MISSING: {
    severity: 'error',
    title: 'The secret lacks the data key that its type asks for',
    cure: 'Give the docker config under this key, as kubectl create secret docker-registry does',
  },
  SECRET_BOTH_KEYS: {
    severity: 'warning',
    title: 'The secret has both data keys, of which only that of its type is read',
    cure: 'Remove the other key, or move it to a secret of its own',
  },
  SECRET_DATA_PLAIN_TEXT: {
    severity: 'error',
    title: 'The value in data is plain JSON',
    cure: 'Encode it as base64, or move it to stringData',
  },
  SECRET_DATA_NOT_BASE64: {
    severity: 'error',
    title: 'The value in data is not base64',
    cure: 'Encode it as standard base64 with padding, or move it to stringData',
  },
  SECRET_DATA_OVERRIDDEN: {
    severity: 'warning',
    title: 'The key stands in data and in stringData, which wins',
    cure: 'Keep one of them',
  },
  SECRET_VALUE_EMPTY: {
    severity: 'error',
    title: 'The value of the docker config is empty, and the secret is ignored',
    cure: 'Fill in the docker config; an empty value often comes from a variable that is not set',
  },
  SECRET_KEY_ILLEGAL: {
    severity: 'error',
    title: 'A data key has characters or a length that the API server refuses',
    cure: 'Use letters, digits, - _ and . in at most 253 characters',
  },
  SECRET_TOO_LARGE: {
    severity: 'error',
    title: 'The values together are larger than 1 MiB, which the API server refuses',
    cure: 'Split the secret',
  },
};
