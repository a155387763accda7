import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { explainPull } from 'kubepull/explain';
import { createKeyring } from 'kubepull/keyring';
import { formatFinding, type LintFinding, lintPod, lintPullSecret } from 'kubepull/lint';
import { mergePullSecrets, validateSecret } from 'kubepull/pull-secrets';
import { parseImageName, safeParseReference } from 'kubepull/reference';

interface Case {
  readonly id: string;
  readonly kind: string;
  readonly input: unknown;
  readonly expected: string;
}

interface SecretCase {
  readonly image: string;
  readonly dockerconfig: object;
  readonly type: string;
}

const CASES = JSON.parse(readFileSync(new URL('credentials.json', import.meta.url), 'utf8')) as readonly Case[];

function isSecretCase(input: unknown): input is SecretCase {
  return typeof input === 'object' && input !== null && 'dockerconfig' in input;
}

const DATA_KEYS: Readonly<Record<string, string>> = {
  'kubernetes.io/dockerconfigjson': '.dockerconfigjson',
  'kubernetes.io/dockercfg': '.dockercfg',
};

function secretOf({ dockerconfig, type }: SecretCase): object {
  const data = { [DATA_KEYS[type] ?? '']: Buffer.from(JSON.stringify(dockerconfig)).toString('base64') };
  return { metadata: { name: 'creds' }, type, data };
}

/** The number of credentials that kubelet would try, or the decoder's text. */
function answerOf(input: SecretCase): number | string {
  try {
    const { entries } = mergePullSecrets([secretOf(input)]);
    const { candidates } = createKeyring(entries).lookup(parseImageName(input.image));
    return candidates.filter(({ entry: { credential } }) => credential.username !== '').length;
  } catch (error) {
    return (error as { readonly upstream: string }).upstream;
  }
}

/** What the pull secret gives, by the id of the case, and what the linter has to say of it. */
const SECRETS: Readonly<Record<string, readonly [answer: number | string | RegExp, says?: string]>> = {
  'fluxcd/image-reflector-controller#127': [1],
  'fluxcd/image-reflector-controller#124': [0, 'Write https://index.docker.io/v1/'],
  'argoproj-labs/argocd-image-updater#97': [1],
  'argoproj-labs/argocd-image-updater#195': [1],
  'argoproj/argo-cd#13876': [1],
  'Azure/acr-cli#61 (also azure-docs#20808, azure-cli#11111)': [0, 'Write azureregistrydemo1.azurecr.io'],
  'renovatebot/renovate#11227, Azure/acr#359': [0, 'KEY_PORT_DIFFERS'],
  'kubernetes/kubernetes#102472': [1, 'KEY_PREFIX_BROAD'],
  'openshift/origin#14541': [0, 'AUTHS_DOUBLED'],
  'hashicorp/terraform-provider-kubernetes#611': [0, 'AUTHS_MISSING'],
  'sse-secure-systems/connaisseur#546/#550': [
    'illegal base64 data at input byte 72',
    'base64 never has one more than a multiple of four: it may be a bare key or token',
  ],
  'titansoft-pte-ltd/imagepullsecret-patcher#26': [/^unable to parse auth field/, 'AUTH_DOUBLE_BASE64'],
  'eclipse/codewind#1346': [/^json: cannot unmarshal array /, 'WRONG_TYPE'],
};

describe('pull secrets of public reports', () => {
  const cases = CASES.filter(({ input }) => isSecretCase(input));

  it('are all here', () => {
    expect(cases.map(({ id }) => id)).toEqual(Object.keys(SECRETS));
  });

  it.each(cases)('$id: $kind', ({ id, input }) => {
    const [answer, says = ''] = SECRETS[id] ?? [];
    const one = input as SecretCase;
    if (answer instanceof RegExp) expect(answerOf(one)).toMatch(answer);
    else expect(answerOf(one)).toBe(answer);
    expect(lintPullSecret(secretOf(one), { image: one.image }).map(formatFinding).join('\n')).toContain(says);
  });
});

const HEX = 'a'.repeat(64);

