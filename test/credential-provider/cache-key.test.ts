import fc from 'fast-check';
import { describe, it } from 'vitest';
import { createSecret } from 'kubepull/docker-config';
import { accountParts, CACHE_KEY_TYPES, cacheKey } from '../../src/credential-provider/provider.ts';

const text = fc.oneof(fc.constantFrom('', '1:', 'a', '0:', 'token', '<global>'), fc.string({ maxLength: 6 }));
const account = fc.option(
  fc.record({
    namespace: text,
    name: text,
    uid: text,
    annotations: fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true }),
    token: text,
  }),
  { nil: undefined },
);
const question = fc.record({ image: text, account });

/** What makes two questions of one kind the same. */
function identity({ image, account }: typeof question extends fc.Arbitrary<infer T> ? T : never): string {
  const annotations = Object.entries(account?.annotations ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([image, account && { ...account, annotations }]);
}

describe('cacheKey', () => {
  it('differs for different images, accounts, annotations and tokens, whatever characters they have [X07]', () => {
    fc.assert(
      fc.property(question, question, (a, b) => {
        const [first, second] = [a, b].map(({ image, account }) => {
          const whole = account && { ...account, token: createSecret(account.token) };
          return cacheKey('Image', image, accountParts(whole, 'Token'));
        });
        if ((first === second) !== (identity(a) === identity(b))) throw new Error(`${first} ${second}`);
      }),
    );
  });

  it('differs with each part of an account, and with none [X07]', () => {
    const one = { namespace: 'n', name: 's', uid: 'u', annotations: { k: 'v' }, token: createSecret('t') };
    const others = [
      { namespace: 'N' },
      { name: 'S' },
      { uid: 'U' },
      { annotations: { K: 'v' } },
      { annotations: { k: 'V' } },
      { annotations: {} },
      { token: createSecret('T') },
    ];
    const accounts = [undefined, one, ...others.map((change) => ({ ...one, ...change }))];
    const keys = (cacheType: 'Token' | 'ServiceAccount') =>
      new Set(accounts.map((whole) => cacheKey('Image', 'r.io/app', accountParts(whole, cacheType)))).size;
    // Without a part for the token its change changes nothing.
    if (keys('Token') !== accounts.length || keys('ServiceAccount') !== accounts.length - 1) throw new Error('equal');
  });

  it('differs for the kinds of one image, unless they cover the same [X07]', () => {
    const keys = CACHE_KEY_TYPES.map((type) => cacheKey(type, 'r.io/team/app', []));
    if (new Set(keys).size !== 3) throw new Error(keys.join());
  });
});
