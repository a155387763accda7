import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '../../support/temp-dir.ts';

/** A home with the scripts of helpers in its PATH. */
export function homeWith(helpers: Readonly<Record<string, string>> = {}) {
  const home = tempDir();
  const bin = join(home.path, 'bin');
  mkdirSync(bin);
  for (const [name, script] of Object.entries(helpers)) {
    home.secretFile(`bin/docker-credential-${name}`, `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, `docker-credential-${name}`), 0o755);
  }
  const env = { HOME: home.path, PATH: `relative:${bin}:/bin:/usr/bin` };
  const write = (name: string, config: unknown): string => {
    const file = join(home.path, name);
    mkdirSync(join(file, '..'), { recursive: true });
    return home.secretFile(name, typeof config === 'string' ? config : JSON.stringify(config));
  };
  return { path: home.path, env, write };
}
