import type { ImageName } from 'kubepull/reference';

/** A name as no parser may give it, with any text in it; its full text is the one passed. */
export function imageNamed(text: string): ImageName {
  const slash = text.indexOf('/');
  return slash <= 0 ? { domain: '', path: text } : { domain: text.slice(0, slash), path: text.slice(slash + 1) };
}
