/** What happens to a text on its way: cut at either end, wrapped in lines, nested in others, repeated, in another case. */
export function* mutationsOf(text: string): Generator<string> {
  const nestings = [nest, (inner: string) => nest(nest(inner)), describeLine, aggregate];
  for (const nesting of nestings) yield nesting(text);
  for (const width of [24, 60, 100]) yield wrap(text, width);
  yield text + text;
  yield text.toUpperCase();
  yield text.toLowerCase();
  yield text.replaceAll(/\w+/g, (word) => word.slice(0, 1).toUpperCase() + word.slice(1));
  yield text.replaceAll('"', '\\"');
  yield text.replaceAll('"', '\\\\\\"');
  yield text.replaceAll('"', "'");
  yield JSON.stringify(text);
  for (let part = 0; part < 16; part += 1) {
    // Places that are spread over the text, and not the same in each.
    const at = Math.floor((text.length * (part + ((text.length * 7) % 16) / 16)) / 16);
    yield text.slice(0, at);
    yield text.slice(at);
    yield nest(text.slice(0, at));
    yield `${text.slice(0, at)}\n${text.slice(at)}`;
    if (part % 4 === 0) yield text.slice(0, at) + text;
  }
}

/** As kubelet writes it in its log. */
function nest(text: string): string {
  return `failed to "StartContainer" for "web" with ErrImagePull: ${JSON.stringify(text)}`;
}

/** As `kubectl describe` shows it. */
function describeLine(text: string): string {
  return `  Warning  Failed     5s (x3 over 52s)   kubelet            ${text}\n  Warning  Failed     5s (x3 over 52s)   kubelet            Error: ErrImagePull`;
}

/** As kubelet puts the errors of several credentials together. */
function aggregate(text: string): string {
  return `[${text}, ${text}]`;
}

function wrap(text: string, width: number): string {
  return text.replaceAll(new RegExp(`[^]{${width}}`, 'g'), '$&\n      ');
}
