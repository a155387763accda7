import { type Kind } from '../errors/inner.js';
import * as is from '../errors/inner.js';

/** A runtime, as the manager and garbage collection need it. */
export const imageServiceKind: Kind = /* @__PURE__ */ is.having(
  'an image service, such as createCriImageService() gives',
  'imageStatus',
  'pullImage',
  'listImages',
  'removeImage',
  'imageFsInfo',
);

const managed = /* @__PURE__ */ is.having('', 'names', 'untag', 'collectGarbage');

/** Where a store can be listed it has to have the rest of a `ManagedStore` as well. */
export function orManaged(store: Kind): Kind {
  const isWhole = (value: object): boolean => !('names' in value) || managed.accepts(value);
  return { ...store, accepts: (value) => store.accepts(value) && isWhole(value as object) };
}

export const imageSpecKind: Kind = /* @__PURE__ */ is.shape(
  { image: is.text, annotations: is.stringMap, runtimeHandler: is.text },
  'an image spec',
);

export const pullRequestKind: Kind = /* @__PURE__ */ is.shape(
  {
    image: imageSpecKind,
    auth: /* @__PURE__ */ is.optional(is.entry),
    sandbox: /* @__PURE__ */ is.optional(
      /* @__PURE__ */ is.shape({ namespace: is.text, name: is.text, uid: is.text, annotations: is.stringMap }),
    ),
  },
  'a pull request',
);
