import type { Outcome } from './tools.ts';

export interface Row {
  readonly id: string;
  readonly what: string;
  readonly containerd: Outcome;
  readonly skopeo: Outcome;
  readonly kubepull: Outcome;
}

/** Why a row differs: the row of the threat model, or the words of the comparison, and a short reason. */
export type Reasons = Readonly<Record<string, readonly [row: string, reason: string]>>;

const isPulled = (outcome: Outcome): outcome is { readonly image: string } => 'image' in outcome;

/** We alone refuse, we alone pull, or we pull another image than containerd. */
export function differenceOf({ containerd, skopeo, kubepull }: Row): 'refused' | 'pulled' | 'other' | undefined {
  if (!isPulled(kubepull)) return isPulled(containerd) ? 'refused' : undefined;
  if (!isPulled(containerd)) return isPulled(skopeo) ? undefined : 'pulled';
  return containerd.image === kubepull.image ? undefined : 'other';
}

const PREFIX = 'sha256:'.length;

/** The whole page. */
export function pageOf(
  groups: readonly { readonly title: string; readonly rows: readonly Row[] }[],
  reasons: Reasons,
): string {
  const rows = groups.flatMap(({ rows }) => rows);
  const count = (difference: ReturnType<typeof differenceOf>): number =>
    rows.filter((row) => differenceOf(row) === difference).length;
  const pulled = (tool: 'containerd' | 'skopeo' | 'kubepull'): number =>
    rows.filter((row) => isPulled(row[tool])).length;
  const lines = [
    '# Parity',
    '',
    'What containerd (of Debian 12, over CRI; for archives `ctr images import`), skopeo and kubepull make of the same inputs.',
    'A test gives each input to all three, and compares the results with this page; it is written by',
    '`KUBEPULL_TEST_PARITY=docs/parity.md npm run test:real -- test/real/parity`. An image is the start of its config’s digest.',
    '',
    `${rows.length} inputs. Pulled by containerd: ${pulled('containerd')}, by skopeo: ${pulled('skopeo')}, by kubepull: ${pulled('kubepull')}.`,
    `Pulled by containerd and refused by kubepull: ${count('refused')}, each with the row of the threat model. Pulled by kubepull`,
    `alone: ${count('pulled')}. Another image than containerd’s: ${count('other')}.`,
    ...groups.flatMap(({ title, rows: own }) => ['', `## ${title}`, '', ...tableOf(own, reasons)]),
    '',
  ];
  return lines.join('\n');
}

function tableOf(rows: readonly Row[], reasons: Reasons): readonly string[] {
  const head = [
    '|     | input | containerd | skopeo | kubepull | row | why |',
    '| --- | --- | --- | --- | --- | --- | --- |',
  ];
  const cells = rows.map((row) => {
    const [threat = '', why = ''] = reasons[row.id] ?? [];
    const outcomes = [row.containerd, row.skopeo, row.kubepull].map(show);
    return `| ${[row.id, row.what.replaceAll('|', '\\|'), ...outcomes, threat, why].join(' | ')} |`;
  });
  return [...head, ...cells];
}

function show(outcome: Outcome): string {
  return isPulled(outcome) ? outcome.image.slice(PREFIX, PREFIX + 8) : outcome.refused.replace(/^ERR_/, '');
}
