import { type Clock } from '../clock/index.js';
import { formatCredentialSource } from '../docker-config/index.js';
import { hideUserInfo, printable } from '../internal/index.js';
import { formatPlatform } from '../platform/index.js';
import type { PullEvent } from '../puller/index.js';
import type { CommandOutput } from './types.js';

/** Shows how a pull goes on. */
export interface Progress {
  show(event: PullEvent): void;
  /** Leaves nothing behind on the terminal. */
  stop(): void;
}

/** Rewriting a line more often helps nobody. */
const EVERY_MS = 100;
const CLEAR = '\r\u001b[2K';

export const NO_PROGRESS: Progress = { show: () => undefined, stop: () => undefined };

/** Lines for what happens once; on a terminal also one line of bytes that is written over and over. */
export function createProgress(image: string, output: CommandOutput, clock: Pick<Clock, 'monotonic'>): Progress {
  const ready = new Set<string>();
  let count = 0;
  const name = printable(hideUserInfo(image));
  let shownAt = Number.NEGATIVE_INFINITY;
  const clear = output.isTTY === true ? CLEAR : '';
  const line = (text: string): void => void output.write(`${clear}${name}: ${text}\n`);
  return {
    show(event) {
      if (event.type === 'plan') count = event.contents.length;
      if (event.type !== 'blob') {
        const text = describe(event);
        if (text !== undefined) line(text);
        return;
      }
      const { descriptor, phase, doneBytes, totalBytes } = event;
      const { digest, size } = descriptor;
      if (phase === 'skipped' || phase === 'verified') ready.add(digest);
      if (output.isTTY === true) {
        const now = clock.monotonic();
        if (now - shownAt < EVERY_MS && phase === 'progress') return;
        shownAt = now;
        const parts = `${ready.size} of ${count} parts`;
        output.write(`${CLEAR}${name}: ${formatSize(doneBytes)} of ${formatSize(totalBytes)}, ${parts}`);
      } else if (phase === 'verified') line(`${shortDigest(digest)} downloaded, ${formatSize(size)}`);
      else if (phase === 'skipped') line(`${shortDigest(digest)} is there already, ${formatSize(size)}`);
    },
    stop: () => void (clear !== '' && output.write(clear)),
  };
}

function describe(event: Exclude<PullEvent, { type: 'blob' }>): string | undefined {
  if (event.type === 'credential') {
    const { outcome, source, error } = event;
    const name = formatCredentialSource(source);
    if (outcome === 'rejected') return `${name}: ${error?.message ?? 'refused'}`;
    return outcome === 'accepted' ? `${name}: accepted` : undefined;
  }
  if (event.type === 'endpoint' && event.outcome === 'failed') return event.error?.message;
  if (event.type === 'retry') return `asked again: ${event.error.message}`;
  if (event.type === 'platform') {
    const offered = event.available.map((platform) => formatPlatform(platform)).join(', ');
    return `platform ${formatPlatform(event.wanted)} chosen from ${offered}`;
  }
  return undefined;
}

/** The start of a digest: enough for a person to tell blobs apart. */
function shortDigest(digest: string): string {
  return digest.slice(0, digest.indexOf(':') + 13);
}

function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
