import { encodeAuth, parseDockerConfigJson } from 'kubepull/docker-config';
import {
  compareNodeConfigs,
  type LintCode,
  lintDockerConfig,
  type LintDockerConfigOptions,
  type LintFinding,
  lintPod,
  type LintPodOptions,
  lintPullSecret,
  type NodeConfig,
} from 'kubepull/lint';
import { canary } from '../support/canary.ts';
import { base64, config, configFor, podOf, secretOf } from './support.ts';

type Lint = () => readonly LintFinding[];

/** An input that breaks a rule, and the nearest one that does not. */
export interface RuleCase {
  readonly bad: Lint;
  readonly good: Lint;
}

const DIGEST = `sha256:${'0'.repeat(64)}`;
const TYPE = 'kubernetes.io/dockerconfigjson';
const OLD_TYPE = 'kubernetes.io/dockercfg';

const doc =
  (json: string, options?: LintDockerConfigOptions): Lint =>
  () =>
    lintDockerConfig(json, options);
const key = (name: string, image?: string): Lint => doc(configFor(name), { image });
const keys = (...names: readonly string[]): Lint => doc(configFor(...names));
const entry = (fields: object): Lint => doc(config({ 'r.example': fields }));
const secret =
  (object: object): Lint =>
  () =>
    lintPullSecret(object);
const pod =
  (object: object, options?: LintPodOptions): Lint =>
  () =>
    lintPod(object, options);
const text = (data: object, type = TYPE): Lint => secret({ type, data });

/** Secrets are made when the case runs, so that the hook of its test knows them. */
const late =
  (make: (password: string) => Lint): Lint =>
  () =>
    make(canary('password'))();
const auth = (make: (password: string) => string): Lint =>
  late((password) => entry({ auth: encodeAuth('user', make(password)) }));

const R = configFor('r.example');
const OTHER = config({ 'r.example': { auth: encodeAuth('user', 'other') } });
const inNamespace = (namespace: string): object => ({ ...secretOf(R), metadata: { name: 'creds', namespace } });
const node = (name: string, ...names: readonly string[]): object => ({
  metadata: { name },
  status: { images: [{ names }] },
});
const configOn = (name: string, json: string): NodeConfig => ({ node: name, entries: parseDockerConfigJson(json) });
const creds = { spec: { containers: [{ image: 'r.example/app:1' }], imagePullSecrets: [{ name: 'creds' }] } };
const listed = (...names: readonly string[]): object =>
  podOf({ image: 'r.example/app:1' }, { imagePullSecrets: names.map((name) => ({ name })) });

