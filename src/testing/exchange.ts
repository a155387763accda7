import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Plan } from './faults.js';

const MAX_BODY = 4 * 1024 * 1024;

/** The body of a request; `undefined` when it has none, `'too large'` above 4 MiB. */
export async function readBody(message: IncomingMessage): Promise<Uint8Array | 'too large' | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size <= MAX_BODY) chunks.push(chunk);
  }
  if (size > MAX_BODY) return 'too large';
  return size === 0 ? undefined : Buffer.concat(chunks);
}

/** Sends an answer, as far as the plan lets it. Resolves when nothing more will be sent. */
export async function sendPlan(response: ServerResponse, method: string, plan: Plan): Promise<void> {
  const { answer, interruption } = plan;
  if (interruption === undefined || interruption.afterBytes !== undefined) {
    response.writeHead(answer.status, { ...answer.headers } as Record<string, string | string[]>);
  }
  const body = method === 'HEAD' ? new Uint8Array() : answer.body;
  if (interruption === undefined) {
    response.end(body);
    return;
  }
  if (interruption.afterBytes !== undefined) await sendPart(response, body.subarray(0, interruption.afterBytes));
  if (interruption.how === 'cut') response.socket?.destroySoon();
}

async function sendPart(response: ServerResponse, part: Uint8Array): Promise<void> {
  if (part.length === 0) response.flushHeaders();
  else if (!response.write(part)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
}
