// Docker configs, keyrings and pull secrets, as kubelet and the API server read them.
import { decodeAuth, type DockerConfigEntry, parseDockerConfigJson } from 'kubepull/docker-config';
import { InvalidConfigError } from 'kubepull/errors';
import { createKeyring, joinKeyrings } from 'kubepull/keyring';
import { mergePullSecrets, type SecretLike, validateSecret } from 'kubepull/pull-secrets';
import { encodeBase64, encodeUtf8 } from '../../src/internal/index.ts';
import { newest, type Outcome, text, type VectorCase } from './check.ts';
import { imageNamed } from '../support/image-name.ts';

const base64 = (value: string): string => encodeBase64(encodeUtf8(value));

/** Runs `use`; of a config that is refused, gives what `refused` makes of Go's text. */
function attempt<T, E>(use: () => T, refused: (upstream: string) => E): T | E {
  try {
    return use();
  } catch (error) {
    if (error instanceof InvalidConfigError) return refused(error.upstream);
    throw error;
  }
}

export function checkAuthDecode(vector: VectorCase): Outcome {
  const field = (name: string): string => text(vector, `${name}B64`) || base64(text(vector, name));
  const want =
    vector['err'] === undefined
      ? { username: field('username'), password: field('password') }
      : { err: vector['err'], kind: vector['errKind'] };
  const got = attempt(
    () => {
      const { username, password } = decodeAuth(text(vector, 'in'));
      return { username: base64(username), password: base64(password.reveal()) };
    },
    (err) => ({ err, kind: err.startsWith('illegal base64') ? 'base64' : 'format' }),
  );
  return { want, got };
}

interface Pair {
  readonly username: string;
  readonly password: string;
}

export function checkKeyring(vector: VectorCase): Outcome {
  const { want, found, err } = newest(vector, 'want');
  if (err !== undefined) {
    return { want: 'refused', got: attempt(() => lookUp(vector).length, () => 'refused') };
  }
  // Where Go's order is random, only which credentials come counts.
  const unordered = vector['orderWithin'] === 'unordered';
  const arrange = (pairs: readonly Pair[]): readonly string[] => {
    const rows = pairs.map(({ username, password }) => JSON.stringify([username, password]));
    return unordered ? rows.toSorted() : rows;
  };
  const got = lookUp(vector);
  return {
    want: { candidates: arrange(want as readonly Pair[]), found },
    got: { candidates: arrange(got), found: got.length > 0 },
  };
}

function lookUp(vector: VectorCase): readonly Pair[] {
  const secrets = (vector['secrets'] as readonly SecretLike[]).map(encodeSecret);
  const node = (vector['node'] ?? []) as readonly string[];
  const { entries } = mergePullSecrets(secrets);
  const keyring = joinKeyrings(createKeyring(entries), createKeyring(node.flatMap(nodeConfig)));
  return keyring.lookup(imageNamed(text(vector, 'image'))).candidates.map(({ entry: { credential } }) => ({
    username: credential.username,
    password: credential.password.reveal(),
  }));
}

/** The vectors have the data of secrets as text; in a Secret it is base64. */
function encodeSecret({ type, data }: SecretLike): SecretLike {
  const encoded = Object.entries(data ?? {}).map(([key, value]) => [key, base64(value)]);
  return { metadata: { name: 'vector' }, type, data: Object.fromEntries(encoded) };
}

/** A node file that cannot be read counts as empty. */
function nodeConfig(json: string): readonly DockerConfigEntry[] {
  return attempt(
    () => parseDockerConfigJson(json),
    () => [],
  );
}

interface FieldError {
  readonly type: string;
  readonly field: string;
  readonly message: string;
}

export function checkSecret(vector: VectorCase): Outcome {
  const fill = Object.entries((vector['fill'] ?? {}) as Readonly<Record<string, number>>);
  const data = { ...(vector['data'] as object), ...Object.fromEntries(fill.map(([key, size]) => [key, 'x'.repeat(size)])) };
  const secret = encodeSecret({ type: text(vector, 'type'), data });
  const annotations = vector['annotations'] as Readonly<Record<string, string>> | undefined;
  const result = validateSecret({ ...secret, metadata: { ...secret.metadata, annotations } });
  // Go goes over the data in random order.
  const rows = (errors: readonly FieldError[]): readonly string[] =>
    errors.map(({ type, field, message }) => `${type} ${field} ${message}`).toSorted();
  return {
    want: { valid: vector['valid'], errors: rows((vector['errors'] ?? []) as readonly FieldError[]) },
    got: { valid: result.valid, errors: rows(result.errors) },
  };
}
