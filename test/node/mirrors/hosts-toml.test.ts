import { mkdirSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request as httpRequest, type RequestListener, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { RegistryEndpoint } from 'kubepull/mirrors';
import { type MirrorConfig, readHostsToml, readRegistriesConf } from 'kubepull/node';
import { parseReference } from 'kubepull/reference';
import { canary } from '../../support/canary.ts';
import { type Certificate, createCertificate } from '../../support/certificate.ts';
import { startRegistry } from '../../support/registry.ts';
import { serve, serveTls } from '../../support/servers.ts';
import { tempDir, type TempDir } from '../../support/temp-dir.ts';
import { imageOf, pull } from '../../puller/mirrors-support.ts';

let temp: TempDir;
beforeEach(() => {
  temp = tempDir();
  // What the machine that tests trusts must not show in what is read.
  vi.stubEnv('NODE_EXTRA_CA_CERTS', undefined);
  return () => void vi.unstubAllEnvs();
});

/** Writes a file of a registry's directory; the canary hook does not search it. Returns its path. */
function put(directory: string, content: string, name = 'hosts.toml'): string {
  mkdirSync(join(temp.path, directory), { recursive: true });
  return temp.secretFile(join(directory, name), content);
}

const read = (...directories: string[]): Promise<MirrorConfig> =>
  readHostsToml({ directories: (directories.length > 0 ? directories : ['.']).map((name) => join(temp.path, name)) });

const endpoints = async (image: string, config?: MirrorConfig): Promise<readonly RegistryEndpoint[]> =>
  (config ?? (await read())).endpoints(parseReference(image));

const urls = async (image: string, config?: MirrorConfig): Promise<readonly string[]> =>
  (await endpoints(image, config)).map(({ origin, apiPath, repository }) => `${origin}${apiPath}/${repository}`);

describe('readHostsToml', () => {
  it("gives the hosts in the file's order, and the image's own registry last", async () => {
    put('docker.io', '[host."https://zeta.test"]\n[host."https://alpha.test"]\n[host."http://mid.test:5000"]\n');
    const all = ['pull', 'resolve'];
    const mirror = { apiPath: '/v2', repository: 'library/nginx', namespace: 'docker.io', anonymous: false };
    expect(await endpoints('nginx')).toEqual([
      { ...mirror, origin: 'https://zeta.test', capabilities: all, upstream: false },
      { ...mirror, origin: 'https://alpha.test', capabilities: all, upstream: false },
      { ...mirror, origin: 'http://mid.test:5000', capabilities: all, upstream: false },
      { ...mirror, origin: 'https://registry-1.docker.io', capabilities: all, upstream: true, namespace: undefined },
    ]);
  });

  it('asks the server that the file names instead of the own registry', async () => {
    put('docker.io', 'server = "https://hub.test"\ncapabilities = ["pull"]\n[host."m.test"]\n');
    expect(await urls('nginx')).toEqual(['https://m.test/v2/library/nginx', 'https://hub.test/v2/library/nginx']);
    expect((await endpoints('nginx'))[1]).toMatchObject({ capabilities: ['pull'], upstream: false });
  });

  it('knows the own registry when the file names it', async () => {
    put('docker.io', 'server = "https://registry-1.docker.io"');
    put('r.test_5000_', 'server = "http://r.test:5000"');
    expect(await endpoints('nginx')).toMatchObject([{ upstream: true, namespace: undefined }]);
    expect(await endpoints('r.test:5000/app')).toMatchObject([{ upstream: true, origin: 'http://r.test:5000' }]);
  });

  it.each([
    ['r.test:5000/app', ['r.test_5000_', 'r.test:5000', '_default'], 'r.test_5000_'],
    ['r.test:5000/app', ['r.test:5000', 'r.test', '_default'], 'r.test:5000'],
    ['r.test:5000/app', ['r.test', '_default'], '_default'],
    ['r.test/app', ['r.test', '_default'], 'r.test'],
    ['r.test/app', ['r.test_443_', '_default'], '_default'],
    ['[::1]:5000/app', ['[::1]_5000_', '_default'], '[::1]_5000_'],
    ['[::1]/app', ['[::1]', '_default'], '[::1]'],
  ])('for %s takes of %j the directory %s', async (image, names, taken) => {
    for (const [at, name] of names.entries()) put(name, `[host."https://m${at}.test"]`);
    expect((await urls(image))[0]).toContain(`//m${names.indexOf(taken)}.test/`);
  });

  it('takes the first directory that has something, its default included', async () => {
    put('one/_default', '[host."https://one.test"]');
    put('two/r.test', '[host."https://two.test"]');
    expect(await urls('r.test/app', await read('none', 'one', 'two'))).toContain('https://one.test/v2/app');
    expect(await urls('r.test/app', await read('two', 'one'))).toContain('https://two.test/v2/app');
  });

  it('leaves a registry alone that no directory is for', async () => {
    put('r.test', '[host."https://m.test"]');
    expect(await endpoints('other.test/app')).toEqual([]);
    expect(await endpoints('r.test.evil.test/app')).toEqual([]);
    expect(await endpoints('app', await read('none'))).toEqual([]);
  });

  it('is not led out of the directory by a name', async () => {
    put('root/r.test', '[host."https://m.test"]');
    put('evil', '[host."https://evil.test"]');
    const config = await read('root');
    for (const domain of ['../evil', '..', '', '.', '__proto__', 'constructor']) {
      const ref = { ...parseReference('r.test/app'), domain };
      const found = await Promise.resolve()
        .then(() => config.endpoints(ref))
        .catch(() => []);
      expect(found.map(({ origin }) => origin)).not.toContain('https://evil.test');
    }
  });

  it.each([
    ['', ['pull', 'resolve']],
    ['capabilities = []', ['pull', 'resolve']],
    ['capabilities = ["pull"]', ['pull']],
    ['capabilities = ["Resolve", "push", "referrers"]', ['resolve']],
    ['capabilities = ["push"]', []],
  ])('reads %j', async (line, capabilities) => {
    put('r.test', `[host."https://m.test"]\n${line}`);
    expect((await endpoints('r.test/app'))[0]).toMatchObject({ capabilities });
  });

  it.each([
    ['https://m.test', false, 'https://m.test/v2/app'],
    ['https://m.test/', false, 'https://m.test/v2/app'],
    ['https://m.test/v2', false, 'https://m.test/v2/app'],
    ['https://m.test/hub', false, 'https://m.test/hub/v2/app'],
    ['https://m.test/v2/hub', false, 'https://m.test/v2/hub/v2/app'],
    ['https://m.test', true, 'https://m.test/app'],
    ['https://m.test/hub', true, 'https://m.test/hub/app'],
    ['https://m.test/v2/hub', true, 'https://m.test/v2/hub/app'],
    ['https://m.test:/', false, 'https://m.test/v2/app'],
    ['m.test:5000/hub/v2', false, 'https://m.test:5000/hub/v2/app'],
  ])('asks %s (whole: %s) at %s', async (host, whole, url) => {
    put('r.test', `[host."${host}"]\noverride_path = ${whole}`);
    expect((await urls('r.test/app'))[0]).toBe(url);
  });

  it("looks for a proxy project's credential by the project", async () => {
    put('r.test', '[host."https://harbor.test/v2/hub"]\noverride_path = true');
    expect((await endpoints('r.test/app'))[0]).toMatchObject({ apiPath: '/v2', repository: 'hub/app' });
  });

  it('reads certificates and keys, relative to the directory, as settings of the host', async () => {
    const key = canary('private-key');
    put('r.test', 'ca-one', 'ca1.pem');
    put('r.test', 'ca-two', 'ca2.pem');
    put('r.test', 'cert', 'c.pem');
    put('r.test', key, 'k.pem');
    put(
      'r.test',
      `ca = ["ca1.pem", "${join(temp.path, 'r.test', 'ca2.pem')}"]
       client = [["c.pem", "k.pem"], ["c.pem", ""]]
       [host."https://m.test:5000"]
       ca = "ca1.pem"
       skip_verify = true
       [host."https://both.test"]
       client = "k.pem"`,
    );
    const { tls, ignored } = await read();
    expect(Object.keys(tls).toSorted()).toEqual(['both.test', 'm.test:5000', 'r.test']);
    expect(tls['r.test']).toMatchObject({ ca: [...rootCertificates, 'ca-one', 'ca-two'], cert: 'cert' });
    expect(tls['r.test']?.key?.reveal()).toBe(key);
    expect(tls['m.test:5000']).toEqual({ ca: [...rootCertificates, 'ca-one'], insecureSkipVerify: true });
    expect(tls['both.test']?.key?.reveal()).toBe(key);
    expect(ignored).toMatchObject([{ setting: 'client' }]);
  });

  it('takes certificates as Docker wants them where there is no hosts.toml', async () => {
    const key = canary('private-key');
    put('r.test_5000_', 'authority', 'a.crt');
    put('r.test_5000_', 'cert', 'client.cert');
    put('r.test_5000_', key, 'client.key');
    put('r.test_5000_', 'alone', 'other.cert');
    const config = await read();
    expect(config.tls['r.test:5000']).toMatchObject({ ca: [...rootCertificates, 'authority'], cert: 'cert' });
    expect(config.tls['r.test:5000']?.key?.reveal()).toBe(key);
    expect(await urls('r.test:5000/app', config)).toEqual(['https://r.test:5000/v2/app']);
  });

  it('tells what has no effect', async () => {
    const path = put('r.test', `dial_timeout = "3s"\n[host."https://m.test"]\n`);
    put('_default', 'skip_verify = true');
    const { ignored } = await read();
    expect(ignored).toEqual([
      {
        path: join(temp.path, '_default/hosts.toml'),
        setting: 'TLS',
        reason: 'it is for registries that no file names',
      },
      { path, setting: 'dial_timeout', reason: 'a pull has no such setting for one registry' },
    ]);
  });

  it('keeps the first TLS settings of a host that two files speak of, and tells', async () => {
    put('a.test', '[host."https://m.test"]\nskip_verify = true');
    put('b.test', 'pem', 'ca.pem');
    const path = put('b.test', '[host."https://m.test"]\nca = "ca.pem"');
    put('c.test', '[host."https://m.test"]\nskip_verify = true');
    const { tls, ignored } = await read();
    expect(tls).toEqual({ 'm.test': { insecureSkipVerify: true } });
    expect(ignored).toMatchObject([{ path, setting: 'TLS' }]);
  });

  it.each([
    ['a capability that is none', 'capabilities = ["fly"]', 'it has an unknown capability'],
    ['capabilities that are no list', 'capabilities = "pull"', 'capabilities must be a list of strings'],
    ['a flag that is none', 'skip_verify = "yes"', 'skip_verify must be true or false'],
    ['a server that is none', 'server = 5', 'server must be a string'],
    ['hosts that are none', 'host = 1', 'host must be a table'],
    ['a list of paths with something else', 'ca = ["a", 1]', 'ca must be a path or a list of paths'],
    ['a triple of paths', 'client = [["a", "b", "c"]]', 'client must be a path, or pairs of paths'],
    ['a file that is not there', 'ca = "none.pem"', 'a file of certificates or keys that it names is not there'],
  ])('refuses %s', async (_, text, reason) => {
    const path = put('r.test', text);
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: `Cannot use "${path}": ${reason}`,
    });
  });

  it.each([
    (secret: string) => `https://u:${secret}@m.test`,
    (secret: string) => `https://${secret}@m.test`,
    (secret: string) => `u:${secret}@m.test`,
    (secret: string) => `https://m.test/?token=${secret}`,
    (secret: string) => `https://m.test/#${secret}`,
    (secret: string) => `https://127.0.0.1%2f${secret}@evil.test`,
    () => `ftp://m.test`,
    () => `https://m.test/%2e%2e/x`,
    () => `https://m.test/../x`,
  ])('refuses a host that is more than a plain URL, without showing it: %s [A18]', async (make) => {
    const url = make(canary('proxy-password'));
    for (const text of [`[host."${url}"]`, `server = "${url}"`]) {
      put('r.test', text);
      await expect(read()).rejects.toThrow('a host must be a plain http or https URL');
    }
  });

  it('tells the line of a fault, and nothing of the text', async () => {
    const token = canary('bearer-token');
    const path = put(
      'r.test',
      `[host."https://m.test".header]\nauthorization = "${token}"\nauthorization = ${token}\n`,
    );
    await expect(read()).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      message: `Cannot use "${path}": line 3 is not TOML`,
    });
  });

  it('shows nothing of a file that is cut off anywhere [L03]', async () => {
    const token = canary('bearer-token');
    const whole = `server = "https://r.test"\n[host."https://m.test".header]\nx = ["${token}"]\n`;
    const outcomes = new Set<string>();
    for (let length = 0; length < whole.length; length += 1) {
      put('r.test', whole.slice(0, length));
      const outcome = await read().then(
        () => 'read',
        (error: unknown) => String(error),
      );
      expect(outcome).not.toContain(token.slice(0, 12));
      outcomes.add(outcome);
    }
    expect(outcomes.size).toBeGreaterThan(2);
  });

  it('refuses a file that is no text, and a directory in its place', async () => {
    mkdirSync(join(temp.path, 'r.test'));
    writeFileSync(join(temp.path, 'r.test/hosts.toml'), new Uint8Array([0x61, 0xff]));
    await expect(read()).rejects.toThrow('it is not in UTF-8');
    mkdirSync(join(temp.path, 'x/y.test/hosts.toml'), { recursive: true });
    await expect(read('x')).rejects.toThrow('it is no regular file of at most 4 MiB');
  });

  it('pulls through the mirror of the file, and from the registry what the mirror lacks', async () => {
    const [mirror, upstream] = [await startRegistry({}), await startRegistry({})];
    mirror.push('team/app', '1', imageOf('same'));
    for (const tag of ['1', '2']) upstream.push('team/app', tag, imageOf('same'));
    put(upstream.host.replace(':', '_') + '_', `server = "${upstream.origin}"\n[host."${mirror.origin}"]`);
    const options = await read();
    const served = async (tag: string): Promise<string> =>
      (await pull(`${upstream.host}/team/app:${tag}`, options)).pulled.endpoint.origin;
    expect(await served('1')).toBe(mirror.origin);
    expect(await served('2')).toBe(upstream.origin);
    expect(mirror.requests.every(({ namespace }) => namespace === upstream.host)).toBe(true);
    expect(upstream.requests.every(({ namespace }) => namespace === undefined)).toBe(true);
  });

  it('gives a transport the certificates of the file, for that host only', async () => {
    const mirror = await startRegistry({});
    mirror.push('team/app', '1', imageOf('same'));
    const certificate = createCertificate();
    const relay: RequestListener = (request, response) => {
      const { method, url = '', headers } = request;
      httpRequest(`${mirror.origin}${url}`, { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      }).end();
    };
    const [trusted, other] = [await serveTls(certificate, relay), await serveTls(certificate, relay)];
    put('_default', certificate.cert, 'ca.pem');
    for (const { origin } of [trusted, other]) {
      const line = origin === trusted.origin ? 'ca = "ca.pem"' : '';
      put('_default', `server = "http://127.0.0.1:1"\n[host."${origin}"]\n${line}`);
      const { endpoints: through, tls } = await read();
      const pulling = pull('r.test/team/app:1', { endpoints: through }, { tls });
      if (origin === trusted.origin) expect((await pulling).pulled.endpoint.origin).toBe(origin);
      else await expect(pulling).rejects.toMatchObject({ attempts: [{ error: { phase: 'tls' } }, {}] });
    }
  });
});

