import { printable } from '../internal/index.js';
import type { LintFinding } from './rules/finding.js';

/**
 * A finding as one line fit for a log or a ticket: how bad, which rule, where, what is wrong, and the cure. It holds no
 * secret.
 *
 * @param finding - what a linter found
 * @returns such as `error PULL_SECRET_MISSING spec.imagePullSecrets[0].name: …`, without a line break
 * @example
 * ```ts
 * import { formatFinding, lintPod } from 'kubepull/lint';
 *
 * lintPod({ spec: { containers: [{ name: 'web', image: 'nginx' }] } }).map(formatFinding);
 * ```
 * @public
 */
export function formatFinding(finding: LintFinding): string {
  const { severity, code, place, message, cure, suggestion } = finding;
  const where = place === '' ? '' : ` ${place}`;
  const instead = suggestion === undefined ? '' : ` Write ${suggestion}`;
  return printable(`${severity} ${code}${where}: ${message}. ${cure}.${instead}`);
}
