const MAX_QUOTED = 256;

/** Control characters, DEL, C1, line separators, bidi controls and lone surrogates: whatever could forge a log line. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]/gu;

function escapeCodePoint(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/**
 * Makes foreign text fit for a message: unprintable characters are escaped and the text is cut at `limit` characters.
 */
export function printable(text: string, limit: number = MAX_QUOTED): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return cut.replace(UNPRINTABLE, escapeCodePoint);
}

/** Puts foreign text into double quotes for a message: escaped, and never longer than 256 characters. */
export function quote(text: string): string {
  const start = text.slice(0, MAX_QUOTED + 1);
  return `"${printable(start.replaceAll('\\', '\\\\').replaceAll('"', '\\"'))}"`;
}

/** What an `@` begins that is a digest, also one that is cut off or spoilt: no host has so long a port. */
const DIGEST = /^(?:sha\d+:[\da-f]*|[^/:]+:[^/]{32,})$/i;

/**
 * An address without what stands in front of its host, which may be a user name and a password: `https://***@r.example/app`.
 * Passwords may hold `/` and `@`, so all up to the last `@` goes; an `@` that begins a digest stays.
 */
export function hideUserInfo(text: string): string {
  const last = text.lastIndexOf('@');
  const at = DIGEST.test(text.slice(last + 1).trimEnd()) ? text.slice(0, Math.max(last, 0)).lastIndexOf('@') : last;
  const scheme = at < 0 ? '' : (/^[^@]*?\/\//.exec(text)?.[0] ?? '');
  if (at <= scheme.length) return text;
  const host = text.slice(at);
  const isAddress = scheme !== '' || (/[/\\.:]/.test(host) && text.slice(0, at).includes(':'));
  return isAddress ? `${scheme}***${host}` : text;
}
