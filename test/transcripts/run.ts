// `npm run transcripts -- [DIR]`: what a real kubelet and a real API server did, beside what this library does.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  replayAlwaysPull,
  replayAlwaysPullUpdate,
  replayDefaults,
  replaySecrets,
  replayServiceAccount,
  replayValidation,
} from './admission.ts';
import { replayAllowList } from './allow-list.ts';
import type { Difference, Replay } from './comparison.ts';
import { replayConfigurations } from './configurations.ts';
import { replayImageGc } from './image-gc.ts';
import { replayParallel } from './parallel.ts';
import { replayScenario } from './scenario.ts';
import { replayVerification } from './verify.ts';

const SHOWN = 3;
const FORMAT = 1;

type ReplayFile = (file: never) => Promise<Replay> | Replay;

/** How each file is replayed, by its name. */
const REPLAYS: readonly (readonly [name: RegExp, replay: ReplayFile])[] = [
  [/^[st]-[a-z0-9-]+\.json$/u, replayScenario],
  [/^verify-[A-Za-z]+\.json$/u, replayVerification],
  [/^allow-list-names\.json$/u, replayAllowList],
  [/^parallel\.json$/u, replayParallel],
  [/^configurations\.json$/u, replayConfigurations],
  [/^image-gc\.json$/u, replayImageGc],
  [/^admission-defaults\.json$/u, replayDefaults],
  [/^admission-podValidation\.json$/u, replayValidation],
  [/^admission-alwaysPull\.json$/u, replayAlwaysPull],
  [/^admission-alwaysPullUpdate\.json$/u, replayAlwaysPullUpdate],
  [/^admission-serviceAccount\.json$/u, replayServiceAccount],
  [/^admission-secrets\.json$/u, replaySecrets],
];

export interface Report {
  readonly lines: readonly string[];
  readonly ok: boolean;
}

/** Replays the files of a folder; gives the lines of the report, and whether all holds. */
export async function runFolder(folder: string): Promise<Report> {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .toSorted();
  if (names.length === 0) return { lines: [`${folder}: no transcripts`], ok: false };
  const reports: Report[] = [];
  for (const name of names) reports.push(await runFile(name, readFileSync(join(folder, name), 'utf8')));
  return { lines: reports.flatMap(({ lines }) => lines), ok: reports.every(({ ok }) => ok) };
}

/** Replays one file. One of another name or format is reported, as is one that cannot be replayed. */
export async function runFile(name: string, text: string): Promise<Report> {
  const replay = REPLAYS.find(([pattern]) => pattern.test(name))?.[1];
  if (replay === undefined) return { lines: [`${name}: unknown file`], ok: false };
  try {
    const file = JSON.parse(text) as { readonly format?: unknown };
    if (file.format !== FORMAT) return { lines: [`${name}: unknown format ${JSON.stringify(file.format)}`], ok: false };
    const { steps, differences } = await replay(file as never);
    const summary = `${name}: ${steps} steps, ${differences.length} differ`;
    return {
      lines: [summary, ...differences.slice(0, SHOWN).map(describe)],
      ok: steps > 0 && differences.length === 0,
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { lines: [`${name}: cannot be replayed: ${reason}`], ok: false };
  }
}

function describe({ step, want, got }: Difference): string {
  const cut = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 400);
  return `  ${step}\n    want ${cut(want)}\n    got  ${cut(got)}`;
}
