import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRegistrySession, readManifestBytes, type TransportRequest } from 'kubepull/distribution';
import { type Credential, createSecret } from 'kubepull/docker-config';
import { RegistryError } from 'kubepull/errors';
import { createKeyring } from 'kubepull/keyring';
import { createExecPlugin, createNodeRuntime, createUndiciTransport, nodeHasher, openOciLayout } from 'kubepull/node';
import { pullImage } from 'kubepull/puller';
import { parseReference } from 'kubepull/reference';
import { createMemoryStore } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { canary, observeText } from '../support/canary.ts';
import { bundle } from '../support/leaks-bundle.ts';
import { startRegistry } from '../support/registry.ts';
import { eventually, serve } from '../support/servers.ts';
import { tempDir } from '../support/temp-dir.ts';

const platform = { os: 'linux', architecture: 'amd64' } as const;
const DEEP = { depth: 30, showHidden: true, getters: true, maxStringLength: null, maxArrayLength: null } as const;

const basic = (password: string): Credential => ({
  username: 'u',
  password: createSecret(password),
  identityToken: undefined,
  registryToken: undefined,
  email: undefined,
});

async function connect(listener: RequestListener, credential: Credential) {
  const { origin } = await serve(listener);
  const { transport, close } = createUndiciTransport();
  onTestFinished(close);
  const session = createRegistrySession({ transport, origin, credential, createHasher: nodeHasher, random: () => 0 });
  return { session, transport, origin, ref: parseReference(`${new URL(origin).host}/team/app:1`) };
}

describe('errors of the platform [L04]', () => {
  it.each([
    'https://u:SECRET@[',
    'https://r.example:SECRET/',
    'SECRET',
    'https://SECRET .example/',
    'http://[::SECRET',
  ])('%j is in no error', async (template) => {
    const text = template.replace('SECRET', canary('signed-query'));
    const { transport, close } = createUndiciTransport();
    onTestFinished(close);
    const request: TransportRequest = { method: 'GET', url: text, headers: { authorization: 'x' } };
    for (const work of [
      () => transport(request),
      async () => createRegistrySession({ transport, origin: text, createHasher: nodeHasher }),
    ]) {
      const error = await work().then(
        () => undefined,
        (caught: unknown) => caught,
      );
      expect(error).toMatchObject({
        code: expect.stringMatching(/^ERR_(?:REQUEST_REFUSED|OPTION_INVALID|TRANSPORT)$/),
      });
      observeText('inspected error', inspect(error, DEEP));
    }
  });

  it('an answer’s body, headers and cookies are in no error', async () => {
    const cookie = canary('cookie');
    const { session, ref } = await connect(
      (_, response) => {
        response.writeHead(404, { 'set-cookie': cookie, 'x-debug': cookie }).end(`<html>${cookie}</html>`);
      },
      basic(canary('password')),
    );
    const error = await readManifestBytes(session, ref).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RegistryError);
    observeText('inspected error', inspect(error, DEEP));
  });
});

describe('a server that gives back what it got [L06]', () => {
  it.each<readonly [string, (sent: string) => readonly [number, string, Record<string, string>, string]]>([
    ['in its JSON', (sent) => [403, '', {}, JSON.stringify({ errors: [{ code: sent, message: sent, detail: sent }] })]],
    ['in its status text', (sent) => [403, sent, {}, '{}']],
    ['in a header', (sent) => [403, '', { 'x-echo': sent, warning: `299 - "${sent}"` }, '{}']],
    ['in a redirect', (sent) => [307, '', { location: `ftp://x/${encodeURIComponent(sent)}` }, '']],
    ['in a media type', (sent) => [200, '', { 'content-type': encodeURIComponent(sent) }, '{}']],
    ['in a digest', (sent) => [200, '', { 'docker-content-digest': encodeURIComponent(sent) }, '{}']],
    ['as plain text', (sent) => [500, '', {}, sent]],
  ])('%s', async (_, answer) => {
    const { session, ref } = await connect(
      (request, response) => {
        const sent = request.headers.authorization;
        if (sent === undefined) {
          response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
          return;
        }
        const [status, reason, headers, body] = answer(sent);
        response.writeHead(status, reason === '' ? undefined : reason, headers).end(body);
      },
      basic(canary('password')),
    );
    const error = await readManifestBytes(session, ref).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Error);
    observeText('inspected error', inspect(error, DEEP));
    observeText('message', String(error));
  });
});

