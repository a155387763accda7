import { readFileSync } from 'node:fs';
import type { FailureCause, FailureExplanation } from 'kubepull/failures';

/** What a node said in a public thread, with other hosts and names, and what it means. */
export interface KnownText {
  readonly text: string;
  readonly cause: FailureCause;
  readonly runtime: string | null;
  /** The thread; texts of kubelet's and the runtimes' sources have none. */
  readonly from?: string;
  /** The registry when the image is cut away: the mirror that was asked, or the image's that needs no guess any more. */
  readonly asked?: string;
  readonly parts: Readonly<
    Record<keyof Pick<FailureExplanation, 'image' | 'registry' | 'host' | 'status' | 'reason'>, string | number | null>
  >;
}

const path = new URL('texts.json', import.meta.url);

export const TEXTS: readonly KnownText[] = JSON.parse(readFileSync(path, 'utf8')) as readonly KnownText[];
