import { format } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as dockerConfig from 'kubepull/docker-config';
import * as node from 'kubepull/node';
import * as platform from 'kubepull/platform';
import * as preflights from 'kubepull/preflight';
import { createPullSecret } from 'kubepull/pull-secrets';
import { buildImage, buildIndex } from 'kubepull/testing';
import { readSnippets } from '../packaging/snippets.ts';
import { canary } from '../support/canary.ts';
import { startRegistry } from '../support/registry.ts';
import { runSnippet } from '../support/run-snippet.ts';

const examples = readSnippets().filter(({ place }) => place.startsWith('docs/guides/preflight.md'));

/** The one example of the guide that has a text in it. */
function exampleWith(text: string): string {
  const found = examples.filter(({ code }) => code.includes(text));
  expect(found).toHaveLength(1);
  return found[0]!.code;
}

/** A registry in place of that of the guide, two pods of which one names a secret that is not there, and what is printed. */
async function start() {
  const password = canary('password');
  const account = { username: 'ci', password };
  const registry = await startRegistry({ auth: { 'team/': { type: 'basic', accounts: [account] } } });
  registry.push(
    'team/app',
    '1',
    buildIndex([buildImage({ platform: { os: 'linux', architecture: 'amd64' }, layers: [] })]),
  );
  registry.fault({ action: { kind: 'header', name: 'ratelimit-remaining', value: '7;w=21600' } });
  registry.fault({ action: { kind: 'header', name: 'ratelimit-limit', value: '100;w=21600' } });
  const image = `${registry.host}/team/app:1`;
  const pod = (name: string, secret: string) => ({
    metadata: { name, namespace: 'shop' },
    spec: { containers: [{ name: 'app', image }], imagePullSecrets: [{ name: secret }] },
  });
  const scope = {
    objects: [pod('good', 'creds'), pod('bad', 'lost')],
    secrets: [createPullSecret({ name: 'creds', namespace: 'shop', server: registry.host, ...account })],
    serviceAccounts: [],
    password,
  };
  const play = (options: preflights.PreflightOptions) => ({ ...options, plainHttp: [registry.host] });
  const modules = {
    'kubepull/docker-config': dockerConfig,
    'kubepull/platform': platform,
    'kubepull/node': {
      ...node,
      createNodeRuntime: () => {
        const runtime = node.createNodeRuntime({ platform: { os: 'linux', architecture: 'amd64' } });
        onTestFinished(() => runtime.close());
        return runtime;
      },
    },
    'kubepull/preflight': {
      ...preflights,
      preflight: (objects: readonly object[], options: preflights.PreflightOptions) =>
        preflights.preflight(objects, play(options)),
      checkPull: (_: string, options: preflights.CheckPullOptions) => preflights.checkPull(image, play(options)),
    },
  };
  const run = async (text: string) => {
    const printed: string[] = [];
    const log = (...args: readonly unknown[]): unknown => printed.push(...format(...args).split('\n'));
    const process = { exitCode: undefined };
    await runSnippet(exampleWith(text).replaceAll(/^declare .*$/gm, ''), modules, {
      ...scope,
      process,
      console: { log },
    });
    return { printed, exitCode: process.exitCode };
  };
  return { registry, image, run };
}

describe('docs/guides/preflight.md', () => {
  it('tells of a rollout what cannot be pulled, and ends with 1', async () => {
    const { image, run } = await start();
    const { printed, exitCode } = await run('serviceAccounts,');
    expect(exitCode).toBe(1);
    expect(printed[0]).toBe('2 images of 2 pods, 2 cannot be pulled');
    expect(printed).toContain(`${image}: failed (secret-missing)`);
    expect(printed).toContain(`${image}: failed (platform)`);
    expect(printed.some((line) => line.startsWith('  given out by ') && line.includes('secret shop/creds'))).toBe(true);
  });

  it('says of one credential whether it is good', async () => {
    const { run } = await start();
    expect((await run('checkPull(')).printed).toEqual(['ok inline']);
  });

  it('asks for digests alone, and tells the rate limit', async () => {
    const { registry, run } = await start();
    expect((await run("read: 'digest'")).printed).toEqual([`${registry.origin}: 7 of 100 left`]);
    expect(new Set(registry.requests.map(({ method }) => method))).toEqual(new Set(['HEAD']));
  });

  it('tells what happens while it runs', async () => {
    const { image, run } = await start();
    expect((await run('onEvent(event)')).printed).toEqual([
      '2 images of 2 pods',
      `1 of 2: ${image} failed`,
      `2 of 2: ${image} failed`,
    ]);
  });

  it('asks nobody without a network', async () => {
    const { registry, run } = await start();
    const { printed } = await run('network: false');
    expect(printed.slice(1).every((line) => line.includes('  unknown  '))).toBe(true);
    expect(registry.requests).toEqual([]);
  });
});
