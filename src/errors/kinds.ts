// What an argument or an option can be. The names are read behind `is`: `is.text`, `is.wholeFrom(1)`.
import { printable, quote } from '../internal/index.js';

/** What an argument or an option must be. Types do not reach plain JavaScript, so each is checked where it comes in. */
export interface Kind {
  /** The words that follow "must be". */
  readonly what: string;
  readonly accepts: (value: unknown) => boolean;
  /** What the members of an object must be; asked once the object itself is accepted. */
  readonly members?: Readonly<Record<string, Kind>> | undefined;
  /** What each item of a list, or each value of a record, must be. */
  readonly items?: Kind | undefined;
  /** Whether a message may quote a text that is not accepted; other values are only named by their type. */
  readonly quotes?: boolean | undefined;
}

const MAX_NAME = 64;

export const text: Kind = { what: 'a text', accepts: (value) => typeof value === 'string' };
export const filledText: Kind = {
  what: 'a text that is not empty',
  accepts: (value) => typeof value === 'string' && value !== '',
};
export const bool: Kind = { what: 'true or false', accepts: (value) => typeof value === 'boolean' };
export const callable: Kind = { what: 'a function', accepts: isCallable };
export const finite: Kind = { what: 'a number', accepts: (value) => Number.isFinite(value) };
/** Infinity as well, but not NaN. */
export const number: Kind = { what: 'a number', accepts: (value) => typeof value === 'number' && !Number.isNaN(value) };
export const object: Kind = { what: 'an object', accepts: isObject };
export const bytes: Kind = { what: 'a Uint8Array', accepts: (value) => value instanceof Uint8Array };
export const anything: Kind = { what: 'anything', accepts: () => true };

/** A number from `least` up to `most`, both included. */
export function numberFrom(least: number, most: number = Number.MAX_SAFE_INTEGER): Kind {
  return {
    what: `a number ${span(least, most)}`,
    accepts: (value) => typeof value === 'number' && value >= least && value <= most,
  };
}

/** A whole number from `least` up to `most`, both included. */
export function wholeFrom(least: number, most: number = Number.MAX_SAFE_INTEGER): Kind {
  return {
    what: `a whole number ${span(least, most)}`,
    accepts: (value) => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
  };
}

/** A time limit in milliseconds, as a timer can wait it. */
export const timeoutMs: Kind = /* @__PURE__ */ wholeFrom(1, 2_147_483_647);

function span(least: number, most: number): string {
  return most >= Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
}

/** One of a few words. */
export function oneOf(...words: readonly (string | number)[]): Kind {
  const named = words.map((word) => (typeof word === 'string' ? quote(word) : word));
  return { what: named.join(' or '), accepts: (value) => words.includes(value as string), quotes: true };
}

export function optional(kind: Kind): Kind {
  return { ...kind, accepts: (value) => value === undefined || kind.accepts(value) };
}

/** As API objects have it: YAML says `key:` and nothing behind it, which is empty. */
export function nullable(kind: Kind): Kind {
  return { ...kind, accepts: (value) => value === undefined || value === null || kind.accepts(value) };
}

export function either(...kinds: readonly Kind[]): Kind {
  return {
    what: kinds.map(({ what }) => what).join(' or '),
    accepts: (value) => kinds.some((one) => findFault(value, one) === undefined),
  };
}

export function listOf(items: Kind): Kind {
  return { what: 'a list', accepts: (value) => Array.isArray(value), items };
}

/** What a `for` loop takes, except text, whose characters nobody means. */
export const iterable: Kind = {
  what: 'a list',
  accepts: (value) => typeof value === 'object' && value !== null && Symbol.iterator in value,
};

/** What `for await` takes. */
export const asyncIterable: Kind = {
  what: 'an async iterable of bytes',
  accepts: (value) => typeof value === 'object' && value !== null && Symbol.asyncIterator in value,
};

export function recordOf(items: Kind): Kind {
  return { ...object, items };
}

export function shape(members: Readonly<Record<string, Kind>>, what: string = object.what): Kind {
  return { what, accepts: isObject, members };
}

/** An object, or a function, that has these methods. */
export function having(what: string, ...names: readonly string[]): Kind {
  return {
    what,
    accepts: (value) =>
      value !== null &&
      value !== undefined &&
      names.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === 'function'),
  };
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The first place that is not of its kind, with the value there; `undefined` when all is. The path is put together on the
 * way back: what is right costs no text.
 */
