import { ImageError } from 'kubepull/errors';
import type { SecretLike } from 'kubepull/pull-secrets';

export const JSON_TYPE = 'kubernetes.io/dockerconfigjson';
export const CFG_TYPE = 'kubernetes.io/dockercfg';

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** A secret of the default namespace with these values. */
export function secret(name: string, type: string | undefined, values: Readonly<Record<string, string>>): SecretLike {
  const data = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, base64(value)]));
  return { metadata: { name, namespace: 'default', uid: `uid-${name}` }, type, data };
}

/** A dockerconfigjson secret whose entries are named by the values. */
export function jsonSecret(name: string, auths: Readonly<Record<string, string>>): SecretLike {
  return secret(name, JSON_TYPE, { '.dockerconfigjson': JSON.stringify({ auths: named(auths) }) });
}

export function cfgSecret(name: string, auths: Readonly<Record<string, string>>): SecretLike {
  return secret(name, CFG_TYPE, { '.dockercfg': JSON.stringify(named(auths)) });
}

function named(auths: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(auths).map(([key, user]) => [key, { auth: base64(`${user}:pw`) }]));
}

/** The text of the refusal of an argument or option. */
export function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ImageError && error.code === 'ERR_OPTION_INVALID') return error.message;
    throw error;
  }
  throw new Error('nothing was thrown');
}
