import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { formatExplanation } from '../explain/index.js';
import { hideUserInfo, printable } from '../internal/index.js';
import { formatFailure } from './format-failure.js';
import type { ContainerExplanation } from './pod-types.js';

/**
 * The images of pods as text fit for a ticket: a line for each, and for one that fails the cause, the cure and the decisions
 * behind the pull. It holds no secret.
 *
 * @param explanations - what `explainPod` gave
 * @returns several lines, without a line break at the end
 * @example
 * ```ts
 * import { explainPod, formatPodExplanation } from 'kubepull/failures';
 *
 * formatPodExplanation(explainPod({ spec: { containers: [{ name: 'web', image: 'nginx' }] } }));
 * ```
 * @public
 */
export function formatPodExplanation(explanations: readonly ContainerExplanation[]): string {
  const kind = is.shape({ namespace: is.text, pod: is.text, pull: is.object });
  check('Cannot format an explanation of a pod', { explanations }, { explanations: is.listOf(kind) });
  let last = '';
  return explanations
    .flatMap((one) => {
      const pod = `pod ${printable(one.namespace)}/${printable(one.pod)}`;
      const head = pod === last ? [] : [pod];
      last = pod;
      return [...head, ...describeImage(one).map((line) => `  ${line}`)];
    })
    .join('\n');
}

function describeImage({ pull, state, reason, failure }: ContainerExplanation): readonly string[] {
  const { path, container, image } = pull.policy;
  const why = reason === undefined ? '' : ` with ${printable(reason)}`;
  const doing = state === undefined ? '' : state === 'waiting' ? ` waits${why}` : ` is ${state}`;
  const line = `${printable(path)} ${printable(container)}: ${printable(hideUserInfo(image))}${doing}`;
  if (failure === undefined && pull.failure === undefined) return [line];
  const failed = failure === undefined ? [] : formatFailure(failure).split('\n');
  // Its first line says what stands in ours.
  const decided = formatExplanation(pull).split('\n').slice(1);
  return [line, ...[...failed, ...decided].map((one) => `  ${one}`)];
}
