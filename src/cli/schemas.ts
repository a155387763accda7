import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';

/**
 * A JSON schema, of draft 2020-12.
 *
 * @public
 */
export type JsonSchema = Readonly<Record<string, unknown>>;

const text: JsonSchema = { type: 'string' };
const whole: JsonSchema = { type: 'integer', minimum: 0 };
const truth: JsonSchema = { type: 'boolean' };
const orNull = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: 'null' }] });
const listOf = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
const oneOf = (...words: readonly string[]): JsonSchema => ({ enum: words });

/** An object of exactly these members. */
function shape(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

function schemaOf(command: string, properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: `kubepull ${command} --json`,
    ...shape({ command: { const: command }, version: { const: 1 }, ...properties }),
  };
}

const object = shape({ kind: text, namespace: text, name: text, place: text });
const attempt = shape({ source: text, code: text, message: text });

const told = shape({
  cause: text,
  title: text,
  cure: text,
  words: orNull(text),
  reason: orNull(text),
  image: orNull(text),
  suggestion: orNull(text),
  registry: orNull(text),
  host: orNull(text),
  status: orNull(whole),
  runtime: orNull(oneOf('containerd', 'cri-o', 'docker')),
});

const explain = (): JsonSchema =>
  schemaOf('explain', {
    images: listOf(
      shape({
        object: orNull(object),
        container: shape({ name: text, kind: oneOf('init', 'regular', 'ephemeral', 'volume'), path: text }),
        image: text,
        state: orNull(oneOf('waiting', 'running', 'terminated')),
        reason: orNull(text),
        told: orNull(told),
        policy: shape({ policy: text, reason: text }),
        name: orNull(text),
        runtimeImage: orNull(text),
        pullSecrets: shape({
          listedBy: oneOf('pod', 'service-account', 'none'),
          found: listOf(text),
          missing: listOf(text),
          message: orNull(text),
          skipped: listOf(shape({ name: text, reason: oneOf('type', 'key', 'empty', 'malformed') })),
        }),
        credentials: orNull(
          shape({
            tried: listOf(
              shape({ rank: { type: 'integer', minimum: 1 }, key: text, source: text, rule: text, cutsSegment: truth }),
            ),
            notTried: listOf(shape({ key: orNull(text), source: text, reason: text })),
            asked: listOf(
              shape({
                source: text,
                outcome: oneOf('unmatched', 'unsuited', 'cached', 'fetched', 'failed'),
                detail: text,
              }),
            ),
          }),
        ),
        decision: orNull(shape({ action: oneOf('use', 'pull', 'fail'), reason: text })),
        failure: orNull(shape({ reason: text, message: text })),
        error: orNull(text),
      }),
    ),
    message: orNull(told),
  });

const planned = { endpoint: text, rank: { type: 'integer', minimum: 1 }, source: text };

const preflight = (): JsonSchema =>
  schemaOf('preflight', {
    ok: truth,
    network: truth,
    pods: whole,
    failed: whole,
    images: listOf(
      shape({
        image: text,
        name: orNull(text),
        status: oneOf('ok', 'failed', 'unknown'),
        failure: orNull(shape({ cause: text, title: text, cure: text, message: text })),
        usedBy: listOf(
          shape({
            object: text,
            place: text,
            container: text,
            kind: oneOf('init', 'regular', 'ephemeral', 'volume'),
            path: text,
            policy: text,
          }),
        ),
        planned: listOf(shape(planned)),
        served: orNull(shape(planned)),
        attempts: listOf(shape({ ...planned, cause: text, code: text, message: text })),
        digest: orNull(text),
        available: listOf(text),
        platforms: listOf(
          shape({
            platform: text,
            digest: orNull(text),
            contents: whole,
            bytes: whole,
            missing: whole,
            missingBytes: whole,
            cause: orNull(text),
          }),
        ),
        missingSecrets: listOf(text),
        unknown: listOf(oneOf('reachable', 'authorized', 'digest', 'platforms', 'bytes', 'rate-limit', 'present')),
      }),
    ),
    totals: listOf(shape({ platform: text, missingBytes: whole })),
    rateLimits: listOf(
      shape({ origin: text, limit: orNull(whole), remaining: orNull(whole), windowSeconds: orNull(whole) }),
    ),
  });

const pin = (): JsonSchema =>
  schemaOf('pin', {
    changes: listOf(shape({ place: text, path: text, from: text, to: text, digest: text })),
    left: listOf(
      shape({
        place: text,
        path: text,
        image: text,
        reason: oneOf('pinned', 'invalid', 'not-found', 'failed'),
        message: text,
      }),
    ),
  });

const lint = (): JsonSchema =>
  schemaOf('lint', {
    findings: listOf(
      shape({
        object: { anyOf: [object, shape({ kind: oneOf('DockerConfig', 'Image'), place: text })] },
        code: text,
        severity: oneOf('error', 'warning', 'info'),
        place: text,
        message: text,
        cure: text,
        suggestion: orNull(text),
      }),
    ),
    counts: shape({ error: whole, warning: whole, info: whole }),
  });

const pull = (): JsonSchema =>
  schemaOf('pull', {
    target: shape({ kind: oneOf('layout', 'archive'), path: text }),
    images: listOf({
      anyOf: [
        shape({
          image: text,
          status: { const: 'pulled' },
          name: text,
          imageRef: text,
          repoDigest: text,
          platform: orNull(text),
          source: text,
          attempts: listOf(attempt),
        }),
        shape({
          image: text,
          status: { const: 'failed' },
          error: shape({ code: text, message: text }),
          attempts: listOf(attempt),
        }),
      ],
    }),
  });

const SCHEMAS: Readonly<Record<string, () => JsonSchema>> = { explain, preflight, lint, pull, pin };

/**
 * Gives the JSON schema of what a command prints with `--json`. A member is never renamed; new ones may come with a new minor
 * version of the package, and `version` counts what changes otherwise.
 *
 * @param command - `explain`, `preflight`, `lint`, `pull` or `pin`
 * @returns the schema, of draft 2020-12
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for anything else
 * @example
 * ```ts
 * import { getOutputSchema } from 'kubepull/cli';
 *
 * getOutputSchema('explain')['title']; // 'kubepull explain --json'
 * ```
 * @public
 */
export function getOutputSchema(command: string): JsonSchema {
  check('Cannot give a schema', { command }, { command: is.oneOf(...Object.keys(SCHEMAS)) });
  return (SCHEMAS[command] ?? explain)();
}
