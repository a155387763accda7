// What may differ between a transcript and a replay. The first list of docs/conformance.md, "Ours on purpose", is the
// first part of this file; the second, "What a transcript leaves open", is the second. Nothing else is tolerated.

const REDACTED = '[redacted]';
/** Control characters and what else could forge a log line, as our messages escape them. */
const ESCAPED = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;
/** What stands before a value that is masked in a URL, and what behind. */
const BEFORE_MASKED = /(?::\/\/|[?&;][^=&;?#\s]*=)$/u;

/** What was shown to the runtime in a transcript: our messages mask it. */
export type Shown = readonly string[];

/** Ours on purpose: control characters are escaped, credentials and what signs URLs are masked. */
export function sameText(want: string, got: string, shown: Shown): boolean {
  const escaped = want.replace(ESCAPED, escape);
  if (escaped === got) return true;
  const parts = got.split(REDACTED);
  return parts.length > 1 && fitsParts(escaped, parts, shown);
}

function escape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const digits = code.toString(16);
  return code < 0x100 ? `\\x${digits.padStart(2, '0')}` : `\\u${digits.padStart(4, '0')}`;
}

/** Whether each mask hides a credential, or a part of a URL that is masked; the text between is equal. */
function fitsParts(text: string, [first = '', ...rest]: readonly string[], shown: Shown): boolean {
  if (!text.startsWith(first)) return false;
  const [next] = rest;
  if (next === undefined) return text === first;
  const behind = text.slice(first.length);
  for (let end = 1; end <= behind.length; end += 1) {
    const hidden = behind.slice(0, end);
    if (!mayHide(hidden, first, shown)) continue;
    if (fitsParts(behind.slice(end), rest, shown)) return true;
  }
  return false;
}

function mayHide(hidden: string, before: string, shown: Shown): boolean {
  return shown.includes(hidden) || (BEFORE_MASKED.test(before) && !/[\s"&#]/u.test(hidden));
}

/** Every form in which a message could show a credential. */
export function formsOf(username: string, password: string): readonly string[] {
  const base64 = [password, `${username}:${password}`].map((text) => Buffer.from(text).toString('base64'));
  return [password, encodeURIComponent(password), ...base64, ...base64.map((text) => text.replace(/=+$/u, ''))];
}

/** Left open: how long a pull took. */
export function withoutDurations(message: string): string {
  return message.replace(/ in \S+ \(\S+ including waiting\)\. /u, ' in … (… including waiting). ');
}

/** Left open: what kubelet's recorder made of events that are alike. */
export const MERGED = '(combined from similar events): ';
/** Left open: so many events of a pod its recorder lets through; more are dropped. */
export const MAX_EVENTS = 25;
