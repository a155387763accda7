// The runtime's own words, taken out of what kubelet, an event or `kubectl describe` has made of them.
import { explainFailure, type PodEventLike, type PodWithStatusLike } from 'kubepull/failures';
import { formatReference, safeParseReference, withDefaultTag } from 'kubepull/reference';

/** In front of the runtime's words; the first part is the image, in quotes that may be escaped. */
const FRONTS = [
  /Failed to pull image \\*"([^"\\]*)\\*": /u,
  /Back-off pulling image \\*"([^"\\]*)\\*": ErrImagePull: /u,
];

/**
 * What the runtime said of an image; `undefined` when nothing tells it.
 *
 * @param message - what the visitor pasted, which counts first and may be the runtime's words alone
 */
export function errorTextOf(
  image: string,
  message: string,
  object: object,
  events: readonly PodEventLike[],
): string | undefined {
  for (const line of [message, ...textsOf(object, events)].flatMap((text) => text.split('\n'))) {
    for (const front of FRONTS) {
      const found = front.exec(line);
      if (found?.[1] === image) return line.slice(found.index + found[0].length).trim();
    }
  }
  return bareTextOf(image, message.trim());
}

function textsOf(object: object, events: readonly PodEventLike[]): readonly string[] {
  const { status } = object as PodWithStatusLike;
  const statuses = [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ];
  return [
    ...statuses.map((one) => one?.state?.waiting?.message ?? ''),
    ...events.map((event) => event.message ?? event.note ?? ''),
  ];
}

/** What happens without a pull, or tells nothing. */
const NO_PULL: ReadonlySet<string> = new Set([
  'unknown',
  'back-off',
  'never',
  'name',
  'secret-missing',
  'secret-malformed',
]);

/** A line without kubelet's words in front, where it tells of a failed pull and not of another image. */
function bareTextOf(image: string, line: string): string | undefined {
  if (line === '' || line.includes('\n') || FRONTS.some((front) => front.test(line))) return undefined;
  const { cause, image: named } = explainFailure(line);
  if (NO_PULL.has(cause) || (named !== undefined && !isSameImage(named, image))) return undefined;
  return line;
}

/** Whether two texts name the same image: a runtime writes the registry and the tag that a pod leaves out. */
export function isSameImage(one: string, other: string): boolean {
  return one === other || fullName(one) === fullName(other);
}

function fullName(image: string): string {
  const parsed = safeParseReference(image);
  return parsed.ok ? formatReference(withDefaultTag(parsed.value)) : image;
}
