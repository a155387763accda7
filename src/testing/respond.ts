import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../clock/index.js';
import type { AuthRules } from './accounts.js';
import { type App, createApp } from './app.js';
import { readBody, sendPlan } from './exchange.js';
import { createFaultScript, type FaultScript } from './fault-script.js';
import { planAnswer } from './faults.js';
import type { Repositories } from './repositories.js';
import { type LoopbackRequest, openRequest, type OpenRequest } from './request-log.js';
import { createTokenTable, type TokenTable } from './tokens.js';

/** What one registry holds. */
export interface Context {
  readonly clock: Clock;
  readonly repositories: Repositories;
  readonly tokens: TokenTable;
  readonly requests: LoopbackRequest[];
  readonly faults: FaultScript;
  /** Ends the waits that are under way. */
  readonly closing: AbortController;
  readonly app: App;
}

export function createContext(rules: AuthRules, clock: Clock, tokenLifetimeSeconds: number): Context {
  const repositories: Repositories = new Map();
  const tokens = createTokenTable(rules, clock, tokenLifetimeSeconds);
  return {
    clock,
    repositories,
    tokens,
    requests: [],
    faults: createFaultScript(),
    closing: new AbortController(),
    app: createApp({ rules, clock, repositories, tokens, tokenLifetimeSeconds }),
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
  if (plan.delayMs > 0) await context.clock.sleep(plan.delayMs, { signal: context.closing.signal });
  entry.status = plan.answer.status;
  await sendPlan(response, entry.method, plan);
}
