import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import type { ImageStore, ManagedStore } from '../../store/index.js';
import { contentChecks } from './content.js';
import { managedChecks } from './managed.js';
import { nameChecks } from './names.js';
import { writerChecks } from './writer.js';

/**
 * A store made for one check.
 *
 * @public
 */
export interface StoreUnderTest {
  /** An empty store, with room for a few mebibytes. */
  readonly store: ImageStore;
  /** Called when the check has ended, however it ended. */
  readonly cleanup?: (() => void | Promise<void>) | undefined;
}

/**
 * A store made for one check of {@link testManagedStore}.
 *
 * @public
 */
export interface ManagedStoreUnderTest extends StoreUnderTest {
  readonly store: ManagedStore;
}

/**
 * One thing that every store has to do.
 *
 * @public
 */
export interface StoreCheck {
  readonly name: string;
  /** Makes a store and tries it; fails, saying what was wrong, when the store does not do it. */
  run(): Promise<void>;
}

/**
 * What every `ImageStore` has to do, as checks for any test runner.
 *
 * The stores of this library pass them. One of your own that does, too, can be pulled into without loss: nothing false or
 * half shows in it, and no name points to an image that is not all there.
 *
 * @param createStore - makes an empty store, once for each check
 * @returns the checks; they do not depend on each other
 * @example
 * ```ts
 * import { testStore } from 'kubepull/testing';
 * import { nodeHasher } from 'kubepull/node';
 * import { createMemoryStore } from 'kubepull/store';
 *
 * const checks = testStore(async () => ({ store: createMemoryStore({ createHasher: nodeHasher }) }));
 * for (const { name, run } of checks) {
 *   await run();
 *   console.log('ok', name);
 * }
 * ```
 * @public
 */
export function testStore(createStore: () => Promise<StoreUnderTest>): readonly StoreCheck[] {
  return toChecks(createStore, [...contentChecks(), ...writerChecks(), ...nameChecks()]);
}

/**
 * What every `ManagedStore` has to do beyond {@link testStore}: names that can be listed and taken away, and a
 * collection of garbage that takes nothing that anybody needs.
 *
 * @param createStore - makes an empty store, once for each check
 * @returns the checks; they do not depend on each other
 * @example
 * ```ts
 * import { testManagedStore } from 'kubepull/testing';
 * import { nodeHasher } from 'kubepull/node';
 * import { createMemoryStore } from 'kubepull/store';
 *
 * const checks = testManagedStore(async () => ({ store: createMemoryStore({ createHasher: nodeHasher }) }));
 * for (const { run } of checks) await run();
 * ```
 * @public
 */
export function testManagedStore(createStore: () => Promise<ManagedStoreUnderTest>): readonly StoreCheck[] {
  return toChecks(createStore, managedChecks());
}

function toChecks<Store>(
  createStore: () => Promise<Pick<StoreUnderTest, 'cleanup'> & { readonly store: Store }>,
  checks: readonly (readonly [name: string, run: (store: Store) => Promise<void>])[],
): readonly StoreCheck[] {
  check('Cannot check a store', { createStore }, { createStore: is.callable });
  return checks.map(([name, runCheck]) => ({
    name,
    async run() {
      const { store, cleanup } = await createStore();
      try {
        await runCheck(store);
      } finally {
        await cleanup?.();
      }
    },
  }));
}
