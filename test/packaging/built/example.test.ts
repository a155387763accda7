import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildImage } from 'kubepull/testing';
import { canary } from '../../support/canary.ts';
import { assertLayoutValid } from '../../support/layout-check.ts';
import { startRegistry } from '../../support/registry.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { root } from '../entries.mjs';

/** What `npm start` runs, as it was built. */
function start(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    // Without colours, which a CI has by default.
    const env = { ...process.env, NO_COLOR: '1' };
    execFile('node', [join(root, 'dist/examples/pull-as-kubelet.js'), ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

describe('npm start', () => {
  it('tells the story, to its end and without a password', async () => {
    const { code, stdout, stderr } = await start();
    expect([code, stderr]).toEqual([0, '']);
    const told = [
      'container web: IfNotPresent, because of other-tag',
      /1\. registry\.example\.test:\d+\/team\/web \(secret shop\/old-password\): literal/u,
      /2\. registry\.example\.test:\d+ \(secret shop\/whole-registry\): literal/u,
      /3\. \*\.example\.test:\d+\/team \(secret shop\/team-glob\): glob/u,
      /quay\.example\.test:\d+ \(secret shop\/other-registry\): label/u,
      '✗ credential 1, secret shop/old-password',
      '✓ credential 2, secret shop/whole-registry: accepted',
      'platform linux/amd64 chosen from linux/amd64, linux/arm64/v8, linux/arm/v7',
      'downloaded and verified',
      'hash right',
      'already present on machine and can be accessed by the pod',
      'Error: ErrImagePull',
      /Back-off pulling image ".*": ErrImagePull: .*404/u,
      '10 s, 20 s, 40 s, 80 s, 160 s, 300 s, 300 s',
    ];
    for (const text of told) expect(stdout).toMatch(text);
    expect(stdout).not.toContain('WRONG');
    const secrets = readFileSync(join(root, 'docs/examples/manifests/secrets.yaml'), 'utf8');
    const passwords = [...secrets.matchAll(/"password":"([^"]+)"/gu)].map(([, password = '']) => password);
    expect(passwords).toHaveLength(4);
    expect(passwords.filter((password) => stdout.includes(password))).toEqual([]);
  });

  it('pulls an image of any registry into a layout, with a docker config', async () => {
    const password = canary('password');
    const registry = await startRegistry({ auth: { '': { type: 'basic', accounts: [{ username: 'u', password }] } } });
    const platform = { os: 'linux', architecture: 'arm64', variant: 'v8' };
    registry.push('app', '1', buildImage({ platform, layers: [{ files: { motd: 'hello' } }] }));
    const { path, secretFile } = tempDir();
    const config = secretFile(
      'config.json',
      JSON.stringify({ auths: { [registry.host]: { username: 'u', password } } }),
    );
    const out = join(path, 'out');
    const options = ['--docker-config', config, '--platform', 'linux/arm64', '--plain-http', '--out', out];
    expect(await start(`${registry.host}/app:1`, ...options)).toMatchObject({ code: 0 });
    await assertLayoutValid(out);
  });

  it('is the command line, with commands too', async () => {
    const { code, stdout } = await start('explain', 'nginx');
    expect([code, stdout.split('\n')[0]]).toEqual([0, 'image nginx']);
    const help = await start('--help');
    expect([help.code, help.stderr]).toEqual([0, '']);
    expect(help.stdout).toContain('Usage: kubepull COMMAND');
  });

  it.each([
    [['--nope'], 2, 'there is no command "--nope"'],
    [['app', '--config', 'x'], 2, "Unknown option '--config'"],
    [['app', '--out'], 2, "Option '-o, --out <value>' argument missing"],
    [['app', '--platform', 'a/b/c/d/e'], 2, 'Cannot parse platform'],
    [['app', '--docker-config', '/nonexistent/config.json'], 2, 'there is no such file'],
    [['127.0.0.1:1/app', '--plain-http', '--out', '/dev/null/x'], 1, 'Cannot'],
  ])('says in one line what is wrong with %j', async (args, code, text) => {
    const outcome = await start(...args);
    expect(outcome.code).toBe(code);
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
    expect(outcome.stderr).toContain(text);
    expect(existsSync('layout')).toBe(false);
  });

  it('makes no layout for what is no image', async () => {
    const { code, stdout } = await start('https://r.example/app');
    expect(code).toBe(1);
    expect(stdout).toContain('did you mean "r.example/app"?');
    expect(existsSync('layout')).toBe(false);
  });
});
