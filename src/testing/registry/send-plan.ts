import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../../clock/index.js';
import type { Plan } from './faults/faults.js';

/** What a client on the same machine takes to read what is there. */
const READ_MS = 20;

/** What sending goes by. */
export interface Sending {
  readonly clock: Clock;
  /** Aborted when nothing more need be sent. */
  readonly signal: AbortSignal;
}

/** Sends an answer, as far as the plan lets it. Resolves when nothing more will be sent. */
export async function sendPlan(response: ServerResponse, method: string, plan: Plan, sending: Sending): Promise<void> {
  const { raw } = plan;
  if (raw !== undefined) {
    response.socket?.write(raw.bytes);
    if (raw.after !== 'answer') {
      await endConnection(response, raw.after ?? 'end', sending);
      return;
    }
  }
  await sendAnswer(response, method === 'HEAD' ? new Uint8Array() : plan.answer.body, plan, sending);
}

async function sendAnswer(response: ServerResponse, body: Uint8Array, plan: Plan, sending: Sending): Promise<void> {
  const { interruption, drip } = plan;
  const silent = interruption !== undefined && interruption.afterBytes === undefined;
  if (!silent) writeHead(response, plan);
  if (interruption === undefined && drip === undefined) {
    response.end(body);
    return;
  }
  const part = body.subarray(0, interruption === undefined ? body.length : (interruption.afterBytes ?? 0));
  if (!silent) await sendPaced(response, part, drip, sending);
  if (interruption === undefined) response.end();
  else if (interruption.how !== 'stall')
    await endConnection(response, interruption.how === 'cut' ? 'end' : 'rst', sending);
}

function writeHead(response: ServerResponse, { answer, framing }: Plan): void {
  const headers = { ...answer.headers } as Record<string, string | string[]>;
  if (framing !== 'length') delete headers['content-length'];
  // Without a length and without chunks, Node ends the body by ending the connection.
  if (framing === 'close') response.useChunkedEncodingByDefault = false;
  response.writeHead(answer.status, headers);
}

async function sendPaced(
  response: ServerResponse,
  body: Uint8Array,
  drip: Plan['drip'],
  { clock, signal }: Sending,
): Promise<void> {
  const { bytes = Infinity, intervalMs = 0, afterBytes = 0 } = drip ?? {};
  const first = drip === undefined ? body.length : afterBytes;
  await sendPart(response, body.subarray(0, first));
  for (let at = first; at < body.length; at += bytes) {
    await sendPart(response, body.subarray(at, at + bytes));
    if (at + bytes < body.length) await clock.sleep(intervalMs, { signal });
  }
}

async function sendPart(response: ServerResponse, part: Uint8Array): Promise<void> {
  if (part.length === 0) response.flushHeaders();
  else if (!response.write(part)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
}

async function endConnection(
  { socket }: ServerResponse,
  how: 'end' | 'rst' | 'open',
  { signal }: Sending,
): Promise<void> {
  if (how === 'end') socket?.destroySoon();
  if (how !== 'rst') return;
  // A reset that overtakes the bytes before it looks like an orderly end to libuv.
  await setTimeout(READ_MS, undefined, { signal });
  socket?.resetAndDestroy();
}
