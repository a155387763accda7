import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createSecret } from 'kubepull/docker-config';
import { createFakeClock } from 'kubepull/testing';
import { parseImageName } from 'kubepull/reference';
import { describe, expect, it } from 'vitest';
import { type CloudCredential, createCloudKeyring } from '../../src/cloud/cloud-keyring.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

describe('the keyring of a cloud', () => {
  it('forgets what has expired, passwords included, at the first look-up after that', async () => {
    const clock = createFakeClock();
    const issued: WeakRef<CloudCredential>[] = [];
    const keyring = createCloudKeyring(
      {
        provider: 'test',
        target: (host) => host,
        key: (host) => host,
        obtain: () => {
          const credential = { username: 'u', password: createSecret('word'), lifetimeMs: 3_600_000 };
          issued.push(new WeakRef(credential));
          return Promise.resolve(credential);
        },
      },
      clock,
    );
    for (let at = 0; at < 100; at += 1) await keyring.lookup(parseImageName(`r${at}.io/x`));
    await clock.advance(30 * 60_000);
    await keyring.lookup(parseImageName('other.io/x'));
    collectGarbage();
    expect(issued.filter((held) => held.deref() !== undefined).length).toBeGreaterThanOrEqual(100);
    await clock.advance(31 * 60_000);
    await keyring.lookup(parseImageName('another.io/x'));
    // A reference that was looked at stays alive until the end of the turn.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(issued.filter((held) => held.deref() !== undefined).length).toBeLessThanOrEqual(2);
  });
});
