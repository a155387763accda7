import { setTimeout } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import type { LookupResult } from 'kubepull/keyring';
import { createFakeClock, type FakeClock } from 'kubepull/testing';
import { type CloudUnderTest, startClouds } from '../support/clouds.ts';
import { imageNamed } from '../support/image-name.ts';

/** Moves the clock until the work is done. */
async function settle<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  const end = { reached: false };
  const reach = (): void => void (end.reached = true);
  work.then(reach, reach);
  // While nobody waits for the clock, a signature is being made, which takes time of its own.
  for (;;) {
    await clock.advance(0);
    if (end.reached) break;
    if (clock.pending === 0) await setTimeout(1);
    else await clock.advance(100);
  }
  return work;
}

describe.each(['ecr', 'gcr', 'acr', 'ocir', 'ibm'])('the keyring of %s', (name) => {
  let clock: FakeClock;
  let cloud: CloudUnderTest;
  const lookup = (options?: { signal: AbortSignal }): Promise<LookupResult> =>
    settle(clock, Promise.resolve(cloud.keyring.lookup(imageNamed(cloud.image), options)));
  const passwordOf = ({ candidates }: LookupResult): string | undefined =>
    candidates[0]?.entry.credential.password.reveal();
  const isNewest = (result: LookupResult): boolean => passwordOf(result) === cloud.issued.at(-1);

  beforeEach(() => {
    clock = createFakeClock();
    cloud = startClouds(clock).find((candidate) => candidate.name === name) as CloudUnderTest;
  });

  it('fetches a fresh token, and says so', async () => {
    const result = await lookup();
    expect(result.candidates.map(({ entry, rule }) => [entry.credential.username, entry.source, rule])).toEqual([
      [cloud.username, { kind: 'cloud', provider: name }, 'literal'],
    ]);
    expect(isNewest(result)).toBe(true);
    expect(result.sources).toMatchObject([{ outcome: 'fetched', error: undefined }]);
  });

  it('keeps it until four fifths of its life, then renews it, whatever the wall clock does', async () => {
    await lookup();
    const born = clock.monotonic();
    clock.setWallClock(0);
    await clock.advance(cloud.lifetimeMs * 0.79);
    expect((await lookup()).sources).toMatchObject([{ outcome: 'cached' }]);
    clock.setWallClock(Date.UTC(2026, 0, 2));
    await clock.advance(cloud.lifetimeMs * 0.81 - (clock.monotonic() - born));
    const renewed = await lookup();
    expect(renewed.sources).toMatchObject([{ outcome: 'fetched' }]);
    expect(cloud.issued.length).toBe(2);
    expect(isNewest(renewed)).toBe(true);
  });

  it('serves the old one while the renewal fails, reports it, and not beyond its end', async () => {
    await lookup();
    await clock.advance(cloud.lifetimeMs * 0.85);
    cloud.mood = 'falls over';
    const result = await lookup();
    expect(isNewest(result)).toBe(true);
    expect(result.sources).toMatchObject([{ outcome: 'cached', error: { code: 'ERR_CREDENTIAL_PROVIDER' } }]);
    const asked = cloud.requests.length;
    await lookup();
    expect(cloud.requests.length, 'not asked again at once').toBe(asked);
    await clock.advance(cloud.lifetimeMs * 0.15);
    expect(await lookup()).toMatchObject({ candidates: [], sources: [{ outcome: 'failed' }] });
  });

  it('asks once for 200 look-ups at the same time', async () => {
    const all = Array.from({ length: 200 }, async () => cloud.keyring.lookup(imageNamed(cloud.image)));
    const results = await settle(clock, Promise.all(all));
    expect(results.every((result) => isNewest(result))).toBe(true);
    expect(cloud.issued.length).toBe(1);
  });

  it.each([
    ['refuses', /^Cannot get a token from https?:\/\/[^?]*: it answered 4\d\d( \([\w.]+\))?$/],
    ['talks nonsense', /^Cannot read the answer of https?:\/\/[^?]*: it is no JSON object$/],
    ['is silent', /^Cannot ask https?:\/\/[^?]*: it took longer than 10 s$/],
    ['falls over', /^Cannot get a token from https?:\/\/[^?]*: it answered 503$/],
  ] as const)('gives nothing and says why when the service %s', async (mood, message) => {
    cloud.mood = mood;
    const { candidates, sources } = await lookup();
    expect(candidates).toEqual([]);
    expect(sources).toMatchObject([{ outcome: 'failed', error: { code: 'ERR_CREDENTIAL_PROVIDER' } }]);
    expect(sources[0]?.detail).toMatch(message);
    cloud.mood = 'well';
    expect(isNewest(await lookup()), 'a failure is not kept').toBe(true);
  });

  it('waits and asks again when it is throttled', async () => {
    cloud.mood = 'throttled';
    const started = clock.monotonic();
    expect(isNewest(await lookup())).toBe(true);
    expect(cloud.requests.length).toBe(3);
    expect(clock.monotonic() - started).toBeGreaterThanOrEqual(700);
  });

  it('rejects with the reason of who gives up, and fetches on for the others', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const first = Promise.resolve(cloud.keyring.lookup(imageNamed(cloud.image), { signal: controller.signal }));
    const second = Promise.resolve(cloud.keyring.lookup(imageNamed(cloud.image)));
    controller.abort(reason);
    await expect(first).rejects.toBe(reason);
    expect(isNewest(await settle(clock, second))).toBe(true);
    expect(cloud.issued.length).toBe(1);
  });

  it.each(['docker.io/library/nginx', 'localhost:5000/app', 'evil.test/123456789012.dkr.ecr.eu-west-1.amazonaws.com'])(
    'is not for %s',
    async (image) => {
      expect(await cloud.keyring.lookup(imageNamed(image))).toMatchObject({
        candidates: [],
        sources: [{ outcome: 'unmatched' }],
      });
      expect(cloud.requests.length).toBe(0);
    },
  );
});
