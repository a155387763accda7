import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../clock/index.js';
import type { AuthRules } from './auth/accounts.js';
import { type App, createApp } from './app.js';
import { readBody } from './http/read-body.js';
import { createFaultScript, type FaultScript } from './faults/fault-script.js';
import { planAnswer } from './faults/faults.js';
import { tagReferrers } from './referrers-tag.js';
import { type PushedContent, pushContent, type Repositories } from './repositories.js';
import { type LoopbackRequest, openRequest, type OpenRequest } from './request-log.js';
import { sendPlan } from './send-plan.js';
import { createTokenTable, type TokenTable } from './auth/tokens.js';
import { createUploadTable } from './uploads.js';

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
