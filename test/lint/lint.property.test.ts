import fc from 'fast-check';
import { describe, it } from 'vitest';
import { encodeAuth, parseDockerConfigJson, parseDockerConfig } from 'kubepull/docker-config';
import { isImageError } from 'kubepull/errors';
import { LINT_RULES, type LintCode, lintDockerConfig, type LintFinding, lintPod, lintPullSecret } from 'kubepull/lint';
import { matchImage, normalizeKey } from 'kubepull/match';
import { validateSecret } from 'kubepull/pull-secrets';
import { safeParseReference } from 'kubepull/reference';
import { base64, config, configFor } from './support.ts';
import { anyText } from '../support/any-text.ts';
import { imageNamed } from '../support/image-name.ts';

/**
 * Text that occurs nowhere by chance, and is no base64. It has no digit, so that the hook of the tests does not make a
 * canary of each.
 */
const secret = fc.stringMatching(/^[a-z]{24}$/).map((text) => `Q.${text}.Z`);
const host = fc.constantFrom(
  'r.example',
  'R.example',
  '*.r.example',
  '*r.example',
  '*.*',
  '*',
  'docker.io',
  'index.docker.io',
  'registry-1.docker.io',
  'localhost',
  '[::1]',
  '::1',
  'team',
  '',
  'a{b,c}.d',
  'a[bc].d',
  'a\\b.c',
  'x_y.z',
  'é.example',
);
const piece = fc.constantFrom(
  '',
  '/',
  '/v1',
  '/v1/',
  '/v2/',
  '/team',
  '/team/',
  '/A',
  ':1',
  ':443',
  '*',
  '?',
  '#',
  ' ',
);
const key = fc
  .tuple(fc.constantFrom('', '', 'https://', 'http://', 'HTTPS://', 'oci://', 'u@', 'u:p@'), host, piece, piece)
  .map((parts) => parts.join(''));
const anyKey = fc.oneof({ weight: 4, arbitrary: key }, anyText({ maxLength: 8 }));

const image = fc
  .tuple(
    fc.constantFrom(
      'r.example',
      'R.example',
      'a.r.example',
      'localhost',
      'x_y.z',
      'team',
      'a.d',
      'MyHost',
      'docker.io',
    ),
    fc.constantFrom('', ':1', ':443'),
    fc.constantFrom('', '/team', '/v1', '/v2', '/team/app', '/team-evil/v1'),
    fc.constantFrom('/app', '/v2app'),
  )
  .map((parts) => parts.join(''))
  .filter((text) => safeParseReference(text).ok);

const name = fc.constantFrom('username', 'password', 'Password', 'auth', 'email', 'identitytoken', 'x', '__proto__');

function documents(value: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  const entry = fc.oneof(
    { weight: 6, arbitrary: fc.array(fc.tuple(name, value), { maxLength: 4 }).map(writeObject) },
    value.map((one) => JSON.stringify(one)),
  );
  const entries = fc.array(fc.tuple(anyKey, entry), { maxLength: 4 }).map(writeMembers);
  const top = fc.constantFrom('auths', 'auths', 'auths', 'Auths', 'HttpHeaders', 'credHelpers', 'credsStore', 'x');
  const whole = fc.array(fc.tuple(top, fc.oneof({ weight: 5, arbitrary: entries }, entry)), { maxLength: 3 });
  return fc.oneof({ weight: 5, arbitrary: whole.map(writeMembers) }, entries);
}

function writeObject(members: readonly (readonly [string, unknown])[]): string {
  return writeMembers(members.map(([field, value]) => [field, JSON.stringify(value)]));
}

