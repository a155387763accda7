import { encodeBase64 } from './go/base64.js';
import { encodeUtf8 } from './go/utf8.js';

/** What is shorter stands in any text by chance. */
export const MIN_SECRET = 4;
/** A part of one in Base64. */
const MIN_WITHIN = 8;

/** Makes a text fit to be shown: what was sent as a secret is masked in it. */
export type Mask = (text: string) => string;

/**
 * A mask for secrets, in every rendering in which a server may send them back: as they are, in another case,
 * percent-encoded, in hexadecimal, in Base64 wherever it begins there, escaped as in JSON, and beyond ASCII also decoded as
 * Latin-1 or normalised.
 *
 * @param secrets - what was sent
 * @param minLength - secrets of fewer characters are left out, because they cannot be told from other text
 */
export function createMask(secrets: readonly (string | undefined)[], minLength: number = MIN_SECRET): Mask {
  let forms: readonly string[] | undefined;
  return (text) => {
    forms ??= compile(secrets, minLength);
    return forms.reduce(maskForm, text);
  };
}

/** Folded, each once, the longest first: a form may have another in it. */
function compile(secrets: readonly (string | undefined)[], minLength: number): readonly string[] {
  const wanted = [...new Set(secrets)]
    .filter((secret) => secret !== undefined)
    .filter(({ length }) => length >= minLength);
  return [...new Set(wanted.flatMap(formsOf).map(fold))].toSorted((a, b) => b.length - a.length);
}

/** No regular expression, because a token may be longer than one may be. */
function maskForm(text: string, form: string): string {
  const folded = fold(text);
  let masked = '';
  let at = 0;
  for (let found = folded.indexOf(form); found >= 0; found = folded.indexOf(form, at)) {
    masked += `${text.slice(at, found)}[redacted]`;
    at = found + form.length;
  }
  return masked + text.slice(at);
}

/** In lower case, letter by letter, so that each stays at its place. */
function fold(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return text.toLowerCase();
  return text.replaceAll(/[A-Z]|[^\0-\x7f]/g, (letter) => {
    const lower = letter.toLowerCase();
    return lower.length === letter.length ? lower : letter;
  });
}

function formsOf(secret: string): readonly string[] {
  const bytes = encodeUtf8(secret);
  const hex = Array.from(bytes, toHex);
  const base64 = encodeBase64(bytes).replaceAll('=', '');
  const json = JSON.stringify(secret).slice(1, -1);
  const form = new URLSearchParams({ '': secret }).toString().slice(1);
  return [
    secret,
    secret.normalize('NFC'),
    secret.normalize('NFD'),
    String.fromCodePoint(...bytes.subarray(0, 4096)),
    base64,
    base64.replaceAll('+', '-').replaceAll('/', '_'),
    ...[0, 1, 2].flatMap((before) => withinBase64(bytes, before)),
    hex.join(''),
    encodeURIComponent(secret.replaceAll(/\p{Cs}/gu, '')),
    form,
    hex.map((byte) => `%${byte}`).join(''),
    json,
    json.replaceAll('/', String.raw`\/`),
    json.replaceAll(/[^ -~]/g, escapeUnit),
    secret.replaceAll(/[^]/g, escapeUnit),
  ].filter(({ length }) => length >= MIN_SECRET);
}

/** What Base64 shows of a secret that stands within other text, so many bytes behind a place that three divides. */
function withinBase64(bytes: Uint8Array, before: number): readonly string[] {
  const text = new Uint8Array(before + bytes.length);
  text.set(bytes, before);
  // Letters that depend on what stands beside the secret are left out.
  const inner = encodeBase64(text).slice(before === 0 ? 0 : 4, Math.floor(text.length / 3) * 4);
  return inner.length < MIN_WITHIN ? [] : [inner, inner.replaceAll('+', '-').replaceAll('/', '_')];
}

/** As JSON may have any letter. */
function escapeUnit(letter: string): string {
  return `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function toHex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
