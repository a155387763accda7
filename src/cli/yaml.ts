import { isScalar, parseAllDocuments } from 'yaml';
import { readYamlDocuments, YamlFault } from '../node/inner.js';

/** As much as a large cluster has, and no more than memory bears. */
const LIMITS = { maxTokens: 20_000_000, maxNodes: 10_000_000 };

/** Every document of YAML that is not empty, or what is wrong with it and where, without a word of the text. */
export function parseYaml(bytes: Uint8Array): readonly unknown[] | string {
  try {
    return Array.from(readYamlDocuments(bytes, LIMITS)).filter((document) => document !== null);
  } catch (error) {
    if (error instanceof YamlFault) return error.message.replace(/^yaml: /u, '').replaceAll('\n', ' ');
    throw error;
  }
}

/** A text to write in the place of a scalar: the place among the documents that are not empty, and in that document. */
export interface TextEdit {
  readonly steps: readonly (string | number)[];
  readonly to: string;
}

/**
 * Writes other texts in the place of some, and leaves all else as it is: comments, quotes, order. What stands behind an alias has
 * no place of its own; which edit it is is told then.
 *
 * @param text - YAML that {@link parseYaml} can read
 */
export function replaceTexts(text: string, edits: readonly TextEdit[]): string | { readonly edit: number } {
  const documents = parseAllDocuments(text, { schema: 'failsafe', uniqueKeys: false, prettyErrors: false });
  const filled = [...documents].filter(({ contents }) => contents !== null && !isNull(contents));
  const places: { readonly from: number; readonly until: number; readonly to: string }[] = [];
  for (const [at, { steps, to }] of edits.entries()) {
    const [index, ...path] = steps;
    const node = filled[Number(index)]?.getIn(path, true);
    if (!isScalar(node) || !node.range) return { edit: at };
    const [from, until] = node.range;
    const mark = /^["']/u.exec(text.slice(from, until))?.[0] ?? '';
    places.push({ from, until, to: `${mark}${to}${mark}` });
  }
  let written = '';
  let end = 0;
  for (const { from, until, to } of places.toSorted((a, b) => a.from - b.from)) {
    written += text.slice(end, from) + to;
    end = until;
  }
  return written + text.slice(end);
}

function isNull(node: unknown): boolean {
  return isScalar(node) && node.type === 'PLAIN' && /^(?:|~|null|Null|NULL)$/u.test(String(node.value));
}