function writeMembers(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([field, json]) => `${JSON.stringify(field)}:${json}`).join(',')}}`;
}

const plain = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('dTpw', 'Og==', 'u', '', '!!', 'dTpxZ', 'dXNlcg==', 'ZFRwdw==') },
  fc.constantFrom(null, 5, true, [], {}),
);
const format = fc.constantFrom('dockerconfigjson' as const, 'dockercfg' as const);

/** What makes kubelet refuse a document. */
const UNREADABLE: ReadonlySet<LintCode> = new Set([
  'DOCUMENT_UNREADABLE',
  'DOCUMENT_HAS_BOM',
  'DOCUMENT_IS_BASE64',
  'WRONG_TYPE',
  'AUTH_NOT_BASE64',
  'AUTH_WITHOUT_COLON',
  'AUTH_DOUBLE_BASE64',
]);

function isReadable(json: string, options: Parameters<typeof parseDockerConfig>[1]): boolean {
  try {
    parseDockerConfig(json, options);
    return true;
  } catch {
    return false;
  }
}

function never(findings: readonly LintFinding[], hidden: string): boolean {
  const text = JSON.stringify(findings);
  return ![hidden, base64(hidden).slice(2, -4), encodeAuth('user', hidden).slice(0, 24)].some((one) =>
    text.includes(one),
  );
}

function hasError(findings: readonly LintFinding[]): boolean {
  return findings.some(({ severity }) => severity === 'error');
}

/** What is no pod is refused, with a coded error. */
function podFindings(value: unknown): readonly LintFinding[] {
  try {
    return lintPod(value as object, { secrets: [value as object], serviceAccount: value as object });
  } catch (error) {
    if (isImageError(error) && error.code === 'ERR_OPTION_INVALID') return [];
    throw error;
  }
}

describe('no linter throws', () => {
  it('on any value in the place of its input', () => {
    const rules = new Map(LINT_RULES.map((rule) => [rule.code, rule]));
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withTypedArray: true, withSparseArray: true }), (value) => {
        const findings = [
          ...lintDockerConfig(value as string),
          ...lintPullSecret(value as object),
          ...podFindings(value),
        ];
        for (const { code, severity, cure } of findings) {
          if (rules.get(code)?.severity !== severity || rules.get(code)?.cure !== cure) return false;
        }
        return true;
      }),
    );
  });

  it('on any text or bytes, and gives the same for both', () => {
    const text = fc.oneof(anyText(), fc.json(), documents(plain));
    fc.assert(
      fc.property(text, format, (json, form) => {
        const wellFormed = json.replaceAll(/[\ud800-\udfff]/gu, '\ufffd');
        const bytes = new TextEncoder().encode(wellFormed);
        const options = { format: form };
        return (
          JSON.stringify(lintDockerConfig(wellFormed, options)) === JSON.stringify(lintDockerConfig(bytes, options))
        );
      }),
    );
  });

  it('on pods and secrets of nearly the right shape', () => {
    const odd = fc.oneof(
      fc.constantFrom('', 'creds', ' A', 'app', 'r.example/app:1'),
      fc.constantFrom(null, 5, [], {}),
    );
    const container = fc.record({ image: odd, imagePullPolicy: odd }, { requiredKeys: [] });
    const containers = fc.oneof(fc.array(fc.oneof(container, odd), { maxLength: 3 }), odd);
    const volumes = fc.array(fc.record({ image: fc.oneof(odd, fc.record({ reference: odd, pullPolicy: odd })) }));
    const names = fc.oneof(fc.array(fc.oneof(fc.record({ name: odd }), odd), { maxLength: 3 }), odd);
    const spec = fc.record(
      { containers, initContainers: containers, volumes, imagePullSecrets: names, serviceAccountName: odd },
      { requiredKeys: [] },
    );
    const types = fc.constantFrom('kubernetes.io/dockerconfigjson', 'kubernetes.io/dockercfg', 'Opaque', 5);
    const dataKey = fc.constantFrom('.dockerconfigjson', '.dockercfg', '__proto__', 'a/b');
    const data = fc.dictionary(dataKey, fc.oneof(odd, documents(plain), documents(plain).map(base64)), { maxKeys: 3 });
    const object = fc.record(
      { metadata: fc.record({ name: odd, namespace: odd }), type: types, data, stringData: data },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(spec, fc.array(object, { maxLength: 3 }), names, (podSpec, secrets, imagePullSecrets) => {
        const pod = { metadata: { namespace: 'default' }, spec: podSpec } as object;
        lintPod(pod, { secrets: secrets as object[], serviceAccount: { imagePullSecrets } as object });
        for (const one of secrets) lintPullSecret(one as object, { image: 'app' });
      }),
    );
  });
});

describe('no finding holds a secret', () => {
  it('of a docker config, wherever in it a value or user info stands', () => {
    const leaky = secret.chain((hidden) => {
      const value = fc.constantFrom(
        hidden,
        ` ${hidden}\n`,
        `"${hidden}"`,
        `\${${hidden}}`,
        `${hidden}:x`,
        base64(hidden),
        encodeAuth('user', hidden),
        base64(encodeAuth('user', hidden)),
        encodeAuth(hidden, 'x'),
        [hidden],
        { a: hidden },
        `<${hidden}>`,
      );
      const withInfo = anyKey.map((text) => `https://user:${hidden}@${text.replace(/^.*:\/\//s, '')}`);
      const infoEntry = fc.tuple(withInfo, value).map(([where, one]) => config({ [where]: { auth: one } }));
      return fc.tuple(fc.constant(hidden), fc.oneof(documents(value), infoEntry));
    });
    fc.assert(
      fc.property(leaky, format, image, ([hidden, json], form, wanted) => {
        const secretObject = { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': base64(json) } };
        return (
          never(lintDockerConfig(json, { format: form, image: wanted }), hidden) &&
          never(lintPullSecret(secretObject, { image: wanted }), hidden) &&
          never(lintPullSecret({ ...secretObject, data: { '.dockerconfigjson': json } }), hidden)
        );
      }),
    );
  });

  it('of a text that is no document', () => {
    const texts = secret.chain((hidden) =>
      fc.tuple(fc.constant(hidden), fc.constantFrom(hidden, `{${hidden}`, `"${hidden}"`, `{"auths":{"r":${hidden}}}`)),
    );
    fc.assert(fc.property(texts, ([hidden, json]) => never(lintDockerConfig(json), hidden)));
  });
});

