import type { ContainerLike, PodSpecLike, VolumeLike } from './types.js';

/**
 * What of a pod uses an image: a container of one of the three kinds, or an image volume.
 *
 * @public
 */
export type ImageUserKind = 'init' | 'regular' | 'ephemeral' | 'volume';

/** The lists of containers in the order in which the API server's visitors walk them. */
const CONTAINER_LISTS = [
  ['initContainers', 'init'],
  ['containers', 'regular'],
  ['ephemeralContainers', 'ephemeral'],
] as const;

/** The image and the policy of a container or image volume, wherever they stand. */
export interface ImageUser {
  readonly kind: ImageUserKind;
  readonly name: string;
  readonly image: string;
  /** Empty when there is none. */
  readonly policy: string;
  /** Where it stands, such as `spec.containers[0]`; `spec.volumes[0].image` for a volume. */
  readonly path: string;
}

/** Tells the new policy of an image user, or `undefined` to leave it. */
export type ChoosePolicy = (user: ImageUser) => string | undefined;

/** Every container and image volume of a pod, in the order init, regular, ephemeral, volumes. */
export function podImages(spec: PodSpecLike | undefined, at = 'spec'): readonly ImageUser[] {
  const users: ImageUser[] = [];
  mapPodImages(spec ?? {}, at, (user) => {
    users.push(user);
    return undefined;
  });
  return users;
}

/** Copies a pod's spec with other policies. What does not change is shared with the original, which stays as it is. */
export function mapPodImages<S extends PodSpecLike>(spec: S, at: string, choose: ChoosePolicy): S {
  const change: { -readonly [K in keyof PodSpecLike]?: PodSpecLike[K] } = {};
  for (const [field, kind] of CONTAINER_LISTS) {
    const list = spec[field];
    if (!list) continue;
    change[field] = list.map((item, index) => {
      const container = orEmpty(item);
      return withPolicy(container, containerUser(container, kind, `${at}.${field}[${index}]`), choose);
    });
  }
  if (spec.volumes)
    change.volumes = spec.volumes.map((item, index) => mapVolume(orEmpty(item), `${at}.volumes[${index}]`, choose));
  return copyWith(spec, change as Partial<S>);
}

/** An item that is `null`, as YAML may have it, is an empty object for the API server. */
function orEmpty<T extends object>(item: T | null): T | Record<string, never> {
  return item ?? {};
}

function containerUser(container: ContainerLike, kind: ImageUserKind, path: string): ImageUser {
  return {
    kind,
    name: container.name ?? '',
    image: container.image ?? '',
    policy: container.imagePullPolicy ?? '',
    path,
  };
}

function withPolicy(container: ContainerLike, user: ImageUser, choose: ChoosePolicy): ContainerLike {
  const imagePullPolicy = choose(user);
  return imagePullPolicy === undefined ? container : copyWith(container, { imagePullPolicy });
}

function mapVolume(volume: VolumeLike, at: string, choose: ChoosePolicy): VolumeLike {
  const source = volume.image;
  if (!source) return volume;
  const pullPolicy = choose({
    kind: 'volume',
    name: volume.name ?? '',
    image: source.reference ?? '',
    policy: source.pullPolicy ?? '',
    path: `${at}.image`,
  });
  return pullPolicy === undefined ? volume : copyWith(volume, { image: copyWith(source, { pullPolicy }) });
}

/** A copy that keeps the class of the original: clients of the API use classes. */
export function copyWith<T extends object>(original: T, change: Partial<T>): T {
  return Object.setPrototypeOf({ ...original, ...change }, Object.getPrototypeOf(original) as object | null) as T;
}
