/** Links of one answer that are looked at. */
const MAX_LINKS = 32;

/**
 * The target of the first link to the next page, in `Link` headers (RFC 8288).
 *
 * @param values - the headers, each with one link or several
 * @returns the target as written, which may be relative
 */
export function nextLink(values: readonly string[]): string | undefined {
  for (const value of values) {
    let at = 0;
    for (let links = 0; links < MAX_LINKS; links += 1) {
      const start = value.indexOf('<', at);
      const end = start < 0 ? -1 : value.indexOf('>', start);
      if (end < 0) break;
      at = endOf(value, end + 1, ',');
      if (isNext(value.slice(end + 1, at))) return value.slice(start + 1, end);
    }
  }
  return undefined;
}

/** The first `rel` counts, and may name several relations. */
function isNext(parameters: string): boolean {
  for (let at = 0; at < parameters.length;) {
    const end = endOf(parameters, at, ';');
    const [name = '', value = ''] = parameters
      .slice(at, end)
      .split('=', 2)
      .map((part) => part.trim());
    if (name.toLowerCase() === 'rel') return value.replaceAll('"', '').toLowerCase().split(' ').includes('next');
    at = end + 1;
  }
  return false;
}

/** Where the next separator stands that is not in quotes; the end of the text when there is none. */
function endOf(text: string, from: number, separator: string): number {
  let quoted = false;
  for (let at = from; at < text.length; at += 1) {
    const letter = text.charAt(at);
    if (letter === '"') quoted = !quoted;
    else if (letter === '\\' && quoted) at += 1;
    else if (letter === separator && !quoted) return at;
  }
  return text.length;
}
