import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import type { CreateHasher } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import type { ImageStore } from 'kubepull/store';
import { testStore } from 'kubepull/testing';
import { snippetsOf } from '../packaging/snippets.ts';
import { tempDir } from '../support/temp-dir.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const modules = ['digest', 'errors', 'oci', 'store'];

type CreateBucketStore = (bucket: object, createHasher: CreateHasher) => ImageStore;

/** The store of the guide, as a reader would copy it. */
async function storeOfGuide(directory: string): Promise<CreateBucketStore> {
  const guide = snippetsOf('stores.md', readFileSync(join(root, 'docs/guides/stores.md'), 'utf8'));
  const contents = guide.find(({ code }) => code.includes('createBucketStore'))?.code;
  if (contents === undefined) throw new Error('The guide has no store');
  const outfile = join(directory, 'store.mjs');
  const alias = Object.fromEntries(modules.map((name) => [`kubepull/${name}`, join(root, 'src', name, 'index.ts')]));
  const stdin = { contents, loader: 'ts', resolveDir: root } as const;
  await build({ stdin, outfile, alias, bundle: true, format: 'esm', logLevel: 'error' });
  return ((await import(pathToFileURL(outfile).href)) as { createBucketStore: CreateBucketStore }).createBucketStore;
}

function memoryBucket() {
  const values = new Map<string, Uint8Array>();
  return {
    get: async (key: string) => values.get(key),
    put: async (key: string, value: Uint8Array) => void values.set(key, value),
  };
}

describe('the store of the guide', () => {
  let createBucketStore: CreateBucketStore | undefined;
  const create = async (): Promise<{ store: ImageStore }> => {
    createBucketStore ??= await storeOfGuide(tempDir().path);
    return { store: createBucketStore(memoryBucket(), nodeHasher) };
  };

  it.each(testStore(create).map(({ name, run }) => [name, run] as const))('%s', async (_, run) => {
    await run();
    expect(createBucketStore).toBeDefined();
  });
});