export const CASES: Readonly<Record<LintCode, RuleCase>> = {
  DOCUMENT_UNREADABLE: {
    bad: late((password) => doc(`{"auths":{"r.example":{"password":"${password}",}}}`)),
    good: doc(R),
  },
  DOCUMENT_HAS_BOM: { bad: doc(`\ufeff${R}`), good: doc(R) },
  DOCUMENT_IS_BASE64: { bad: late((password) => doc(base64(config({ r: { password } })))), good: doc(R) },
  WRONG_TYPE: { bad: entry({ username: 'user', password: 5 }), good: entry({ username: 'user', password: '5' }) },
  AUTHS_MISSING: {
    bad: late((password) => doc(JSON.stringify({ 'r.example': { username: 'user', password } }))),
    good: doc(JSON.stringify({ 'r.example': { username: 'user', password: 'p' } }), { format: 'dockercfg' }),
  },
  AUTHS_DOUBLED: { bad: doc(config({ auths: { 'r.example': { auth: 'dTpw' } } })), good: doc(R) },
  AUTHS_REPEATED: { bad: doc(`${R.slice(0, -1)},"auths":{}}`), good: doc(R) },
  NO_ENTRIES: { bad: doc('{"auths":{}}'), good: doc(R) },
  FIELD_NAME_CASE: {
    bad: entry({ Username: 'user', password: 'p' }),
    good: entry({ username: 'user', password: 'p' }),
  },
  CREDENTIAL_HELPER_IGNORED: {
    bad: doc(config({ 'r.example': { auth: 'dTpw' } }, { credsStore: 'desktop' })),
    good: doc(config({ 'r.example': { auth: 'dTpw' } }, { currentContext: 'desktop' })),
  },
  HTTP_HEADERS_IGNORED: { bad: doc(config({}, { HttpHeaders: { 'X-A': 'b' } })), good: doc(config({}, {})) },
  TOKEN_IGNORED: {
    bad: () => lintDockerConfig(config({ 'r.example': { identitytoken: canary('password') } })),
    good: entry({ auth: 'dTpw', identitytoken: '' }),
  },
  ENTRY_EMPTY: { bad: entry({}), good: entry({ auth: 'dTpw' }) },
  AUTH_NOT_BASE64: { bad: late((password) => entry({ auth: `user:${password}` })), good: entry({ auth: 'dTpxZh' }) },
  AUTH_WITHOUT_COLON: { bad: late((password) => entry({ auth: base64(password) })), good: entry({ auth: 'dTpw' }) },
  AUTH_DOUBLE_BASE64: {
    bad: late((password) => entry({ auth: base64(encodeAuth('user', password)) })),
    good: auth((password) => password),
  },
  AUTH_OVERRIDES_FIELDS: {
    bad: late((password) => entry({ username: 'user', password, auth: encodeAuth('user', 'old') })),
    good: late((password) => entry({ username: 'user', password, auth: encodeAuth('user', password) })),
  },
  USERNAME_HAS_COLON: {
    bad: late((password) => entry({ username: 'ro:bot', password, auth: encodeAuth('ro:bot', password) })),
    good: late((password) => entry({ username: 'robot', password: `a:${password}` })),
  },
  CREDENTIAL_HALF_EMPTY: { bad: entry({ username: 'user' }), good: entry({ username: 'user', password: 'p' }) },
  PASSWORD_ENDS_WITH_NEWLINE: { bad: auth((password) => `${password}\n`), good: auth((password) => password) },
  PASSWORD_IS_AUTH: {
    bad: late((password) => entry({ username: 'user', password: encodeAuth('user', password) })),
    good: late((password) => entry({ username: 'user', password: base64(password) })),
  },
  CREDENTIAL_OUTER_SPACE: { bad: auth((password) => ` ${password}`), good: auth((password) => `a ${password}`) },
  CREDENTIAL_HAS_CONTROL: { bad: auth((password) => `a\0${password}`), good: auth((password) => `a\u00e9${password}`) },
  CREDENTIAL_NOT_UTF8: {
    bad: entry({ auth: base64(Uint8Array.of(0x75, 0x3a, 0xff, 0x70)) }),
    good: entry({ auth: base64('u:\u00ff\u{1f600}') }),
  },
  CREDENTIAL_QUOTED: { bad: auth((password) => `"${password}"`), good: auth((password) => `"${password}`) },
  CREDENTIAL_PLACEHOLDER: {
    bad: entry({ username: 'user', password: '${TOKEN}' }),
    good: auth((password) => `$${password}-x`),
  },

  KEY_WITHOUT_HOST: { bad: key('https:///team'), good: key('https://r.example') },
  KEY_SCHEME_CASE: { bad: key('HTTPS://r.example'), good: key('https://r.example') },
  KEY_SCHEME_UNKNOWN: { bad: key('oci://r.example'), good: key('http://r.example') },
  KEY_PLACEHOLDER: { bad: key('${REGISTRY}/team'), good: key('r.example/team') },
  KEY_HAS_SPACE: { bad: key('r.example '), good: key('r.example') },
  KEY_HAS_USER_INFO: { bad: late((password) => key(`https://user:${password}@r.example`)), good: key('r.example') },
  KEY_CUT_SHORT: { bad: key('r?.example.com'), good: key('r*.example.com') },
  KEY_IPV6_NEEDS_BRACKETS: { bad: key('2001:db8::1'), good: key('[2001:db8::1]:5000') },
  KEY_IPV6_NEEDS_PORT: { bad: key('[2001:db8::1]'), good: key('[2001:db8::1]:5000') },
  KEY_GLOB_UNSUPPORTED: { bad: key('{eu,us}.r.example'), good: key('*.r.example') },
  KEY_GLOB_IN_PATH: { bad: key('r.example/*'), good: key('*.r.example/team/') },
  KEY_DROPPED: { bad: key('r.example:abc'), good: key('r.example:5000') },
  KEY_DOCKER_HUB_PATH: { bad: key('https://index.docker.io/v1'), good: key('https://index.docker.io/v1/') },
  KEY_DOCKER_HUB_ALIAS: { bad: key('registry-1.docker.io'), good: key('docker.io') },
  KEY_API_PATH: { bad: key('https://r.example/v2'), good: key('https://r.example/v2/') },
  KEY_PATH_IMPOSSIBLE: { bad: key('r.example/team/app:1.0'), good: key('r.example/team/app') },
  KEY_HOST_IMPOSSIBLE: { bad: key('team/app'), good: key('localhost/app') },
  KEY_HOST_CASE: { bad: key('R.example'), good: key('r.example') },
  KEY_DEFAULT_PORT: { bad: key('r.example:443'), good: key('r.example:443', 'r.example:443/app') },
  KEY_GLOB_TOO_BROAD: { bad: key('*.io'), good: key('*.r.example') },
  KEY_GLOB_WITHOUT_DOT: { bad: key('*my-registry.io/images/'), good: key('*-eu.my-registry.io') },
  KEY_PREFIX_BROAD: { bad: key('r.example/team'), good: key('r.example/team/') },
  KEY_TRAILING_SLASH: { bad: key('r.example/team/'), good: key('r.example/') },
  KEY_REPEATED: {
    bad: doc('{"auths":{"r.example":{"auth":"dTpw"},"r.example":{"auth":"dTpx"}}}'),
    good: doc('{"auths":{"r.example":{"auth":"dTpw"},"r.example:5000":{"auth":"dTpx"}}}'),
  },
  KEY_SAME_NORMAL_FORM: { bad: keys('https://r.example', 'r.example/v1/'), good: keys('r.example', 'r.example:1') },
  KEY_PORT_DIFFERS: { bad: key('r.example', 'r.example:443/app'), good: key('r.example', 'r.example/app') },
  KEY_LABEL_COUNT: { bad: key('*.r.example', 'a.b.r.example/app'), good: key('*.r.example', 'b.r.example/app') },
  KEY_PATH_DIFFERS: { bad: key('docker.io/nginx', 'nginx'), good: key('docker.io/library/nginx', 'nginx') },
  KEY_CASE_DIFFERS: { bad: key('r.example', 'R.example/app'), good: key('r.example', 'r.example/app') },
  CREDENTIAL_REPEATED: {
    bad: late((password) => {
      const same = { auth: encodeAuth('user', password) };
      return doc(config({ 'r.example': same, 'r.example/team/': same }));
    }),
    good: keys('r.example', 'r.example/team/'),
  },
  DOCKER_HUB_ENTRY_HIDDEN: {
    bad: keys('https://index.docker.io/v1/', 'docker.io'),
    good: keys('https://index.docker.io/v1/', 'ghcr.io'),
  },
  DOCKER_HUB_OFFERED_ELSEWHERE: {
    bad: key('https://index.docker.io/v1/', 'localhost/app'),
    good: key('https://index.docker.io/v1/', 'app'),
  },
  IMAGE_NOT_COVERED: { bad: key('r.example', 'ghcr.io/team/app'), good: key('r.example', 'r.example/team/app') },

  OBJECT_MALFORMED: { bad: secret({ type: TYPE, data: [] }), good: secret(secretOf(R)) },
  SECRET_TYPE_WRONG: { bad: secret(secretOf(R, 'Opaque')), good: secret(secretOf(R)) },
  SECRET_TYPE_KEY_MISMATCH: { bad: secret(secretOf(R, OLD_TYPE)), good: secret(secretOf(R)) },
  SECRET_KEY_MISSING: { bad: text({ 'config.json': base64(R) }), good: secret(secretOf(R)) },
  SECRET_BOTH_KEYS: {
    bad: text({ '.dockerconfigjson': base64(R), '.dockercfg': base64('{}') }),
    good: text({ '.dockerconfigjson': base64(R), other: base64('{}') }),
  },
  SECRET_DATA_PLAIN_TEXT: {
    bad: late((password) => text({ '.dockerconfigjson': config({ 'r.example': { username: 'user', password } }) })),
    good: secret({ type: TYPE, stringData: { '.dockerconfigjson': R } }),
  },
  SECRET_DATA_NOT_BASE64: {
    bad: late((password) => text({ '.dockerconfigjson': `${password}!` })),
    good: secret(secretOf(R)),
  },
  SECRET_DATA_OVERRIDDEN: {
    bad: secret({ ...secretOf('{}'), stringData: { '.dockerconfigjson': R } }),
    good: secret({ ...secretOf(R), stringData: { other: '' } }),
  },
  SECRET_VALUE_EMPTY: { bad: text({ '.dockerconfigjson': '' }), good: secret(secretOf(R)) },
  SECRET_KEY_ILLEGAL: {
    bad: text({ '.dockerconfigjson': base64(R), 'a/b': '' }),
    good: text({ '.dockerconfigjson': base64(R), 'a.b': '' }),
  },
  SECRET_TOO_LARGE: {
    bad: text({ '.dockerconfigjson': base64(R), a: base64('x'.repeat(1_048_576)) }),
    good: text({ '.dockerconfigjson': base64(R), a: base64('x'.repeat(1_048_576 - R.length)) }),
  },

  IMAGE_MISSING: { bad: pod(podOf({})), good: pod(podOf({ image: 'app:1' })) },
  IMAGE_OUTER_SPACE: { bad: pod(podOf({ image: 'app:1\n' })), good: pod(podOf({ image: 'app:1' })) },
  IMAGE_INVALID: {
    bad: pod(podOf({ image: 'https://r.example/app:1' })),
    good: pod(podOf({ image: 'r.example/app:1' })),
  },
  IMAGE_PLACEHOLDER: { bad: pod(podOf({ image: 'app:${TAG}' })), good: pod(podOf({ image: 'app:1' })) },
  IMAGE_TAG_IMPLIED: { bad: pod(podOf({ image: 'app' })), good: pod(podOf({ image: 'app:1' })) },
  IMAGE_TAG_LATEST: { bad: pod(podOf({ image: 'app:latest' })), good: pod(podOf({ image: 'app:1' })) },
  IMAGE_TAG_AND_DIGEST: { bad: pod(podOf({ image: `app:1@${DIGEST}` })), good: pod(podOf({ image: `app@${DIGEST}` })) },
  IMAGE_ANONYMOUS: {
    bad: pod(podOf({ image: 'r.example/app:1' }), { nodeConfig: parseDockerConfigJson(configFor('s.example')) }),
    good: pod(podOf({ image: 'r.example/app:1' }), { nodeConfig: parseDockerConfigJson(R) }),
  },
  POLICY_UNKNOWN: {
    bad: pod(podOf({ image: 'app:1', imagePullPolicy: 'always' })),
    good: pod(podOf({ image: 'app:1', imagePullPolicy: 'Always' })),
  },
  POLICY_KEEPS_LATEST: {
    bad: pod(podOf({ image: 'app:latest', imagePullPolicy: 'IfNotPresent' })),
    good: pod(podOf({ image: `app:latest@${DIGEST}`, imagePullPolicy: 'IfNotPresent' })),
  },
  POLICY_NEVER: {
    bad: pod(podOf({ image: 'app:1', imagePullPolicy: 'Never' })),
    good: pod(podOf({ image: 'app:1', imagePullPolicy: 'IfNotPresent' })),
  },
  POLICY_ALWAYS_WITH_DIGEST: {
    bad: pod(podOf({ image: `app:latest@${DIGEST}` })),
    good: pod(podOf({ image: `app:1@${DIGEST}` })),
  },
  PULL_SECRETS_MISPLACED: {
    bad: pod(podOf({ image: 'app:1', imagePullSecrets: [{ name: 'creds' }] })),
    good: pod(podOf({ image: 'app:1' }, { imagePullSecrets: [{ name: 'creds' }] })),
  },
  PULL_SECRET_NAME_EMPTY: { bad: pod(listed('')), good: pod(listed('creds')) },
  PULL_SECRET_REPEATED: { bad: pod(listed('a', 'a')), good: pod(listed('a', 'b')) },
  PULL_SECRET_MISSING: { bad: pod(creds, { secrets: [] }), good: pod(creds, { secrets: [secretOf(R)] }) },
  PULL_SECRET_OTHER_NAMESPACE: {
    bad: pod(creds, { secrets: [{ ...secretOf(R), metadata: { name: 'creds', namespace: 'team' } }] }),
    good: pod({ ...creds, metadata: { namespace: 'default' } }, { secrets: [secretOf(R)] }),
  },
  PULL_SECRET_IGNORED: {
    bad: pod(creds, { secrets: [secretOf(R, 'Opaque')] }),
    good: pod(creds, { secrets: [secretOf(R)] }),
  },
  PULL_SECRET_MALFORMED: {
    bad: pod(creds, { secrets: [secretOf('{"auths":{"r.example":{"auth":"!"}}}')] }),
    good: pod(creds, { secrets: [secretOf(R)] }),
  },
  PULL_SECRET_UNUSED: {
    bad: pod(creds, { secrets: [secretOf(configFor('s.example'))] }),
    good: pod(creds, { secrets: [secretOf(R)] }),
  },
  PULL_SECRET_UNLISTED: {
    bad: pod(podOf({ image: 'r.example/app:1' }), { secrets: [secretOf(R)] }),
    good: pod(podOf({ image: 'r.example/app:1' }), { secrets: [secretOf(configFor('s.example'))] }),
  },
  PULL_SECRET_ELSEWHERE: {
    bad: pod(podOf({ image: 'r.example/app:1' }), { secrets: [inNamespace('team')] }),
    good: pod(creds, { secrets: [secretOf(R), inNamespace('team')] }),
  },
  PULL_SECRETS_DISAGREE: {
    bad: pod(listed('creds', 'old'), { secrets: [secretOf(R), { ...secretOf(OTHER), metadata: { name: 'old' } }] }),
    good: pod(listed('creds', 'old'), { secrets: [secretOf(R), { ...secretOf(R), metadata: { name: 'old' } }] }),
  },
  SERVICE_ACCOUNT_DIFFERS: {
    bad: pod(listed(), { serviceAccount: { metadata: { name: 'robot' } } }),
    good: pod(podOf({ image: 'app:1' }, { serviceAccountName: 'robot' }), {
      serviceAccount: { metadata: { name: 'robot' } },
    }),
  },
  SERVICE_ACCOUNT_SECRETS_IGNORED: {
    bad: pod(listed('creds'), { serviceAccount: { imagePullSecrets: [{ name: 'other' }] } }),
    good: pod(listed(), { serviceAccount: { imagePullSecrets: [{ name: 'other' }] } }),
  },
  IMAGE_NOT_ON_NODES: {
    bad: pod(podOf({ image: 'r.example/app:1', imagePullPolicy: 'Never' }), { nodes: [node('a')] }),
    good: pod(podOf({ image: 'r.example/app:1', imagePullPolicy: 'Never' }), { nodes: [node('a', 'r.example/app:1')] }),
  },
  IMAGE_ON_SOME_NODES: {
    bad: pod(podOf({ image: 'r.example/app:1' }), { nodes: [node('a', 'r.example/app:1'), node('b')] }),
    good: pod(podOf({ image: 'r.example/app:1' }), { nodes: [node('a'), node('b')] }),
  },

  NODE_KEY_MISSING: {
    bad: () => compareNodeConfigs([configOn('a', R), configOn('b', config({}))]),
    good: () => compareNodeConfigs([configOn('a', R), configOn('b', configFor('https://r.example/v1/'))]),
  },
  NODE_CREDENTIAL_DIFFERS: {
    bad: () => compareNodeConfigs([configOn('a', R), configOn('b', OTHER)]),
    good: () => compareNodeConfigs([configOn('a', R), configOn('b', R)]),
  },
};
