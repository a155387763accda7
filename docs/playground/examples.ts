// One example for each common fault. The secrets in them are made up.
import { type Inputs, NO_INPUTS } from './inputs.ts';

/** An example of the list. */
export interface Example {
  /** Its name in a link. */
  readonly id: string;
  readonly title: string;
  readonly group: ExampleGroup;
  readonly inputs: Inputs;
}

export type ExampleGroup =
  'Pull secrets' | 'Names and policies' | 'What the node has' | 'What the registry answers' | 'On the way there';

const IMAGE = 'registry.example.com/team/web:1.4';

interface PodText {
  readonly image?: string;
  readonly secrets?: readonly string[];
  readonly policy?: string;
}

function podText({ image = IMAGE, secrets = [], policy }: PodText = {}): string {
  return [
    'apiVersion: v1',
    'kind: Pod',
    'metadata:',
    '  name: web',
    '  namespace: shop',
    'spec:',
    ...(secrets.length === 0 ? [] : ['  imagePullSecrets:', ...secrets.map((name) => `    - name: ${name}`)]),
    '  containers:',
    '    - name: web',
    `      image: ${image}`,
    ...(policy === undefined ? [] : [`      imagePullPolicy: ${policy}`]),
  ].join('\n');
}

interface SecretText {
  readonly name?: string;
  readonly namespace?: string;
  readonly key?: string;
  readonly type?: string;
  readonly user?: string;
}

function secretText({
  name = 'creds',
  namespace = 'shop',
  key = 'registry.example.com',
  type = 'kubernetes.io/dockerconfigjson',
  user = 'puller',
}: SecretText = {}): string {
  return [
    'apiVersion: v1',
    'kind: Secret',
    'metadata:',
    `  name: ${name}`,
    `  namespace: ${namespace}`,
    `type: ${type}`,
    'stringData:',
    '  .dockerconfigjson: |',
    `    { "auths": { "${key}": { "auth": "${btoa(`${user}:of-an-example`)}" } } }`,
  ].join('\n');
}

function objects(...texts: readonly string[]): string {
  return `${texts.join('\n---\n')}\n`;
}

const WITH_SECRET = { secrets: ['creds'] };

function example(id: string, title: string, group: ExampleGroup, inputs: Partial<Inputs>): Example {
  return { id, title, group, inputs: { ...NO_INPUTS, ...inputs } };
}

/** The pod with its secret, and what containerd says of its pull. */
function answered(id: string, title: string, group: ExampleGroup, said: string, image: string = IMAGE): Example {
  const key = image === IMAGE ? 'registry.example.com' : 'https://index.docker.io/v1/';
  const full = image.includes('.') && image.indexOf('.') < image.indexOf('/') ? image : `docker.io/library/${image}`;
  const message = `Failed to pull image "${image}": failed to pull and unpack image "${full}": ${said.replaceAll('IMAGE', full)}`;
  return example(id, title, group, {
    objects: objects(podText({ image, ...WITH_SECRET }), secretText({ key })),
    message,
  });
}

const RESOLVE = 'failed to resolve reference "IMAGE"';
const ASK = `${RESOLVE}: failed to do request: Head "https://registry.example.com/v2/team/web/manifests/1.4"`;

