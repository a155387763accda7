import { describe, expect, it } from 'vitest';
import { encodeAuth, parseDockerConfigJson } from 'kubepull/docker-config';
import { compareNodeConfigs, type NodeConfig } from 'kubepull/lint';
import { canary } from '../../support/canary.ts';
import { config } from '../support.ts';

const on = (node: string, auths: Readonly<Record<string, string>>): NodeConfig => ({
  node,
  entries: parseDockerConfigJson(
    config(
      Object.fromEntries(Object.entries(auths).map(([key, password]) => [key, { auth: encodeAuth('user', password) }])),
    ),
  ),
});
const shown = (...configs: readonly NodeConfig[]): readonly string[] =>
  compareNodeConfigs(configs).map(({ code, place, message }) => `${code} ${place}: ${message}`);

describe('compareNodeConfigs', () => {
  it('finds keys that some nodes lack, however they are written', () => {
    const [one, two] = [canary('password'), canary('password')];
    expect(
      shown(on('a', { 'https://r.example/v1/': one, 's.example': two }), on('b', { 'r.example': one }), on('c', {})),
    ).toEqual([
      'NODE_KEY_MISSING node "c" auths["r.example"]: It is on "a", "b"',
      'NODE_KEY_MISSING node "b" auths["s.example"]: It is on "a"',
      'NODE_KEY_MISSING node "c" auths["s.example"]: It is on "a"',
    ]);
  });

  it('finds the nodes whose credential most others do not have', () => {
    const [usual, old] = [canary('password'), canary('password')];
    expect(
      shown(on('a', { 'r.example': old }), on('b', { 'r.example': usual }), on('c', { 'r.example': usual })),
    ).toEqual(['NODE_CREDENTIAL_DIFFERS node "a" auths["r.example"]: It is not that of "b", "c"']);
  });

  it('names three of many nodes, and no user info of a key', () => {
    const [password, user] = [canary('password'), canary('username')];
    const many = Array.from('abcde', (node) => on(node, { [`https://${user}:x@r.example`]: password }));
    expect(shown(...many, on('f', {}))).toEqual([
      'NODE_KEY_MISSING node "f" auths["r.example"]: It is on "a", "b", "c" and 2 more',
    ]);
  });

  it('finds nothing in one node, in none, and in equal ones', () => {
    const password = canary('password');
    expect(compareNodeConfigs([])).toEqual([]);
    expect(shown(on('a', { 'r.example': password }))).toEqual([]);
    expect(shown(on('a', { 'r.example': password }), on('b', { 'r.example': password }))).toEqual([]);
  });
});
