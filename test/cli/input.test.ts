import { describe, expect, it } from 'vitest';
import { canary } from '../support/canary.ts';
import { runCli, runJson } from './command.ts';

const podWith = (name: string, image: string): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop' },
  spec: { containers: [{ name: 'app', image }] },
});
const yamlPod = (name: string, image: string): string =>
  `kind: Pod\nmetadata: {name: ${name}}\nspec:\n  containers:\n  - name: app\n    image: ${image}\n`;

async function imagesOf(args: readonly string[], around: Parameters<typeof runCli>[1]): Promise<readonly string[]> {
  const { value } = await runJson(['explain', ...args], around);
  return value.images.map(({ image }) => image);
}

describe('the operands of a command', () => {
  it('are files by their form, and images else', async () => {
    const files = { 'a.json': podWith('a', 'a:1'), 'b.yaml': yamlPod('b', 'b:1'), './c': podWith('c', 'c:1') };
    const more = { '/d': podWith('d', 'd:1'), '../e': podWith('e', 'e:1'), 'F.YML': yamlPod('f', 'f:1') };
    const args = ['nginx', ...Object.keys(files), '-', ...Object.keys(more), 'r.example/app:1'];
    const around = { files: { ...files, ...more }, stdin: podWith('in', 'in:1') };
    expect(await imagesOf(args, around)).toEqual([
      'a:1',
      'b:1',
      'c:1',
      'in:1',
      'd:1',
      'e:1',
      'f:1',
      'nginx',
      'r.example/app:1',
    ]);
  });

  it.each<readonly [string, unknown, readonly string[]]>([
    ['a List', { kind: 'List', items: [podWith('a', 'a'), podWith('b', 'b')] }, ['a', 'b']],
    [
      'the list of a kind, whose items do not say it',
      { kind: 'PodList', items: [{ spec: { containers: [{ name: 'x', image: 'a' }] } }] },
      ['a'],
    ],
    ['a List in a List', { kind: 'List', items: [{ kind: 'List', items: [podWith('a', 'a')] }] }, ['a']],
    ['an array', [podWith('a', 'a'), null, 3], ['a']],
    ['documents', `${yamlPod('a', 'a')}---\n---\n${yamlPod('b', 'b')}`, ['a', 'b']],
    [
      'JSON of several runs',
      `${JSON.stringify(podWith('a', 'a'), undefined, 2)}\n{"kind":"Pod","b":"\\"}\\\\"}\n[${JSON.stringify(podWith('b', 'b'))}]`,
      ['a', 'b'],
    ],
    ['an anchor', 'kind: Pod\nspec: {containers: [&c {image: a}, {<<: *c, name: z}]}', ['a', 'a']],
    ['a mark of the byte order', `\ufeff${JSON.stringify(podWith('a', 'a'))}`, ['a']],
    ['Windows line ends', yamlPod('a', 'a').replaceAll('\n', '\r\n'), ['a']],
    [
      'a workload',
      {
        kind: 'CronJob',
        spec: { jobTemplate: { spec: { template: { spec: { containers: [{ name: 'x', image: 'a' }] } } } } },
      },
      ['a'],
    ],
    ['what else is in a cluster', { kind: 'List', items: [{ kind: 'ConfigMap', data: {} }, podWith('a', 'a')] }, ['a']],
  ])('may hold %s', async (_, stdin, images) => {
    expect(await imagesOf(['-'], { stdin })).toEqual(images);
  });

  it.each<readonly [string, unknown, string]>([
    ['nothing', '', '"standard input" is empty'],
    ['no YAML', 'a: [1', 'line 1: '],
    ['a key twice', 'a: 1\na: 2\n', 'line 2: key "a" already set in map'],
    ['an alias without anchor', 'a: *b', 'unknown anchor referenced'],
    ['too many aliases', bomb(), 'excessive aliasing'],
    ['JSON with a comma too many', '{"kind":"Pod",}', '"standard input" is no JSON\n'],
    ['JSON that is cut off', '{"kind":"Pod"}\n{"kind":', 'is no JSON in what begins in line 2'],
    ['no UTF-8', new Uint8Array([0xff, 0xfe, 0x41]), 'is no text in UTF-8'],
    ['no pod', { kind: 'ConfigMap' }, 'no pod, workload or List'],
    ['a text', '"nginx"', 'no pod, workload or List'],
    ['deep nesting', '['.repeat(100_000), 'nests deeper than 64 levels'],
  ])('are refused when there is %s in them', async (_, stdin, text) => {
    const { code, stdout, stderr } = await runCli(['explain', '-'], { stdin });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^kubepull: .*\n$/u);
    expect(stderr).toContain(text);
  });

  it('are refused when a file is not there', async () => {
    const { code, stderr } = await runCli(['lint', './absent']);
    expect([code, stderr]).toEqual([2, 'kubepull: cannot read "./absent": there is no such file\n']);
    const config = await runCli(['explain', 'nginx', '--docker-config', 'absent']);
    expect([config.code, config.stderr]).toEqual([
      2,
      'kubepull: cannot read --docker-config "absent": there is no such file\n',
    ]);
  });

  it('are never quoted where they cannot be read', async () => {
    const password = canary('password');
    for (const stdin of [
      `{"kind": "Secret", "stringData": {"password": "${password}`,
      `stringData:\n  password: ${password}\n password: x`,
      `a: *${password}`,
      `? ${password}\n: [`,
    ]) {
      const { code, stderr } = await runCli(['lint', '-'], { stdin });
      expect(code).toBe(2);
      expect(stderr).not.toContain(password);
    }
  });
});

function bomb(): string {
  const levels = Array.from({ length: 8 }, (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level},`.repeat(9)}]`);
  return `a0: &a0 x\n${levels.join('\n')}`;
}
