import { isDigest } from '../../digest/index.js';
import type { Descriptor } from '../../oci/index.js';
import { pickTarget } from '../../store/index.js';
import { type EntryNames, FULL_NAME, namesOf, REF_NAME } from './entry-names.js';
import { type EditedEntries, editLayoutIndex, type LayoutIndex } from './layout-index.js';

/**
 * What a name points to. Of several entries with the name the first counts, as for skopeo; whole names come before short
 * forms and digests. An empty name is the only entry of a layout.
 */
export function findName({ manifests, named, referred }: LayoutIndex, name: string): Descriptor | undefined {
  const place =
    name === '' && manifests.length === 1
      ? 0
      : (named(name)[0] ??
        referred(name)[0] ??
        (isDigest(name) ? manifests.findIndex(({ digest }) => digest === name) : -1));
  const found = manifests[place];
  return found === undefined ? undefined : pickTarget(found);
}

/** All names, each once; an entry without one is listed by its digest. */
export function listNames({ names }: LayoutIndex): readonly string[] {
  return names();
}

/**
 * The index with the name pointing to a descriptor. Entries of other images lose the name, and stay. Every other byte of
 * the text stays as it is.
 */
export function writeName(index: LayoutIndex, name: string, descriptor: Descriptor): LayoutIndex {
  const { manifests, named, referred } = index;
  const [at] = named(name);
  const [short] = referred(name);
  if (at === undefined && short !== undefined && manifests[short]?.digest === descriptor.digest) return index;
  const old = at === undefined ? undefined : manifests[at];
  const entry = entryText(descriptor, old === undefined ? { ref: name, full: undefined } : namesOf(old), name);
  const edited = editNamed(index, name, (manifest, text, place) =>
    place === at
      ? replaceBody(text, entry)
      : withoutName(manifest, text, name, manifest.digest === (old ?? descriptor).digest),
  );
  return editLayoutIndex(index, edited, at === undefined ? entry : undefined);
}

/**
 * The index without a name; `undefined` when it has no such name. An entry with a whole name loses a short form, and
 * stays. Every other byte of the text stays as it is.
 */
export function removeName(index: LayoutIndex, name: string): LayoutIndex | undefined {
  const edited = editNamed(index, name, (manifest, text) => withoutName(manifest, text, name, true));
  return edited.size === 0 ? undefined : editLayoutIndex(index, edited);
}

/** What becomes of the entries with a name, whole or short. */
function editNamed(
  { manifests, array, named, referred }: LayoutIndex,
  name: string,
  edit: (manifest: Descriptor, text: string, place: number) => string | undefined,
): EditedEntries {
  const edited = new Map<number, string | undefined>();
  const { elements } = array();
  for (const place of [...named(name), ...referred(name)]) {
    const [manifest, text] = [manifests[place], elements[place]];
    if (manifest !== undefined && text !== undefined) edited.set(place, edit(manifest, text, place));
  }
  return edited;
}

/** An entry without a name; `undefined` when it had no other, and may go then. */
function withoutName(manifest: Descriptor, text: string, name: string, mayGo: boolean): string | undefined {
  const names = namesOf(manifest);
  if (names.name !== name && names.ref !== name) return text;
  if (names.name === name && mayGo) return undefined;
  const gone = names.full === name ? [FULL_NAME, REF_NAME] : [REF_NAME];
  const { annotations = {}, ...rest } = JSON.parse(text) as { readonly annotations?: Record<string, string> };
  const kept = Object.entries(annotations).filter(([key]) => !gone.includes(key));
  const entry = kept.length === 0 ? rest : { ...rest, annotations: Object.fromEntries(kept) };
  return replaceBody(text, JSON.stringify(entry));
}

/** A new entry; one that had a whole name keeps it, and the short form beside it. */
function entryText(descriptor: Descriptor, { ref, full }: Pick<EntryNames, 'ref' | 'full'>, name: string): string {
  const annotations = full === undefined ? { [REF_NAME]: name } : { [REF_NAME]: ref ?? full, [FULL_NAME]: full };
  return JSON.stringify({ ...pickTarget(descriptor), annotations });
}

/** Another text in the white space of the old one. */
function replaceBody(old: string, body: string): string {
  const lead = old.length - old.trimStart().length;
  return `${old.slice(0, lead)}${body}${old.slice(old.trimEnd().length)}`;
}
