import { type Kind } from '../errors/inner.js';
import * as is from '../errors/inner.js';

// What API objects must be. Anything in them may be missing or null, as the API server reads them.
const text = /* @__PURE__ */ is.nullable(is.text);

export const metadataKind: Kind = /* @__PURE__ */ is.nullable(
  /* @__PURE__ */ is.shape({
    name: text,
    generateName: text,
    namespace: text,
    uid: text,
    annotations: /* @__PURE__ */ is.nullable(/* @__PURE__ */ is.recordOf(text)),
  }),
);

/** A list of `{ name }`. */
const nameListKind: Kind = /* @__PURE__ */ is.nullable({
  what: 'a list of names',
  accepts: Array.isArray,
  items: /* @__PURE__ */ is.nullable(/* @__PURE__ */ is.shape({ name: text })),
});

export const serviceAccountKind: Kind = /* @__PURE__ */ is.shape(
  { metadata: metadataKind, imagePullSecrets: nameListKind },
  'a service account',
);

const containers = /* @__PURE__ */ listOf({ name: text, image: text, imagePullPolicy: text });
const podSpecMembers = {
  containers,
  initContainers: containers,
  ephemeralContainers: containers,
  volumes: /* @__PURE__ */ listOf({
    name: text,
    image: /* @__PURE__ */ is.nullable(/* @__PURE__ */ is.shape({ reference: text, pullPolicy: text })),
  }),
  imagePullSecrets: nameListKind,
  serviceAccountName: text,
  serviceAccount: text,
};

const template = /* @__PURE__ */ is.nullable(
  /* @__PURE__ */ is.shape({ spec: /* @__PURE__ */ is.nullable(/* @__PURE__ */ is.shape(podSpecMembers)) }),
);

/** What a workload or a List has, where a pod is wanted: read as a pod it would have no images, and nothing to do. */
const absent: Kind = {
  what: 'left out: pass a single pod, or the template of a workload as one',
  accepts: (value) => value === undefined || value === null,
};

export const podKind: Kind = /* @__PURE__ */ is.shape(
  {
    kind: { what: "'Pod': pass a single pod, or the template of a workload as one", accepts: isPodKind },
    items: absent,
    metadata: metadataKind,
    spec: /* @__PURE__ */ is.nullable(
      /* @__PURE__ */ is.shape({ ...podSpecMembers, template: absent, jobTemplate: absent }),
    ),
  },
  'a pod',
);

function isPodKind(kind: unknown): boolean {
  return kind === undefined || kind === null || kind === 'Pod';
}

export const workloadKind: Kind = /* @__PURE__ */ is.shape(
  {
    kind: text,
    metadata: metadataKind,
    template,
    spec: /* @__PURE__ */ is.nullable(
      /* @__PURE__ */ is.shape({
        ...podSpecMembers,
        template,
        jobTemplate: /* @__PURE__ */ is.nullable(
          /* @__PURE__ */ is.shape({ spec: /* @__PURE__ */ is.nullable(/* @__PURE__ */ is.shape({ template })) }),
        ),
      }),
    ),
  },
  'a pod or a workload',
);

function listOf(members: Readonly<Record<string, Kind>>): Kind {
  return is.nullable(is.listOf(is.nullable(is.shape(members))));
}

export const releaseKind: Kind = /* @__PURE__ */ is.oneOf('1.35', '1.36', '1.37');
