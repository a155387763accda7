import type { Answer } from '../http/answer.js';
import { changeAnswer } from './change-answer.js';
import type { DeliveryFault, FaultAction, FaultFraming } from './fault-action.js';

/** How a connection ends before the answer is whole. */
export interface Interruption {
  readonly how: 'stall' | 'cut' | 'rst';
  /** `undefined` when not even the headers are sent. */
  readonly afterBytes: number | undefined;
}

/** An answer as it will really be sent. */
export interface Plan {
  readonly answer: Answer;
  readonly delayMs: number;
  readonly framing: FaultFraming;
  readonly drip: Extract<DeliveryFault, { kind: 'drip' }> | undefined;
  readonly raw: Extract<DeliveryFault, { kind: 'raw' }> | undefined;
  readonly interruption: Interruption | undefined;
}

/** Lets actions change an answer and its delivery, one after the other. */
export function planAnswer(answer: Answer, actions: readonly FaultAction[]): Plan {
  return actions.reduce<Plan>(applyAction, {
    answer,
    delayMs: 0,
    framing: 'length',
    drip: undefined,
    raw: undefined,
    interruption: undefined,
  });
}

function applyAction(plan: Plan, action: FaultAction): Plan {
  switch (action.kind) {
    case 'delay':
      return { ...plan, delayMs: plan.delayMs + action.ms };
    case 'drip':
      return { ...plan, drip: action };
    case 'raw':
      return { ...plan, raw: action };
    case 'stall':
    case 'cut':
    case 'rst':
      return { ...plan, interruption: { how: action.kind, afterBytes: action.afterBytes } };
    case 'truncate':
    case 'extend': {
      const framing = action.framing === undefined || action.framing === 'unchanged' ? plan.framing : action.framing;
      return { ...plan, framing, answer: changeAnswer(plan.answer, action) };
    }
    default:
      return { ...plan, answer: changeAnswer(plan.answer, action) };
  }
}
