import { describe, expect, it } from 'vitest';
import { createMemoryStore } from 'kubepull/store';
import { nodeHasher } from 'kubepull/node';
import { pullImage, pullImageEvents, type PullOptions } from 'kubepull/puller';
import { canary } from '../support/canary.ts';
import { createMemoryTransport } from '../support/memory-transport.ts';
import { amd64 } from './mirrors-support.ts';

const password = canary('password');

/** What plain JavaScript may pass, by the option that is wrong. */
const WRONG: readonly (readonly [option: string, wrong: Readonly<Record<string, unknown>>, hint: string])[] = [
  ['runtime', { runtime: undefined }, 'createNodeRuntime()'],
  ['runtime', { runtime: {} }, 'createNodeRuntime()'],
  ['store', { store: undefined }, 'openOciLayout()'],
  ['store', { store: './layout' }, 'openOciLayout()'],
  ['platform', { platform: 'linux/amd64' }, "parsePlatform('linux/amd64')"],
  ['platform', { platform: null }, "parsePlatform('linux/amd64')"],
  ['keyring', { keyring: { username: 'u' } }, 'createKeyring()'],
  ['endpoints', { endpoints: ['https://mirror.example'] }, 'mirrorEndpoints()'],
  ['downloads', { downloads: null }, 'createDownloadPool'],
  ['signal', { signal: new AbortController() }, 'AbortSignal'],
  ['plainHttp', { plainHttp: true }, 'without scheme and path'],
  ['plainHttp', { plainHttp: 'r.example' }, 'without scheme and path'],
  ...[
    'http://r.example',
    `http://u:${password}@r.example`,
    `u:${password}@r.example`,
    'r.example/team',
    'r.example/',
    'r.example:http',
    '',
    '::1',
    5,
  ].map((host) => ['plainHttp', { plainHttp: ['ok.example', host] }, 'without scheme and path'] as const),
];

function optionsFor(changes: object): { readonly options: PullOptions; asked(): number } {
  const server = createMemoryTransport(() => ({ status: 404 }));
  const options = {
    runtime: { transport: server.transport, createHasher: nodeHasher, platform: amd64 },
    store: createMemoryStore({ createHasher: nodeHasher }),
    ...changes,
  };
  return { options, asked: () => server.requests.length };
}

describe('options of a pull', () => {
  it.each(WRONG)('refuses a %s of the wrong kind, and asks nobody: %j', async (option, wrong, hint) => {
    const { options, asked } = optionsFor(wrong);
    const message = expect.stringMatching(new RegExp(`^Cannot pull with (this|these) ${option}: `)) as string;
    const events = async (): Promise<void> => {
      for await (const event of pullImageEvents('r.example/app:1', options)) expect(event).toBeUndefined();
    };
    for (const pull of [() => pullImage('r.example/app:1', options), events]) {
      await expect(pull()).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID', message });
      await expect(pull()).rejects.toThrow(hint);
    }
    expect(asked()).toBe(0);
  });

  it('refuses no options at all, and what is no text', async () => {
    const { options } = optionsFor({});
    const none = undefined as unknown as PullOptions;
    await expect(pullImage('app', none)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    await expect(pullImage(5 as unknown as string, options)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
  });

  it.each([
    'r.example',
    'r.example:5000',
    'localhost',
    '10.0.0.1:80',
    '[::1]',
    '[::1]:5000',
    'ex_ample.com',
    'R.example',
  ])('takes %s for a host to speak plain HTTP with', async (host) => {
    const { options } = optionsFor({ plainHttp: [host] });
    await expect(pullImage('r.example/app:1', options)).rejects.toMatchObject({ code: 'ERR_PULL_FAILED' });
  });
});
