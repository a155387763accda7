import { type RegistryEndpoint, upstreamEndpoint } from '../../mirrors/index.js';
import { ImageError, RequestRefusedError } from '../../errors/index.js';
import { quote } from '../../internal/index.js';
import { formatReference, type ImageReference, parseReference } from '../../reference/index.js';
import type { RegistryLocation, RegistryTable } from './registries-conf-parse.js';

/** The table with the longest prefix that the image's name begins with; of equally long ones, that without wildcard. */
export function findRegistry(registries: readonly RegistryTable[], ref: ImageReference): RegistryTable | undefined {
  const text = formatReference(ref);
  const rank = ({ prefix }: RegistryTable): number => prefix.length + (prefix.startsWith('*') ? 0 : 0.5);
  return registries
    .filter(({ prefix }) => prefixLength(text, prefix) !== undefined)
    .toSorted((a, b) => rank(b) - rank(a))[0];
}

/** How much of an image's name a prefix stands for; `undefined` when the name does not begin with it. */
function prefixLength(text: string, prefix: string): number | undefined {
  if (!prefix.startsWith('*.'))
    return endsPart(text, prefix.length) && text.startsWith(prefix) ? prefix.length : undefined;
  const suffix = prefix.slice(1);
  const at = text.indexOf(suffix);
  if (at === -1 || text.slice(0, at).includes('/')) return undefined;
  const length = at + suffix.length;
  return endsPart(text, length) ? length : undefined;
}

function endsPart(text: string, at: number): boolean {
  return at === text.length || ':/@'.includes(text[at] ?? '-');
}

/**
 * Where a table sends an image: its mirrors that are for such a reference, then the registry itself.
 *
 * @param plainHttp - hosts that are spoken to over plain HTTP only, when they are insecure
 * @throws {@link RequestRefusedError} when the registry is blocked
 */
export function endpointsOf(
  table: RegistryTable,
  ref: ImageReference,
  plainHttp: readonly string[],
): readonly RegistryEndpoint[] {
  if (table.blocked) throw blocked(table, ref);
  const kind = ref.digest === undefined ? 'tag-only' : 'digest-only';
  const mirrors = table.mirrors.filter(({ pullFrom }) => pullFrom === 'all' || pullFrom === kind);
  return [
    ...mirrors.flatMap((mirror) => endpointsAt(mirror, table.prefix, ref, { plainHttp, upstream: false })),
    ...endpointsAt(table, table.prefix, ref, { plainHttp, upstream: true }),
  ];
}

/**
 * An insecure place is asked over TLS first. What fails there is asked again over plain HTTP, as podman does, but without
 * a credential: who is in the middle could make TLS fail to see it.
 */
function endpointsAt(
  place: RegistryLocation,
  prefix: string,
  ref: ImageReference,
  { plainHttp, upstream }: { readonly plainHttp: readonly string[]; readonly upstream: boolean },
): readonly RegistryEndpoint[] {
  const there = rewrite(place, prefix, ref);
  const secure = { ...upstreamEndpoint(there), upstream };
  if (!place.insecure) return [secure];
  const plain = { ...upstreamEndpoint(there, { plainHttp: true }), upstream };
  return plainHttp.includes(there.domain) ? [plain] : [secure, { ...plain, anonymous: true }];
}

function rewrite({ location }: RegistryLocation, prefix: string, ref: ImageReference): ImageReference {
  if (location === '') return ref;
  const text = formatReference(ref);
  const wanted = `${location}${text.slice(prefixLength(text, prefix) ?? 0)}`;
  const there = parseReference(wanted);
  // A location without a host would become one on Docker Hub.
  if (formatReference(there) !== wanted) throw unusable(ref, 'the location that registries.conf gives has no host');
  if (there.tag !== ref.tag || there.digest !== ref.digest)
    throw unusable(ref, 'the location that registries.conf gives has another tag or digest');
  return there;
}

function unusable({ name }: ImageReference, because: string): ImageError {
  return new ImageError('ERR_OPTION_INVALID', `Cannot pull ${quote(name)}: ${because}`);
}

function blocked({ location }: RegistryTable, ref: ImageReference): RequestRefusedError {
  const message = `Cannot pull ${quote(ref.name)}: registries.conf blocks the registry`;
  return new RequestRefusedError(message, { url: `https://${location || ref.domain}`, rule: 'blocked-registry' });
}