describe('while a request is under way [L07]', () => {
  it('nothing that a program holds shows its headers', async () => {
    const sent: (string | undefined)[] = [];
    const registry = await serve((request, response) => {
      sent.push(request.headers.authorization);
      if (request.headers.authorization === undefined)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    });
    const credential = basic(canary('password'));
    const runtime = createNodeRuntime({ platform, proxy: 'none' });
    onTestFinished(runtime.close);
    const { transport, close } = createUndiciTransport();
    onTestFinished(close);
    const session = createRegistrySession({ transport, origin: registry.origin, credential, createHasher: nodeHasher });
    const { host } = new URL(registry.origin);
    const keyring = createKeyring([{ pattern: host, credential, source: { kind: 'inline' } }]);
    const store = createMemoryStore({ createHasher: nodeHasher });
    const controller = new AbortController();
    const pending = [
      readManifestBytes(session, parseReference(`${host}/app:1`), { signal: controller.signal }),
      pullImage(`${host}/app:1`, { runtime, store, keyring, plainHttp: [host], signal: controller.signal }),
    ];
    const settled = Promise.allSettled(pending);
    await eventually(() => sent.filter((header) => header !== undefined).length === 2);
    for (const [name, value] of Object.entries({
      runtime,
      transport,
      close,
      session,
      keyring,
      store,
      pending,
      controller,
    })) {
      observeText(name, inspect(value, DEEP));
      observeText(name, inspect(value, { ...DEEP, customInspect: false }));
    }
    controller.abort(new Error('enough'));
    await settled;
  });
});

describe('what other programs see [L08]', () => {
  it('arguments and environment of a plugin hold no secret but those that the operator put there', async () => {
    const folder = tempDir().path;
    const seen = join(folder, 'seen');
    const plugin = join(folder, 'plugin');
    const script = `#!${process.execPath}
const { readFileSync, writeFileSync } = require('node:fs');
const stdin = readFileSync(0, 'utf8');
writeFileSync(${JSON.stringify(seen)}, readFileSync('/proc/self/cmdline', 'utf8') + '\\n' + readFileSync('/proc/self/environ', 'utf8'));
writeFileSync(${JSON.stringify(seen)} + '-stdin', String(stdin.length));
process.stdout.write('{}');
`;
    writeFileSync(plugin, script, { mode: 0o755 });
    const token = canary('service-account-token');
    const exec = createExecPlugin({ binDir: folder });
    await exec({
      provider: 'plugin',
      args: ['get'],
      env: [],
      stdin: () => JSON.stringify({ serviceAccountToken: token }),
    });
    expect(Number(readFileSync(`${seen}-stdin`, 'utf8'))).toBeGreaterThan(token.length);
    observeText('what /proc shows of the plugin', readFileSync(seen, 'utf8'));
  });

  it('no request line has a secret, and no file a name from one', async () => {
    const password = canary('password');
    const registry = await startRegistry({
      auth: { '': { type: 'bearer', accounts: [{ username: 'u', password }] } },
    });
    registry.push('team/app', '1', buildImage({ platform, layers: [{ randomBytes: 1000 }] }));
    const runtime = createNodeRuntime({ platform });
    onTestFinished(runtime.close);
    const { path } = tempDir();
    const keyring = createKeyring([
      { pattern: registry.host, credential: basic(password), source: { kind: 'inline' } },
    ]);
    const image = `${registry.host}/team/app:1`;
    await pullImage(image, { runtime, store: await openOciLayout(path), keyring, plainHttp: [registry.host] });
    const lines = registry.requests.map(({ method, url }) => `${method} ${url}`);
    expect(lines.length).toBeGreaterThan(3);
    observeText('request lines', lines.join('\n'));
    observeText('file names', (readdirSync(path, { recursive: true }) as string[]).join('\n'));
  });

  it('NODE_DEBUG prints nothing that is secret', async () => {
    const password = canary('password');
    const registry = await startRegistry({
      auth: { '': { type: 'bearer', accounts: [{ username: 'u', password }] } },
    });
    registry.push('team/app', '1', buildImage({ platform, layers: [{ randomBytes: 1000 }] }));
    const program = join(tempDir().path, 'child.mjs');
    await bundle('leaks-pull-child.ts', program);
    const child = spawn(process.execPath, [program], { env: { NODE_DEBUG: '*' }, stdio: ['pipe', 'pipe', 'pipe'] });
    const printed: string[] = [];
    child.stdout.on('data', (chunk: Buffer) => printed.push(chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => printed.push(chunk.toString()));
    child.stdin.end(JSON.stringify({ host: registry.host, password }));
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(0);
    expect(printed.join('').length).toBeGreaterThan(100);
    observeText('output with NODE_DEBUG', printed.join(''));
  });
});
