import { encodeAuth } from 'kubepull/docker-config';
import type { LintCode, LintFinding } from 'kubepull/lint';

/** A docker config with one good credential under each key. */
export function configFor(...keys: readonly string[]): string {
  return config(Object.fromEntries(keys.map((key, index) => [key, { auth: encodeAuth('user', `pass${index}`) }])));
}

export function config(auths: Readonly<Record<string, unknown>>, rest: object = {}): string {
  return JSON.stringify({ auths, ...rest });
}

export function base64(text: string | Uint8Array): string {
  return Buffer.from(text).toString('base64');
}

export function secretOf(content: string, type = 'kubernetes.io/dockerconfigjson', key = '.dockerconfigjson'): object {
  return { metadata: { name: 'creds' }, type, data: { [key]: base64(content) } };
}

export function podOf(container: object, spec: object = {}): object {
  return { metadata: { name: 'web' }, spec: { containers: [{ name: 'web', ...container }], ...spec } };
}

export function codes(findings: readonly LintFinding[]): readonly LintCode[] {
  return findings.map(({ code }) => code);
}

export function find(findings: readonly LintFinding[], code: LintCode): LintFinding | undefined {
  return findings.find((one) => one.code === code);
}
