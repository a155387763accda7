// A layout in memory that two stores have open, and how it is held against the model of it.
import { type LayoutFileSystem, type OciLayout, openOciLayout } from 'kubepull/node';
import type { ContentWriter } from 'kubepull/store';
import type { LayoutFiles } from '../../support/layout-check.ts';
import { digestOf, MAX_PARTIAL_BYTES, type Model } from './layout-model.ts';

export const ROOT = '/layout';
export const pathOf = (which: number): string => `blobs/${digestOf(which).replace(':', '/')}`;

export interface Real {
  readonly clock: { now: number };
  readonly fs: LayoutFileSystem;
  readonly files: LayoutFiles;
  readonly stores: OciLayout[];
  /** The processes that have the stores open. */
  readonly owners: number[];
  readonly writers: ContentWriter[];
}

/** Opens the layout as a process does. One that is not among the owners any more has died. */
export function openAs(id: number, { fs, clock, owners }: Pick<Real, 'fs' | 'clock' | 'owners'>): Promise<OciLayout> {
  let tokens = 0;
  // Two stores of one process never give the same token.
  const opened = (openings += 1);
  return openOciLayout(ROOT, {
    fs,
    clock: {
      now: () => clock.now,
      monotonic: () => 0,
      sleep: () => new Promise((resolve) => setImmediate(resolve)),
    },
    owner: {
      createToken: () => `${'0'.repeat(16)}-${id}-${opened}-${String((tokens += 1)).padStart(36, '0')}`,
      stateOf: async (token) => (owners.includes(Number(token.split('-')[1])) ? 'alive' : 'dead'),
    },
    maxPartialBytes: MAX_PARTIAL_BYTES,
  });
}
let openings = 0;

export const blobFiles = ({ files }: Real): readonly string[] =>
  files.list('blobs').flatMap(({ name }) => files.list(`blobs/${name}`).map((blob) => `blobs/${name}/${blob.name}`));

// Plain checks: `expect` shows all that it sees to the canary hook, which is slow after every step.
function same(seen: readonly string[], wanted: readonly string[], what: string): void {
  const [a, b] = [seen.toSorted().join('\n'), wanted.toSorted().join('\n')];
  if (a !== b) throw new Error(`${what}:\n${a}\nshould be:\n${b}`);
}

/** What stands on the disk is what the model has, to the last file. */
export async function compare(state: Model, real: Real): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  same(blobFiles(real), [...state.blobs.keys()].map(pathOf), 'the blobs');
  const { manifests } = JSON.parse(new TextDecoder().decode(real.files.read('index.json'))) as {
    readonly manifests: readonly { readonly digest: string; readonly annotations: Record<string, string> }[];
  };
  const entries = manifests.map(({ digest, annotations }) => `${Object.values(annotations).join()} ${digest}`);
  same(
    entries,
    [...state.names].map(([name, which]) => `${name} ${digestOf(which)}`),
    'the names',
  );
  const temporary = real.files.list('ingest').filter(({ name }) => name !== 'verified');
  const wanted = state.parts.length + state.writers.filter(({ hasFile }) => hasFile).length;
  same([`${temporary.length}`], [`${wanted}`], 'the number of temporary files');
}
