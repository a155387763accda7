import { type Client, connectivityState } from '@grpc/grpc-js';
import { systemClock } from '../clock/index.js';

/** Of kubelet's client: so long may a runtime take from the connection to its first word. */
const HANDSHAKE_MS = 5_000;

/**
 * Tells when a runtime lets itself be connected to and then says nothing, as one does that was stopped. A pull has no
 * deadline, and gRPC would wait for ever.
 *
 * @returns ends the watch
 */
export function watchHandshake(client: Client, onSilence: () => void): () => void {
  const controller = new AbortController();
  const watch = async (): Promise<void> => {
    await systemClock.sleep(HANDSHAKE_MS, controller);
    if (client.getChannel().getConnectivityState(false) === connectivityState.CONNECTING) onSilence();
  };
  watch().catch(() => undefined);
  return () => controller.abort();
}