export function findFault(value: unknown, kind: Kind): Fault | undefined {
  if (!kind.accepts(value)) return { path: '', value, kind };
  if (typeof value !== 'object' || value === null) return undefined;
  const { members, items } = kind;
  for (const name in members) {
    const fault = findFault((value as Readonly<Record<string, unknown>>)[name], members[name] as Kind);
    if (fault !== undefined) return { ...fault, path: join(name, fault.path) };
  }
  if (items === undefined) return undefined;
  for (const [name, item] of Object.entries(value)) {
    const fault = findFault(item, items);
    // The names in a record are those of who wrote it.
    const place = (): string => (Array.isArray(value) ? `[${name}]` : printable(name, MAX_NAME));
    if (fault !== undefined) return { ...fault, path: join(place(), fault.path) };
  }
  return undefined;
}

export interface Fault {
  readonly path: string;
  readonly value: unknown;
  readonly kind: Kind;
}

function join(name: string, path: string): string {
  return path === '' || path.startsWith('[') ? name + path : `${name}.${path}`;
}

const optionalText = /* @__PURE__ */ optional(text);

export const signal: Kind = /* @__PURE__ */ having('an AbortSignal', 'throwIfAborted', 'addEventListener');
/** The options that every waiting call accepts. */
export const callOptions: { readonly signal: Kind } = { signal: /* @__PURE__ */ optional(signal) };
export const clock: Kind = /* @__PURE__ */ having('a clock, such as systemClock', 'now', 'monotonic', 'sleep');
export const monotonicClock: Kind = /* @__PURE__ */ having('a clock, such as systemClock', 'monotonic');
export const tracing: Kind = /* @__PURE__ */ having('a tracing, such as createDiagnosticsTracing() gives', 'trace');
export const hasher: Kind = {
  what: 'a function, such as nodeHasher of kubepull/node',
  accepts: isCallable,
};
export const secret: Kind = /* @__PURE__ */ having('a secret, such as createSecret() gives', 'reveal');
export const platform: Kind = /* @__PURE__ */ shape(
  {
    os: text,
    architecture: text,
    variant: optionalText,
    'os.version': optionalText,
    'os.features': /* @__PURE__ */ optional(/* @__PURE__ */ listOf(text)),
  },
  "a platform, such as parsePlatform('linux/amd64') gives",
);
export const descriptor: Kind = /* @__PURE__ */ shape(
  { mediaType: text, digest: text, size: /* @__PURE__ */ wholeFrom(0) },
  'a descriptor',
);
/** A reference as far as its text goes. */
export const referenceText: Kind = { what: 'a reference, such as parseReference() gives', accepts: isReferenceText };
export const reference: Kind = { what: 'a reference, such as parseReference() gives', accepts: isReference };
export const plainHttp: Kind = {
  what: "a list of hosts without scheme and path, such as ['registry.example.com:5000']",
  accepts: (value) => Array.isArray(value) && value.every((host) => typeof host === 'string' && HOST.test(host)),
};
export const credential: Kind = /* @__PURE__ */ shape(
  {
    username: text,
    password: secret,
    identityToken: /* @__PURE__ */ optional(secret),
    registryToken: /* @__PURE__ */ optional(secret),
    email: optionalText,
  },
  'a credential, such as createCredential() gives',
);
/** Judged in one look: a node may have thousands. */
export const entry: Kind = { what: 'an entry of a docker config', accepts: isEntry };
export const stringMap: Kind = /* @__PURE__ */ recordOf(text);
export const algorithm: Kind = /* @__PURE__ */ oneOf('sha256', 'sha384', 'sha512');

/** `host` or `host:port`, as in references. A URL would be ignored, and TLS spoken all the same. */
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?$/i;

function isCallable(value: unknown): boolean {
  return typeof value === 'function';
}

function isReferenceText(value: unknown): boolean {
  const { domain, path, tag, digest } = Object(value) as Readonly<Record<string, unknown>>;
  return (
    typeof domain === 'string' &&
    typeof path === 'string' &&
    (tag === undefined || typeof tag === 'string') &&
    (digest === undefined || typeof digest === 'string')
  );
}

function isReference(value: unknown): boolean {
  return isReferenceText(value) && typeof (value as { readonly name?: unknown }).name === 'string';
}

function isEntry(value: unknown): boolean {
  const { pattern, credential: given, source: from } = Object(value) as Readonly<Record<string, unknown>>;
  const { username, password, email, identityToken, registryToken } = Object(given) as Readonly<
    Record<string, unknown>
  >;
  return (
    typeof pattern === 'string' &&
    typeof username === 'string' &&
    secret.accepts(password) &&
    isOptionalSecret(identityToken) &&
    isOptionalSecret(registryToken) &&
    (email === undefined || typeof email === 'string') &&
    typeof (Object(from) as { readonly kind?: unknown }).kind === 'string'
  );
}

function isOptionalSecret(value: unknown): boolean {
  return value === undefined || secret.accepts(value);
}