export const EXAMPLES: readonly Example[] = [
  example('missing-secret', 'The secret is not there', 'Pull secrets', {
    objects: objects(podText({ secrets: ['registry-creds'] }), secretText()),
  }),
  example('wrong-namespace', 'The secret is in another namespace', 'Pull secrets', {
    objects: objects(podText(WITH_SECRET), secretText({ namespace: 'default' })),
  }),
  example('wrong-type', 'The secret has the wrong type', 'Pull secrets', {
    objects: objects(podText(WITH_SECRET), secretText({ type: 'Opaque' })),
  }),
  example('malformed-secret', 'One secret is malformed', 'Pull secrets', {
    objects: objects(
      podText({ secrets: ['creds', 'broken'] }),
      secretText(),
      secretText({ name: 'broken', key: 'other.example.com' }).replace(/"auth": "[^"]+"/u, '"auth": "not base64!"'),
    ),
  }),
  example('port-differs', 'The key lacks the port', 'Pull secrets', {
    objects: objects(
      podText({ image: 'registry.example.com:5000/team/web:1.4', ...WITH_SECRET }),
      secretText({ key: 'https://registry.example.com' }),
    ),
  }),
  example('glob-host', 'A wildcard that does not cover the host', 'Pull secrets', {
    objects: objects(
      podText({ image: 'eu.registry.example.com/team/web:1.4', ...WITH_SECRET }),
      secretText({ key: '*.example.com' }),
    ),
  }),
  example('glob-path', 'A wildcard in the path', 'Pull secrets', {
    objects: objects(podText(WITH_SECRET), secretText({ key: 'registry.example.com/*' })),
  }),
  example('several-secrets', 'Several secrets, one after the other', 'Pull secrets', {
    objects: objects(
      podText({ secrets: ['general', 'team', 'hub'] }),
      secretText({ name: 'general', key: '*.example.com', user: 'everybody' }),
      secretText({ name: 'team', key: 'registry.example.com/team', user: 'team' }),
      secretText({ name: 'hub', key: 'https://index.docker.io/v1/', user: 'hub' }),
    ),
    nodeConfig: `{ "auths": { "registry.example.com": { "auth": "${btoa('node:of-an-example')}" } } }\n`,
  }),
  example('service-account', 'The secret comes from the service account', 'Pull secrets', {
    objects: objects(
      podText().replace('spec:', 'spec:\n  serviceAccountName: builder'),
      'apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: builder\n  namespace: shop\nimagePullSecrets:\n  - name: creds',
      secretText(),
    ),
  }),
  example('invalid-name', 'The name cannot be read', 'Names and policies', {
    objects: objects(podText({ image: 'https://registry.example.com/Team/Web:1.4' })),
  }),
  example('never', 'Policy Never, and the image is not there', 'Names and policies', {
    objects: objects(podText({ policy: 'Never' })),
  }),
  example('latest', 'No tag, so the policy is Always', 'Names and policies', {
    objects: objects(podText({ image: 'nginx' })),
    node: 'preloaded',
  }),
  example('deployment', 'A Deployment with an init container', 'Names and policies', {
    objects: objects(
      [
        'apiVersion: apps/v1',
        'kind: Deployment',
        'metadata:',
        '  name: web',
        '  namespace: shop',
        'spec:',
        '  template:',
        '    spec:',
        '      imagePullSecrets:',
        '        - name: creds',
        '      initContainers:',
        '        - name: migrate',
        '          image: ghcr.io/team/migrate:2.0',
        '      containers:',
        '        - name: web',
        `          image: ${IMAGE}`,
      ].join('\n'),
      secretText(),
    ),
  }),
  example('own-record', 'Pulled before by a pod with the same secret', 'What the node has', {
    objects: objects(podText(WITH_SECRET), secretText()),
    node: 'pulled-same',
  }),
  example('foreign-record', 'Pulled before by a pod with another secret', 'What the node has', {
    objects: objects(podText()),
    node: 'pulled-other',
  }),
  example('always', 'Policy Always, and the image is there', 'What the node has', {
    objects: objects(podText({ policy: 'Always', ...WITH_SECRET }), secretText()),
    node: 'pulled-same',
  }),
  answered(
    'unauthorized',
    '401: the credential is refused',
    'What the registry answers',
    `${RESOLVE}: failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized`,
  ),
  answered(
    'forbidden',
    '403: the account may not read it',
    'What the registry answers',
    `${RESOLVE}: failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://registry.example.com/token?scope=repository%3Ateam%2Fweb%3Apull&service=registry.example.com: 403 Forbidden`,
  ),
  answered('tag-missing', 'The tag is not there', 'What the registry answers', `${RESOLVE}: IMAGE: not found`),
  example('repository-missing', 'The repository is not there', 'What the registry answers', {
    objects: objects(podText(WITH_SECRET), secretText()),
    message: `Failed to pull image "${IMAGE}": initializing source docker://${IMAGE}: reading manifest 1.4 in registry.example.com/team/web: name unknown: repository name not known to registry`,
  }),
  answered(
    'platform',
    'No image for this processor',
    'What the registry answers',
    'no match for platform in manifest: not found',
  ),
  answered(
    'rate-limit',
    '429: the rate limit of Docker Hub',
    'What the registry answers',
    'failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/busybox/manifests/1.36: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.',
    'busybox:1.36',
  ),
  answered(
    'x509',
    'x509: an unknown authority',
    'On the way there',
    `${ASK}: tls: failed to verify certificate: x509: certificate signed by unknown authority`,
  ),
  answered(
    'plain-http',
    'The registry speaks plain HTTP',
    'On the way there',
    `${ASK}: http: server gave HTTP response to HTTPS client`,
  ),
  answered(
    'dns',
    'The host does not resolve',
    'On the way there',
    `${ASK}: dial tcp: lookup registry.example.com: no such host`,
  ),
  answered('timeout', 'Nothing answers in time', 'On the way there', `${ASK}: dial tcp 203.0.113.7:443: i/o timeout`),
  example('back-off', 'A pod as kubectl describe shows it', 'On the way there', {
    message: [
      'Events:',
      '  Type     Reason   Age                From     Message',
      '  ----     ------   ----               ----     -------',
      `  Normal   Pulling  12s (x3 over 50s)  kubelet  Pulling image "${IMAGE}"`,
      `  Warning  Failed   12s (x3 over 50s)  kubelet  Failed to pull image "${IMAGE}": failed to pull and unpack image "${IMAGE}": failed to resolve reference "${IMAGE}": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`,
      '  Warning  Failed   12s (x3 over 50s)  kubelet  Error: ErrImagePull',
      `  Normal   BackOff  2s (x4 over 49s)   kubelet  Back-off pulling image "${IMAGE}"`,
      '  Warning  Failed   2s (x4 over 49s)   kubelet  Error: ImagePullBackOff',
    ].join('\n'),
  }),
];
