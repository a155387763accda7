/** What shells, Kubernetes, Helm, Go templates and Windows leave behind when a value is missing. */
const PLACEHOLDER =
  /\$\{[^{}]{0,80}\}|\$\([^()]{0,80}\)|\$\w{1,80}|\{\{[^{}]{0,80}\}\}|<(?:no value|nil|[\w -]{1,40})>|%\w{1,40}%|%!\w\([^()]{0,40}\)|__[A-Z][A-Z\d_]*__|@[A-Z][A-Z_]*@/;

/** What stands where a value should. Give no text that has user info: what is found is shown. */
export function findPlaceholder(text: string): string | undefined {
  return PLACEHOLDER.exec(text)?.[0];
}