describe('lintDockerConfig', () => {
  it('finds a document unreadable exactly when kubelet does', () => {
    fc.assert(
      fc.property(fc.oneof(documents(plain), fc.json()), format, (json, form) => {
        const isSpoilt = lintDockerConfig(json, { format: form }).some(({ code }) => UNREADABLE.has(code));
        return isSpoilt === !isReadable(json, { format: form });
      }),
    );
  });

  it('never calls a key dead that matches an image', () => {
    fc.assert(
      fc.property(anyKey, image, (pattern, text) => {
        const parsed = safeParseReference(text);
        const matches = parsed.ok && matchImage(pattern, imageNamed(parsed.value.name)).matched;
        return !matches || !hasError(lintDockerConfig(configFor(pattern)));
      }),
    );
  });

  it('suggests keys that kubelet keeps and that have no error of their own', () => {
    fc.assert(
      fc.property(anyKey, fc.option(image, { nil: undefined }), (pattern, wanted) => {
        const suggestions = lintDockerConfig(configFor(pattern), { image: wanted }).map((one) => one.suggestion);
        return suggestions.every(
          (text) => text === undefined || (normalizeKey(text) && !hasError(lintDockerConfig(configFor(text)))),
        );
      }),
    );
  });

  it('says that an image is not covered exactly when no entry is tried for it, and knows a key that is', () => {
    fc.assert(
      fc.property(fc.uniqueArray(key, { maxLength: 4 }), image, (patterns, wanted) => {
        const json = configFor(...patterns);
        const { length } = lintPod(
          { spec: { containers: [{ image: wanted }] } },
          { nodeConfig: parseDockerConfigJson(json) },
        ).filter(({ code }) => code === 'IMAGE_ANONYMOUS');
        const all = lintDockerConfig(json, { image: wanted });
        const found = all.filter(({ code }) => code === 'IMAGE_NOT_COVERED' || code === 'KEY_CASE_DIFFERS');
        const uncovered = found.filter(({ code }) => code === 'IMAGE_NOT_COVERED');
        // It is the finding's own, or that of a key which is nearly right.
        const isCured = all.some(({ code, suggestion }) => {
          if (suggestion === undefined || !(code.startsWith('KEY_') || code === 'IMAGE_NOT_COVERED')) return false;
          const rest = lintDockerConfig(configFor(suggestion), { image: wanted });
          return !rest.some((left) => left.code === 'IMAGE_NOT_COVERED');
        });
        return found.length === length && (uncovered.length === 0 || isCured);
      }),
    );
  });
});

describe('lintPullSecret', () => {
  it('has an error for every secret that the API server refuses', () => {
    const type = fc.constantFrom('kubernetes.io/dockerconfigjson', 'kubernetes.io/dockercfg');
    const value = fc.oneof(documents(plain).map(base64), fc.constantFrom('', '!', '{}', 'W10=', 'bnVsbA=='));
    const data = fc.dictionary(fc.constantFrom('.dockerconfigjson', '.dockercfg', 'a', 'a/b', '..'), value);
    const object = fc.record({ type, data, stringData: data }, { requiredKeys: ['type'] });
    fc.assert(
      fc.property(object, (one) => {
        return validateSecret(one).valid || hasError(lintPullSecret(one));
      }),
    );
  });
});
