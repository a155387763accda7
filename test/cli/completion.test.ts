import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { listCommands } from 'kubepull/cli';
import { tempDir } from '../support/temp-dir.ts';
import { runCli } from './command.ts';

/** What bash offers for a command line, by the script alone. */
async function offersOf(words: readonly string[], directory: string): Promise<readonly string[]> {
  const { stdout: script } = await runCli(['completion', 'bash']);
  const line = words.map((word) => `'${word}'`).join(' ');
  const program = `${script}
COMP_WORDS=(kubepull ${line}); COMP_CWORD=${words.length}; _kubepull; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', program], { cwd: directory });
  return stdout.split('\n').filter((word) => word !== '');
}

describe('kubepull completion bash', () => {
  it.each<readonly [readonly string[], readonly string[]]>([
    [[''], [...listCommands().slice(1), '--help', '--version']],
    [['ex'], ['explain']],
    [
      ['explain', '--doc'],
      ['--docker-config', '--docker'],
    ],
    [
      ['explain', '-'],
      [
        '--container',
        '--message',
        '--docker-config',
        '--docker',
        '--node',
        '--image-credential-provider-config',
        '--image-credential-provider-bin-dir',
        '--json',
        '--help',
      ],
    ],
    [
      ['lint', '--fail-on', ''],
      ['error', 'warning', 'info', 'never'],
    ],
    [
      ['schema', ''],
      ['explain', 'preflight', 'lint', 'pull', 'pin'],
    ],
    [['completion', 'z'], ['zsh']],
    [['p'], ['preflight', 'pull', 'pin']],
    [['explain', 'p'], ['pod.yaml']],
    [['pull', '--archive', 'p'], ['pod.yaml']],
  ])('offers for %j %j', async (words, offers) => {
    const { path } = tempDir();
    writeFileSync(join(path, 'pod.yaml'), '');
    expect(await offersOf(words, path)).toEqual(offers);
  });
});

describe.each(['zsh', 'fish'])('kubepull completion %s', (shell) => {
  it('names every command and every option with its help', async () => {
    const { code, stdout } = await runCli(['completion', shell]);
    expect(code).toBe(0);
    for (const name of listCommands().slice(1)) {
      expect(stdout).toContain(name);
      const { stdout: help } = await runCli([name, '--help']);
      for (const [, option = '', text = ''] of help.matchAll(
        /^ {2}(?:-\w, | {4})--([\w-]+)(?: [A-Z]+)? {2,}(.+)$/gmu,
      )) {
        expect(stdout).toContain(option);
        expect(stdout.replaceAll(/\\(?=[[\]:\\])|'\\'(?=')/gu, '')).toContain(text.replaceAll("'", "'"));
      }
    }
  });
});
