import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../clock/index.js';
import type { AuthRules } from './auth/accounts.js';
import { type App, createApp } from './app.js';
import { createFaultScript, type FaultScript } from './faults/fault-script.js';
import { planAnswer, type Plan } from './faults/faults.js';
import { type PushedContent, pushContent, type Repositories, storeManifest } from './repositories.js';
import { type LoopbackRequest, openRequest, type OpenRequest } from './request-log.js';
import { createTokenTable, type TokenTable } from './auth/tokens.js';
import { createUploadTable } from './uploads.js';
import type { Digest } from '../../digest/index.js';
import type { BuiltContent } from '../build/content.js';
import { readManifestDocument } from '../build/manifest-document.js';
import { referrersIndex } from './referrers.js';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';

/** What one registry holds. */
export interface Context {
  readonly clock: Clock;
  push(repository: string, tags: readonly string[], content: PushedContent): void;
  readonly tokens: TokenTable;
  readonly requests: LoopbackRequest[];
  readonly faults: FaultScript;
  /** Ends the waits that are under way. */
  readonly closing: AbortController;
  readonly app: App;
}

/** How a registry behaves. */
export interface ContextOptions {
  readonly rules: AuthRules;
  readonly clock: Clock;
  readonly tokenLifetimeSeconds: number;
  readonly referrers: boolean;
}

export function createContext(options: ContextOptions): Context {
  const { rules, clock, tokenLifetimeSeconds, referrers } = options;
  const repositories: Repositories = new Map();
  const tokens = createTokenTable(rules, clock, tokenLifetimeSeconds);
  return {
    clock,
    push(repository, tags, content) {
      pushContent(repositories, repository, tags, content);
      if (!referrers) tagReferrers(repositories, repository, content);
    },
    tokens,
    requests: [],
    faults: createFaultScript(),
    closing: new AbortController(),
    app: createApp({ ...options, repositories, tokens, uploads: createUploadTable() }),
  };
}

/** Logs a request and answers it, as far as the faults let it. It never rejects. */
export async function respond(context: Context, message: IncomingMessage, response: ServerResponse): Promise<void> {
  const entry = openRequest(message, context.clock.now());
  context.requests.push(entry);
  try {
    await answerRequest(context, entry, message, response);
  } catch (error) {
    const gone = message.socket.destroyed || response.headersSent || context.closing.signal.aborted;
    // A fault that cannot be sent, such as a header with a line break, is the test's mistake: say so.
    if (gone) response.destroy();
    else response.writeHead(500).end(String(error));
  }
}

async function answerRequest(
  context: Context,
  entry: OpenRequest,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const actions = context.faults.take(entry);
  const body = await readBody(message);
  if (body !== 'too large') entry.body = body;
  const { answer, repository, account } = context.app(entry, body === 'too large');
  Object.assign(entry, { repository, account });
  const plan = planAnswer(answer, actions);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const signal = AbortSignal.any([context.closing.signal, gone.signal]);
  if (plan.delayMs > 0) await context.clock.sleep(plan.delayMs, { signal });
  if (plan.raw === undefined || plan.raw.after === 'answer') entry.status = plan.answer.status;
  await sendPlan(response, entry.method, plan, { clock: context.clock, signal });
}

const MAX_DOCUMENT = 4 * 1024 * 1024;
const MAX_UPLOAD = 256 * 1024 * 1024;

/** The body of a request; `undefined` when it has none, `'too large'` above 4 MiB, and above 256 MiB for an upload. */
async function readBody(message: IncomingMessage): Promise<Uint8Array | 'too large' | undefined> {
  const limit = message.url?.includes('/blobs/uploads/') === true ? MAX_UPLOAD : MAX_DOCUMENT;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
  }
  if (size > limit) return 'too large';
  return size === 0 ? undefined : Buffer.concat(chunks);
}

/** Keeps the tag with the referrers of each subject, as whoever pushes an artifact to a registry without the API does. */
function tagReferrers(repositories: Repositories, name: string, { contents }: PushedContent): void {
  const repository = repositories.get(name);
  if (repository === undefined) return;
  const subjects = contents
    .filter(({ descriptor }) => repository.manifests.has(descriptor.digest))
    .flatMap((content) => subjectOf(content) ?? []);
  for (const subject of new Set(subjects)) {
    storeManifest(repositories, name, [referrersTag(subject)], referrersIndex(repository, subject));
  }
}

/** The tag of the distribution spec, which cuts both halves of a digest. */
function referrersTag(subject: Digest): string {
  const [algorithm = '', encoded = ''] = subject.split(':');
  return `${algorithm.slice(0, 32)}-${encoded.slice(0, 64)}`;
}

function subjectOf({ bytes }: BuiltContent): Digest | undefined {
  return readManifestDocument(bytes)?.subject?.digest;
}

/** What a client on the same machine takes to read what is there. */
const READ_MS = 20;

/** What sending goes by. */
interface Sending {
  readonly clock: Clock;
  /** Aborted when nothing more need be sent. */
  readonly signal: AbortSignal;
}

/** Sends an answer, as far as the plan lets it. Resolves when nothing more will be sent. */
async function sendPlan(response: ServerResponse, method: string, plan: Plan, sending: Sending): Promise<void> {
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
  else if (!response.write(part)) await drained(response);
}

/** Takes both listeners away again, whichever event came: an answer may have very many parts. */
async function drained(response: ServerResponse): Promise<void> {
  const controller = new AbortController();
  const { signal } = controller;
  await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  controller.abort();
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
