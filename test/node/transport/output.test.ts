// What shows of requests: rows A08, A19, L07, L08, M06 and T05 on the dialled side.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { inspect, promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { AddressClass } from 'kubepull/distribution';
import { canary } from '../../support/canary.ts';
import { serve } from '../../support/servers.ts';
import { get, open, read, SENDERS } from './support.ts';

describe.each(SENDERS)('the address dialled by %s [A19]', (sender) => {
  it.each<[string, AddressClass]>([
    ['127.0.0.1', 'loopback'],
    ['::1', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['::7f00:1', 'loopback'],
    ['64:ff9b::7f00:1', 'loopback'],
    ['2002:7f00:1::', 'loopback'],
    ['10.0.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['192.168.0.1', 'private'],
    ['100.64.0.1', 'private'],
    ['fc00::1', 'private'],
    ['fd12:3456::1', 'private'],
    ['64:ff9b::a00:1', 'private'],
    ['2002:a00:1::1', 'private'],
    ['::ffff:192.168.0.1', 'private'],
    ['169.254.0.1', 'link-local'],
    ['fe80::1', 'link-local'],
    ['169.254.169.254', 'metadata'],
    ['100.100.100.200', 'metadata'],
    ['fd00:ec2::254', 'metadata'],
    ['::ffff:169.254.169.254', 'metadata'],
    ['64:ff9b::a9fe:a9fe', 'metadata'],
    ['2002:a9fe:a9fe::', 'metadata'],
    ['0.0.0.0', 'reserved'],
    ['255.255.255.255', 'reserved'],
    ['224.0.0.1', 'reserved'],
    ['ff02::1', 'reserved'],
    ['::', 'reserved'],
  ])('%s is not dialled, whether it is named or looked up [A08]', async (address, kind) => {
    const looked = open({ lookup: async () => [address] }, sender);
    const allowAddresses: readonly AddressClass[] = ['public'];
    const refused = { code: 'ERR_REQUEST_REFUSED', rule: 'address-class' };
    await expect(looked.transport(get('http://r.test:1/', { allowAddresses }))).rejects.toMatchObject(refused);
    const literal = address.includes(':') ? `[${address}]` : address;
    await expect(looked.transport(get(`http://${literal}:1/`, { allowAddresses }))).rejects.toMatchObject(refused);
    expect(kind).not.toBe('public');
  });

  it('is asked for at each connection, also after a good one [A08]', async () => {
    const { port } = await serve((_, response) => response.writeHead(200, { connection: 'close' }).end('x'));
    const answers = ['127.0.0.1', '169.254.169.254'];
    const { transport } = open({ lookup: async () => [answers.shift() ?? ''] }, sender);
    const request = get(`http://r.test:${port}/`, { allowAddresses: ['loopback'] });
    expect(await read(await transport(request))).toBe('x');
    await expect(transport(request)).rejects.toMatchObject({ rule: 'address-class' });
  });
});

describe('a body that is compressed for the transfer [M06]', () => {
  it('comes as it is', async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    const { origin } = await serve((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb));
    const { body } = await open().transport(get(origin));
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    expect(Buffer.concat(chunks).equals(bomb)).toBe(true);
  });
});

describe.each(SENDERS)('what is under way in %s [L07]', (sender) => {
  it('shows no header of a request, not in the transport and not in the answer', async () => {
    const { origin } = await serve((_, response) => void response.writeHead(200).write('abc'));
    const opened = open({}, sender);
    const [token, query] = [canary('bearer-token'), canary('signed-query')];
    const response = await opened.transport(
      get(`${origin}/x?sig=${query}`, { headers: { authorization: `Bearer ${token}` } }),
    );
    const shown = inspect([opened, response], { depth: 30, showHidden: true, getters: true });
    expect([shown.includes(token), shown.includes(query)]).toEqual([false, false]);
    await response.discard();
  });
});

const run = promisify(execFile);

/** Runs a script with the sources, in a process of its own. */
async function runChild(script: string, env: NodeJS.ProcessEnv): Promise<string> {
  const { buildSync } = await import('esbuild');
  const { outputFiles } = buildSync({
    stdin: { contents: script, resolveDir: process.cwd(), loader: 'ts' },
    alias: { 'kubepull/node': `${process.cwd()}/src/node/index.ts` },
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    write: false,
  });
  const [output] = outputFiles;
  const running = run(process.execPath, ['--input-type=module', '-'], {
    env: { PATH: process.env['PATH'], ...env },
    maxBuffer: 64 * 1024 * 1024,
  });
  running.child.stdin?.end(output?.text ?? '');
  const { stdout, stderr } = await running;
  return stdout + stderr;
}

describe('a process [L08]', () => {
  it('shows no credential in its debug output, and takes none into argv or env', async () => {
    const token = canary('bearer-token');
    const { origin } = await serve(({ url }, response) => {
      if (url === '/token') response.end(token);
      else response.end('x'.repeat(100_000));
    });
    const output = await runChild(
      `import { createUndiciTransport } from 'kubepull/node';
       import { readFileSync } from 'node:fs';
       const { transport, close } = createUndiciTransport();
       const read = async ({ body }) => { let text = ''; for await (const chunk of body) text += Buffer.from(chunk); return text; };
       const token = await read(await transport({ method: 'GET', url: '${origin}/token', headers: {} }));
       await read(await transport({ method: 'GET', url: '${origin}/blob', headers: { authorization: 'Bearer ' + token } }));
       for (const file of ['cmdline', 'environ'])
         if (readFileSync('/proc/self/' + file, 'latin1').includes(token)) console.log('LEAK in ' + file);
       await close();
       console.log('done');`,
      { NODE_DEBUG: 'undici,fetch,net,tls,http' },
    );
    expect(output).toMatch(/^(?:UNDICI|FETCH) \d+: /m);
    expect([output.includes(token), output.includes('LEAK'), output.includes('done')]).toEqual([false, false, true]);
  });
});

describe('the import [T05]', () => {
  it('reads no environment, opens nothing, and sets no global dispatcher', async () => {
    const output = await runChild(
      `const asked = new Set();
       const real = process.env;
       process.env = new Proxy(real, { get: (target, name) => (asked.add(String(name)), target[name]) });
       await import('undici');
       asked.clear();
       const symbol = Symbol.for('undici.globalDispatcher.1');
       const before = globalThis[symbol];
       await import('kubepull/node');
       process.env = real;
       const active = process.getActiveResourcesInfo().filter((kind) => /TCP|UDP|Timeout|Addr|Process/.test(kind));
       console.log(JSON.stringify({ asked: [...asked], active, same: globalThis[symbol] === before }));`,
      {},
    );
    expect(JSON.parse(output)).toEqual({ asked: [], active: [], same: true });
  });

  it('finds no call of undici that threat model and house rules forbid', async () => {
    const { readdirSync } = await import('node:fs');
    const files = readdirSync('src/node/transport');
    expect(files.length).toBeGreaterThan(3);
    const sources = await Promise.all(files.map((name) => readFile(`src/node/transport/${name}`, 'utf8')));
    expect(sources.join('').match(/setGlobalDispatcher|interceptors|\bfetch\(|RetryAgent/g)).toBe(null);
  });
});
