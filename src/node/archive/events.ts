import type { Descriptor } from '../../oci/index.js';
import type { ArchiveOptions } from './types.js';

type OnEvent = ArchiveOptions['onEvent'];

/** Says what the archive will hold. */
export function reportPlan(contents: readonly Descriptor[], onEvent: OnEvent): void {
  onEvent?.({ type: 'plan', contents, bytes: contents.reduce((total, { size }) => total + size, 0) });
}

/** Passes content on, and says how far it is. `content` verifies itself before it ends. */
export async function* reportContent(
  content: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  onEvent: OnEvent,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  onEvent?.({ type: 'blob', descriptor, phase: 'started', bytes });
  for await (const chunk of content) {
    yield chunk;
    bytes += chunk.length;
    onEvent?.({ type: 'blob', descriptor, phase: 'progress', bytes });
  }
  onEvent?.({ type: 'blob', descriptor, phase: 'verified', bytes });
}
