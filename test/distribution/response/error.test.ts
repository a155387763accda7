import { describe, expect, it } from 'vitest';
import { openBlob, readManifestBytes } from 'kubepull/distribution';
import type { RegistryError } from 'kubepull/errors';
import { createSecret } from 'kubepull/docker-config';
import { createFakeClock } from 'kubepull/testing';
import { canary } from '../../support/canary.ts';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import { ORIGIN, authorization, basicChallenge, blob, connect, credential, ref } from '../support.ts';

describe('the error of an answer', () => {
  it('masks what a server reflects, and keeps control characters out [L06]', async () => {
    const own = credential();
    const server = createMemoryTransport((request) => {
      const sent = authorization(request);
      if (sent === undefined) return basicChallenge;
      const message = `${sent}\u001b[31m\r\n${own.password.reveal()} ${encodeURIComponent(own.password.reveal())}`;
      return { status: 403, body: JSON.stringify({ errors: [{ code: 'DENIED', message, detail: sent }] }) };
    });
    const { session } = connect(server, { credential: own });
    const error = (await readManifestBytes(session, ref).catch((caught: unknown) => caught)) as RegistryError;
    expect(error).toMatchObject({ status: 403, retryable: false });
    expect(error.diagnostics[0]).toEqual({
      code: 'DENIED',
      detail: 'Basic [redacted]',
      message: 'Basic [redacted]\\x1b[31m\\x0d\\x0a[redacted] [redacted]',
    });
  });

  it('reads 8 KiB of an error body and shows 512 characters [L06 M04]', async () => {
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      yield new TextEncoder().encode(`{"errors":[{"code":"X","message":"${'y'.repeat(2000)}"}]}`);
    };
    const long = createMemoryTransport(() => ({ status: 404, body: endless() }));
    const error = (await readManifestBytes(connect(long).session, ref).catch(
      (caught: unknown) => caught,
    )) as RegistryError;
    expect(error.diagnostics[0]?.message.length).toBe(513);
    let sent = 0;
    const flood = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        sent += 1024;
        yield new Uint8Array(1024);
      }
    };
    const flooding = createMemoryTransport(() => ({ status: 500, body: flood() }));
    await expect(readManifestBytes(connect(flooding).session, ref)).rejects.toMatchObject({
      status: 500,
      retryable: true,
    });
    expect(sent).toBeLessThanOrEqual(16 * 1024);
    expect(flooding.open()).toBe(0);
  });

  it('shows no query of a redirect target in an error [L05]', async () => {
    const server = createMemoryTransport(({ url }): Reply =>
      url.startsWith(ORIGIN)
        ? { status: 307, headers: { location: `https://cdn.example/x?X-Amz-Signature=${canary('signed-query')}` } }
        : { status: 403 },
    );
    const error = (await openBlob(connect(server).session, ref, blob).catch(
      (caught: unknown) => caught,
    )) as RegistryError;
    expect(error).toMatchObject({ url: 'https://cdn.example/…', message: 'Cannot GET https://cdn.example/…: 403' });
  });

  it('surfaces Retry-After and what may be repeated', async () => {
    const server = createMemoryTransport(() => ({ status: 429, headers: { 'retry-after': '7' } }));
    const error = await readManifestBytes(connect(server).session, ref).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ status: 429, retryable: true, retryAfterMs: 7000 });
    expect(server.requests).toHaveLength(5);
  });

  it('waits a second for the text, and takes what has come [B04 L06]', async () => {
    const never = new Promise<never>(() => undefined);
    const stalling = async function* (): AsyncGenerator<Uint8Array> {
      yield new TextEncoder().encode('{"errors":[{"code":"DENIED","message":"no"}]}');
      await never;
    };
    const clock = createFakeClock();
    const server = createMemoryTransport(() => ({ status: 403, body: stalling() }));
    const pending = readManifestBytes(connect(server, { clock }).session, ref);
    const settled = expect(pending).rejects.toMatchObject({
      status: 403,
      diagnostics: [{ code: 'DENIED', message: 'no' }],
    });
    await clock.advance(999);
    expect(server.open()).toBe(1);
    await clock.advance(1);
    await settled;
    expect([server.open(), clock.pending]).toEqual([0, 0]);
  });

  it('ends with the reason when aborted in the text [I4]', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const server = createMemoryTransport(({ signal }) => ({
      status: 403,
      body: (async function* (): AsyncGenerator<Uint8Array> {
        yield new Uint8Array(1);
        controller.abort(reason);
        signal?.throwIfAborted();
      })(),
    }));
    await expect(readManifestBytes(connect(server).session, ref, { signal: controller.signal })).rejects.toBe(reason);
  });

  it('masks a secret in every form in which it can come back [L06]', async () => {
    const own = credential({ password: createSecret(`${canary('password')}/+ "ä\\&=`) });
    const secret = own.password.reveal();
    const base64 = Buffer.from(secret).toString('base64');
    const forms = [
      secret,
      base64,
      base64.replaceAll('=', ''),
      base64.replaceAll('+', '-').replaceAll('/', '_'),
      encodeURIComponent(secret),
      new URLSearchParams({ p: secret }).toString().slice(2),
      JSON.stringify(secret).slice(1, -1),
      Buffer.from(`u:${secret}`).toString('base64'),
    ];
    for (const form of forms) {
      const body = JSON.stringify({ errors: [{ code: form, message: `<${form}>` }] });
      const server = createMemoryTransport((request) =>
        authorization(request) === undefined ? basicChallenge : { status: 403, body },
      );
      const error = await readManifestBytes(connect(server, { credential: own }).session, ref).catch(
        (caught: unknown) => caught,
      );
      expect(error).toMatchObject({ diagnostics: [{ message: expect.stringMatching(/^<\[redacted\]=*>$/) }] });
    }
  });

  it.each([
    ['', []],
    ['not JSON', []],
    ['[]', []],
    ['{"errors":{}}', []],
    ['{"errors":[]}', []],
    ['{"errors":[{}]}', [{ code: 'UNKNOWN', message: '' }]],
    [
      '{"errors":[null,5]}',
      [
        { code: 'UNKNOWN', message: '' },
        { code: 'UNKNOWN', message: '' },
      ],
    ],
    ['{"errors":[{"code":5,"message":["x"]}]}', [{ code: 'UNKNOWN', message: '' }]],
    ['{"errors":[{"code":"DENIED"}]}', [{ code: 'DENIED', message: '' }]],
    ['{"errors":[{"code":"A\\u202eB","message":"\\u0000"}]}', [{ code: 'A\\u202eB', message: '\\x00' }]],
  ])('reads %s [L06]', async (body, diagnostics) => {
    const server = createMemoryTransport(() => ({ status: 404, body }));
    await expect(readManifestBytes(connect(server).session, ref)).rejects.toMatchObject({ status: 404, diagnostics });
  });

  it('says what was asked, where, and why not', async () => {
    const body = '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}';
    const server = createMemoryTransport(() => ({ status: 404, body }));
    await expect(readManifestBytes(connect(server).session, ref)).rejects.toThrow(
      'Cannot GET https://r.example/v2/team/app/manifests/1: 404 (MANIFEST_UNKNOWN: manifest unknown)',
    );
  });

  it('shows eight errors of a thousand', async () => {
    const body = JSON.stringify({ errors: Array.from({ length: 60 }, () => ({ code: 'X' })) });
    const server = createMemoryTransport(() => ({ status: 404, body }));
    const error = await readManifestBytes(connect(server).session, ref).catch((caught: unknown) => caught);
    expect((error as RegistryError).diagnostics).toHaveLength(8);
  });
});
