// The reader of JSON that all others stand on.
import { type JsonNode, readJson } from '../../../src/internal/index.ts';
import { law, sameLaw, type Target } from './target.ts';

export const JSON_WORDS = [
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  'null',
  'true',
  '""',
  '\\u0000',
  '\\ud800',
  '1e999',
  '-0',
  '{"',
  '":',
];

export const json: Target = {
  name: 'json',
  words: [...JSON_WORDS, '\\"', '\ufeff', '\udcff', ' ', '0.0', '01', '__proto__'],
  run(input) {
    const ours = readJson(input);
    const theirs = attemptJson(input);
    const isDeep = !ours.ok && ours.upstream.includes('max depth');
    if (!isDeep) law(ours.ok === theirs.ok, 'JSON is what it is for the engine');
    if (ours.ok && theirs.ok) sameLaw(valueOf(ours.node), theirs.value, 'it holds what it holds for the engine');
    if (!ours.ok)
      law(
        ours.offset >= 0 && ours.offset <= new TextEncoder().encode(input).length,
        'a fault has a place in the document',
      );
    return ours.ok;
  },
};

/** By the engine, of what is left of the text once halves of characters are gone. */
export function attemptJson(input: string): { readonly ok: boolean; readonly value?: unknown } {
  try {
    return { ok: true, value: toWhole(JSON.parse(whole(input))) };
  } catch {
    return { ok: false };
  }
}

/** Halves of characters become U+FFFD, as in Go. */
function toWhole(value: unknown): unknown {
  if (typeof value === 'string') return whole(value);
  if (Array.isArray(value)) return value.map(toWhole);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, held]) => [whole(key), toWhole(held)]));
}

function whole(text: string): string {
  return text.replaceAll(/\p{Cs}/gu, '\ufffd');
}

function valueOf(node: JsonNode): unknown {
  if (node.kind === 'null') return null;
  if (node.kind === 'number') return Number(node.text);
  if (node.kind === 'array') return node.items.map(valueOf);
  if (node.kind !== 'object') return toWhole(node.value);
  return Object.fromEntries(node.members.map(({ key, value }) => [whole(key), valueOf(value)]));
}
