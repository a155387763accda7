// The same input by other rules: the dialect that the documentation describes, and each release of Kubernetes.
import type { DockerConfigEntry } from 'kubepull/docker-config';
import type { PullExplanation } from 'kubepull/explain';
import { createKeyring, joinKeyrings, type LookupResult } from 'kubepull/keyring';
import type { KubernetesRelease } from 'kubepull/kubernetes';
import type { Description } from './describe.ts';

/** One key, as kubelet reads it and as the documentation says: the rule by which it fits, or the reason why it does not. */
export interface DialectRow {
  readonly key: string;
  readonly kubelet: string;
  readonly documented: string;
  readonly differs: boolean;
}

/** What a release of Kubernetes makes of the same. */
export interface ReleaseColumn {
  readonly release: KubernetesRelease;
  readonly decision: string;
  readonly present: string;
  readonly waits: string;
  readonly events: string;
}

/** Each key of each source, as kubelet reads it and in the dialect of the documentation. */
export function compareDialects(
  { lookup, name }: PullExplanation,
  nodeEntries: readonly DockerConfigEntry[],
): readonly DialectRow[] {
  if (lookup === undefined || name === undefined) return [];
  const all = [...lookup.candidates, ...lookup.rejected].map(({ entry }) => entry);
  const ofNode = new Set(nodeEntries);
  const [ours, theirs] = [all.filter((entry) => !ofNode.has(entry)), all.filter((entry) => ofNode.has(entry))];
  const options = { dialect: 'documented' } as const;
  const documented = joinKeyrings(createKeyring(ours, options), createKeyring(theirs, options)).lookup(name);
  return all.map((entry) => {
    const [kubelet, other] = [outcomeOf(lookup, entry), outcomeOf(documented, entry)];
    return { key: entry.pattern, kubelet, documented: other, differs: isTried(kubelet) !== isTried(other) };
  });
}

function outcomeOf({ candidates, rejected }: LookupResult, wanted: DockerConfigEntry): string {
  const candidate = candidates.find(({ entry }) => entry === wanted);
  if (candidate !== undefined) return `tried, ${candidate.rule}`;
  const refused = rejected.find(({ entry }) => entry === wanted);
  return refused === undefined ? 'not tried' : `not tried, ${refused.reason}`;
}

function isTried(outcome: string): boolean {
  return outcome.startsWith('tried');
}

/** One column of the comparison. */
export function toColumn(
  release: KubernetesRelease,
  pull: PullExplanation | undefined,
  description: Description | undefined,
): ReleaseColumn {
  const { decision, mustPull } = pull ?? {};
  return {
    release,
    decision: decision === undefined ? 'none' : `${decision.action}, ${decision.reason}`,
    present: mustPull === undefined ? 'no image' : mustPull.reason,
    waits: description?.states.map(({ reason }) => reason).join(', then ') || 'no',
    events: description?.events.map(({ reason }) => reason).join(', ') ?? '',
  };
}
