import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { describe, expect, it, vi } from 'vitest';
import type { PluginCall } from 'kubepull/credential-provider';
import { createSecret } from 'kubepull/docker-config';
import { createExecPlugin, type ExecPluginOptions } from 'kubepull/node';
import { checkPlugin } from '../../../src/node/kubelet/exec-plugin.ts';
import { canary } from '../../support/canary.ts';
import { callOf, pluginDir } from '../../support/plugin-dir.ts';
import { tempDir } from '../../support/temp-dir.ts';

async function run(
  script: string,
  change: Partial<PluginCall> = {},
  options: Partial<ExecPluginOptions> = {},
): Promise<string> {
  const exec = createExecPlugin({ binDir: pluginDir({ plugin: script }), ...options });
  return new TextDecoder().decode(await exec(callOf(change)));
}

/** Whether a process, or any of its group, is there. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

describe('createExecPlugin', () => {
  it('ends a plugin that hangs when the look-up is given up, and gives its place to the next', async () => {
    const { path } = tempDir();
    const [pidFile, next] = [join(path, 'pid'), new TextEncoder().encode('next\n')];
    const binDir = pluginDir({
      hangs: `echo $$ > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; sleep 600`,
      next: 'echo next',
    });
    const exec = createExecPlugin({ binDir, maxParallelPlugins: 1 });
    const controller = new AbortController();
    const reason = new Error('enough');
    const hanging = exec(callOf({ provider: 'hangs' }), { signal: controller.signal });
    const waiting = exec(callOf({ provider: 'next' }));
    await vi.waitFor(() => expect(existsSync(pidFile)).toBe(true), 60_000);
    controller.abort(reason);
    await expect(hanging).rejects.toBe(reason);
    expect(isAlive(Number(readFileSync(pidFile, 'utf8')))).toBe(false);
    expect(await waiting).toEqual(next);
  });

  it('starts no plugin for a look-up that was given up while it waited for a place', async () => {
    const { path } = tempDir();
    const binDir = pluginDir({ hangs: 'sleep 600', writes: `touch ${join(path, 'started')}` });
    const exec = createExecPlugin({ binDir, maxParallelPlugins: 1 });
    const controllers = [new AbortController(), new AbortController()];
    const calls = ['hangs', 'writes'].map((provider, at) =>
      exec(callOf({ provider }), { signal: controllers[at]?.signal }).catch((error: unknown) => error),
    );
    controllers[1]?.abort('second');
    expect(await calls[1]).toBe('second');
    controllers[0]?.abort('first');
    expect(await calls[0]).toBe('first');
    expect(existsSync(join(path, 'started'))).toBe(false);
  });

  it('gives arguments, variables and the request, and takes what is printed', async () => {
    const script = 'read line; printf "%s %s %s %s" "$1" "$2" "$KEY" "$line"';
    const text = await run(script, {
      args: ['get', 'a b'],
      env: [
        { name: 'KEY', value: createSecret('first') },
        { name: 'KEY', value: createSecret('last one') },
      ],
      stdin: () => '{"kind":"x"}\n',
    });
    expect(text).toBe('get a b last one {"kind":"x"}');
  });

  describe('never leaves the directory [X01]', () => {
    const names = ['', '.', '..', 'a/b', '../plugin', '/bin/true', 'a b', 'a\0b', '..\\plugin', '\\plugin', './plugin'];
    it.each(names)('not for the name %j', async (provider) => {
      const exec = createExecPlugin({ binDir: pluginDir({ plugin: 'echo ran' }) });
      await expect(exec(callOf({ provider }))).rejects.toMatchObject({
        code: 'ERR_CREDENTIAL_PROVIDER',
        message: expect.stringContaining('it is not the name of a program') as string,
      });
    });

    it('not through PATH, nor for a link that leads out', async () => {
      const [elsewhere, binDir] = [pluginDir({ decoy: 'echo ran' }), pluginDir({})];
      const path = env['PATH'];
      env['PATH'] = `${elsewhere}:${path}`;
      try {
        const exec = createExecPlugin({ binDir });
        await expect(exec(callOf({ provider: 'decoy' }))).rejects.toThrow('does not exist');
        symlinkSync(join(elsewhere, 'decoy'), join(binDir, 'decoy'));
        await expect(exec(callOf({ provider: 'decoy' }))).rejects.toThrow('it lies outside');
      } finally {
        env['PATH'] = path;
      }
    });

    it('but for a link within it', async () => {
      const binDir = pluginDir({ 'plugin-v2': 'echo ran' });
      symlinkSync('plugin-v2', join(binDir, 'plugin'));
      expect(new TextDecoder().decode(await createExecPlugin({ binDir })(callOf()))).toBe('ran\n');
    });
  });

  describe('ends within its bound, and leaves no process behind [X02]', () => {
    const pidFile = (): string => join(tempDir().path, 'pid');
    const forever = 'while :; do sleep 1; done';
    it.each([
      ['hangs', (file: string) => `echo $$ > ${file}; ${forever}`, 'it took longer than 1 s'],
      ['ignores SIGTERM', (file: string) => `trap '' TERM; echo $$ > ${file}; ${forever}`, 'it took longer than 1 s'],
      ['hangs in a grandchild', (file: string) => `(${forever}) & echo $! > ${file}; wait`, 'it took longer than 1 s'],
    ])('when it %s', async (_, script, reason) => {
      const file = pidFile();
      await expect(run(script(file), {}, { timeoutMs: 1000 })).rejects.toThrow(reason);
      await expect.poll(() => isAlive(Number(readFileSync(file, 'utf8'))), { timeout: 30_000 }).toBe(false);
    });

    it('when a grandchild keeps its output open', async () => {
      const file = pidFile();
      expect(await run(`sleep infinity & echo $! > ${file}; echo answer`)).toBe('answer\n');
      await expect.poll(() => isAlive(Number(readFileSync(file, 'utf8'))), { timeout: 30_000 }).toBe(false);
    });

    it('when it is killed', async () => {
      await expect(run('kill -9 $$')).rejects.toThrow('Cannot run plugin "plugin": it was killed by SIGKILL');
    });
  });

  describe('refuses alike whatever cannot be started [X05]', () => {
    const value = (): string => canary('plugin-output');
    it.each<[string, Partial<PluginCall>]>([
      ['a NUL in an argument', { args: ['a\0b'] }],
      ['a NUL in a variable', { env: [{ name: 'K', value: createSecret(`a\0${value()}`) }] }],
      ['more arguments than fit', { args: Array.from({ length: 40 }, () => 'x'.repeat(120_000)) }],
    ])('%s', async (_, change) => {
      await expect(run('exit 0', change)).rejects.toMatchObject({
        code: 'ERR_CREDENTIAL_PROVIDER',
        message: expect.stringMatching(/^Cannot run plugin "plugin": it cannot be started \(E\w+\)$/) as string,
      });
    });

    it('a file that is not executable, none at all, and one that is no program', async () => {
      const binDir = pluginDir({ plain: '' });
      chmodSync(join(binDir, 'plain'), 0o644);
      writeFileSync(join(binDir, 'garbage'), '\u007fELF\0', { mode: 0o755 });
      const exec = createExecPlugin({ binDir });
      await expect(exec(callOf({ provider: 'plain' }))).rejects.toThrow('it cannot be started (EACCES)');
      await expect(exec(callOf({ provider: 'none' }))).rejects.toThrow('does not exist');
      await expect(exec(callOf({ provider: 'garbage' }))).rejects.toMatchObject({ code: 'ERR_CREDENTIAL_PROVIDER' });
    });
  });

  it('takes nothing from a plugin that fails, and tells its complaint without its secrets [X06]', async () => {
    const [key, token] = [canary('plugin-output'), canary('service-account-token')];
    const failure: unknown = await run(
      `cat >&2; echo '{"kind":"valid"}'; printf "%s \\033[31mred\\n" "$KEY" >&2; exit 7`,
      {
        env: [{ name: 'KEY', value: createSecret(key) }],
        stdin: () => `{"serviceAccountToken":"${token}"}`,
      },
    ).catch((error: unknown) => error);
    expect((failure as Error).message).toBe(
      'Cannot run plugin "plugin": it ended with status 7: {"serviceAccountToken":"[redacted]"}[redacted] \\x1b[31mred',
    );
  });

  it.each<[string, string, readonly string[], string]>([
    ['the longer of two', 'printf %s "$V1"', ['abcd', 'abcdefgh'], ': [redacted]'],
    ['one without its line break', 'printf "%s!" "$(echo "$V0")"', ['supersecret\\n'], ': [redacted]!'],
    ['one line of several', 'echo "$V0" | tail -n 1', ['first-line\\nsecond-line'], ': [redacted]'],
    [
      'one in Base64',
      'printf "u:%s, no" "$V0" | base64 -w0 | tr -d "="',
      ['a-long-secret-1'],
      ': dTph[redacted]LTEsIG5v',
    ],
    ['one in hexadecimal', 'printf %s "$V0" | od -An -tx1 | tr -d " \n"', ['a-long-secret-2'], ': [redacted]'],
    ['one in capitals', 'printf %s "$V0" | tr a-z A-Z', ['a-long-secret-3'], ': [redacted]'],
    ['none, of lines without a secret', 'echo "one: $V1"', ['unused-secret'], ': one:'],
    ['one with space around it', 'printf "<%s>" "$V0" | tr -d " "', ['  spaced-secret  '], ': <[redacted]>'],
    ['one beside another', 'printf "%s, %s" "$V0" "$V1"', ['secret-one', 'secret-two'], ': [redacted], [redacted]'],
    ['one cut at the limit', 'yes "$V0" | tr -d "\\n" | head -c 70000', ['S'.repeat(2000)], ''],
  ])('masks a secret whole: %s [X06]', async (_, complaint, values, told) => {
    const env = values.map((value, at) => ({ name: `V${at}`, value: createSecret(value.replaceAll('\\n', '\n')) }));
    const failure: unknown = await run(`(${complaint}) >&2; exit 1`, { env }).catch((error: unknown) => error);
    expect((failure as Error).message).toBe(`Cannot run plugin "plugin": it ended with status 1${told}`);
  });

  it('tells the first of a long complaint, and what was cut off at the limit only where no secret was given', async () => {
    const complain = async (bytes: number, change: Partial<PluginCall> = {}): Promise<string> => {
      const script = `head -c ${bytes} /dev/zero | tr "\\0" x >&2; exit 1`;
      const failure: unknown = await run(script, change).catch((error: unknown) => error);
      return (failure as Error).message;
    };
    const start = 'Cannot run plugin "plugin": it ended with status 1';
    expect(await complain(3)).toBe(`${start}: xxx`);
    expect(await complain(513)).toBe(`${start}: ${'x'.repeat(512)}…`);
    expect(await complain(65_536)).toBe(`${start}: ${'x'.repeat(512)}…`);
    // In the longest of its forms, each character of the secret takes six.
    const secret = { env: [{ name: 'K', value: createSecret('s'.repeat(10_923)) }] };
    expect(await complain(65_535, secret)).toBe(`${start}: ${'x'.repeat(512)}…`);
    expect(await complain(65_536, secret)).toBe(start);
    const token = { stdin: () => `{"kind":"x","serviceAccountToken":"${'s'.repeat(10_922)}"}` };
    expect(await complain(65_536, token)).toBe(`${start}: xxxx`);
  });

  it('never runs more processes at a time than it may [X09]', async () => {
    const marks = tempDir().path;
    const script = `touch ${marks}/$$; ls ${marks} | wc -l; sleep 0.2; rm ${marks}/$$`;
    const exec = createExecPlugin({ binDir: pluginDir({ plugin: script }), maxParallelPlugins: 3 });
    const counts = await Promise.all(Array.from({ length: 12 }, () => exec(callOf())));
    const most = Math.max(...counts.map((stdout) => Number(new TextDecoder().decode(stdout))));
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
  });

  it('hands on the whole environment as kubelet does, or what is allowed [X10]', async () => {
    env['KUBEPULL_TEST_A'] = 'inherited';
    const script = 'printf "%s/%s" "$KUBEPULL_TEST_A" "$B"';
    const variables = [{ name: 'B', value: createSecret('configured') }];
    try {
      expect(await run(script, { env: variables })).toBe('inherited/configured');
      expect(await run(script, { env: variables }, { inheritEnv: ['PATH'] })).toBe('/configured');
      const over = [{ name: 'KUBEPULL_TEST_A', value: createSecret('configured') }];
      expect(await run('printf %s "$KUBEPULL_TEST_A"', { env: over })).toBe('configured');
    } finally {
      delete env['KUBEPULL_TEST_A'];
    }
  });

  it('hands the token of a service account on by standard input alone [L08]', async () => {
    const [token, { path }] = [canary('service-account-token'), tempDir()];
    const script = `{ tr '\\0' ' ' < /proc/$$/cmdline; tr '\\0' ' ' < /proc/$$/environ; } > ${path}/seen; cat | wc -c`;
    const stdin = JSON.stringify({ serviceAccountToken: token });
    expect(await run(script, { args: ['get'], stdin: () => stdin })).toBe(`${stdin.length}\n`);
    // The canary hook searches the directory.
    expect(readFileSync(join(path, 'seen'), 'utf8')).toMatch(/plugin get .*PATH=/);
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 31])('refuses a time limit of %d', (timeoutMs) => {
    expect(() => createExecPlugin({ binDir: '/', timeoutMs })).toThrow('must be a whole number from 1');
  });

  it.each([
    [{ binDir: 5 }, 'binDir must be a text, not 5'],
    [{}, 'binDir is missing, it must be a text'],
    [{ binDir: '/', inheritEnv: 'none' }, 'inheritEnv must be "all" or a list, not a text'],
    [{ binDir: '/', inheritEnv: [5] }, 'inheritEnv must be "all" or a list, not a list'],
    [{ binDir: '/', maxParallelPlugins: 0 }, 'maxParallelPlugins must be a whole number from 1 to 2147483647, not 0'],
    [
      { binDir: '/', maxParallelPlugins: 2 ** 31 },
      'maxParallelPlugins must be a whole number from 1 to 2147483647, not 2147483648',
    ],
  ])('refuses the options %j', (options, reason) => {
    const create = (): unknown => createExecPlugin(options as unknown as ExecPluginOptions);
    expect(create).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID', message: `Cannot run plugins: ${reason}` }),
    );
  });

  it('takes as many plugins at a time as there can be', () => {
    expect(createExecPlugin({ binDir: '/', maxParallelPlugins: 2 ** 31 - 1 })).toBeTypeOf('function');
  });
});

describe('checkPlugin, as kubelet looks at its start', () => {
  const refusal = (name: string, reason: string) => ({
    code: 'ERR_CREDENTIAL_PROVIDER',
    message: `Cannot run plugin "${name}": ${reason}`,
  });

  it('accepts a program, and a link to one in the same directory', async () => {
    const binDir = pluginDir({ plugin: 'exit 1' });
    symlinkSync('plugin', join(binDir, 'link'));
    await checkPlugin(binDir, 'plugin');
    await checkPlugin(binDir, 'link');
  });

  it('refuses what cannot be run, is a directory, leads out, or is not there', async () => {
    const binDir = pluginDir({ plain: '' });
    chmodSync(join(binDir, 'plain'), 0o644);
    mkdirSync(join(binDir, 'directory'));
    symlinkSync('/bin/sh', join(binDir, 'link'));
    for (const name of ['plain', 'directory'])
      await expect(checkPlugin(binDir, name)).rejects.toMatchObject(
        refusal(name, `"${binDir}/${name}" is not executable`),
      );
    await expect(checkPlugin(binDir, 'link')).rejects.toMatchObject(refusal('link', `it lies outside "${binDir}"`));
    await expect(checkPlugin(binDir, 'gone')).rejects.toMatchObject({
      ...refusal('gone', `"${binDir}/gone" does not exist`),
      cause: expect.any(Error) as Error,
    });
    await expect(checkPlugin(binDir, '..')).rejects.toMatchObject(refusal('..', 'it is not the name of a program'));
  });
});
