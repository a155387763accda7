// A registry, its token server and its storage on three ports, each with a certificate of one private authority.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSecret } from 'kubepull/docker-config';
import { createKeyring } from 'kubepull/keyring';
import { createNodeRuntime, nodeHasher, readHostsToml } from 'kubepull/node';
import { pullImage } from 'kubepull/puller';
import { createMemoryStore } from 'kubepull/store';
import { buildImage } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import type { Certificate } from '../support/certificate.ts';
import { assertInvariants } from '../support/invariants.ts';
import { tempDir } from '../support/temp-dir.ts';
import { startTokenServer } from '../support/token-server.ts';
import { pushContents } from './push-image.ts';
import { freeHost, run } from './servers.ts';
import { proxyTo, startNginx } from './servers-nginx.ts';
import { startRegistryServer } from './servers-registry.ts';

const platform = { os: 'linux', architecture: 'amd64' };

/** A private authority, and what it signed for 127.0.0.1. */
async function createAuthority(): Promise<{ readonly ca: string; readonly leaf: Certificate }> {
  const { path } = tempDir();
  const at = (name: string): string => join(path, name);
  const subject = (name: string): readonly string[] => ['-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${name}`];
  const authority = ['-x509', '-days', '2', '-addext', 'basicConstraints=critical,CA:TRUE'];
  await run('openssl', 'req', ...authority, ...subject('corp'), '-keyout', at('ca.key'), '-out', at('ca.crt'));
  await run('openssl', 'req', ...subject('leaf'), '-keyout', at('leaf.key'), '-out', at('leaf.csr'));
  writeFileSync(at('leaf.ext'), 'subjectAltName=IP:127.0.0.1');
  const signing = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2'];
  await run(
    'openssl',
    'x509',
    '-req',
    '-in',
    at('leaf.csr'),
    ...signing,
    '-extfile',
    at('leaf.ext'),
    '-out',
    at('leaf.crt'),
  );
  const read = (name: string): string => readFileSync(at(name), 'utf8');
  return { ca: at('ca.crt'), leaf: { key: read('leaf.key'), cert: read('leaf.crt') } };
}

describe('a hosts.toml with a private authority', () => {
  it('holds for the token server and the storage on other ports, and the credential goes to none but its owners', async () => {
    const image = buildImage({ platform, layers: [{ randomBytes: 300_000 }, { files: { a: 'a' } }] });
    const data = tempDir().path;
    const open = await startRegistryServer({ data });
    const contents = image.contents.map(({ descriptor, bytes }) => ({ descriptor, open: () => chunk(bytes) }));
    await pushContents(open.origin, 'team/app', '1', contents);
    await open.kill();

    const { ca, leaf: certificate } = await createAuthority();
    const account = { username: 'u', password: canary('password') };
    const server = await startTokenServer(account);
    const host = await freeHost();
    const tokens = await startNginx({
      certificate,
      host,
      server: [`location / { ${proxyTo(new URL(server.realm).origin)} }`],
    });
    const registry = await startRegistryServer({ data, token: { server, realm: `${tokens.origin}/token` } });
    const files = `${data}/docker/registry/v2/blobs/sha256`;
    const alias = `location ~ "/blobs/sha256:(..)(.+)$" { alias ${files}/$1/$1$2/data; }`;
    const storage = await startNginx({ certificate, server: [alias] });
    const away = `location ~ /blobs/ { return 307 ${storage.origin}$uri?sig=${canary('signed-query')}; }`;
    const front = await startNginx({ certificate, server: [`location / { ${proxyTo(registry.origin)} }`, away] });

    const certs = tempDir().path;
    mkdirSync(join(certs, front.host));
    writeFileSync(join(certs, front.host, 'hosts.toml'), `[host."${front.origin}"]\n  ca = "${ca}"\n`);
    const config = await readHostsToml({ directories: [certs] });
    const runtime = createNodeRuntime({ proxy: 'none', platform, tls: config.tls });
    const store = createMemoryStore({ createHasher: nodeHasher });
    const keyring = createKeyring([
      {
        pattern: front.host,
        source: { kind: 'inline' },
        credential: {
          username: account.username,
          password: createSecret(account.password),
          identityToken: undefined,
          registryToken: undefined,
          email: undefined,
        },
      },
    ]);
    const pulled = await pullImage(`${front.host}/team/app:1`, {
      runtime,
      store,
      keyring,
      endpoints: config.endpoints,
    });
    expect(pulled.manifest.digest).toBe(image.descriptor.digest);
    await runtime.close();
    await assertInvariants({ stores: [{ store, names: [pulled.name] }], closeables: [runtime] });

    const schemes = (log: typeof front.log): readonly (string | undefined)[] => [
      ...new Set(log().map(({ authorization }) => authorization)),
    ];
    const asked = (log: typeof front.log, path: RegExp): number => log().filter((line) => path.test(line.path)).length;
    expect(new Set(schemes(front.log))).toEqual(new Set(['Bearer', undefined]));
    expect(schemes(tokens.log).filter((scheme) => scheme !== undefined)).toEqual(['Basic']);
    expect(schemes(storage.log)).toEqual([undefined]);
    expect(server.requests.map((request) => request.account)).toEqual(['u']);
    expect(asked(storage.log, /\/blobs\//)).toBe(3);

    const plain = createNodeRuntime({ proxy: 'none', platform });
    const untrusted = pullImage(`${front.host}/team/app:1`, { runtime: plain, store });
    await expect(untrusted).rejects.toMatchObject({ attempts: [{ error: { code: 'ERR_TRANSPORT', phase: 'tls' } }] });
    await plain.close();
  });
});

async function* chunk(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
