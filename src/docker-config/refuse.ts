import { InvalidConfigError } from '../errors/index.js';
import { formatCredentialSource } from './format-source.js';
import type { CredentialSource } from '../internal/index.js';

/**
 * The error for a document that cannot be read. Its message quotes nothing of the content: Go's text for a syntax error
 * names the character at fault, which stays in `upstream`.
 *
 * @param where - the place of the fault, when it is not a byte offset
 */
export function refuse(
  source: CredentialSource,
  upstream: string,
  { offset, where }: { readonly offset?: number; readonly where?: string } = {},
): InvalidConfigError {
  const origin = source.kind === 'inline' ? '' : ` from ${formatCredentialSource(source)}`;
  const reason = upstream.replace(/^(invalid character) '.+?' /, '$1 ');
  const place = offset === undefined ? (where ?? '') : ` at byte ${offset}`;
  return new InvalidConfigError(`Cannot read docker config${origin}: ${reason}${place}`, { upstream, offset });
}
