import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { InvalidConfigError } from 'kubepull/errors';
import { readCredentialProviderConfig } from 'kubepull/node';
import { canary } from '../../support/canary.ts';
import { tempDir } from '../../support/temp-dir.ts';

const document = (...names: readonly string[]): string =>
  `apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
${names.map((name) => `  - name: ${name}\n    matchImages: ["*.example.com"]\n    defaultCacheDuration: 10m\n    apiVersion: credentialprovider.kubelet.k8s.io/v1\n`).join('')}`;

const json = (name: string): string =>
  JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'CredentialProviderConfig',
    providers: [
      {
        name,
        matchImages: ['*.example.com'],
        defaultCacheDuration: '0s',
        apiVersion: 'credentialprovider.kubelet.k8s.io/v1beta1',
      },
    ],
  });

function directoryOf(files: Readonly<Record<string, string>>): string {
  const { path } = tempDir();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

async function faultOf(path: string): Promise<string> {
  const error: unknown = await readCredentialProviderConfig(path).catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(InvalidConfigError);
  return (error as InvalidConfigError).upstream;
}

describe('readCredentialProviderConfig', () => {
  it('reads a file of YAML', async () => {
    const path = join(directoryOf({ 'config.yaml': document('ecr', 'gcr') }), 'config.yaml');
    const { config, files } = await readCredentialProviderConfig(path);
    expect(config.providers.map(({ name }) => name)).toEqual(['ecr', 'gcr']);
    expect(files).toEqual([path]);
  });

  it('reads YAML 1.1, where yes is a truth value and no text', async () => {
    const tokens = 'tokenAttributes: {serviceAccountTokenAudience: a, cacheType: Token, requireServiceAccount: yes}';
    const path = directoryOf({ 'a.yaml': `${document('ecr')}    ${tokens}\n` });
    const { config } = await readCredentialProviderConfig(path);
    expect(config.providers[0]?.tokenAttributes?.requireServiceAccount).toBe(true);
    const place = 'providers[0].name must be of type string, not boolean';
    expect(await faultOf(directoryOf({ 'a.yaml': document('yes') }))).toContain(place);
  });

  it('reads a directory in the order of the names, and nothing in it that is no configuration', async () => {
    const path = directoryOf({
      'b.json': json('second'),
      'a.yml': document('first'),
      'c.yaml': document('third'),
      'd.txt': '{',
    });
    mkdirSync(join(path, 'e.yaml'));
    const { config, files } = await readCredentialProviderConfig(path);
    expect(config.providers.map(({ name }) => name)).toEqual(['first', 'second', 'third']);
    expect(files).toEqual(['a.yml', 'b.json', 'c.yaml'].map((name) => join(path, name)));
  });

  it('hashes each file with its length before it', async () => {
    const texts = { 'a.yaml': document('a'), 'b.yaml': document('b') };
    const hash = createHash('sha256');
    for (const text of Object.values(texts)) {
      const length = Buffer.alloc(8);
      length.writeBigUInt64BE(BigInt(Buffer.byteLength(text)));
      hash.update(length).update(text);
    }
    expect((await readCredentialProviderConfig(directoryOf(texts))).hash).toBe(`sha256:${hash.digest('hex')}`);
  });

  it('refuses in the words of kubelet', async () => {
    const empty = directoryOf({ 'a.txt': '' });
    expect(await faultOf('')).toBe('credential provider config path is empty');
    expect(await faultOf(join(empty, 'none'))).toBe(`unable to access path "${empty}/none": no such file or directory`);
    expect(await faultOf(empty)).toBe(`no configuration files found in directory "${empty}"`);
    expect(await faultOf(directoryOf({ 'a.yaml': document('x'), 'b.yaml': document('x') }))).toBe(
      'duplicate provider name "x" found in configuration file(s)',
    );
  });

  it.each([
    ['a key twice', 'kind: a\nkind: b\n', 'line 2: key "kind" already set in map'],
    ['broken YAML', 'kind: [a', 'bad'],
    [
      'aliases that expand without end',
      'a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]',
      'yaml: document contains excessive aliasing',
    ],
  ])('refuses %s', async (name, text, reason) => {
    const path = directoryOf({ 'a.yaml': text });
    const fault = await faultOf(path);
    expect(fault).toMatch(new RegExp(`^error decoding config "${path}/a.yaml": `));
    if (name !== 'broken YAML') expect(fault).toContain(reason);
  });

  it.each(['*.dkr.ecr.*.amazonaws.com', '*.azurecr.io', '*'])(
    'names the cure of the glob %s without quotes',
    async (glob) => {
      const text = document('ecr').replace('["*.example.com"]', `\n      - ${glob}`);
      const error: unknown = await readCredentialProviderConfig(directoryOf({ 'a.yaml': text })).catch(
        (e: unknown) => e,
      );
      const quoted = glob === '*' ? '"*.example.com"' : `"${glob}"`;
      expect((error as InvalidConfigError).message).toContain(`in quotes`);
      expect((error as InvalidConfigError).message).toContain(quoted);
      expect((error as InvalidConfigError).upstream).toMatch(/: yaml: [^"]*$/);
    },
  );

  it('never quotes a file that it cannot read, wherever it is cut [L03]', async () => {
    const secret = canary('plugin-output');
    const whole =
      document('x').replace('providers:', `providers: # ${secret}`) + `    env: [{name: KEY, value: "${secret}"}]\n`;
    const { path, secretFile } = tempDir();
    for (let length = 0; length < whole.length; length += 1) {
      secretFile('a.yaml', whole.slice(0, length));
      await readCredentialProviderConfig(join(path, 'a.yaml')).catch((error: unknown) => {
        expect(error).toBeInstanceOf(InvalidConfigError);
      });
    }
    secretFile('a.yaml', whole);
    const { config } = await readCredentialProviderConfig(path);
    expect(config.providers[0]?.env[0]?.value.reveal() === secret).toBe(true);
  });
});
