import type { ContainerLike, ImageVolumeLike, PodSpecLike, VolumeLike } from './types.js';

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

/**
 * The image and the policy of a container or image volume, and where it stands.
 *
 * @public
 */
export interface ImageUser {
  /** The kind of container, or `volume` for an image volume. */
  readonly kind: ImageUserKind;
  /** The name of the container, or of the image volume. */
  readonly name: string;
  /** The `image` of a container or the `reference` of an image volume; empty when there is none. */
  readonly image: string;
  /** As it is written; empty when there is none. */
  readonly policy: string;
  /** Where it stands in the object, such as `spec.containers[0]`, `spec.volumes[0].image` or `items[1].spec.containers[0]`. */
  readonly path: string;
}

/** What becomes of an image user; what is not named stays. */
export interface ImageChange {
  readonly image?: string;
  readonly policy?: string;
}

/** Tells what changes of an image user, or `undefined` to leave it. */
export type ChooseChange = (user: ImageUser) => ImageChange | undefined;

/** Every container and image volume of a pod, in the order init, regular, ephemeral, volumes. */
export function podImages(spec: PodSpecLike | undefined, at = 'spec'): readonly ImageUser[] {
  const users: ImageUser[] = [];
  mapPodImages(spec ?? {}, at, (user) => {
    users.push(user);
    return undefined;
  });
  return users;
}

/** Copies a pod's spec with other images or policies. What does not change is shared with the original, which stays as it is. */
export function mapPodImages<S extends PodSpecLike>(spec: S, at: string, choose: ChooseChange): S {
  const change: { -readonly [K in keyof PodSpecLike]?: PodSpecLike[K] } = {};
  for (const [field, kind] of CONTAINER_LISTS) {
    const list = spec[field];
    if (!list) continue;
    change[field] = list.map((item, index) => {
      const container = orEmpty(item);
      return withChange(container, containerUser(container, kind, `${at}.${field}[${index}]`), choose);
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

function withChange(container: ContainerLike, user: ImageUser, choose: ChooseChange): ContainerLike {
  const change = choose(user);
  if (change === undefined) return container;
  const { image = container.image, policy = container.imagePullPolicy } = change;
  return copyWith(container, given<ContainerLike>({ image, imagePullPolicy: policy }));
}

function mapVolume(volume: VolumeLike, at: string, choose: ChooseChange): VolumeLike {
  const source = volume.image;
  if (!source) return volume;
  const change = choose({
    kind: 'volume',
    name: volume.name ?? '',
    image: source.reference ?? '',
    policy: source.pullPolicy ?? '',
    path: `${at}.image`,
  });
  if (change === undefined) return volume;
  const { image: reference = source.reference, policy: pullPolicy = source.pullPolicy } = change;
  return copyWith(volume, { image: copyWith(source, given<ImageVolumeLike>({ reference, pullPolicy })) });
}

/** Without the members that are not there. */
function given<T extends object>(members: T): Partial<T> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** A copy that keeps the class of the original: clients of the API use classes. */
export function copyWith<T extends object>(original: T, change: Partial<T>): T {
  return Object.setPrototypeOf({ ...original, ...change }, Object.getPrototypeOf(original) as object | null) as T;
}
