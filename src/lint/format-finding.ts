import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { printable } from '../internal/index.js';
import type { LintFinding } from './rules/finding.js';

const MAX_PART = 240;
/** A suggestion is written as it is, or it is another one. */
const MAX_SUGGESTION = 4096;

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
  check<LintFinding>('Cannot format a finding', finding, {
    severity: is.text,
    code: is.text,
    place: is.text,
    message: is.text,
    cure: is.text,
    suggestion: is.optional(is.text),
  });
  const { severity, code, place, message, cure, suggestion } = finding;
  const where = place === '' ? '' : ` ${inMiddle(place)}`;
  const instead = suggestion === undefined ? '' : ` Write ${printable(suggestion, MAX_SUGGESTION)}`;
  return `${severity} ${code}${where}: ${inMiddle(message)}. ${cure}.${instead}`;
}

/** What is long has a key or an image in it, of which both ends are worth more than the middle. */
function inMiddle(text: string): string {
  const half = MAX_PART / 2;
  const cut = text.length > MAX_PART ? `${text.slice(0, half)}…${text.slice(-half)}` : text;
  return printable(cut, cut.length);
}
