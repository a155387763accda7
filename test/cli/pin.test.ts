import { describe, expect, it } from 'vitest';
import { createPullSecret } from 'kubepull/pull-secrets';
import { buildImage } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { startRegistry } from '../support/registry.ts';
import { runCli, runJson } from './command.ts';

const ONLY = ['--plain-http', '--anonymous'];

async function startShop() {
  const account = { username: canary('username'), password: canary('password') };
  const registry = await startRegistry({ auth: { 'private/': { type: 'basic', accounts: [account] } } });
  const image = buildImage({ platform: { os: 'linux', architecture: 'amd64' }, layers: [{ files: { a: 'a' } }] });
  for (const name of ['app', 'private/app']) registry.push(name, '1', image);
  const secret = createPullSecret({ name: 'creds', server: registry.host, ...account });
  const { digest } = image.descriptor;
  return { registry, secret, digest, app: `${registry.host}/app:1`, own: `${registry.host}/private/app:1` };
}

describe('kubepull pin', () => {
  it('writes the digest behind each tag, and leaves all else in a file of YAML as it is', async () => {
    const { app, digest } = await startShop();
    const yaml = (image: string): string => `# What shops run.
kind: Deployment
metadata: {name:   web}   # odd blanks stay
spec:
    template:
        spec:
            containers:
            -   name: app
                image: "${image}" # the app
            -   {image: ${image}, name: b}
            initContainers:
              - name: 'keep'
                image: '${image}'
---
# nothing here
---
kind: ConfigMap
data: { image: ${app}, on: yes }
---
kind: CronJob
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: x, image: ${image}}]}}}}}
`;
    const { code, stdout, stderr } = await runCli(['pin', 'all.yaml', ...ONLY], { files: { 'all.yaml': yaml(app) } });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(yaml(`${app}@${digest}`));
    const again = await runCli(['pin', '-', ...ONLY], { stdin: stdout });
    expect([again.code, again.stdout]).toEqual([0, stdout]);
    expect(again.stderr.trim().split('\n')).toHaveLength(4);
    expect((await runCli(['pin', '-', ...ONLY, '-q'], { stdin: stdout })).stderr).toBe('');
  });

  it('writes JSON with its indentation, and images by themselves as names', async () => {
    const { app, digest } = await startShop();
    const pod = (image: string): object => ({ kind: 'Pod', spec: { containers: [{ name: 'a', image }] } });
    const list = (image: string): string => JSON.stringify({ kind: 'List', items: [pod(image)] }, undefined, 4);
    const { stdout } = await runCli(['pin', './list', ...ONLY], { files: { './list': list(app) } });
    expect(stdout).toBe(`${list(`${app}@${digest}`)}\n`);
    expect((await runCli(['pin', app, ...ONLY])).stdout).toBe(`${app}@${digest}\n`);
    const several = await runCli(['pin', './a', 'b.yaml', ...ONLY], {
      files: { './a': pod(app), 'b.yaml': `kind: Pod\nspec: {containers: [{name: a, image: ${app}}]}\n` },
    });
    expect(several.stdout).toBe(
      `${JSON.stringify(pod(`${app}@${digest}`))}\n---\nkind: Pod\nspec: {containers: [{name: a, image: ${app}@${digest}}]}\n`,
    );
  });

  it('asks with the secrets of another file, which is not printed', async () => {
    const { registry, own, digest, secret } = await startShop();
    const pod = { kind: 'Pod', spec: { containers: [{ name: 'a', image: own }] } };
    const files = { './pod': pod, './secret': secret };
    const { code, value } = await runJson(['pin', './pod', './secret', ...ONLY], { files });
    expect(code).toBe(0);
    expect(value).toEqual({
      command: 'pin',
      version: 1,
      changes: [{ place: './pod', path: 'spec.containers[0].image', from: own, to: `${own}@${digest}`, digest }],
      left: [],
    });
    expect(registry.requests.every(({ method }) => method === 'HEAD')).toBe(true);
    const text = await runCli(['pin', './pod', './secret', ...ONLY], { files });
    expect(text.stdout).toBe(
      `${JSON.stringify({ ...pod, spec: { containers: [{ name: 'a', image: `${own}@${digest}` }] } })}\n`,
    );
    const mixed = await runCli(['pin', './both', ...ONLY], { files: { './both': [pod, secret] } });
    expect([mixed.code, mixed.stdout]).toEqual([2, '']);
    expect(mixed.stderr).toContain('"./both" holds a Secret');
  });

  it('leaves what has no digest, tells why, and ends with 1', async () => {
    const { registry, app, own } = await startShop();
    const images = [app, `${app}0`, own, 'No/Name', `${app}@sha256:${'0'.repeat(64)}`];
    const pod = { kind: 'Pod', spec: { containers: images.map((image, at) => ({ name: `c${at}`, image })) } };
    const { code, value } = await runJson(['pin', './pod', ...ONLY], { files: { './pod': pod } });
    expect(code).toBe(1);
    expect(value.changes.map(({ from }) => from)).toEqual([app]);
    expect(value.left.map(({ image, reason }) => [image, reason])).toEqual([
      [`${app}0`, 'not-found'],
      [own, 'failed'],
      ['No/Name', 'invalid'],
      [`${app}@sha256:${'0'.repeat(64)}`, 'pinned'],
    ]);
    const { stderr } = await runCli(['pin', './pod', ...ONLY], { files: { './pod': pod } });
    expect(stderr).toContain(`./pod spec.containers[1].image: ${app}0 not-found: `);
    expect(registry.requests.length).toBeGreaterThan(0);
  });

  it('refuses an image that stands behind an alias', async () => {
    const { app } = await startShop();
    const stdin = `kind: Pod\nspec: {containers: [&a {name: a, image: ${app}}, *a]}\n`;
    const { code, stdout, stderr } = await runCli(['pin', '-', ...ONLY], { stdin });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('spec.containers[1].image stands behind an alias; write it out');
  });

  it('refuses an input without images', async () => {
    const { code, stderr } = await runCli(['pin', '-', ...ONLY], { stdin: { kind: 'ConfigMap' } });
    expect([code, stderr]).toEqual([2, 'kubepull: there is no pod, workload or image in the input\n']);
  });
});
