import type { Credential } from '../docker-config/index.js';
import { encodeBase64, encodeUtf8 } from '../internal/index.js';

/** Shorter ones occur by chance. */
const MIN_SECRET = 4;

const URL_USER = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/"'@?#]+@/gi;
const URL_SECRET = /([?&;][^=&\s"']*(?:sig|token|secret|credential|passw|auth|policy|key)[^=&\s"']*=)[^&\s"']+/gi;

/**
 * Makes the filter for what a runtime says about a pull. It takes out the credential, in every form in which a runtime or
 * a registry could echo it, and from URLs user info and what signs them.
 */
export function createMask(credential: Credential | undefined): (text: string) => string {
  const forms = credential === undefined ? [] : formsOf(credential);
  return (text) =>
    forms
      .reduce((masked, form) => masked.replaceAll(form, '[redacted]'), text)
      .replace(URL_USER, '$1[redacted]@')
      .replace(URL_SECRET, '$1[redacted]');
}

function formsOf({ username, password }: Credential): readonly string[] {
  const secret = password.reveal();
  if (secret.length < MIN_SECRET) return [];
  return [...textForms(secret), ...base64Forms(secret), ...base64Forms(`${username}:${secret}`)].toSorted(
    (a, b) => b.length - a.length,
  );
}

function textForms(secret: string): readonly string[] {
  const wellFormed = secret.replace(/\p{Cs}/gu, '');
  return [
    secret,
    encodeURIComponent(wellFormed),
    new URLSearchParams({ '': secret }).toString().slice(1),
    JSON.stringify(secret).slice(1, -1),
  ];
}

function base64Forms(text: string): readonly string[] {
  const base64 = encodeBase64(encodeUtf8(text)).replaceAll('=', '');
  return [base64, base64.replaceAll('+', '-').replaceAll('/', '_')];
}
