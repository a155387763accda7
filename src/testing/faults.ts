import { type Answer, bytesAnswer } from './answer.js';

/**
 * What goes wrong with an answer.
 *
 * - `status` answers with another status, instead of what was asked for.
 * - `header` sets a header of the answer, or removes it when the value is absent.
 * - `delay` waits before it answers.
 * - `stall` falls silent after so many bytes of the body, and keeps the connection; without a number it sends nothing.
 * - `cut` ends the connection after so many bytes of the body.
 * - `flip` inverts one byte, counted from the start of the content, also in an answer to a range.
 * - `redirect` sends the client elsewhere.
 * - `challenge` asks for other credentials.
 *
 * @beta
 */
export type FaultAction =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
      readonly body?: string | Uint8Array | undefined;
    }
  | { readonly kind: 'header'; readonly name: string; readonly value?: string | readonly string[] | undefined }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'stall'; readonly afterBytes?: number | undefined }
  | { readonly kind: 'cut'; readonly afterBytes: number }
  | { readonly kind: 'flip'; readonly offset: number }
  | { readonly kind: 'redirect'; readonly location: string; readonly status?: 301 | 302 | 303 | 307 | 308 | undefined }
  | { readonly kind: 'challenge'; readonly challenge: string | readonly string[] };

/**
 * Which requests go wrong, and how.
 *
 * @beta
 */
export interface Fault {
  /** @defaultValue every method */
  readonly method?: string | undefined;
  /**
   * A whole path, or a pattern that is looked for in path and query.
   *
   * @defaultValue every path
   */
  readonly path?: string | RegExp | undefined;
  /**
   * The first of the matching requests that goes wrong, counted from 1.
   *
   * @defaultValue 1
   */
  readonly nth?: number | undefined;
  /**
   * How many go wrong from there on.
   *
   * @defaultValue all
   */
  readonly times?: number | undefined;
  readonly action: FaultAction;
}

/** How a connection ends before the answer is whole. */
export interface Interruption {
  readonly how: 'stall' | 'cut';
  /** `undefined` when not even the headers are sent. */
  readonly afterBytes: number | undefined;
}

/** An answer as it will really be sent. */
export interface Plan {
  readonly answer: Answer;
  readonly delayMs: number;
  readonly interruption: Interruption | undefined;
}

/** Whether a fault is meant for a request; how often it was, the caller counts. */
export function isMeant({ method, path }: Fault, request: { readonly method: string; readonly url: string }): boolean {
  if (method !== undefined && method.toUpperCase() !== request.method) return false;
  if (path === undefined) return true;
  if (typeof path === 'string') return request.url.split('?', 1)[0] === path;
  // Unlike test(), search() does not depend on what a global pattern matched before.
  return request.url.search(path) >= 0;
}

/** Lets actions change an answer, one after the other. */
export function planAnswer(answer: Answer, actions: readonly FaultAction[]): Plan {
  return actions.reduce<Plan>(applyAction, { answer, delayMs: 0, interruption: undefined });
}

function applyAction(plan: Plan, action: FaultAction): Plan {
  switch (action.kind) {
    case 'delay':
      return { ...plan, delayMs: plan.delayMs + action.ms };
    case 'stall':
    case 'cut':
      return { ...plan, interruption: { how: action.kind, afterBytes: action.afterBytes } };
    default:
      return { ...plan, answer: changeAnswer(plan.answer, action) };
  }
}

type Change = Exclude<FaultAction, { kind: 'delay' | 'stall' | 'cut' }>;

function changeAnswer(answer: Answer, action: Change): Answer {
  switch (action.kind) {
    case 'status':
      return bytesAnswer(action.status, Buffer.from(action.body ?? ''), lowerNames(action.headers ?? {}));
    case 'header':
      return { ...answer, headers: changeHeader(answer.headers, action.name.toLowerCase(), action.value) };
    case 'flip':
      return { ...answer, body: flipByte(answer.body, action.offset - answer.offset) };
    case 'redirect':
      return bytesAnswer(action.status ?? 307, new Uint8Array(), { location: action.location });
    case 'challenge':
      return bytesAnswer(401, new Uint8Array(), { 'www-authenticate': action.challenge });
  }
}

function changeHeader(
  headers: Answer['headers'],
  name: string,
  value: string | readonly string[] | undefined,
): Answer['headers'] {
  const others = Object.entries(headers).filter(([other]) => other !== name);
  return Object.fromEntries(value === undefined ? others : [...others, [name, value]]);
}

function lowerNames(headers: Answer['headers']): Answer['headers'] {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function flipByte(body: Uint8Array, at: number): Uint8Array {
  const changed = Uint8Array.from(body);
  const byte = changed[at];
  if (byte !== undefined) changed[at] = byte ^ 0xff;
  return changed;
}
