// What a caller without types can pass.
import { describe, expect, it } from 'vitest';
import { createCredential, type DockerConfigEntry, parseDockerConfig } from 'kubepull/docker-config';
import { createKeyring } from 'kubepull/keyring';
import { parseImageName, parseReference } from 'kubepull/reference';
import { imageNamed } from '../support/image-name.ts';

const entry: DockerConfigEntry = {
  pattern: 'r.example',
  credential: createCredential({ username: 'u', password: 'p' }),
  source: { kind: 'inline' },
};
const refusal = expect.objectContaining({ code: 'ERR_OPTION_INVALID' }) as unknown;

function refusalOf(entries: unknown): unknown {
  try {
    createKeyring(entries as DockerConfigEntry[]);
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('createKeyring', () => {
  it.each([undefined, null, 5, {}, parseDockerConfig('{"auths":{}}')])('wants a list of entries: %j', (entries) => {
    expect(refusalOf(entries)).toEqual(refusal);
    expect(String(refusalOf(entries))).toContain('the entries must be a list');
  });

  it.each<readonly [string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['text', 'r.example'],
    ['no credential', { ...entry, credential: undefined }],
    ['a password in plain text', { ...entry, credential: { username: 'u', password: 'p' } }],
    ['no source', { ...entry, source: undefined }],
  ])('refuses an entry that a pull could not use: %s', (_, bad) => {
    expect(String(refusalOf([entry, bad]))).toContain('entry 2 lacks its credential or source');
    expect(refusalOf([entry, bad])).toEqual(refusal);
  });

  it('refuses an entry whose pattern is no text', () => {
    expect(refusalOf([{ ...entry, pattern: 5 }])).toEqual(refusal);
  });

  it('looks up what any parser gives', () => {
    const { lookup } = createKeyring([entry]);
    expect(lookup(parseReference('r.example/app:1')).candidates).toHaveLength(1);
    expect(lookup(parseImageName('r.example/app:1')).candidates).toHaveLength(1);
    expect(lookup({ domain: 'r.example', path: 'app' }).candidates).toHaveLength(1);
  });

  it('holds more keys of one host than a call may have arguments', () => {
    const count = 200_000;
    const entries = Array.from({ length: count }, (_, index) => ({ ...entry, pattern: `r.example/team-${index}/` }));
    const { candidates } = createKeyring(entries).lookup(imageNamed(`r.example/team-${count - 1}/app`));
    expect(candidates.map(({ key }) => key)).toEqual([`r.example/team-${count - 1}/`]);
  });
});
