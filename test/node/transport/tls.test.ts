import type { TLSSocket } from 'node:tls';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createSecret } from 'kubepull/docker-config';
import { createUndiciTransport, type RegistryTls } from 'kubepull/node';
import { watchSecret } from '../../support/canary.ts';
import { type Certificate, createCertificate } from '../../support/certificate.ts';
import { eventually, serve, serveTls } from '../../support/servers.ts';
import { get, open, read, SENDERS } from './support.ts';

const lookup = async (): Promise<readonly string[]> => ['127.0.0.1'];

/** A server that wants to know who asks, and answers with it. */
function serveMutual(certificate: Certificate, client: Certificate) {
  const options = { ...certificate, ca: client.cert, requestCert: true, rejectUnauthorized: false };
  return serveTls(options, ({ socket }, response) => response.end(String((socket as TLSSocket).authorized)));
}

describe.each(SENDERS)('tls of a registry, for %s', (sender) => {
  it('trusts a certificate authority for that registry only', async () => {
    const [mine, other] = [createCertificate(['r.test']), createCertificate(['other.test'])];
    const [first, second] = [
      await serveTls(mine, (_, response) => response.end('mine')),
      await serveTls(other, (_, response) => response.end('other')),
    ];
    const { transport } = open(
      { lookup, ca: other.cert, tls: { [`r.test:${first.port}`]: { ca: mine.cert } } },
      sender,
    );
    expect(await read(await transport(get(`https://r.test:${first.port}/`)))).toBe('mine');
    expect(await read(await transport(get(`https://other.test:${second.port}/`)))).toBe('other');
    const url = `https://r.test:${second.port}/`;
    await expect(transport(get(url))).rejects.toMatchObject({ phase: 'tls', retryable: false });
  });

  it('shows who we are to that registry, and to no other', async () => {
    const [server, client] = [createCertificate(['r.test', 'other.test']), createCertificate()];
    const { port } = await serveMutual(server, client);
    const tls = { [`R.test:${port}`]: { cert: client.cert, key: createSecret(client.key) } };
    const { transport } = open({ lookup, ca: server.cert, tls }, sender);
    expect(await read(await transport(get(`https://r.test:${port}/`)))).toBe('true');
    expect(await read(await transport(get(`https://other.test:${port}/`)))).toBe('false');
    expect(await read(await transport(get(`https://127.0.0.1:${port}/`)))).toBe('false');
  });

  it('takes any certificate where it is told to, and only there', async () => {
    const { port } = await serveTls(createCertificate(['wrong.test']), (_, response) => response.end('any'));
    const { transport } = open({ lookup, tls: { [`r.test:${port}`]: { insecureSkipVerify: true } } }, sender);
    expect(await read(await transport(get(`https://r.test:${port}/`)))).toBe('any');
    for (const url of [`https://other.test:${port}/`, `https://a.r.test:${port}/`, `https://127.0.0.1:${port}/`]) {
      await expect(transport(get(url))).rejects.toMatchObject({ phase: 'tls', retryable: false });
    }
  });

  it('is for port 443 where no port is named', async () => {
    const { port } = await serveTls(createCertificate(['r.test']), (_, response) => response.end('any'));
    const { transport } = open({ lookup, tls: { 'r.test': { insecureSkipVerify: true } } }, sender);
    await expect(transport(get(`https://r.test:${port}/`))).rejects.toMatchObject({ phase: 'tls' });
  });

  it('never falls back to plain HTTP, also not where any certificate would do [A04]', async () => {
    const { port } = await serve((_, response) => response.end('plain'));
    const { transport } = open({ lookup, tls: { [`r.test:${port}`]: { insecureSkipVerify: true } } }, sender);
    await expect(transport(get(`https://r.test:${port}/`))).rejects.toMatchObject({ phase: 'tls', retryable: false });
  });

  it('says what to do when the server answers in plain HTTP', async () => {
    const { port } = await serve((_, response) => response.end('plain'));
    const { transport } = open({ lookup }, sender);
    await expect(transport(get(`https://r.test:${port}/`))).rejects.toThrow(
      /\(tls, ERR_SSL_WRONG_VERSION_NUMBER\): the server may speak plain HTTP; .* the option plainHttp$/,
    );
  });

  it('keeps connections under different rules apart', async () => {
    const certificate = createCertificate(['r.test', 'other.test']);
    const { port, connections } = await serveTls(certificate, (_, response) => response.end('x'));
    const { transport } = open({ lookup, tls: { [`r.test:${port}`]: { ca: certificate.cert } } }, sender);
    expect(await read(await transport(get(`https://r.test:${port}/`)))).toBe('x');
    await expect(transport(get(`https://other.test:${port}/`))).rejects.toMatchObject({ phase: 'tls' });
    await eventually(() => connections() === 1);
  });

  const client = createCertificate();
  it.each<[string, Readonly<Record<string, RegistryTls>>]>([
    ['a host that is none', { 'r.test/path': {} }],
    ['a URL', { 'https://r.test': {} }],
    ['a certificate without key', { 'r.test': { cert: client.cert } }],
    ['a key without certificate', { 'r.test': { key: createSecret(client.key) } }],
    ['no PEM', { 'r.test': { cert: 'x', key: createSecret('y') } }],
    ['a key of another certificate', { 'r.test': { cert: client.cert, key: createSecret(createCertificate().key) } }],
  ])('refuses %s, and does not quote it [L02]', (_, tls) => {
    watchSecret(client.key);
    expect(() => createUndiciTransport({ tls })).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }));
  });

  it('shows its key nowhere [L07]', async () => {
    const [server, own] = [createCertificate(['r.test']), createCertificate()];
    const { port } = await serveMutual(server, own);
    const options = {
      lookup,
      tls: { [`r.test:${port}`]: { ca: server.cert, cert: own.cert, key: createSecret(own.key) } },
    };
    const opened = open(options);
    const response = await opened.transport(get(`https://r.test:${port}/`));
    const shown = inspect([options, opened, response], { depth: 30, showHidden: true, getters: true });
    const [, secret = ''] = own.key.split('\n');
    expect(shown.includes(secret)).toBe(false);
    expect(await read(response)).toBe('true');
  });
});
