import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PluginCall } from 'kubepull/credential-provider';
import { tempDir } from './temp-dir.ts';

/** A directory of plugins; each is a shell script. */
export function pluginDir(scripts: Readonly<Record<string, string>>): string {
  const directory = join(tempDir().path, 'plugins');
  mkdirSync(directory);
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, name), 0o755);
  }
  return directory;
}

export const callOf = (change: Partial<PluginCall> = {}): PluginCall => ({
  provider: 'plugin',
  args: [],
  env: [],
  stdin: () => '{}\n',
  ...change,
});
