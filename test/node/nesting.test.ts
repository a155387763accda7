import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { countFor } from '../support/figures.ts';
import { bundle } from '../support/leaks-bundle.ts';
import { sweepOf } from '../support/sweeps.ts';
import { tempDir } from '../support/temp-dir.ts';

const TIMES = 500_000;
let programs = '';

beforeAll(async () => {
  programs = mkdtempSync(join(tmpdir(), 'kubepull-nesting-'));
  await bundle('nesting-child.ts', join(programs, 'child.mjs'));
  await bundle('nesting-documents-child.ts', join(programs, 'documents.mjs'));
  return () => rmSync(programs, { recursive: true });
});

/** How reading a text of this kind ends, in a process that may die of it. */
async function endOf(reader: string, text: string): Promise<string> {
  const { path } = tempDir();
  const file = reader === 'hosts' ? join(path, 'r.example', 'hosts.toml') : join(path, 'file');
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  const { stdout } = await promisify(execFile)(process.execPath, [join(programs, 'child.mjs'), reader, path], {
    timeout: 60_000,
  });
  countFor('documents that nest without end');
  return stdout.trim();
}

describe('a configuration of credential plugins', () => {
  it.each(
    sweepOf(
      [
        ['brackets', 'providers: '.padEnd(TIMES, '[')],
        ['brackets that are closed', `${'['.repeat(TIMES)}${']'.repeat(TIMES)}`],
        ['braces', `x: ${'{a: '.repeat(TIMES)}`],
        ['brackets and braces', '[{a: '.repeat(TIMES)],
        ['dashes', '- '.repeat(TIMES)],
        ['question marks', '? '.repeat(TIMES)],
        ['colons', ': '.repeat(TIMES)],
        ['indents', Array.from({ length: 2000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
      ] as const,
      3,
    ),
  )('is refused when %s nest without end', async (_, text) => {
    expect(await endOf('plugins', text)).toMatch(/^ERR_CONFIG_INVALID .*: it nests deeper than 64 levels$/);
  });

  it.each(['{"a":', '{"a":[{"b":'])('is refused when the JSON %s nests without end', async (text) => {
    expect(await endOf('plugins', text.repeat(TIMES / 5))).toMatch(/^ERR_CONFIG_INVALID .* exceeded max depth$/);
  });

  it.each(
    sweepOf(
      [
        ['tags', '!a '.repeat(TIMES)],
        ['anchors', '&a '.repeat(TIMES)],
        ['keys', Array.from({ length: TIMES / 10 }, (_, at) => `k${at}: 1\n`).join('')],
        ['items', `a: [${'b, '.repeat(TIMES)}]`],
      ] as const,
      2,
    ),
  )('is refused when it has %s without end', async (_, text) => {
    expect(await endOf('plugins', text)).toMatch(/^ERR_CONFIG_INVALID .*: it has more than 50000 tokens$/);
  });
});

describe.each(['hosts', 'registries'])('the TOML of %s', (reader) => {
  it.each(
    sweepOf(
      [
        ['brackets', 'a = '.padEnd(TIMES, '['), /line \d+ is not TOML|it is not TOML/],
        ['inline tables', `a = ${'{a = '.repeat(TIMES)}`, /line \d+ is not TOML|it is not TOML/],
        ['dots of a key', `[a${'.a'.repeat(TIMES)}]`, /line 1 has more than 1000 dots/],
      ] as const,
      2,
    ),
  )('is refused when %s nest without end', async (_, text, reason) => {
    const end = await endOf(reader, text);
    expect(end).toMatch(/^ERR_CONFIG_INVALID /);
    expect(end).toMatch(reason);
  });
});

describe('a docker config to log in to', () => {
  it.each(
    sweepOf(
      [
        ['brackets', `{"auths": ${'['.repeat(TIMES)}`],
        ['objects', '{"auths":'.repeat(TIMES / 5)],
        ['closed brackets beside the auths', `{"x":${'['.repeat(TIMES)}${']'.repeat(TIMES)}}`],
      ] as const,
      2,
    ),
  )('is refused when %s nest without end', async (_, text) => {
    expect(await endOf('login', text)).toMatch(
      /^ERR_CONFIG_INVALID .*: it is not a JSON object, so it is left as it is$/,
    );
  });
});

/** All that reads a document of somebody else, as the child names them. */
const READERS = [
  'manifest',
  'index',
  'config',
  'docker config',
  'docker config of kubelet',
  'linted docker config',
  'pull secret',
  'validated pull secret',
  'plugin',
  'layout',
  'validated layout',
  'records',
  'token reply',
  'helper reply',
  'error of a registry',
  'docker archive',
  'message of a node',
  'admission',
  'kubectl, explained',
  'kubectl, linted',
  'yaml, linted',
];

describe('a document whose lists and objects nest without end', () => {
  const run = async (...args: readonly string[]): Promise<string> =>
    (await promisify(execFile)(process.execPath, [join(programs, 'documents.mjs'), ...args], { timeout: 120_000 }))
      .stdout;

  it('is tried with every reader that the child knows', async () => {
    expect(JSON.parse(await run())).toEqual(READERS);
  });

  it.each(sweepOf(READERS, 4))('is read or refused by a code, and ends no process: %s', async (reader) => {
    const ends = (await run(reader, tempDir().path)).trim().split('\n');
    expect(ends).toHaveLength(6);
    for (const end of ends) expect(end).toMatch(/^[\w ]+: (?:read|ERR_[A-Z_]+)$/);
    countFor('documents that nest without end', ends.length);
  });
});
