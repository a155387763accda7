// Forty inputs of people who are in a hurry, and the whole of what the library says of each: the last section of docs/lint.md.
import { explainPull, type ExplainPullOptions, formatExplanation } from 'kubepull/explain';
import { formatFinding, lintDockerConfig, lintPod, type LintPodOptions, lintPullSecret } from 'kubepull/lint';
import { nodeHasher } from 'kubepull/node';
import { safeParseReference } from 'kubepull/reference';

const AUTH = 'dXNlcjpwYXNz';
const HEX = 'a'.repeat(64);

const IMAGES: readonly string[] = [
  'docker pull nginx',
  'FROM golang:1.25 AS build',
  'nginx 1.27',
  'https://quay.io/repository/prometheus/node-exporter?tab=tags',
  'https://hub.docker.com/r/bitnami/redis/tags',
  'docker://ghcr.io/org/app:2',
  'oci://registry.example.com/charts/app:1.2.3',
  'Registry.example.com/Team/App:1',
  'registry.example.com/',
  'nginx:',
  `nginx:sha256:${HEX}`,
  `docker://sha256:${HEX}`,
  'registry.example.com/app:${TAG}',
  'app:feature/login',
  'registry.example.com:5000:latest',
  '“nginx:1.27”',
];

const configOf = (key: string, entry: object = { auth: AUTH }): string => JSON.stringify({ auths: { [key]: entry } });
const secretOf = (name: string, json: string): object => ({
  metadata: { name },
  type: 'kubernetes.io/dockerconfigjson',
  stringData: { '.dockerconfigjson': json },
});

/** Docker configs, each for an image. */
const CONFIGS: readonly (readonly [json: string, image: string])[] = [
  [configOf('https://index.docker.io/v2'), 'team/app:1'],
  [configOf('docker.io/team'), 'team/app:1'],
  [configOf('registry.example.com:443'), 'registry.example.com/app:1'],
  [configOf('*.azurecr.io'), 'myregistry.westeurope.geo.azurecr.io/app:1'],
  [configOf('ghcr.io/org/*'), 'ghcr.io/org/app:1'],
  [configOf('${REGISTRY}'), 'registry.example.com/app:1'],
  [configOf('registry.example.com', { auth: 'dXNlcg' }), 'registry.example.com/app:1'],
  [configOf('registry.example.com', { auth: `${AUTH}-` }), 'registry.example.com/app:1'],
];

/** Pods, with what is around them. */
const PODS: readonly (readonly [pod: object, options: LintPodOptions])[] = [
  [{ spec: { containers: [{ name: 'web', image: 'nginx' }] } }, {}],
  [{ spec: { containers: [{ name: 'web', image: 'app:latest', imagePullPolicy: 'ifNotPresent' }] } }, {}],
  [{ spec: { containers: [{ name: 'web', image: 'app:1' }], imagePullSecrets: ['regcred'] } }, {}],
  [{ spec: { containers: [{ name: 'web', image: 'app:1', imagePullSecrets: [{ name: 'regcred' }] }] } }, {}],
  [
    {
      spec: { containers: [{ name: 'web', image: 'r.example/app:1' }], imagePullSecrets: [{ name: 'regcred' }] },
    },
    { secrets: [secretOf('paas-registry', configOf('r.example'))] },
  ],
  [
    {
      kind: 'Deployment',
      spec: { template: { spec: { containers: [{ name: 'web', image: 'app:{{ .Values.tag }}' }] } } },
    },
    {},
  ],
];

const SECRETS: readonly object[] = [
  { metadata: { name: 'creds' }, type: 'Opaque', data: { 'config.json': 'e30=' } },
  secretOf('creds', Buffer.from(configOf('r.example')).toString('base64')),
];

const podOf = (image: string, more: object = {}, secret = 'regcred'): object => ({
  spec: { containers: [{ name: 'web', image, ...more }], imagePullSecrets: [{ name: secret }] },
});
const present = { imageRef: `sha256:${HEX}`, createHasher: nodeHasher };
const record = {
  imageRef: `sha256:${HEX}`,
  lastUpdatedAt: 0,
  credentialMapping: new Map([
    [
      'r.example/app',
      {
        kubernetesSecrets: [{ uid: '1', namespace: 'other', name: 'other', credentialHash: 'h' }],
        kubernetesServiceAccounts: [],
        nodePodsAccessible: false,
      },
    ],
  ]),
};

/** A container, and what the cluster and the node have. */
const PULLS: readonly (readonly [what: string, pod: object, options: ExplainPullOptions])[] = [
  [
    'The secret fits',
    podOf('r.example/team/app'),
    { secrets: [secretOf('regcred', configOf('https://r.example/v1/'))] },
  ],
  ['The secret is missing', podOf('r.example/app:1'), {}],
  [
    'The key has a port, the image has none',
    podOf('r.example/app:1'),
    { secrets: [secretOf('regcred', configOf('r.example:443'))] },
  ],
  ['The secret is malformed', podOf('r.example/app:1'), { secrets: [secretOf('regcred', '{"auths":')] }],
  [
    'The image is there, and another secret pulled it',
    podOf('r.example/app:1'),
    { secrets: [secretOf('regcred', configOf('r.example'))], present: { ...present, record } },
  ],
  [
    'The image is there under another name, and may not be pulled',
    podOf('r.example/copy:1', { imagePullPolicy: 'Never' }),
    { secrets: [secretOf('regcred', configOf('r.example'))], present: { ...present, record } },
  ],
  ['The image was there before kubelet', podOf('r.example/app:1'), { present }],
  ['The name is none', podOf('https://r.example/app:1'), {}],
];

/** All of them, as they stand in the page. */
export function renderExamples(): string {
  const shown = (value: unknown): string => JSON.stringify(value, (_, one: unknown) => (one === '' ? undefined : one));
  const block = (head: string, lines: readonly string[]): string => {
    const output = lines.length === 0 ? ['(nothing)'] : lines;
    return `${head}\n${output
      .flatMap((line) => line.split('\n'))
      .map((line) => `  ${line}`)
      .join('\n')}`;
  };
  const page = (title: string, blocks: readonly string[]): string =>
    `**${title}**\n\n\`\`\`text\n${blocks.join('\n\n')}\n\`\`\``;
  return [
    page(
      'Images',
      IMAGES.map((image) => {
        const result = safeParseReference(image);
        return block(image, [result.ok ? `is ${result.value.name}` : result.error.message]);
      }),
    ),
    page(
      'Docker configs',
      CONFIGS.map(([json, image]) =>
        block(`${json} for ${image}`, lintDockerConfig(json, { image }).map(formatFinding)),
      ),
    ),
    page('Pods and secrets', [
      ...PODS.map(([pod, options]) => block(shown(pod), lintPod(pod, options).map(formatFinding))),
      ...SECRETS.map((secret) => block(shown(secret), lintPullSecret(secret).map(formatFinding))),
    ]),
    page(
      'Explanations',
      PULLS.map(([what, pod, options]) => block(what, [formatExplanation(explainPull(pod, 'web', options))])),
    ),
  ].join('\n\n');
}

export const EXAMPLES = IMAGES.length + CONFIGS.length + PODS.length + SECRETS.length + PULLS.length;
