import type { Credential } from '../../docker-config/index.js';
import { equalSecrets, quote } from '../../internal/index.js';

/** Names that a message has. */
const MAX_NAMED = 3;

/** Names for a message, of many only the first. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMED).map((name) => quote(name));
  return names.length > MAX_NAMED ? `${shown.join(', ')} and ${names.length - MAX_NAMED} more` : shown.join(', ');
}

/** Whether kubelet would send the same. */
export function isSameCredential(one: Credential, other: Credential): boolean {
  return one.username === other.username && equalSecrets(one.password.reveal(), other.password.reveal());
}
