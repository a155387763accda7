import type { CallOptions } from '../clock/index.js';
import { check, type Kind } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import type { Descriptor } from '../oci/index.js';

/** A store that has these methods. */
export function storeWith(...methods: readonly string[]): Kind {
  return is.having(`a store with ${methods.join(', ')}`, ...methods);
}

/** What every call of a store checks, so that no backend fails with words that name no option. */
export function checkContentCall(descriptor: Descriptor, options: CallOptions): void {
  check('Cannot use a store', { descriptor }, { descriptor: is.descriptor });
  check<CallOptions>('Cannot use a store', options, is.callOptions);
}

export function checkNameCall(name: string, options: CallOptions): void {
  check('Cannot use a store', { name }, { name: is.text });
  check<CallOptions>('Cannot use a store', options, is.callOptions);
}