/** What each image is or may be suggested as; nothing where it names no image. */
const IMAGES: Readonly<Record<string, readonly (string | undefined)[]>> = {
  'https://quay.io/repository/team/inspector': ['quay.io/team/inspector'],
  'https://hub.docker.com/r/team/app/tags': ['team/app'],
  'https://gallery.ecr.aws/docker/library/nginx': ['public.ecr.aws/docker/library/nginx', undefined],
  'docker pull nginx': ['nginx', undefined],
  'nginx 1.25': ['nginx:1.25', undefined],
  [`docker://sha256:${HEX}`]: [undefined],
  'registry.example.com/': [undefined],
  [`nginx:sha256:${HEX}`]: [`nginx@sha256:${HEX}`],
  'busybox":"latest': [undefined],
  'registry.example.com/nginx:': ['registry.example.com/nginx'],
  'team / url-shortener': ['team/url-shortener'],
};
const HOSTS: Readonly<Record<string, string>> = {
  'gcr.io/google.com/cloudsdktool/cloud-sdk:463.0.0-alpine': 'gcr.io',
  'registry:5000/name1/name2/name3:1': 'registry:5000',
  'git.example.com:5005/foo/bar': 'git.example.com:5005',
};

describe('images of public reports', () => {
  const names = { ...IMAGES, ...HOSTS };
  const cases = CASES.flatMap(({ id, kind, input }) =>
    typeof input === 'string' && Object.hasOwn(names, input) ? [{ id, kind, input }] : [],
  );

  it('are all here', () => {
    expect(cases).toHaveLength(Object.keys(names).length);
  });

  it.each(cases)('$id: $input', ({ input }) => {
    const result = safeParseReference(input);
    if (result.ok) expect(result.value.domain).toBe(HOSTS[input]);
    else expect(IMAGES[input]).toContain(result.error.suggestion);
  });
});

describe('pods and manifests of public reports', () => {
  const codesOf = (findings: readonly LintFinding[]): readonly string[] => findings.map(({ code }) => code);
  const podWith = (spec: object, container: object = {}): object => ({
    spec: { containers: [{ name: 'web', image: 'r.example/app:1', ...container }], ...spec },
  });
  const type = 'kubernetes.io/dockerconfigjson';

  it('imagePullSecrets: [string]', () => {
    const [found, ...others] = lintPod(podWith({ imagePullSecrets: ['regcred'] }));
    expect(found).toMatchObject({ place: 'spec.imagePullSecrets[0]', suggestion: '- name: regcred' });
    expect(others).toEqual([]);
  });

  it('imagePullSecrets is a map', () => {
    const findings = lintPod(podWith({ imagePullSecrets: { name: 'regcred' } }));
    expect(findings).toMatchObject([{ code: 'OBJECT_MALFORMED', message: 'It should be a list' }]);
  });

  it('imagePullSecrets inside the container', () => {
    expect(codesOf(lintPod(podWith({}, { imagePullSecrets: [{ name: 'regcred' }] })))).toEqual([
      'PULL_SECRETS_MISPLACED',
    ]);
  });

  it('pod names another secret than the one that was made', () => {
    const pod = podWith({ imagePullSecrets: [{ name: 'regcred' }] });
    const secrets = [{ metadata: { name: 'paas-registry' }, type, data: {} }];
    expect(codesOf(lintPod(pod, { secrets }))).toContain('PULL_SECRET_MISSING');
    expect(explainPull(pod, 'web', { secrets }).secrets.message).toContain('regcred');
  });

  it('double base64', () => {
    const secret = { metadata: { name: 'a' }, type, stringData: { '.dockerconfigjson': 'eyJhdXRocyI6e319' } };
    expect(validateSecret(secret).message).toContain("invalid character 'e' looking for beginning of value");
    expect(codesOf(lintPullSecret(secret))).toContain('DOCUMENT_IS_BASE64');
  });

  it('data key is the file name', () => {
    const secret = { metadata: { name: 'a' }, type, data: { 'pull-secret.json': 'e30=' } };
    expect(validateSecret(secret).message).toContain('data[.dockerconfigjson]: Required value');
    expect(codesOf(lintPullSecret(secret))).toContain('SECRET_KEY_MISSING');
  });
});
