// Against a list that is filtered and sorted as kubelet does, which shares no code with the keyring.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DockerConfigEntry } from 'kubepull/docker-config';
import { createKeyring, joinKeyrings, type Keyring, type LookupResult } from 'kubepull/keyring';
import { countFor } from '../support/figures.ts';
import { imageNamed } from '../support/image-name.ts';
import { runsOf } from '../support/property-runs.ts';
import { entry } from './support.ts';
import { stepsOf } from '../support/model-steps.ts';

/** A key as it is written, taken apart. */
interface Key {
  readonly scheme: string;
  readonly host: string;
  readonly port: string;
  readonly path: string;
  readonly tail: string;
}

interface Held extends Key {
  readonly user: string;
}

/** What is tried: the user, the normal form of the key, and by which rule. */
type Tried = readonly [user: string, key: string, rule: string];

/** A keyring as the plainest thing there is: its entries, or other keyrings in their order. */
type Naive = { readonly entries: readonly Held[] } | { readonly chain: readonly Naive[] };

interface Model {
  /** The entries so far; a keyring has those that were there when it was made. */
  readonly bag: Held[];
  readonly keyrings: Naive[];
}

interface Real {
  readonly bag: DockerConfigEntry[];
  readonly keyrings: Keyring[];
}

/** Host, port and path without `/v1/` or `/v2/`, once; a path that is `/` alone counts as none. */
function normalize({ host, port, path }: Key): { readonly key: string; readonly path: string } {
  const cut = /^\/v[12]\//.test(path) ? path.slice(3) : path;
  const kept = cut === '/' ? '' : cut;
  return { key: `${host}${port}${kept}`, path: kept };
}

/** Equal ports, as many labels, each label as a glob, and a path that begins with that of the key. */
function fits(held: Held, { host, port, path }: Key): boolean {
  const [wanted, labels] = [held.host.split('.'), host.split('.')];
  // The port of `host:` is empty, as that of `host` is.
  if (held.port.slice(1) !== port.slice(1) || wanted.length !== labels.length) return false;
  const globs = wanted.map((label) => new RegExp(`^${label.replaceAll('*', '.*')}$`, 'u'));
  return globs.every((glob, at) => glob.test(labels[at]!)) && path.startsWith(normalize(held).path);
}

/** Whether kubelet takes an image for one of Docker Hub. */
function isOfHub({ host, port }: Key): boolean {
  return port === '' && (host === 'docker.io' || host === 'index.docker.io' || !host.includes('.'));
}

/** What is tried, and the rest, in order. */
interface Answer {
  readonly tried: readonly Tried[];
  readonly rest: readonly Tried[];
}

function lookUpNaively(keyring: Naive, image: Key): Answer {
  if ('chain' in keyring) {
    const all = keyring.chain.map((one) => lookUpNaively(one, image));
    return { tried: all.flatMap(({ tried }) => tried), rest: all.flatMap(({ rest }) => rest) };
  }
  const sorted = keyring.entries
    .map((held) => ({ held, user: held.user, key: normalize(held).key }))
    .toSorted((a, b) => Buffer.compare(Buffer.from(b.key), Buffer.from(a.key)));
  let used = sorted.filter(({ held }) => fits(held, image));
  const isFallback = used.length === 0 && isOfHub(image);
  if (isFallback) used = sorted.filter(({ key }) => key === 'index.docker.io');
  const ruleOf = ({ host }: Key): string => (isFallback ? 'default-registry' : host.includes('*') ? 'glob' : 'literal');
  return {
    tried: used.map(({ held, user, key }): Tried => [user, key, ruleOf(held)]),
    rest: sorted.filter((one) => !used.includes(one)).map(({ user, key }): Tried => [user, key, 'rejected']),
  };
}

function compare(naive: Naive, image: Key, { candidates, rejected, sources }: LookupResult): void {
  const { tried, rest } = lookUpNaively(naive, image);
  expect(candidates.map(({ entry: { credential }, key, rule }): Tried => [credential.username, key, rule])).toEqual(
    tried,
  );
  expect(candidates.map(({ rank }) => rank)).toEqual(tried.map((_, at) => at + 1));
  expect(rejected.map(({ entry: { credential }, key }) => [credential.username, key, 'rejected'])).toEqual(rest);
  expect(sources).toEqual([]);
}

type Step = fc.AsyncCommand<Model, Real>;

const step = stepsOf<Model, Real>();

const written = ({ scheme, host, port, path, tail }: Key): string => `${scheme}${host}${port}${path}${tail}`;

