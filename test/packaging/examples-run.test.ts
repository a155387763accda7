import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { root } from './entries.mjs';
import { readSnippets } from './snippets.ts';

/** Modules whose functions decide over what they are given: what imports no others needs no registry, disk or cluster. */
const DECIDING =
  /^kubepull(\/(admission|backoff|digest|docker-config|errors|explain|failures|image-gc|keyring|kubernetes|lint|match|metrics|oci|pin|platform|pull-policy|pull-secrets|reference|rules))?$/u;
/** What the reader has, as `snippets-ambient.d.ts` declares it. */
const AMBIENT = {
  pod: {
    metadata: { name: 'web', namespace: 'shop' },
    spec: { containers: [{ name: 'app', image: 'registry.example.com/team/app:1' }] },
  },
  secretsInNamespace: [],
  password: 'swordfish',
};
/** What only the reader can bring: a cloud, a process, a file; an example that declares what it leaves out is another. */
const OTHERS =
  /\b(fetch\(|process\.|signer|provider\(|azure|configPath|binDir|document\b|serviceAccountKey|apiKey|authToken|clientSecret|adminPassword|accessKeyId|secretKey)/u;

const examples = readSnippets();
const runnable = examples.filter(({ code }) => {
  const imports = Array.from(code.matchAll(/\bfrom '([^']+)'/gu), ([, name = '']) => name);
  return (
    imports.length > 0 &&
    imports.every((name) => DECIDING.test(name)) &&
    !OTHERS.test(code) &&
    !/^declare /mu.test(code)
  );
});
const folder = join(root, 'temp/examples');

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  for (const [at, { code }] of runnable.entries())
    writeFileSync(join(folder, `example-${at}.ts`), `${code}\nexport {};\n`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('an example that needs nothing from outside runs', () => {
  it.each(runnable.map(({ place }, at) => [place, at] as const))('%s', async (_, at) => {
    for (const [name, value] of Object.entries(AMBIENT)) vi.stubGlobal(name, structuredClone(value));
    const logged = vi.spyOn(console, 'log').mockReturnValue(undefined);
    const failed = vi.spyOn(console, 'error').mockReturnValue(undefined);
    try {
      await expect(import(/* @vite-ignore */ join(folder, `example-${at}.ts`))).resolves.toBeDefined();
    } finally {
      vi.unstubAllGlobals();
      logged.mockRestore();
      failed.mockRestore();
    }
  });

  it('is true of a good part of them, in pages and in comments', () => {
    const inSources = runnable.filter(({ place }) => place.startsWith('src/'));
    console.info(
      `examples: ${examples.length} compiled, ${runnable.length} of them run here, ${inSources.length} of those from comments`,
    );
    expect(inSources.length).toBeGreaterThanOrEqual(60);
  });
});
