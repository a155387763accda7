import { describe, expect, it } from 'vitest';
import type { LintOutput } from 'kubepull/cli';
import { canary } from '../support/canary.ts';
import { runCli, runJson } from './command.ts';

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64');
const auth = (password: string): object => ({ auth: Buffer.from(`u:${password}`).toString('base64') });

function secretOf(name: string, key: string, password = canary('password')): object {
  const data = { '.dockerconfigjson': encode({ auths: { [key]: auth(password) } }) };
  return { kind: 'Secret', type: 'kubernetes.io/dockerconfigjson', metadata: { name, namespace: 'shop' }, data };
}

const pod = (image: string, ...secrets: readonly string[]): object => ({
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { containers: [{ name: 'app', image }], imagePullSecrets: secrets.map((name) => ({ name })) },
});

const codesOf = ({ findings }: LintOutput): readonly string[] => findings.map(({ code }) => code);

describe('kubepull lint', () => {
  it('finds what is wrong with pods, their secrets and docker configs, each with its object', async () => {
    const files = {
      'all.json': [pod('r.example/team/app:1', 'creds', 'gone'), secretOf('creds', 'r.example/*')],
      'config.json': { auths: { 'r.example/*': auth(canary('password')) } },
    };
    const { code, value } = await runJson(['lint', 'all.json', 'config.json'], { files });
    expect(code).toBe(1);
    const found = value.findings.map(({ object, code: rule }) => [object.kind, rule]);
    expect(found).toContainEqual(['DockerConfig', 'KEY_GLOB_IN_PATH']);
    expect(found).toContainEqual(['Secret', 'KEY_GLOB_IN_PATH']);
    expect(found).toContainEqual(['Pod', 'PULL_SECRET_MISSING']);
    expect(value.findings.find(({ code: rule }) => rule === 'PULL_SECRET_MISSING')).toMatchObject({
      object: { kind: 'Pod', namespace: 'shop', name: 'web', place: 'all.json[0]' },
      place: 'spec.imagePullSecrets[1].name',
      severity: 'error',
    });
    const count = value.findings.filter(({ severity }) => severity === 'error').length;
    expect(value.counts.error).toBe(count);
  });

  it('says the same to people, with the count at the end', async () => {
    const files = { './pod': pod('nginx') };
    const { code, stdout } = await runCli(['lint', './pod'], { files });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^Pod shop\/web\n {2}warning IMAGE_TAG_IMPLIED spec\.containers\[0\]\.image: .*\n\n1 warning in 1 object\n$/u,
    );
    const good = await runCli(['lint', './pod'], { files: { './pod': pod('nginx:1.27') } });
    expect([good.code, good.stdout]).toEqual([0, 'nothing found in 1 object\n']);
  });

  it.each([
    ['never', 0],
    ['error', 0],
    ['warning', 1],
    ['info', 1],
  ])('ends by what --fail-on %s says', async (level, code) => {
    expect((await runCli(['lint', 'nginx', '--fail-on', level])).code).toBe(code);
  });

  it('looks at a secret that has to do with pulls, and leaves the others of a cluster alone', async () => {
    const other = { kind: 'Secret', type: 'Opaque', metadata: { name: 'db', namespace: 'shop' }, data: { a: 'eA==' } };
    const named = { ...other, metadata: { name: 'creds', namespace: 'shop' } };
    const typeless = { ...secretOf('x', 'r.example'), type: 'Opaque' };
    const files = { './all': [pod('a:1', 'creds'), other, named, typeless] };
    const { value } = await runJson(['lint', './all'], { files });
    const secrets = value.findings.filter(({ object }) => object.kind === 'Secret');
    expect(secrets.map(({ object, code }) => [(object as { readonly name: string }).name, code])).toEqual([
      ['creds', 'SECRET_TYPE_WRONG'],
      ['x', 'SECRET_TYPE_WRONG'],
    ]);
  });

  it('finds what is wrong with a docker config that is no JSON', async () => {
    const { code, value } = await runJson(['lint', './config'], {
      files: { './config': '{"auths": {"a": {},}' },
    });
    expect(code).toBe(1);
    expect(codesOf(value)).toContain('DOCUMENT_UNREADABLE');
  });

  it('judges secrets and docker configs by an image that they should serve', async () => {
    const files = { './creds': secretOf('creds', 'r.example') };
    expect(codesOf((await runJson(['lint', './creds', '--image', 'r.example/team/a'], { files })).value)).toEqual([]);
    const other = await runJson(['lint', './creds', '--image', 'other.example/a'], { files });
    expect(codesOf(other.value)).toEqual(['IMAGE_NOT_COVERED']);
  });

  it("knows the node's docker config by its option", async () => {
    const config = { auths: { 'r.example': auth(canary('password')) } };
    const files = { './all': [pod('r.example/a:1'), secretOf('x', 'other.example')], config };
    const { value } = await runJson(['lint', './all'], { files });
    expect(codesOf(value)).toEqual(['IMAGE_ANONYMOUS']);
    const known = await runJson(['lint', './all', '--docker-config', 'config'], { files });
    expect(codesOf(known.value)).toEqual([]);
  });

  it('refuses an input without anything to look at', async () => {
    const { code, stderr } = await runCli(['lint', '-'], { stdin: { kind: 'ConfigMap' } });
    expect([code, stderr]).toEqual([
      2,
      'kubepull: there is no pod, workload, pull secret or docker config in the input\n',
    ]);
  });
});
