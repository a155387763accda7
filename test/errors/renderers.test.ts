import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSecret } from 'kubepull/docker-config';
import { bundle } from '../support/leaks-bundle.ts';
import { leaksOf, makeSecret, RENDERERS } from '../support/leaks.ts';
import { makeSubjects, type Subjects } from '../support/leak-subjects.ts';
import { sweepOf } from '../support/sweeps.ts';

const path = mkdtempSync(join(tmpdir(), 'kubepull-leaks-'));
afterAll(() => rmSync(path, { recursive: true, force: true }));

describe('what a value shows of a secret [L01]', () => {
  let subjects: Subjects;
  beforeAll(async () => {
    subjects = await makeSubjects(join(path, 'layout'));
  });
  afterAll(() => subjects.close());

  it('is found by each of ten renderers', () => {
    const secret = makeSecret();
    const all = RENDERERS.map(([name]) => name);
    expect(all).toHaveLength(10);
    expect(leaksOf({ secret, toString: () => secret }, [secret])).toEqual(
      all.filter((name) => name !== 'structured clone'),
    );
    expect(leaksOf({ secret }, [secret])).toContain('structured clone');
    expect(leaksOf({ auth: Buffer.from(`u:${secret}`).toString('base64') }, [secret])).toContain('inspect');
    expect(leaksOf({ secret: createSecret(secret) }, [secret])).toEqual([]);
  });

  it('is nothing, for one of everything that the library makes', () => {
    expect(subjects.values.length).toBeGreaterThanOrEqual(30);
    expect(subjects.secrets.length).toBeGreaterThanOrEqual(8);
    const leaks = subjects.values.flatMap(([name, value]) =>
      leaksOf(value, subjects.secrets).map((renderer) => `${name}: ${renderer}`),
    );
    expect(leaks).toEqual([]);
  });
});

const POLLUTIONS = [
  'none',
  'Object.prototype.toJSON',
  'Object.prototype.inspect',
  'Object.prototype.password',
  'Object.prototype.toString',
  'Array.prototype.toJSON',
  'String.prototype.toJSON',
  'Map.prototype.inspect',
  'Error.prototype.toJSON',
];

describe('with built-in prototypes that somebody has changed [L10]', () => {
  const program = join(path, 'child.mjs');

  beforeAll(async () => {
    await bundle('leaks-child.ts', program);
  });

  it.each(sweepOf(POLLUTIONS, 2))('shows no secret: %s', (pollution) => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [program, pollution, join(path, pollution)], {
      env: {},
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(stderr).toBe('');
    expect([stdout, status]).toEqual(['30 or more values, no leak\n', 0]);
  });
});
