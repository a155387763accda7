import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { checkLookup } from './lookup-result.js';
import { formatCredentialSource } from '../docker-config/index.js';
import { printable } from '../internal/index.js';
import { imageNameText } from '../reference/inner.js';
import type { LookupResult } from './types.js';

/**
 * An answer of a keyring as text fit for a ticket: what is tried, in order, with key, source and rule, and what is not,
 * with the reason; then what plugins and clouds did that were asked. It holds no user name, password or token, nor what a key has before `@` or behind `?`.
 *
 * @param result - the answer
 * @returns several lines, without a line break at the end
 * @example
 * ```ts
 * import { createKeyring, formatLookup } from 'kubepull/keyring';
 * import { parseImageName } from 'kubepull/reference';
 *
 * formatLookup(createKeyring([]).lookup(parseImageName('r.example/app')));
 * // 'r.example/app: no credential, the pull is anonymous'
 * ```
 * @public
 */
export function formatLookup(result: LookupResult): string {
  checkLookup(result);
  const { candidates, rejected, sources } = result;
  check('Cannot read a look-up', { rejected }, { rejected: is.listOf(is.object) });
  const count = candidates.length;
  const head = count === 0 ? 'no credential, the pull is anonymous' : `${count} to try, in this order`;
  const lines = [`${printable(imageNameText(result.image))}: ${head}`];
  for (const { rank, key, entry, rule, cutsSegment } of candidates) {
    const hazard = cutsSegment ? ', though its path ends within a segment of the name' : '';
    lines.push(`  ${rank}. ${printable(key)} (${formatCredentialSource(entry.source)}): ${rule}${hazard}`);
  }
  if (rejected.length > 0) lines.push('not tried:');
  for (const { key, entry, reason } of rejected) {
    const shown = printable(key ?? withoutSecrets(entry.pattern));
    lines.push(`  - ${shown} (${formatCredentialSource(entry.source)}): ${reason}`);
  }
  if (sources.length > 0) lines.push('asked:');
  for (const { source, outcome, detail } of sources) {
    lines.push(`  - ${formatCredentialSource(source)}: ${outcome}, ${printable(detail)}`);
  }
  return lines.join('\n');
}

/** A key that has no normal form may still have user info or a query, which the normal form would have lost. */
function withoutSecrets(pattern: string): string {
  return pattern.replace(/[?#].*$/su, '').replace(/^(https?:\/\/)?.*@/su, '$1');
}
