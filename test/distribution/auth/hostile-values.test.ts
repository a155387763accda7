import { describe, expect, it } from 'vitest';
import { readManifestBytes } from 'kubepull/distribution';
import { type Credential, createSecret } from 'kubepull/docker-config';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import {
  ORIGIN,
  authorization,
  basicChallenge,
  bearerChallenge,
  connect,
  credential,
  found,
  isRealm,
  ref,
  tokenReply,
} from '../support.ts';

/** What no header may have, in the middle of a value and at its ends. */
const CONTROLS: readonly string[] = [
  '\u0000',
  '\u0001',
  '\b',
  '\t',
  '\n',
  '\v',
  '\f',
  '\r',
  '\u001b',
  '\u001f',
  '\u007f',
  '\r\n',
  '\r\nX-Evil: 1\r\n',
];
const UNSENDABLE = CONTROLS.flatMap((control) => [`before${control}after`, `${control}after`, `before${control}`]);
/** A token is no text: what is visible ASCII may stand in it, and nothing else. */
const NO_TOKEN = [...UNSENDABLE, 'a b', 'ä', '€', '😀', '\u0080', '\u00ff', '\ud800', 'x'.repeat(65_537)];

async function refusedWith(
  own: Credential,
  challenge: Reply,
): Promise<{ readonly sent: number; readonly text: string }> {
  const server = createMemoryTransport((request) => (isRealm(request) ? tokenReply('t') : challenge));
  const error = await readManifestBytes(connect(server, { credential: own }).session, ref).catch(
    (caught: unknown) => caught,
  );
  expect(error).toMatchObject({ code: 'ERR_REQUEST_REFUSED', rule: 'unsendable-credential' });
  const { message, stack } = error as Error;
  return {
    sent: server.requests.filter((request) => authorization(request) !== undefined).length,
    text: `${message}${stack}${JSON.stringify(error)}`,
  };
}

describe('values that no header may have [A22]', () => {
  it('has thirty of them', () => {
    expect(UNSENDABLE.length).toBeGreaterThanOrEqual(30);
  });

  it.each(UNSENDABLE)('refuses %j as user name and password, to registry and token server', async (value) => {
    for (const own of [credential({ username: value }), credential({ password: createSecret(value) })]) {
      for (const challenge of [basicChallenge, bearerChallenge()]) {
        const { sent, text } = await refusedWith(own, challenge);
        expect([sent, text.includes(value), text.includes('before'), text.includes('after')]).toEqual([
          0,
          false,
          false,
          false,
        ]);
      }
    }
  });

  it.each(NO_TOKEN)('refuses registry token %#', async (value) => {
    const { sent, text } = await refusedWith(credential({ registryToken: createSecret(value) }), basicChallenge);
    expect([sent, text.includes(value)]).toEqual([0, false]);
  });

  it.each(['a:b', ':', 'a:', ':b', 'u:p:q'])('refuses the user name %j', async (username) => {
    expect((await refusedWith(credential({ username }), basicChallenge)).sent).toBe(0);
  });

  it.each(['ä', '€', '😀', 'a:b', ' ', '"', '\\', 'x'.repeat(10_000)])(
    'sends the password %# in UTF-8, as it is',
    async (value) => {
      const server = createMemoryTransport((request) =>
        authorization(request) === undefined ? basicChallenge : found,
      );
      await readManifestBytes(
        connect(server, { credential: credential({ password: createSecret(value) }) }).session,
        ref,
      );
      const sent = Buffer.from(server.requests[1]?.headers['authorization']?.slice(6) ?? '', 'base64').toString();
      expect(sent === `u:${value}`).toBe(true);
    },
  );

  it.each(['a&b=c', 'a b', 'ä', '%', '+', '\r\n'])(
    'sends the refresh token %j as one field of a form',
    async (value) => {
      const server = createMemoryTransport((request) =>
        isRealm(request) ? tokenReply('t') : authorization(request) === undefined ? bearerChallenge() : found,
      );
      const own = credential({ identityToken: createSecret(value) });
      await readManifestBytes(connect(server, { credential: own }).session, ref);
      const form = new URLSearchParams(new TextDecoder().decode(server.requests[1]?.body as Uint8Array));
      expect([...form.keys()]).toEqual(['grant_type', 'refresh_token', 'client_id', 'service', 'scope']);
      expect(form.get('refresh_token') === value).toBe(true);
    },
  );
});

describe('what a token server says [A23]', () => {
  it('reads 128 KiB of an endless reply', async () => {
    let sent = 0;
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        sent += 16 * 1024;
        yield new Uint8Array(16 * 1024).fill(0x20);
      }
    };
    const server = createMemoryTransport((request) => (isRealm(request) ? { body: endless() } : bearerChallenge()));
    await expect(readManifestBytes(connect(server).session, ref)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_DOCUMENT',
    });
    expect(sent).toBeLessThanOrEqual(160 * 1024);
    expect(server.open()).toBe(0);
  });

  it.each([
    ['-1', 60],
    ['-9e99', 60],
    ['0', 60],
    ['59.9', 60],
    ['60', 60],
    ['300', 300],
    ['300.5', 300.5],
    ['86400', 86_400],
    ['86401', 86_400],
    ['1e308', 86_400],
    ['1e999', 60],
    ['"3600"', 60],
    ['NaN', undefined],
    ['null', 60],
    ['true', 60],
    ['[3600]', 60],
    ['{}', 60],
    ['9007199254740993', 86_400],
  ])('takes expires_in %s for %s seconds', async (text, seconds) => {
    const body = `{"token":"t","expires_in":${text},"issued_at":"9999-12-31T23:59:59Z"}`;
    const server = createMemoryTransport((request) =>
      isRealm(request) ? { body } : authorization(request) === undefined ? bearerChallenge() : found,
    );
    const { session, clock } = connect(server);
    if (seconds === undefined) {
      await expect(readManifestBytes(session, ref)).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
      return;
    }
    const asked = async (): Promise<number> => {
      await readManifestBytes(session, ref);
      return server.requests.filter(isRealm).length;
    };
    expect(await asked()).toBe(1);
    await clock.advance(seconds * 900 - 1);
    expect(await asked()).toBe(1);
    await clock.advance(2);
    expect(await asked()).toBe(2);
  });

  it('asks for a token as often as its lifetime needs, wherever the wall clock jumps', async () => {
    const server = createMemoryTransport((request) =>
      isRealm(request)
        ? tokenReply('t', { expires_in: 3600 })
        : authorization(request) === undefined
          ? bearerChallenge()
          : found,
    );
    const { session, clock } = connect(server);
    for (const year of [1970, 2000, 2038, 9999, 1970]) {
      clock.setWallClock(Date.UTC(year, 0));
      await readManifestBytes(session, ref);
    }
    expect(server.requests.filter(isRealm).length).toBe(1);
    expect(server.requests[0]?.url.startsWith(ORIGIN)).toBe(true);
  });
});
