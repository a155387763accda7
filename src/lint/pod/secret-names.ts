import { quote } from '../../internal/index.js';
import { finding } from '../rules/rules.js';
import type { LintFinding } from '../rules/finding.js';

/** What is wrong with the names of a list of pull secrets. */
export function* lintSecretNames(names: readonly string[], root: string): Generator<LintFinding> {
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    const place = `${root}[${index}].name`;
    if (name === '') yield finding('PULL_SECRET_NAME_EMPTY', place, 'The name is empty');
    else if (seen.has(name)) yield finding('PULL_SECRET_REPEATED', place, `${quote(name)} stands in the list before`);
    seen.add(name);
  }
}

/** What of a service account does not reach a pod that has pull secrets of its own. */
export function* lintAccountNames(own: readonly string[], given: readonly string[]): Generator<LintFinding> {
  const kept = new Set(['', ...own]);
  const lost = [...new Set(given)].filter((name) => !kept.has(name));
  if (own.length === 0 || lost.length === 0) return;
  const message = `Not added: ${lost.map((name) => quote(name)).join(', ')}`;
  yield finding('SERVICE_ACCOUNT_SECRETS_IGNORED', 'spec.imagePullSecrets', message);
}
