// Pull secrets of public reports: how many credentials kubelet would try, or the decoder's text, and what the linter says.
import { expect } from 'vitest';
import { createKeyring } from 'kubepull/keyring';
import { formatFinding, lintPullSecret } from 'kubepull/lint';
import { mergePullSecrets } from 'kubepull/pull-secrets';
import { parseImageName } from 'kubepull/reference';
import type { Case } from './case.ts';

interface SecretCase {
  readonly image: string;
  readonly dockerconfig: object;
  readonly type: string;
}

const DATA_KEYS: Readonly<Record<string, string>> = {
  'kubernetes.io/dockerconfigjson': '.dockerconfigjson',
  'kubernetes.io/dockercfg': '.dockercfg',
};

function secretOf({ dockerconfig, type }: SecretCase): object {
  const data = { [DATA_KEYS[type] ?? '']: Buffer.from(JSON.stringify(dockerconfig)).toString('base64') };
  return { metadata: { name: 'creds' }, type, data };
}

function answerOf(input: SecretCase): number | string {
  try {
    const { entries } = mergePullSecrets([secretOf(input)]);
    const { candidates } = createKeyring(entries).lookup(parseImageName(input.image));
    return candidates.filter(({ entry: { credential } }) => credential.username !== '').length;
  } catch (error) {
    return (error as { readonly upstream: string }).upstream;
  }
}

/** By the id of the case. */
const SECRETS: Readonly<Record<string, readonly [answer: number | RegExp, says?: string]>> = {
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
    /^illegal base64 data at input byte 72$/,
    'base64 never has one more than a multiple of four: it may be a bare key or token',
  ],
  'titansoft-pte-ltd/imagepullsecret-patcher#26': [/^unable to parse auth field/, 'AUTH_DOUBLE_BASE64'],
  'eclipse/codewind#1346': [/^json: cannot unmarshal array /, 'WRONG_TYPE'],
};

export function checkSecret({ id, input }: Case): void {
  const known = SECRETS[id];
  if (known === undefined) throw new Error(`Nothing is known of ${id}`);
  const [answer, says = ''] = known;
  const one = input as SecretCase;
  if (answer instanceof RegExp) expect(answerOf(one)).toMatch(answer);
  else expect(answerOf(one)).toBe(answer);
  expect(lintPullSecret(secretOf(one), { image: one.image }).map(formatFinding).join('\n')).toContain(says);
}
