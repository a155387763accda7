import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DockerConfigEntry } from 'kubepull/docker-config';
import { createKeyring, formatLookup, type LookupResult, joinKeyrings } from 'kubepull/keyring';
import { matchImage, type MatchOptions, normalizeKey } from 'kubepull/match';
import { deepFreeze } from '../docker-config/support.ts';
import { entry } from './support.ts';
import { anyText } from '../support/any-text.ts';
import { imageNamed } from '../support/image-name.ts';

const label = fc.constantFrom('a', 'b', 'io', 'docker', 'index', '*', 'a*', '*b', '*a*', 'é', '\u{1f600}', '\uffee');
const host = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
const port = fc.constantFrom('', '', '', ':5000', ':443', ':');
const path = fc.constantFrom('', '', '/', '/x', '/x/y', '/v1/', '/v2/x', '/x-y', '/é', '/%41', '/\u{1f600}');
const odd = fc.constantFrom(
  'a:b:c',
  '[::1]:5000',
  '[::1]',
  'a[b].io',
  '',
  'foo bar',
  'a?.io',
  'a\\*.io',
  'index.docker.io',
  'docker.io',
);
const scheme = fc.constantFrom('', '', '', 'https://', 'http://', 'HTTPS://');
const key = fc.oneof({ weight: 9, arbitrary: fc.tuple(scheme, host, port, path).map((parts) => parts.join('')) }, odd);
const image = fc.oneof(
  { weight: 9, arbitrary: fc.tuple(host, port, path).map((parts) => parts.join('')) },
  fc.constantFrom('docker.io/library/nginx', 'localhost/app', 'nginx', '', '/', 'a b/c'),
);
const entries = fc
  .array(key, { maxLength: 8 })
  .map((keys) => keys.map((pattern, index) => entry(pattern, `user${index}`)));
const options = fc.record({
  dialect: fc.constantFrom('kubelet', 'documented', 'docker', undefined),
  pathMatch: fc.constantFrom('prefix', 'segment', undefined),
}) as fc.Arbitrary<MatchOptions>;

/** kubelet's plain algorithm: every key against the image, in descending byte order. */
function naiveLookup(all: readonly DockerConfigEntry[], repository: string, how: MatchOptions): readonly string[] {
  const index = new Map<string, DockerConfigEntry[]>();
  for (const one of all) {
    const normal = normalizeKey(one.pattern, how);
    if (normal !== undefined) index.set(normal, [...(index.get(normal) ?? []), one]);
  }
  const keys = [...index.keys()].toSorted((a, b) => Buffer.compare(Buffer.from(b), Buffer.from(a)));
  const found = keys.flatMap((normal) => {
    const pattern = index.get(normal)?.[0]?.pattern ?? '';
    return matchImage(pattern, imageNamed(repository), how).matched ? (index.get(normal) ?? []) : [];
  });
  const [first, ...rest] = repository.split('/');
  const isDefault =
    first !== '' &&
    (rest.length === 0 || first === 'docker.io' || first === 'index.docker.io' || !/[.:]/.test(first ?? ''));
  const used = found.length > 0 || !isDefault ? found : (index.get('index.docker.io') ?? []);
  return used.map(({ credential }) => credential.username);
}

function show({ image, candidates, rejected }: LookupResult): string {
  return JSON.stringify([
    image,
    candidates.map(({ rank, key, rule, entry: { credential } }) => [rank, key, rule, credential.username]),
    rejected.map(({ key, reason, entry: { credential } }) => [key, reason, credential.username]),
  ]);
}

describe('createKeyring', () => {
  it('gives byte for byte the order of the plain algorithm', () => {
    fc.assert(
      fc.property(entries, image, options, (all, repository, how) => {
        const { candidates } = createKeyring(all, how).lookup(imageNamed(repository));
        const got = candidates.map(({ entry: { credential } }) => credential.username);
        expect(JSON.stringify(got)).toBe(JSON.stringify(naiveLookup(all, repository, how)));
      }),
    );
  });

  it('puts every entry either to the candidates or to the rejected, once, for the reason of the matcher', () => {
    fc.assert(
      fc.property(entries, image, options, (all, repository, how) => {
        const { candidates, rejected } = createKeyring(all, how).lookup(imageNamed(repository));
        const both = [...candidates, ...rejected].map(({ entry: { credential } }) => credential.username);
        expect(both.toSorted().join()).toBe(
          all
            .map(({ credential }) => credential.username)
            .toSorted()
            .join(),
        );
        for (const {
          entry: { pattern },
          reason,
        } of rejected) {
          const result = matchImage(pattern, imageNamed(repository), how);
          if (result.matched || (reason !== result.reason && reason !== 'invalid-image')) return false;
        }
        return candidates.every(({ rank }, index) => rank === index + 1);
      }),
    );
  });

  it('answers the same again, and whatever the order of different keys', () => {
    fc.assert(
      fc.property(entries, image, fc.nat(), (all, repository, seed) => {
        const unique = [...new Map(all.map((one) => [normalizeKey(one.pattern), one])).values()];
        const turned = unique.map((_, index) => unique[(index + seed) % unique.length] ?? entry(''));
        const keyring = createKeyring(unique);
        const one = keyring.lookup(imageNamed(repository));
        expect(show(keyring.lookup(imageNamed(repository)))).toBe(show(one));
        const names = ({ candidates }: LookupResult): string => candidates.map(({ key }) => key).join();
        expect(names(createKeyring(turned).lookup(imageNamed(repository)))).toBe(names(one));
      }),
    );
  });

  it('changes nothing of what it is given, and throws on no key or image', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(key, anyText()), { maxLength: 5 }), anyText(), (keys, repository) => {
        const keyring = createKeyring(
          deepFreeze(keys.map((pattern) => entry(pattern))),
          deepFreeze({ pathMatch: 'segment' }),
        );
        formatLookup(deepFreeze(keyring.lookup(imageNamed(repository))));
      }),
    );
  });
});

describe('unionKeyrings', () => {
  it('is associative, and the empty keyring changes nothing', () => {
    fc.assert(
      fc.property(entries, entries, entries, image, (one, two, three, repository) => {
        const [a, b, c] = [createKeyring(one), createKeyring(two), createKeyring(three)];
        const flat = show(joinKeyrings(a, b, c).lookup(imageNamed(repository)));
        expect(show(joinKeyrings(joinKeyrings(a, b), c).lookup(imageNamed(repository)))).toBe(flat);
        expect(show(joinKeyrings(a, joinKeyrings(b, c)).lookup(imageNamed(repository)))).toBe(flat);
        expect(show(joinKeyrings(joinKeyrings(), a, createKeyring([])).lookup(imageNamed(repository)))).toBe(
          show(a.lookup(imageNamed(repository))),
        );
      }),
    );
  });

  it('answers the same when keyrings take time', async () => {
    await fc.assert(
      fc.asyncProperty(entries, entries, image, async (one, two, repository) => {
        const [a, b] = [createKeyring(one), createKeyring(two)];
        const later = joinKeyrings({ lookup: async (name) => a.lookup(name) }, b);
        expect(show(await later.lookup(imageNamed(repository)))).toBe(
          show(joinKeyrings(a, b).lookup(imageNamed(repository))),
        );
      }),
    );
  });
});
