/**
 * A URL fit for a message: without user info, query and fragment, which may carry credentials or signatures.
 *
 * @param url - any text; what does not parse as a URL becomes a placeholder, never itself
 */
export function redactUrl(url: string | URL): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return '<invalid URL>';
  }
  return `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}
