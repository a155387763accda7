import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createCredentialProviderKeyring, parseCredentialProviderConfig } from 'kubepull/credential-provider';
import { createExecPlugin } from 'kubepull/node';
import { parseImageName } from 'kubepull/reference';
import { imageNamed } from '../../support/image-name.ts';
import { bundle } from '../../support/leaks-bundle.ts';
import { least } from '../../support/least.ts';
import { callOf, pluginDir } from '../../support/plugin-dir.ts';
import { tempDir } from '../../support/temp-dir.ts';

const PROTOCOL = 'credentialprovider.kubelet.k8s.io/v1';

/** What flood-child.ts says: what became of each plugin, and the growth of its peak in MiB. */
interface Flooded {
  readonly quiet: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly grown: number;
}

describe('createExecPlugin', () => {
  it('stops a plugin that floods, and keeps no more than the limit [X03]', async () => {
    const program = join(tempDir().path, 'flood.mjs');
    await bundle('flood-child.ts', program);
    const binDir = pluginDir({
      quiet: 'echo "{}"',
      stdout: 'head -c 300000000 /dev/zero',
      stderr: 'head -c 300000000 /dev/zero | tr "\\\\0" x >&2; exit 3',
    });
    const growth = async (): Promise<number> => {
      const told = JSON.parse((await promisify(execFile)(process.execPath, [program, binDir])).stdout) as Flooded;
      expect(told.quiet).toBe('answered');
      expect(told.stdout).toContain('it printed more than 1048576 bytes');
      expect(told.stderr).toContain('it ended with status 3');
      expect(told.stderr.length).toBeLessThan(700);
      return told.grown;
    };
    // Node reads into a new buffer of 64 KiB each time; some 40 MiB of them lie about before V8 collects them.
    expect(await least(64, growth)).toBeLessThan(64);
  });

  it('survives plugins that do not read their input [X04]', async () => {
    const binDir = pluginDir({ plugin: 'exit 0' });
    const exec = createExecPlugin({ binDir });
    const stdin = () => 'x'.repeat(200_000);
    const all = await Promise.all(Array.from({ length: 100 }, () => exec(callOf({ stdin }))));
    expect(all.every((stdout) => stdout.length === 0)).toBe(true);
  });
});

describe('a plugin under load', () => {
  const config = (cacheKeyType: string) => ({
    keyring: (binDir: string) =>
      createCredentialProviderKeyring(
        parseCredentialProviderConfig({
          apiVersion: 'kubelet.config.k8s.io/v1',
          kind: 'CredentialProviderConfig',
          providers: [{ name: 'plugin', matchImages: ['r.io'], defaultCacheDuration: '1h', apiVersion: PROTOCOL }],
        }),
        { exec: createExecPlugin({ binDir }) },
      ),
    script: (log: string) =>
      `echo ran >> ${log}; sleep 0.2; echo '{"kind":"CredentialProviderResponse","apiVersion":"${PROTOCOL}","cacheKeyType":"${cacheKeyType}","auth":{"r.io":{"username":"u","password":"p"}}}'`,
  });

  it('runs once for 200 look-ups at the same time, and not again for the registry', async () => {
    const log = join(tempDir().path, 'log');
    const { keyring, script } = config('Registry');
    const plugins = keyring(pluginDir({ plugin: script(log) }));
    const results = await Promise.all(
      Array.from({ length: 200 }, async () => plugins.lookup(parseImageName('r.io/team/app'))),
    );
    expect(results.every(({ candidates }) => candidates.length === 1)).toBe(true);
    await Promise.all(
      Array.from({ length: 200 }, async (_, index) => plugins.lookup(imageNamed(`r.io/team/app-${index}`))),
    );
    expect(readFileSync(log, 'utf8')).toBe('ran\n');
  });
});
