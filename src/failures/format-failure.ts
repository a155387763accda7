import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { printable } from '../internal/index.js';
import type { FailureExplanation } from './explain-failure.js';

/**
 * The cause of a failed pull as text fit for a ticket: what has happened, what the text names, and the cure. It holds no
 * secret.
 *
 * @param explanation - what `explainFailure` gave
 * @returns two lines or a few more, without a line break at the end
 * @example
 * ```ts
 * import { explainFailure, formatFailure } from 'kubepull/failures';
 *
 * console.log(formatFailure(explainFailure('Back-off pulling image "r.example/app:1"')));
 * ```
 * @public
 */
export function formatFailure(explanation: FailureExplanation): string {
  check(
    'Cannot format a failure',
    { explanation },
    {
      explanation: is.shape({ cause: is.text, title: is.text, cure: is.text }),
    },
  );
  const { cause, title, cure, words } = explanation;
  const said = words === undefined ? '' : `, by the words ${JSON.stringify(words)}`;
  return [`cause: ${cause}${said}: ${title}`, ...describeParts(explanation), `cure: ${cure}`].join('\n');
}

function describeParts({
  image,
  suggestion,
  registry,
  host,
  status,
  reason,
  runtime,
}: FailureExplanation): readonly string[] {
  const image_ = image === undefined ? [] : [`image ${printable(image)}`];
  const parts = [
    ...image_,
    ...(registry === undefined ? [] : [`registry ${printable(registry)}`]),
    ...(host === undefined || host === registry ? [] : [`asked ${printable(host)}`]),
    ...(status === undefined ? [] : [`HTTP status ${status}`]),
    ...(reason === undefined ? [] : [`reason ${reason}`]),
    ...(runtime === undefined ? [] : [`runtime ${runtime}`]),
  ];
  const lines = parts.length === 0 ? [] : [`  ${parts.join(', ')}`];
  if (suggestion !== undefined) lines.push(`  meant, it seems: ${printable(suggestion)}`);
  return lines;
}