describe('a host of hosts.toml that sends elsewhere', () => {
  /** A registry, its token server and its storage on three ports, and what each was asked. */
  async function startThree(certificate: Certificate, headerOf: string) {
    const source = await startRegistry({});
    source.push('team/app', '1', imageOf('same'));
    const asked: [who: string, header: string | undefined, authorization: boolean][] = [];
    const note = (who: string, { headers }: IncomingMessage): void =>
      void asked.push([who, headers[headerOf] as string | undefined, headers.authorization !== undefined]);
    const relay = (url: string, method: string | undefined, response: ServerResponse): void => {
      httpRequest(`${source.origin}${url}`, { method }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      }).end();
    };
    const tokens = await serveTls(certificate, (request, response) => {
      note('tokens', request);
      response.end('{"token":"T"}');
    });
    const storage = await serveTls(certificate, (request, response) => {
      note('storage', request);
      relay(request.url ?? '', request.method, response);
    });
    const registry = await serveTls(certificate, (request, response) => {
      note('registry', request);
      const { url = '', method, headers } = request;
      if (headers.authorization !== 'Bearer T')
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${tokens.origin}/token",service="x"` }).end();
      else if (url.includes('/blobs/')) response.writeHead(307, { location: `${storage.origin}${url}` }).end();
      else relay(url, method, response);
    });
    return { registry, asked };
  }

  it.each(['ca = "ca.pem"', 'skip_verify = true'])(
    'is trusted with %s at its token server and its storage, and its header goes to it alone',
    async (line) => {
      const certificate = createCertificate();
      const { registry, asked } = await startThree(certificate, 'x-team');
      const value = canary('bearer-token');
      put('_default', certificate.cert, 'ca.pem');
      put(
        '_default',
        `server = "http://127.0.0.1:1"\n[host."${registry.origin}"]\n${line}\n[host."${registry.origin}".header]\nX-Team = "${value}"`,
      );
      const { endpoints: through, tls, ignored } = await read();
      expect(ignored).toEqual([]);
      const { pulled } = await pull('r.test/team/app:1', { endpoints: through }, { tls });
      expect(pulled.endpoint.origin).toBe(registry.origin);
      const seen = (who: string): readonly string[] => [
        ...new Set(
          asked.filter(([name]) => name === who).map(([, header]) => (header === value ? 'header' : `${header}`)),
        ),
      ];
      expect([seen('registry'), seen('tokens'), seen('storage')]).toEqual([['header'], ['undefined'], ['undefined']]);
      expect(asked.some(([who, , authorized]) => who === 'storage' && authorized)).toBe(false);
    },
  );

  it('lends its trust to no request of another registry', async () => {
    const certificate = createCertificate();
    const [trusted, other] = [await startThree(certificate, 'x'), await startThree(certificate, 'x')];
    put('_default', certificate.cert, 'ca.pem');
    put('a.test', 'pem', 'unused.pem');
    put('a.test', `[host."${trusted.registry.origin}"]\nca = "../_default/ca.pem"`);
    put('b.test', `server = "http://127.0.0.1:1"\n[host."${other.registry.origin}"]`);
    const { endpoints: through, tls } = await read();
    await pull('a.test/team/app:1', { endpoints: through }, { tls });
    await expect(pull('b.test/team/app:1', { endpoints: through }, { tls })).rejects.toMatchObject({
      attempts: [{ error: { phase: 'tls' } }, {}],
    });
    expect(other.asked).toEqual([]);
  });

  it('is sent its header in the clear where its URL says so, and nowhere else', async () => {
    const mirror = await startRegistry({});
    mirror.push('team/app', '1', imageOf('same'));
    const value = canary('bearer-token');
    const seen: unknown[] = [];
    const front = await serve((request, response) => {
      seen.push(request.headers['x-team'] === `${value}, two`);
      httpRequest(`${mirror.origin}${request.url}`, { method: request.method }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      }).end();
    });
    put(
      '_default',
      `server = "http://127.0.0.1:1"\n[host."${front.origin}"]\n[host."${front.origin}".header]\nx-team = ["${value}", "two"]`,
    );
    const { endpoints: through, tls } = await read();
    expect(Object.keys(tls)).toEqual([front.origin]);
    await pull('r.test/team/app:1', { endpoints: through }, { tls });
    expect(new Set(seen)).toEqual(new Set([true]));
  });

  it.each([
    ['x = 5', 'a header must be a string or a list of strings'],
    ['x = "a\\nb: c"', 'a header has a name or a value that cannot be sent'],
    ['"a b" = "c"', 'a header has a name or a value that cannot be sent'],
    ['Host = "evil.test"', 'the header host cannot be set'],
    ['Transfer-Encoding = "chunked"', 'the header transfer-encoding cannot be set'],
  ])('is refused with the header %s', async (line, reason) => {
    put('r.test', `[host."https://m.test".header]\n${line}`);
    await expect(read()).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID', upstream: reason });
  });

  it('adds its ca to what Node was told to trust', async () => {
    put('x', 'extra', 'extra.pem');
    put('r.test', 'own', 'ca.pem');
    put('r.test', 'ca = "ca.pem"');
    vi.stubEnv('NODE_EXTRA_CA_CERTS', join(temp.path, 'x', 'extra.pem'));
    expect((await read()).tls['r.test']?.ca).toEqual([...rootCertificates, 'extra', 'own']);
    vi.stubEnv('NODE_EXTRA_CA_CERTS', join(temp.path, 'absent.pem'));
    expect((await read()).tls['r.test']?.ca).toEqual([...rootCertificates, 'own']);
  });
});

describe('plainHttp beside configuration files', () => {
  it.each([readHostsToml, readRegistriesConf])('is hosts, no URLs: %s', async (readConfig) => {
    await expect(readConfig({ plainHttp: ['http://r.test'] })).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });
});
