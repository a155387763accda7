const MAX_QUOTED = 256;

/** Controls, line separators, what does not show and lone surrogates: whatever could forge a log line. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

function escapeCodePoint(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const [letter, digits] = code < 0x100 ? (['x', 2] as const) : (['u', 4] as const);
  return `\\${letter}${code.toString(16).padStart(digits, '0')}`;
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
  return `"${printable(start.replace(/["\\]/g, '\\$&'))}"`;
}

/**
 * All up to the last `@` in front of a host. An `@` that begins a digest, also one that is cut off or spoilt, is none; no host has
 * so long a port. Looked at once from the start: the time is linear.
 */
const USER_INFO = /^((?:\w*:?\/\/)?)[^]+@(?!sha\d+:[\da-f]*\s*$|[^/:@]+:[^/@]{32,}$)(?=[^@]*[/\\.:])/i;

/**
 * An address without what stands in front of its host, which may be a user name and a password: `https://***@r.example/app`.
 * It is one where there is a `:` in it, of a scheme or of a password. Passwords may hold `/` and `@`, and user names `@`.
 */
export function hideUserInfo(text: string): string {
  // Without this, text of a megabyte would be gone through for nothing, and back.
  if (!text.includes('@')) return text;
  return text.replace(USER_INFO, (info, scheme: string) => (info.includes(':') ? `${scheme}***@` : info));
}
