import type { Credential } from '../docker-config/index.js';
import { encodeBase64, encodeUtf8 } from '../internal/index.js';

/** Shorter ones occur by chance. */
const MIN_SECRET = 4;
const REDACTED = '[redacted]';

/** What may stand beside a part of an image's name only if it is another part. */
const NAME_CHARACTER = '[\\w.-]';

const WORD = /[^\s"'`<>]+/g;
const PARAMETER = /[^?&;#]+|[?&;#]/g;
/** What signs a URL, in the parameters of the clouds and of CDNs. */
const SECRET_NAME = /sig|token|secret|credential|passw|auth|policy|key/i;

/**
 * Makes the filter for what a runtime says about a call. It takes out the credential, in every form in which a runtime or
 * a registry could echo it, and from URLs user info and what signs them. The image's name stays, although a short
 * password may occur in it: it is no secret, and errors that differ in nothing else must stay equal.
 */
export function createMask(credential?: Credential, image = ''): (text: string) => string {
  const forms = new Set(credential === undefined ? [] : formsOf(credential));
  if (forms.size === 0) return (text) => text.replace(WORD, maskParameters);
  const names = [image, ...image.split('/')].filter((name) => [...forms].some((form) => isPartOf(form, name)));
  // Of what begins at the same place the longest counts.
  const either = [...new Set([...forms, ...names])].toSorted((a, b) => b.length - a.length);
  const pattern = new RegExp(
    either.map((text) => (forms.has(text) ? escapeRegExp(text) : wholeName(text))).join('|'),
    'g',
  );
  return (text) =>
    text.replace(pattern, (found) => (forms.has(found) ? REDACTED : found)).replace(WORD, maskParameters);
}

function isPartOf(form: string, name: string): boolean {
  return name.length > form.length && name.includes(form);
}

function wholeName(name: string): string {
  return `(?<!${NAME_CHARACTER})${escapeRegExp(name)}(?!${NAME_CHARACTER})`;
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

function maskParameters(word: string): string {
  const query = word.indexOf('?');
  const path = maskUser(query < 0 ? word : word.slice(0, query));
  return query < 0 ? path : path + word.slice(query).replace(PARAMETER, maskParameter);
}

function maskParameter(parameter: string): string {
  const end = parameter.indexOf('=') + 1;
  return end > 0 && SECRET_NAME.test(parameter.slice(0, end)) ? parameter.slice(0, end) + REDACTED : parameter;
}

function maskUser(url: string): string {
  const start = url.indexOf('://') + '://'.length;
  if (start < '://'.length) return url;
  const slash = url.indexOf('/', start);
  const at = url.lastIndexOf('@', slash < 0 ? url.length : slash);
  return at < start ? url : url.slice(0, start) + REDACTED + url.slice(at);
}

function formsOf({ username, password }: Credential): readonly string[] {
  const secret = password.reveal();
  if (secret.length < MIN_SECRET) return [];
  const forms = [...textForms(secret), ...base64Forms(secret), ...base64Forms(`${username}:${secret}`)];
  return forms.filter(({ length }) => length >= MIN_SECRET);
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
