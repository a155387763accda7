import { describe, expect, it } from 'vitest';
import { EXIT_CODES, getOutputSchema, listCommands, runCommand } from 'kubepull/cli';
import { checkOutput, runCli } from './command.ts';

const pod = { kind: 'Pod', spec: { containers: [{ name: 'web', image: 'nginx:1.27' }] } };

describe('runCommand', () => {
  it.each([['--help'], ['-h'], ['help']])('tells every command and exit code for %s', async (flag) => {
    const { code, stdout, stderr } = await runCli([flag]);
    expect([code, stderr]).toEqual([0, '']);
    for (const name of listCommands().slice(1)) expect(stdout).toContain(`  ${name} `);
    for (const exit of Object.values(EXIT_CODES)) expect(stdout).toMatch(new RegExp(`^ {2}${exit} `, 'mu'));
  });

  it.each(listCommands().slice(1))('tells every option of %s', async (name) => {
    const help = await runCli([name, '--help']);
    expect([help.code, help.stderr]).toEqual([0, '']);
    expect(help.stdout).toContain(`Usage: kubepull ${name}`);
    expect(help.stdout).toContain('--help');
    expect(await runCli(['help', name])).toEqual(help);
    expect(help.stdout.split('\n').filter((line) => line.length > 120)).toEqual([]);
  });

  it('tells the version of the package', async () => {
    const { code, stdout } = await runCli(['--version']);
    expect([code, stdout]).toEqual([0, '0.1.0\n']);
  });

  it.each([
    [[], 'which command? Take one of explain'],
    [['expalin'], 'there is no command "expalin"'],
    [['__proto__'], 'there is no command "__proto__"'],
    [['explain', '--nope'], "Unknown option '--nope' (see kubepull explain --help)"],
    [['explain', '--container'], "Option '-c, --container <value>' argument missing"],
    [['explain'], 'no input: name files or images'],
    [['explain', '-', '-'], 'standard input can be read but once'],
    [['lint', 'nginx', '--fail-on', 'sometimes'], '--fail-on takes error, warning, info or never'],
    [['pull', 'nginx', '--out', 'a', '--archive', 'b'], 'either --out or --archive'],
    [['pull', 'nginx', '--anonymous', '--docker'], 'exclude each other'],
    [['pull', 'nginx', '--docker', '--node'], 'either the credentials of --docker or those of the node'],
    [['pull', 'nginx', '--platform', 'a/b/c/d/e'], 'Cannot parse platform'],
    [['explain', 'nginx', '--image-credential-provider-config', 'x'], 'go together'],
    [['schema', 'completion'], 'schema takes one of explain'],
    [['completion', 'tcsh'], 'completion takes one of bash, zsh, fish'],
  ])('says in one line what is wrong with %j', async (args, text) => {
    const { code, stdout, stderr } = await runCli(args);
    expect([code, stdout]).toEqual([EXIT_CODES.usage, '']);
    expect(stderr).toMatch(/^kubepull: .*\n$/u);
    expect(stderr).toContain(text);
  });

  it('is interrupted before and while it reads', async () => {
    expect(await runCli(['explain', 'nginx'], { signal: AbortSignal.abort() })).toEqual({
      code: EXIT_CODES.interrupted,
      stdout: '',
      stderr: '',
    });
    const controller = new AbortController();
    const silent = { write: () => undefined };
    const code = await runCommand(['explain', '-'], {
      readFile: async () => new Uint8Array(),
      async readStdin() {
        controller.abort();
        throw new Error('aborted');
      },
      stdout: silent,
      stderr: silent,
      signal: controller.signal,
    });
    expect(code).toBe(EXIT_CODES.interrupted);
  });

  it('tells of a fault of its own only the kind, as its text may quote what it was given', async () => {
    const written: string[] = [];
    const io = {
      readFile: async () => new TextEncoder().encode(JSON.stringify(pod)),
      readStdin: async () => new Uint8Array(),
      stdout: {
        write: () => {
          throw new TypeError('the text of a fault');
        },
      },
      stderr: { write: (text: string) => written.push(text) },
    };
    expect(await runCommand(['explain', './pod'], io)).toBe(EXIT_CODES.negative);
    expect(written.join('')).toMatch(/^kubepull: a fault of this program: TypeError.*\n$/u);
    expect(written.join('')).not.toContain('the text of a fault');
  });

  it('colours its text where colours are shown, and only there', async () => {
    const around = { files: { './pod': pod } };
    const plain = await runCli(['explain', './pod'], around);
    const coloured = await runCli(['explain', './pod'], { ...around, colors: true });
    expect(plain.stdout).not.toContain('\u001b');
    expect(coloured.stdout).toContain('\u001b[32mdecision: pull');
    expect(coloured.stdout.replaceAll(/\u001b\[\d+m/gu, '')).toBe(plain.stdout);
    const json = await runCli(['explain', './pod', '--json'], { ...around, colors: true });
    expect(json.stdout).not.toContain('\u001b');
  });
});

describe('kubepull schema', () => {
  it.each(['explain', 'preflight', 'lint', 'pull', 'pin'])('prints the schema by which %s is judged', async (name) => {
    const { code, stdout } = await runCli(['schema', name]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(getOutputSchema(name));
    expect(() => checkOutput(name, {})).toThrow('command');
  });
});
