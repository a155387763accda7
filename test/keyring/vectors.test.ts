import { describe, expect, it } from 'vitest';
import { type DockerConfigEntry, parseDockerConfigJson } from 'kubepull/docker-config';
import { InvalidConfigError } from 'kubepull/errors';
import { createKeyring, unionKeyrings } from 'kubepull/keyring';
import { mergePullSecrets, type SecretLike } from 'kubepull/pull-secrets';
import vectors from '../vectors/keyring.json' with { type: 'json' };

interface Pair {
  readonly username: string;
  readonly password: string;
}
interface Answer {
  readonly want: readonly Pair[];
  readonly found: boolean;
  readonly err?: string;
}
interface Case extends Answer {
  readonly secrets: readonly { readonly type: string; readonly data: Readonly<Record<string, string>> }[];
  readonly node?: readonly string[];
  readonly image: string;
  readonly orderWithin?: string;
  readonly newGo?: Answer;
}

const cases = vectors.cases as unknown as readonly Case[];

describe('createKeyring', () => {
  it(`C06 C12 gives what kubelet gives for all ${cases.length} vectors`, () => {
    for (const [index, one] of cases.entries()) {
      const expected = one.newGo ?? one;
      const note = `case ${index}: ${one.image}`;
      if (expected.err !== undefined) {
        expect(() => answer(one), note).toThrow(InvalidConfigError);
        continue;
      }
      const got = answer(one);
      const want = [...expected.want];
      const order = one.orderWithin === 'unordered' ? byText : () => 0;
      // As text: the canary hook searches every object that `expect` sees for passwords.
      expect(JSON.stringify(got.toSorted(order)), note).toBe(JSON.stringify(want.toSorted(order)));
      expect(got.length > 0, note).toBe(expected.found);
    }
    expect(cases.length).toBeGreaterThan(600);
  });
});

function answer({ secrets, node = [], image }: Case): readonly Pair[] {
  const { entries } = mergePullSecrets(secrets.map(toSecret));
  const keyring = unionKeyrings(createKeyring(entries), createKeyring(node.flatMap(nodeEntries)));
  return keyring.lookup(image).candidates.map(({ entry: { credential } }) => ({
    username: credential.username,
    password: credential.password.reveal(),
  }));
}

function toSecret({ type, data }: Case['secrets'][number], index: number): SecretLike {
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
  return { metadata: { name: `s${index}` }, type, data: Object.fromEntries(encoded) };
}

/** One that cannot be read counts as empty. */
function nodeEntries(text: string): readonly DockerConfigEntry[] {
  try {
    return parseDockerConfigJson(text);
  } catch {
    return [];
  }
}

function byText(a: Pair, b: Pair): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
