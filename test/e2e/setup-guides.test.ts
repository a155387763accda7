import { format } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as distribution from 'kubepull/distribution';
import * as dockerConfig from 'kubepull/docker-config';
import * as keyring from 'kubepull/keyring';
import * as mirrors from 'kubepull/mirrors';
import * as node from 'kubepull/node';
import * as platform from 'kubepull/platform';
import * as reference from 'kubepull/reference';
import { buildImage, buildIndex, type LoopbackRegistry } from 'kubepull/testing';
import { readSnippets } from '../packaging/snippets.ts';
import { canary } from '../support/canary.ts';
import { startRegistry } from '../support/registry.ts';
import { runSnippet } from '../support/run-snippet.ts';

const modules = {
  'kubepull/distribution': distribution,
  'kubepull/docker-config': dockerConfig,
  'kubepull/keyring': keyring,
  'kubepull/mirrors': mirrors,
  'kubepull/node': node,
  'kubepull/platform': platform,
  'kubepull/reference': reference,
};
const snippets = readSnippets();

/** The one example of a guide that has a text in it. */
function exampleWith(guide: string, text: string): string {
  const found = snippets.filter(
    ({ place, code }) => place.startsWith(`docs/guides/${guide}.md`) && code.includes(text),
  );
  expect(found).toHaveLength(1);
  return found[0]?.code ?? '';
}

/** What an example prints, line by line. */
async function run(code: string, played: Readonly<Record<string, object>> = {}, scope: object = {}): Promise<string[]> {
  const printed: string[] = [];
  const log = (...args: readonly unknown[]): unknown => printed.push(...format(...args).split('\n'));
  const program = code.replaceAll(/^(?:export (?=function)|declare .*$)/gm, '');
  await runSnippet(program, { ...modules, ...played }, { console: { log, error: log }, ...scope });
  return printed;
}

/** What an example says that it prints: behind a call, or in lines of comment after it. */
const claimsOf = (code: string): readonly string[] =>
  Array.from(code.matchAll(/^(?:.*console\.log\(.*\); )?\/\/ (.*)$/gm), ([, claim = '']) => claim);

/** Plays the registry of the examples. */
const at = ({ origin }: LoopbackRegistry): Readonly<Record<string, object>> => ({
  'kubepull/mirrors': { ...mirrors, getRegistryOrigin: () => origin },
});

const image = (architecture: string) =>
  buildImage({ platform: { os: 'linux', architecture }, layers: [{ randomBytes: 10_000, seed: architecture }] });

describe('docs/guides/migrating.md', () => {
  const page = 'migrating';

  it.each(['withDefaultTag', 'parseDockerConfigJson'])('prints what it says, in the example with %s', async (text) => {
    const code = exampleWith(page, text);
    expect(claimsOf(code)).toHaveLength(2);
    expect(await run(code, {}, { password: canary('password') })).toEqual(claimsOf(code));
  });

  it.each([
    ['r.io/a/b/c:1', { path: 'a/b/c', tag: '1' }],
    ['r.io/app', { domain: 'r.io', path: 'app' }],
    [`r.io/app:1@sha256:${'a'.repeat(64)}`, { tag: '1', digest: `sha256:${'a'.repeat(64)}` }],
    [`app@sha256:${'a'.repeat(64)}`, { tag: undefined, digest: `sha256:${'a'.repeat(64)}` }],
    ['localhost/app', { domain: 'localhost', path: 'app' }],
  ])('is right about %s', (text, parts) => {
    expect(reference.parseReference(text)).toMatchObject(parts);
  });

  it('is right about what a URL is answered with', () => {
    const checked = reference.safeParseReference('https://r.io/app');
    expect(!checked.ok && checked.error.suggestion).toBe('r.io/app');
  });

  it('reads a manifest with the credential, for a platform', async () => {
    const password = canary('password');
    const accounts = [{ username: 'ci', password }];
    const registry = await startRegistry({ auth: { 'team/': { type: 'bearer', accounts } } });
    const amd64 = image('amd64');
    registry.push('team/app', '1', buildIndex([amd64, image('arm64')]));
    const printed = await run(exampleWith(page, 'createRegistrySession'), at(registry), { password });
    expect(printed).toEqual([`${amd64.descriptor.digest} 1`]);
  });

  it('reads the layers of a platform, and refuses an index that has another platform only', async () => {
    const registry = await startRegistry();
    const { transport, close } = node.createUndiciTransport();
    const session = distribution.createRegistrySession({
      transport,
      origin: registry.origin,
      createHasher: node.nodeHasher,
    });
    const code = exampleWith(page, 'declare const session');
    const arm = buildImage({
      platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
      layers: [{ files: { a: 'b' } }],
    });
    registry.push('team/app', '1', buildIndex([image('amd64'), arm]));
    expect(claimsOf(code)).toHaveLength(1);
    expect(await run(code, {}, { session })).toEqual(claimsOf(code));
    registry.push('team/app', '1', buildIndex([image('amd64')]));
    await expect(run(code, {}, { session })).rejects.toMatchObject({ code: 'ERR_PLATFORM_NOT_FOUND' });
    await close();
  });
});
