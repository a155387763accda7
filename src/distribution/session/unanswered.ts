import { quote } from '../../internal/index.js';
import { parseChallenges } from '../auth/challenge.js';
import type { FollowedResponse } from '../transport/transport.js';

const SPOKEN: ReadonlySet<string> = new Set(['basic', 'bearer']);
const MAX_SHOWN = 128;

/** What was asked for with a 401 that nobody can give, where that is the fault of how it was asked. */
export function unansweredCause({ response, url, foreign, mask }: FollowedResponse): string {
  const header = response.headers.get('www-authenticate');
  if (response.status !== 401 || header === undefined) return '';
  if (foreign) return `; the registry redirects there, and its credential does not go along: ${ownCure(url)}`;
  const schemes = parseChallenges(header).map(({ scheme }) => scheme);
  if (schemes.length === 0)
    return `; its challenge cannot be read: ${quote(mask(header.join(', ')).slice(0, MAX_SHOWN))}`;
  if (schemes.some((scheme) => SPOKEN.has(scheme))) return '';
  return `; it asks for ${schemes.map((scheme) => quote(scheme)).join(', ')}, and only Basic and Bearer are spoken`;
}

function ownCure(url: string): string {
  return `an entry of the keyring for ${new URL(url).host} would`;
}
