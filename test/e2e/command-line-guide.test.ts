import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { listCommands } from 'kubepull/cli';
import { runCli } from '../cli/command.ts';

const guide = readFileSync(fileURLToPath(new URL('../../docs/guides/command-line.md', import.meta.url)), 'utf8');

/** The blocks of a language, without their fences. */
const blocksOf = (language: string): readonly string[] =>
  [...guide.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gmu'))].map(([, text = '']) => text);

const files = Object.fromEntries(
  blocksOf('yaml').map((text) => [/^# (\S+)\n/u.exec(text)?.[1] ?? 'a block without a name', text]),
);

describe('the guide to the command line', () => {
  const examples = blocksOf('console').map((text) => {
    const [command = '', ...lines] = text.split('\n');
    const words = command.replace(/^\$ kubepull /u, '').matchAll(/'([^']*)'|(\S+)/gu);
    return { args: Array.from(words, ([, quoted, bare]) => quoted ?? bare ?? ''), output: lines.join('\n') };
  });

  it.each(examples)('shows what $args print', async ({ args, output }) => {
    const { stdout, stderr } = await runCli(args, { files });
    expect([stdout, stderr]).toEqual([output, '']);
  });

  it('has such examples, and a row for each command', () => {
    expect(Object.keys(files)).toEqual(['pod.yaml', 'secrets.yaml']);
    expect(examples.length).toBeGreaterThanOrEqual(4);
    for (const name of listCommands().slice(1)) expect(guide).toMatch(new RegExp(`^\\| \`${name}\` `, 'mu'));
  });

  it('names no option that is not there', async () => {
    const known = await Promise.all(
      listCommands()
        .slice(1)
        .map((name) => runCli([name, '--help'])),
    );
    const help = known.map(({ stdout }) => stdout).join('\n');
    const named = [...guide.matchAll(/(?<=[` ])--([a-z][\w-]*)/gu)].map(([option]) => option);
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter((option) => !help.includes(`${option} `))).toEqual([]);
  });
});
