import { createPatch, type Operation, type Patch, type Pointer } from 'rfc6902';

/**
 * The JSON Patch from an object to a copy of it with members changed. Lists of the same length are compared item by item: the library's
 * search for the shortest change of a list takes the square of its length, and nothing here adds or removes items.
 */
export function createJsonPatch(from: unknown, to: unknown): Patch {
  return createPatch(from, to, diff);
}

function diff(from: unknown, to: unknown, at: Pointer): Operation[] | undefined {
  // What is the same is not looked into, however deep it nests: a copy shares all that did not change.
  if (from === to) return [];
  if (!Array.isArray(from) || !Array.isArray(to) || from.length !== to.length) return undefined;
  return from.flatMap((item: unknown, index) =>
    createJsonPatch(item, to[index]).map((step) => ({ ...step, path: at.add(String(index)).toString() + step.path })),
  );
}
