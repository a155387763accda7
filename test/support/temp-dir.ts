import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { observeDirectory } from './canary.ts';

export interface TempDir {
  readonly path: string;
  /** Writes an input file that may hold secrets; the canary hook leaves it out. Returns its path. */
  secretFile(name: string, content: string): string;
}

/** A new directory that goes with the test. Every file that appears in it is searched for secrets. */
export function tempDir(): TempDir {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'kubepull-')));
  const except = new Set<string>();
  observeDirectory(path, except);
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return {
    path,
    secretFile(name, content) {
      const file = join(path, name);
      writeFileSync(file, content);
      except.add(file);
      return file;
    },
  };
}
