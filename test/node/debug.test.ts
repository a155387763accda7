import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { createDiagnosticsTracing } from 'kubepull/node';
import { canary } from '../support/canary.ts';
import { bundle } from '../support/leaks-bundle.ts';
import { tempDir } from '../support/temp-dir.ts';

/** What the program prints to standard error, line by line, with its own address as HOST and times as N. */
async function runChild(env: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const program = join(tempDir().path, 'debug.mjs');
  await bundle('debug-child.ts', program);
  const secrets = {
    right: canary('password'),
    wrong: canary('password'),
    named: canary('password'),
    foreign: canary('password'),
  };
  const { NODE_DEBUG: _, ...around } = process.env;
  const child = spawn(process.execPath, [program], { env: { ...around, ...env } });
  child.stdin.end(JSON.stringify(secrets));
  const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  expect([stdout, stderr, exitCode]).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+\n$/u), expect.any(String), 0]);
  return stderr
    .split('\n')
    .filter((line) => line !== '')
    .map((line) =>
      line
        .replaceAll(stdout.trim(), 'HOST')
        .replace(`KUBEPULL ${child.pid}: `, '')
        .replace(/\d+ ms/u, 'N ms'),
    );
}

describe('NODE_DEBUG', () => {
  it('prints with kubepull how each action starts and ends, and no secret of a credential, a name or a foreign error', async () => {
    const lines = await runChild({ NODE_DEBUG: 'kubepull' });
    const refused =
      'error=ERR_REGISTRY_RESPONSE: Cannot GET http://HOST/token: 401 (UNAUTHORIZED: incorrect username or password)';
    const pod = 'image=https://***@HOST/team/app:1 namespace=shop pod=web uid=1 pullPolicy=IfNotPresent';
    expect(
      lines.map((line) => line.replaceAll(/ (?:\w*[dD]igest|mediaType|size|resumedFrom|imageRef)=\S+/gu, '')),
    ).toEqual([
      'pull starts image=HOST/team/app:1',
      'lookup starts image=HOST/team/app',
      'lookup done after N ms image=HOST/team/app candidates=2',
      'manifest starts method=GET name=HOST/team/app reference=1',
      `manifest failed after N ms method=GET name=HOST/team/app reference=1 ${refused}`,
      'manifest starts method=GET name=HOST/team/app reference=1',
      'manifest done after N ms method=GET name=HOST/team/app reference=1',
      ...['starts', 'done after N ms', 'starts', 'done after N ms'].map((what) => `blob ${what} name=HOST/team/app`),
      'pull done after N ms image=HOST/team/app:1 endpoint=http://HOST refused=1',
      `ensure starts ${pod}`,
      `ensure done after N ms ${pod} status=waiting reason=InvalidImageName`,
      'pull starts image=HOST/team/app:1',
      'lookup starts image=HOST/team/app',
      'lookup failed after N ms image=HOST/team/app error=RangeError',
      'pull failed after N ms image=HOST/team/app:1 error=RangeError',
    ]);
  });

  it('prints nothing without it, or for others', async () => {
    expect(await runChild({})).toEqual([]);
    expect(await runChild({ NODE_DEBUG: 'other' })).toEqual([]);
  });

  it('costs nothing without it: an action is run by itself', () => {
    const promise = Promise.resolve(7);
    const context = { plugin: 'ecr', image: 'app' };
    expect(createDiagnosticsTracing().trace('plugin', context, () => promise)).toBe(promise);
  });
});
