import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import type { CallOptions } from '../clock/index.js';
import type { ImageName } from '../reference/index.js';
import { imageNameText } from '../reference/inner.js';
import { lookupResult } from './lookup-result.js';
import type { Keyring, LookupResult, StaticKeyring } from './types.js';

/**
 * A keyring that asks others and puts their answers behind each other, as kubelet does with the pod's secrets, the
 * node's file and the plugins. Each orders its own answer and does its own fallback for the default registry; nothing is
 * merged, so a less specific entry of the first comes before a more specific one of the second.
 *
 * When every keyring answers at once, so does the union; else it awaits them one after the other and rejects with the
 * signal's reason once the signal is aborted.
 *
 * @param keyrings - in the order of trying; none at all is an empty keyring
 * @returns the keyring; ranks count through
 * @example
 * ```ts
 * import { createKeyring, joinKeyrings } from 'kubepull/keyring';
 * import { parseImageName } from 'kubepull/reference';
 *
 * const keyring = joinKeyrings(createKeyring([]), createKeyring([]));
 * keyring.lookup(parseImageName('nginx')).candidates.length; // 0
 * ```
 * @see UnionDockerKeyring in kubernetes pkg/credentialprovider/keyring.go
 * @public
 */
export function joinKeyrings(...keyrings: readonly StaticKeyring[]): StaticKeyring;
/**
 * The same for keyrings of which some have to wait for their answer.
 *
 * @param keyrings - in the order of trying
 * @returns the keyring; ranks count through
 * @public
 */
export function joinKeyrings(...keyrings: readonly Keyring[]): Keyring;
export function joinKeyrings(...keyrings: readonly Keyring[]): Keyring {
  check('Cannot unite keyrings', { keyrings }, { keyrings: is.listOf(is.having('a keyring', 'lookup')) });
  return {
    lookup(image, options = {}) {
      check<CallOptions>('Cannot look up credentials', options, is.callOptions);
      imageNameText(image);
      const results: LookupResult[] = [];
      for (const [index, keyring] of keyrings.entries()) {
        const result = keyring.lookup(image, options);
        if ('then' in result) return lookupLater(image, results, result, keyrings.slice(index + 1), options);
        results.push(result);
      }
      return joinResults(image, results);
    },
  };
}

async function lookupLater(
  image: ImageName,
  results: readonly LookupResult[],
  pending: Promise<LookupResult>,
  rest: readonly Keyring[],
  options: CallOptions,
): Promise<LookupResult> {
  const all = [...results, await pending];
  for (const keyring of rest) {
    options.signal?.throwIfAborted();
    all.push(await keyring.lookup(image, options));
  }
  return joinResults(image, all);
}

function joinResults(image: ImageName, results: readonly LookupResult[]): LookupResult {
  const candidates = results.flatMap((result) => result.candidates);
  return lookupResult(
    image,
    candidates.map((candidate, index) => ({ ...candidate, rank: index + 1 })),
    () => results.flatMap((result) => result.rejected),
    results.flatMap((result) => result.sources),
  );
}
