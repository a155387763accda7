import { describe, expect, it } from 'vitest';
import { format } from 'node:util';
import * as admission from 'kubepull/admission';
import * as distribution from 'kubepull/distribution';
import * as imageManager from 'kubepull/image-manager';
import * as lint from 'kubepull/lint';
import * as mirrors from 'kubepull/mirrors';
import * as node from 'kubepull/node';
import * as pin from 'kubepull/pin';
import * as pullSecrets from 'kubepull/pull-secrets';
import * as rules from 'kubepull/rules';
import * as testing from 'kubepull/testing';
import { reviewOf } from '../admission/support.ts';
import { exampleWith } from '../packaging/snippets.ts';
import { canary } from '../support/canary.ts';
import { startRegistry } from '../support/registry.ts';
import { runSnippet } from '../support/run-snippet.ts';

const modules: Readonly<Record<string, object>> = {
  'kubepull/admission': admission,
  'kubepull/distribution': distribution,
  'kubepull/image-manager': imageManager,
  'kubepull/lint': lint,
  'kubepull/mirrors': mirrors,
  'kubepull/node': node,
  'kubepull/pin': pin,
  'kubepull/pull-secrets': pullSecrets,
  'kubepull/rules': rules,
};

/** What an example prints, line by line. */
async function run(
  code: string,
  scope: object = {},
  played: Readonly<Record<string, object>> = {},
): Promise<readonly string[]> {
  const printed: string[] = [];
  const log = (...args: readonly unknown[]): unknown => printed.push(...format(...args).split('\n'));
  await runSnippet(code, { ...modules, ...played }, { console: { log }, ...scope });
  return printed;
}

/** What an example says that it prints, in the order of its lines: behind the call, or in the lines below it. `…` is any text. */
function expectClaims(code: string, printed: readonly string[]): void {
  const claims = Array.from(code.matchAll(/(?:console\.log\(.*|^ *)\/\/ (.*)$/gm), ([, claim = '']) => claim);
  expect(claims.length).toBeGreaterThan(0);
  const patterns = claims.map(
    (claim) =>
      new RegExp(
        `^${claim
          .split('…')
          .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`))
          .join('.*')}$`,
      ),
  );
  expect(printed).toEqual(patterns.map((pattern) => expect.stringMatching(pattern) as string));
}

describe('docs/guides/pull-secrets.md on making secrets', () => {
  it.each([
    "'https://index.docker.io/v1/': {",
    'createDockerHelper()',
    'getPullSecretExpiry(made)',
    'planSecretCopies(source',
  ])('prints what the example with %s says', async (text) => {
    const code = exampleWith('pull-secrets', text);
    expectClaims(code, await run(code, { password: canary('password') }));
  });
});

describe('docs/guides/image-manager.md on rules', () => {
  it('prints what the example says, and asks no runtime', async () => {
    const code = exampleWith('image-manager', 'createImageRules(').replaceAll(/^declare .*$/gm, '');
    const images = new Proxy({}, { get: (_, name) => () => Promise.reject(new Error(`${String(name)} was asked`)) });
    expectClaims(code, await run(code, { images }));
  });
});

describe('docs/guides/pinning.md', () => {
  it.each(["kind: 'Deployment'", 'isCurrent('])('prints what the example with %s says', async (text) => {
    const code = exampleWith('pinning', text);
    expectClaims(code, await run(code));
  });

  it('pins by what a registry says, and tells what it refuses', async () => {
    const registry = await startRegistry();
    registry.push('team/app', '1', testing.buildImage({ layers: [{ files: { a: '1' } }] }));
    const containers = ['team/app:1', 'team/lost:1'].map((image) => ({
      name: 'c',
      image: `registry.example.com/${image}`,
    }));
    const played = { 'kubepull/mirrors': { ...mirrors, getRegistryOrigin: () => registry.origin } };
    const printed = await run(exampleWith('pinning', 'resolveManifest('), { pod: { spec: { containers } } }, played);
    expect(printed).toHaveLength(1);
    expect(printed[0]).toMatch(/^spec\.containers\[1\]\.image registry\.example\.com\/team\/lost:1 .* 404/);
    const asked = registry.requests.map(({ method, url }) => `${method} ${url}`);
    expect(asked).toContain('HEAD /v2/team/app/manifests/1');
  });
});

describe('docs/guides/admission.md', () => {
  it.each(["phase: 'validating'", "phase: 'mutating'"])('prints what the example with %s says', async (text) => {
    const code = exampleWith('admission', text);
    expectClaims(code, await run(code, { atob }));
  });

  it('pins, and warns of what it cannot pin', async () => {
    const code = exampleWith('admission', 'reviewPinned(').replaceAll(/^declare .*$/gm, '');
    const containers = ['nginx:1', 'redis:7'].map((image) => ({ name: image, image }));
    const object = { kind: 'Deployment', metadata: { name: 'web' }, spec: { template: { spec: { containers } } } };
    const printed = await run(code, { deploymentReview: reviewOf(object), AbortSignal });
    expect(printed).toEqual([
      'true [',
      '  \'spec.template.spec.containers[1].image: "redis:7" is not pinned: There is no such image\'',
      ']',
    ]);
  });
});
