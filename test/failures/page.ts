import { explainFailure, FAILURE_RULES, type FailureCause } from 'kubepull/failures';
import type { KnownText } from './texts.ts';

/** What a cell of a Markdown table may not have. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');
}

function row(...cells: readonly (string | number)[]): string {
  return `| ${cells.map((one) => cell(String(one))).join(' | ')} |`;
}

/** The causes with their cures, and how many of the texts of each are explained right; the last section of docs/failures.md. */
export function renderTables(texts: readonly KnownText[]): string {
  const isRight = ({ text, cause }: KnownText): boolean => explainFailure(text).cause === cause;
  const of = (wanted: FailureCause): readonly KnownText[] => texts.filter(({ cause }) => cause === wanted);
  const rows = FAILURE_RULES.map(({ cause, title, cure }) => {
    const [found, right] = [of(cause).length, of(cause).filter(isRight).length];
    return row(`\`${cause}\``, title, cure, found, right);
  });
  const runtimes = [...new Set(texts.map(({ runtime }) => runtime))].map((wanted) =>
    row(wanted ?? 'kubelet, or not said', texts.filter(({ runtime }) => runtime === wanted).length),
  );
  return [
    [
      row('Cause', 'What has happened', 'What to do', 'Texts', 'Right'),
      row('---', '---', '---', '---:', '---:'),
      ...rows,
    ].join('\n'),
    `${texts.length} texts, ${texts.filter(isRight).length} right. By runtime:`,
    [row('Runtime', 'Texts'), row('---', '---:'), ...runtimes].join('\n'),
  ].join('\n\n');
}
