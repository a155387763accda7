import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { readSources } from './sources.ts';

/**
 * A list that is spread into a call takes room on the stack for each item, and a list that somebody else has filled ends it
 * with a bare RangeError. These are as short as the code makes them.
 */
const SHORT: Readonly<Record<string, string>> = {
  'node/docker/keyring.ts: files.map((file) => fileKeyring(file, options, env))': 'the paths where Docker looks',
  'node/files/errors.ts: codes': 'codes that a caller writes out',
  'node/transport/agents.ts: result': 'the arguments of a callback',
  'node/archive/packing.ts: chunk.subarray(0, 4 - start.length)': 'four bytes',
  'node/layout/validate-images.ts: zlib': 'two names',
  'cli/help.ts: Object.keys(COMMANDS).map((name) => name.length)': 'commands that the code writes out',
  'cli/help.ts: rows.map(([left]) => left.length)': 'options that the code writes out',
  'cli/pin.ts: own': 'two keyrings',
  'cli/pull.ts: node': 'two keyrings',
  'cli/schemas.ts: Object.keys(SCHEMAS)': 'commands that the code writes out',
  'explain/explain-pull.ts: asked': 'one keyring',
  'internal/mask.ts: bytes.subarray(0, 4096)': '4,096 bytes',
  'store/kinds.ts: methods': 'names that a caller writes out',
  'testing/registry/faults/fault-script.ts: framing': 'names that the code writes out',
  'testing/registry/faults/fault-script.ts: Object.keys(ACTIONS)': 'names that the code writes out',
  'tracing/traced.ts: TRACE_OPERATIONS': 'names that the code writes out',
  'internal/go/utf8.ts: some as unknown as number[]': '4,096 code units',
};

/** Every list that is spread into the arguments of a call, or handed over by apply. */
function spreadsIn(path: string, text: string): readonly string[] {
  const found: string[] = [];
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
      for (const argument of node.arguments ?? []) {
        if (ts.isSpreadElement(argument)) found.push(`${path}: ${argument.expression.getText(source)}`);
      }
    }
    if (
      ts.isCallExpression(node) &&
      ts.isPropertyAccessExpression(node.expression) &&
      node.expression.name.text === 'apply'
    ) {
      found.push(`${path}: ${node.arguments[1]?.getText(source) ?? ''}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

describe('a call', () => {
  it('takes no list of a length that somebody else decides', () => {
    const found = readSources().flatMap(({ path, text }) => spreadsIn(path, text));
    expect(found.filter((place) => !Object.hasOwn(SHORT, place))).toEqual([]);
    expect(Object.keys(SHORT).filter((place) => !found.includes(place))).toEqual([]);
  });

  it('is found in every form', () => {
    const text = 'a.push(...b); Math.max(1, ...c.map(f)); new Set(...d); f.apply(undefined, e); [...g]; f(h);';
    expect(spreadsIn('a.ts', text)).toEqual(['a.ts: b', 'a.ts: c.map(f)', 'a.ts: d', 'a.ts: e']);
  });
});
