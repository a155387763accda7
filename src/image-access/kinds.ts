import { type Kind } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { releaseKind } from '../kubernetes/inner.js';

const coordinateMembers = { uid: is.text, namespace: is.text, name: is.text };

export const coordinates: Kind = /* @__PURE__ */ is.shape(coordinateMembers);

export const recordedSecret: Kind = /* @__PURE__ */ is.shape({ ...coordinateMembers, credentialHash: is.text });

export const pullCredentials: Kind = /* @__PURE__ */ is.shape({
  kubernetesSecrets: /* @__PURE__ */ is.listOf(recordedSecret),
  kubernetesServiceAccounts: /* @__PURE__ */ is.listOf(coordinates),
  nodePodsAccessible: is.bool,
});

export const pulledRecord: Kind = /* @__PURE__ */ is.shape(
  {
    imageRef: is.text,
    lastUpdatedAt: is.finite,
    credentialMapping: /* @__PURE__ */ is.having('a map of credentials by name', 'get', 'entries'),
  },
  'a record of a pulled image',
);

export const podCredentials: Kind = /* @__PURE__ */ is.shape({
  secrets: /* @__PURE__ */ is.listOf(recordedSecret),
  serviceAccount: /* @__PURE__ */ is.optional(coordinates),
});

export const records: Kind = /* @__PURE__ */ is.having(
  'pulled records, such as createMemoryRecords() gives',
  'writeIntent',
  'hasIntent',
  'deleteIntent',
  'listIntents',
  'readRecord',
  'writeRecord',
  'deleteRecord',
  'listRecords',
);

export const allowlist: Kind = /* @__PURE__ */ is.listOf(
  /* @__PURE__ */ is.shape(
    { pattern: is.text, kind: /* @__PURE__ */ is.oneOf('exact', 'prefix'), text: is.text },
    'a pattern, such as parseAllowlist() gives',
  ),
);

const policy: Kind = /* @__PURE__ */ is.oneOf(
  'NeverVerify',
  'NeverVerifyPreloadedImages',
  'NeverVerifyAllowlistedImages',
  'AlwaysVerify',
);

/** The members of `VerificationOptions`. */
export const verification: Readonly<Record<'policy' | 'allowlist' | 'release', Kind>> = {
  policy: /* @__PURE__ */ is.optional(policy),
  allowlist: /* @__PURE__ */ is.optional(allowlist),
  release: /* @__PURE__ */ is.optional(releaseKind),
};
