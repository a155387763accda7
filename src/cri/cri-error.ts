import { CriError, type CriOperation } from '../errors/index.js';
import { printable } from '../internal/index.js';
import { goCodeName, goStatusText } from './go-status.js';

/** Longer than any text that a runtime gives for a lawful image name, and short enough for a log. */
const MAX_SHOWN = 2_048;

/** A failure of a call, with Go's description of it. */
interface CriFailure {
  readonly operation: CriOperation;
  /** The gRPC status, as a number. */
  readonly code: number;
  readonly description: string;
}

/** The error of a call, in kubelet's words. */
export function criError({ operation, code, description }: CriFailure): CriError {
  const isBare = operation === 'PullImage' && goCodeName(code) === 'Unknown';
  const message = printable(isBare ? description : goStatusText(code, description), MAX_SHOWN);
  return new CriError(message, { operation, status: goCodeName(code) });
}
