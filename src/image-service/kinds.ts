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