const add = (keys: readonly Key[], isFirst: boolean): Step =>
  step(
    `add ${keys.map(written).join()} as ${isFirst ? 'first' : 'last'}`,
    () => true,
    ({ bag }, real) => {
      for (const key of keys) {
        const user = `user${bag.length}`;
        const at = isFirst ? 0 : bag.length;
        bag.splice(at, 0, { ...key, user });
        real.bag.splice(at, 0, entry(written(key), user));
      }
    },
  );

/** Makes a keyring of the entries so far; what is added later is none of its. */
const make = (isSlow: boolean, isEmptied: boolean): Step =>
  step(
    `make${isSlow ? ' a slow one' : ''}${isEmptied ? ', and begin anew' : ''}`,
    ({ bag }) => bag.length > 0,
    ({ bag, keyrings }, real) => {
      keyrings.push({ entries: [...bag] });
      const made = createKeyring(real.bag);
      real.keyrings.push(isSlow ? { lookup: async (image) => made.lookup(image) } : made);
      if (!isEmptied) return;
      bag.length = 0;
      real.bag.length = 0;
    },
  );

const chain = (places: readonly number[]): Step =>
  step(
    `chain ${places.join()}`,
    ({ keyrings }) => places.every((place) => place < keyrings.length),
    ({ keyrings }, real) => {
      keyrings.push({ chain: places.map((place) => keyrings[place]!) });
      real.keyrings.push(joinKeyrings(...places.map((place) => real.keyrings[place]!)));
    },
  );

async function lookUpInAll({ keyrings }: Model, real: Real, image: Key): Promise<void> {
  for (const [at, naive] of keyrings.entries()) {
    compare(naive, image, await real.keyrings[at]!.lookup(imageNamed(written(image))));
  }
}

const lookUp = (image: Key): Step =>
  step(
    `look up ${written(image)}`,
    ({ keyrings }) => keyrings.length > 0,
    async (model, real) => lookUpInAll(model, real, image),
  );

/** Few and alike, so that they meet; of the last characters the byte order is not that of UTF-16. */
const HOSTS = ['a', 'a', 'a.a', 'a.a', 'ab.a', 'é.a', '\u{1f600}\uffee.a', 'docker.io', 'index.docker.io'];
const GLOBS = ['a*', '*', 'a.a*', '*.a', 'a*.*', '*b.a', '*.io', '*\uffee.a', '*\u{1f600}*.a'];
const keyOf = (hosts: readonly string[], paths: readonly string[]): fc.Arbitrary<Key> =>
  fc.record({
    scheme: fc.constant(''),
    host: fc.constantFrom(...hosts),
    port: fc.constantFrom('', '', '', '', ':80', ':443'),
    path: fc.constantFrom(...paths),
    tail: fc.constant(''),
  });
const image = keyOf(HOSTS, ['/x', '/x/y', '/xy', '/x/y/z', '/library/x', '/v2/x']);
const key = fc.oneof(
  fc
    .tuple(
      keyOf([...HOSTS, ...GLOBS], ['', '', '', '/', '/x', '/x/', '/x/y', '/v1/', '/v2/x', '/v1/v2/x', '/v1']),
      fc.constantFrom('', '', 'https://', 'http://'),
      fc.constantFrom('', '', '', '?q=1', '#f'),
    )
    .map(([one, scheme, tail]): Key => ({ ...one, scheme, tail })),
  fc.constant<Key>({ scheme: 'https://', host: 'index.docker.io', port: '', path: '/v1/', tail: '' }),
);

describe('a keyring', () => {
  it('is a list that is filtered and sorted as kubelet does, however it was put together', async () => {
    const place = fc.constantFrom(0, 0, 1, 1, 2, 3);
    const keys = fc.array(key, { minLength: 1, maxLength: 8 });
    const steps = fc.commands<Model, Real, false>(
      [
        fc.tuple(keys, fc.boolean()).map((of) => add(...of)),
        fc.tuple(fc.boolean(), fc.boolean()).map((of) => make(...of)),
        fc.array(place, { maxLength: 3 }).map(chain),
        image.map(lookUp),
      ],
      { maxCommands: 32, size: '+1' },
    );
    await fc.assert(
      fc.asyncProperty(steps, image, async (commands, last) => {
        const start: { model: Model; real: Real } = {
          model: { bag: [], keyrings: [] },
          real: { bag: [], keyrings: [] },
        };
        await fc.asyncModelRun(() => start, commands);
        await lookUpInAll(start.model, start.real, last);
      }),
      runsOf('turns'),
    );
    countFor('stores, caches and keyrings that act as a plain model does');
  });
});
