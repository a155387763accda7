import { format } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as backoff from 'kubepull/backoff';
import * as dockerConfig from 'kubepull/docker-config';
import * as explain from 'kubepull/explain';
import * as imageAccess from 'kubepull/image-access';
import * as keyring from 'kubepull/keyring';
import * as lint from 'kubepull/lint';
import * as node from 'kubepull/node';
import * as pullPolicy from 'kubepull/pull-policy';
import * as pullSecrets from 'kubepull/pull-secrets';
import * as reference from 'kubepull/reference';
import { readSnippets } from '../packaging/snippets.ts';
import { canary } from '../support/canary.ts';
import { runSnippet } from '../support/run-snippet.ts';

const PAGE = /^docs\/guides\/(?:references|pull-secrets|pull-policy)\.md/;
const examples = readSnippets().filter(({ place }) => PAGE.test(place));
const modules = {
  'kubepull/backoff': backoff,
  'kubepull/docker-config': dockerConfig,
  'kubepull/explain': explain,
  'kubepull/image-access': imageAccess,
  'kubepull/keyring': keyring,
  'kubepull/lint': lint,
  // Without the files of this machine.
  'kubepull/node': { ...node, loadNodeKeyring: () => keyring.createKeyring([]) },
  'kubepull/pull-policy': pullPolicy,
  'kubepull/pull-secrets': pullSecrets,
  'kubepull/reference': reference,
};

/** What an example says that it prints: behind a call, or in lines of comment after it. */
function claimsOf(code: string): readonly string[] {
  const behind = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)];
  const below = [...code.matchAll(/^\/\/ (.*)$/gm)];
  return [...behind, ...below].map(([, claim = '']) => claim);
}

/** The pod of the pages, and the secrets of its namespace. */
function scopeOf(password: string): object {
  const server = 'registry.example.com/team';
  return {
    password,
    pod: { spec: { imagePullSecrets: [{ name: 'team' }, { name: 'other' }] } },
    secretsInNamespace: [
      pullSecrets.createPullSecret({ name: 'team', server, username: 'ci', password }),
      pullSecrets.createPullSecret({ name: 'other', server: '*.example.org', username: 'ci', password }),
    ],
  };
}

async function run(code: string): Promise<readonly string[]> {
  const printed: string[] = [];
  const log = (...args: readonly unknown[]): unknown => printed.push(format(...args));
  await runSnippet(code, modules, { ...scopeOf(canary('password')), console: { log } });
  return printed;
}

describe('an example of the guides to names, secrets and policies runs, and prints what it says', () => {
  it.each(examples.map(({ place, code }) => [place, code] as const))('%s', async (_, code) => {
    const printed = await run(code);
    expect(printed.length).toBeGreaterThan(0);
    for (const claim of claimsOf(code)) expect(printed).toContain(claim);
  });

  it('is there for every page', () => {
    expect(new Set(examples.map(({ place }) => place.replace(/:\d+$/, ''))).size).toBe(3);
  });
});
