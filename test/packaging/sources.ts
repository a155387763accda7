import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './entries.mjs';
import type { SourceText } from './imports.ts';

/** The text files below a folder of the project, by path from that folder. */
export function readFiles(folder: string, ending: RegExp): readonly SourceText[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => ending.test(path) && !path.includes('node_modules/'))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(join(root, folder, path), 'utf8') }));
}

/** Every source file of the library. */
export function readSources(): readonly SourceText[] {
  return readFiles('src', /\.ts$/);
}
