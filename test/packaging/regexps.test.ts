import { check, type VulnerableDiagnostics } from 'recheck';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { growth } from '../support/least.ts';
import type { SourceText } from './imports.ts';
import { readSources } from './sources.ts';

interface Literal {
  readonly place: string;
  readonly source: string;
  readonly flags: string;
}

function literalsOf({ path, text }: SourceText): readonly Literal[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022);
  const found: Literal[] = [];
  const visit = (node: ts.Node): void => {
    const parts = ts.isRegularExpressionLiteral(node) ? /^\/(.*)\/(\w*)$/s.exec(node.text) : null;
    if (parts !== null) {
      const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
      found.push({ place: `${path}:${line}`, source: parts[1] ?? '', flags: parts[2] ?? '' });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** The regular expressions that some input makes slow, or that the checker cannot judge. */
async function slowOf(files: readonly SourceText[]): Promise<readonly string[]> {
  const verdicts = files.flatMap(literalsOf).map(async ({ place, source, flags }) => {
    const verdict = await check(withSmallCounts(source), flags, { timeout: 120_000 });
    const slow =
      verdict.status === 'vulnerable' ? isSlow(verdict, new RegExp(source, flags)) : verdict.status !== 'safe';
    return slow ? [`${place} ${verdict.status}: ${source}`] : [];
  });
  return (await Promise.all(verdicts)).flat();
}

/** Counts change no growth, and small ones let the checker decide by proof instead of by trial. */
function withSmallCounts(source: string): string {
  return source.replaceAll(/(?<!\\[pPu])\{(\d+)(,\d+)?\}/g, (_, low: string, high: string | undefined) =>
    high === undefined ? `{${Math.min(Number(low), 3)}}` : `{${Math.min(Number(low), 3)},4}`,
  );
}

/** A proof counts as it is; what the checker found by trial (it has to, at a lookaround) counts if it grows so here too. */
function isSlow({ checker, complexity, attack }: VulnerableDiagnostics, pattern: RegExp): boolean {
  if (checker === 'automaton' || complexity.type === 'exponential') return true;
  const replace = (length: number): (() => string) => {
    const times = Math.ceil(length / attack.pumps.length);
    const text = attack.pumps.map(({ prefix, pump }) => prefix + pump.repeat(times)).join('') + attack.suffix;
    return () => text.replace(pattern, '');
  };
  // Sixteen times as long: 256 times the steps, if they grow with the square.
  return growth(64, replace(1000), replace(16_000)) >= 64;
}

describe('every regular expression of src', () => {
  it('takes linear time on any input', async () => {
    const files = readSources();
    expect(files.flatMap(literalsOf).length).toBeGreaterThan(20);
    expect(await slowOf(files)).toEqual([]);
  });

  it.each(['/^(a+)+$/', '/\\s+$/', '/^(?:a|b|ab)*c$/', '/(?=b|a)a+$/'])('would be caught: %s', async (literal) => {
    expect(await slowOf([{ path: 'match/a.ts', text: `export const a = ${literal};` }])).toHaveLength(1);
  });
});
