import type { Descriptor } from '../../oci/index.js';

export const REF_NAME = 'org.opencontainers.image.ref.name';
/** Where `docker save` and `ctr images export` put the whole name; the tag alone is the other one then. */
export const FULL_NAME = 'io.containerd.image.name';

/**
 * What an entry is called. `name` is what it is listed under: its whole name, or else its ref, or else its digest. A `ref`
 * beside a whole name is a short form, which several images may share.
 */
export interface EntryNames {
  readonly name: string;
  readonly ref: string | undefined;
  readonly full: string | undefined;
}

export function namesOf({ annotations = {}, digest }: Descriptor): EntryNames {
  const textOf = (key: string): string | undefined => {
    const value = Object.hasOwn(annotations, key) ? annotations[key] : undefined;
    return value === '' ? undefined : value;
  };
  const [ref, full] = [textOf(REF_NAME), textOf(FULL_NAME)];
  return { ref, full, name: full ?? ref ?? digest };
}
