// With `node --import`, prints every module that the program loads: one URL a line, after `loaded `.
import { writeSync } from 'node:fs';
import * as module from 'node:module';
import { isMainThread } from 'node:worker_threads';

/** @param {{ url: string }} found */
function log(found) {
  writeSync(1, `loaded ${found.url}\n`);
  return found;
}

/** @type {import('node:module').ResolveHook} */
export async function resolve(specifier, context, next) {
  return log(await next(specifier, context));
}

// Node 20 runs the hook above in a thread of its own, which loads this file again.
if ('registerHooks' in module) {
  const registerHooks = /** @type {(hooks: object) => void} */ (module.registerHooks);
  registerHooks({
    /** @type {(specifier: string, context: object, next: (specifier: string, context: object) => { url: string }) => object} */
    resolve: (specifier, context, next) => log(next(specifier, context)),
  });
} else if (isMainThread) {
  module.register(import.meta.url);
}
