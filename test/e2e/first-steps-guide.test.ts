import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as explain from 'kubepull/explain';
import * as failures from 'kubepull/failures';
import * as lint from 'kubepull/lint';
import * as testing from 'kubepull/testing';
import { runCli } from '../cli/command.ts';
import { root } from '../packaging/entries.mjs';
import { exampleWith } from '../packaging/snippets.ts';
import { startRegistry } from '../support/registry.ts';
import { runSnippet } from '../support/run-snippet.ts';
import { tempDir } from '../support/temp-dir.ts';

const page = readFileSync(join(root, 'docs/guides/first-steps.md'), 'utf8');
const blocksOf = (language: string): readonly string[] =>
  Array.from(page.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gmu')), ([, text = '']) => text);
const [pod = '', secrets = '', config = ''] = blocksOf('json');
const files: Readonly<Record<string, string>> = { 'pod.json': pod, 'secrets.json': secrets };

/** The address that the page writes, and others have. */
const HOST = '127.0.0.1:40001';

async function runExplain(given: Readonly<Record<string, string>>): Promise<string> {
  const printed: string[] = [];
  const readFile = async (path: string): Promise<string> => given[path] ?? '';
  await runSnippet(
    exampleWith('first-steps', 'explainPod'),
    {
      'node:fs/promises': { readFile },
      'kubepull/explain': explain,
      'kubepull/failures': failures,
      'kubepull/lint': lint,
    },
    { console: { log: (...args: readonly unknown[]) => printed.push(format(...args)) } },
  );
  return `${printed.join('\n')}\n`;
}

describe('docs/guides/first-steps.md', () => {
  it('explains the pod of the page as the page shows it', async () => {
    expect(await runExplain(files)).toBe(blocksOf('text')[0]);
  });

  it('finds nothing once the key is what the page says', async () => {
    const mended = await runExplain({ ...files, 'secrets.json': secrets.replace('example.com/*', 'example.com') });
    expect(mended).toContain('  1. registry.example.com (secret shop/creds)');
    expect(mended).not.toMatch(/^(?:error|warning|info) /mu);
  });

  it('takes a List of workloads with init containers and image volumes in the place of the pod', async () => {
    const spec = {
      imagePullSecrets: [{ name: 'creds' }],
      initContainers: [{ name: 'first', image: 'registry.example.com/first:1' }],
      containers: [{ name: 'second', image: 'registry.example.com/second:1' }],
      volumes: [{ name: 'third', image: { reference: 'registry.example.com/third:1' } }],
    };
    const list = {
      kind: 'List',
      items: [
        { kind: 'Deployment', metadata: { name: 'a', namespace: 'shop' }, spec: { template: { spec } } },
        { kind: 'CronJob', metadata: { namespace: 'shop' }, spec: { jobTemplate: { spec: { template: { spec } } } } },
      ],
    };
    const printed = await runExplain({ ...files, 'pod.json': JSON.stringify(list) });
    const named = Array.from(printed.matchAll(/^container (\w+) \((\w+)\)/gmu), ([, name, kind]) => `${name} ${kind}`);
    const images = ['first init', 'second regular', 'third volume'];
    expect(named).toEqual([...images, ...images]);
  });

  it('shows what the commands print, from the refusal to the pull', async () => {
    const started: testing.LoopbackRegistry[] = [];
    const createLoopbackRegistry = async (
      options: testing.LoopbackRegistryOptions,
    ): Promise<testing.LoopbackRegistry> => {
      const registry = await startRegistry(options);
      started.push(registry);
      return registry;
    };
    const printed: string[] = [];
    await runSnippet(
      exampleWith('first-steps', 'createLoopbackRegistry'),
      { 'kubepull/testing': { ...testing, createLoopbackRegistry } },
      { console: { log: (text: string) => printed.push(text) } },
    );
    const [{ host } = { host: '' }] = started;
    expect(printed).toEqual([host]);

    const out = join(tempDir().path, 'layout');
    const examples = blocksOf('console').map((text) => /^\$ kubepull (.*)\n([^]*)$/u.exec(text)?.slice(1) ?? []);
    for (const [command = '', output = ''] of examples) {
      const words = command.replaceAll(HOST, host).matchAll(/'([^']*)'|(\S+)/gu);
      const args = Array.from(words, ([, quoted, bare]) => quoted ?? bare ?? '');
      if (args[0] === 'pull') args.push('--out', out, '--quiet');
      // A person of this machine may have credentials of Docker; the page has none.
      if (args[0] === 'pull' && !args.includes('--docker-config')) args.push('--anonymous');
      const { stdout, stderr } = await runCli(args, { files: { 'config.json': config.replaceAll(HOST, host) } });
      expect(stdout.replaceAll(host, HOST).replaceAll(out, './layout'), command).toBe(output);
      expect(stderr).toBe('');
    }
    expect(examples).toHaveLength(5);
  });
});
