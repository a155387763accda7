import { AsyncLocalStorage } from 'node:async_hooks';
import { type TracingChannelSubscribers, tracingChannel } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSecret, type DockerConfigEntry } from 'kubepull/docker-config';
import { createKeyring } from 'kubepull/keyring';
import { createDiagnosticsTracing } from 'kubepull/node';
import { TRACE_OPERATIONS } from 'kubepull/tracing';
import { canary } from '../support/canary.ts';
import { openStore, startScene, tryPull } from '../puller/downloads-support.ts';

type Message = Readonly<Record<string, unknown>>;

/** Listens to one channel until the test ends. */
function subscribe(operation: string, subscribers: Partial<TracingChannelSubscribers<object>>): void {
  const channel = tracingChannel<string, object>(`kubepull.${operation}`);
  const nothing = (): void => undefined;
  const all = { start: nothing, end: nothing, asyncStart: nothing, asyncEnd: nothing, error: nothing, ...subscribers };
  channel.subscribe(all);
  onTestFinished(() => channel.unsubscribe(all));
}

/** What all channels say, in order; the messages as they are at the end. */
function listen(): { readonly log: string[]; of(operation: string): readonly Message[] } {
  const log: string[] = [];
  const ended: { readonly operation: string; readonly message: Message }[] = [];
  for (const operation of TRACE_OPERATIONS) {
    subscribe(operation, {
      start: () => void log.push(`${operation} starts`),
      error: () => void log.push(`${operation} fails`),
      asyncEnd(message) {
        log.push(`${operation} ends`);
        ended.push({ operation, message: { ...message } });
      },
    });
  }
  return {
    log,
    of: (operation) => ended.flatMap((one) => (one.operation === operation ? [one.message] : [])),
  };
}

function entryOf(pattern: string, username: string, password: string): DockerConfigEntry {
  const credential = { username, password: createSecret(password) };
  return {
    pattern,
    credential: { ...credential, identityToken: undefined, registryToken: undefined, email: undefined },
    source: { kind: 'file', path: '/config.json' },
  };
}

describe('createDiagnosticsTracing', () => {
  it('tells of a pull, its look-up, its manifests and its blobs', async () => {
    const password = canary('password');
    const { registry, name, image, layer } = await startScene({
      auth: { '': { type: 'basic', accounts: [{ username: 'right', password }] } },
    });
    const keyring = createKeyring([
      entryOf(`${registry.host}/team`, 'wrong', canary('password')),
      entryOf(registry.host, 'right', password),
    ]);
    const heard = listen();
    const { pulled } = await tryPull(name, { store: await openStore('memory'), keyring });
    expect(heard.of('pull')).toEqual([
      {
        image: name,
        imageRef: image.manifest.config.digest,
        repoDigest: pulled?.repoDigest,
        endpoint: registry.origin,
        refused: 1,
        result: undefined,
      },
    ]);
    expect(heard.of('lookup')).toEqual([{ image: `${registry.host}/team/app`, candidates: 2, result: undefined }]);
    const manifest = { method: 'GET', name: `${registry.host}/team/app`, reference: '1' };
    const { digest, mediaType, size } = image.descriptor;
    expect(heard.of('manifest')).toEqual([
      { ...manifest, digest: undefined, mediaType: undefined, size: undefined, error: expect.any(Error) as Error },
      { ...manifest, digest, mediaType, size, result: undefined },
    ]);
    expect(heard.of('blob').map((message) => [message['digest'], message['size'], message['resumedFrom']])).toEqual([
      [image.manifest.config.digest, image.manifest.config.size, 0],
      [layer.digest, layer.size, 0],
    ]);
    expect(heard.log).toEqual([
      'pull starts',
      'lookup starts',
      'lookup ends',
      'manifest starts',
      'manifest fails',
      'manifest ends',
      'manifest starts',
      'manifest ends',
      'blob starts',
      'blob ends',
      'blob starts',
      'blob ends',
      'pull ends',
    ]);
    const everything = TRACE_OPERATIONS.flatMap((operation) => heard.of(operation));
    expect(inspect(everything, { depth: 20 })).not.toContain(password);
  });

  it('gives the error of a pull that failed to whoever watches, and to the caller', async () => {
    const { registry, name } = await startScene();
    registry.fault({ path: /manifests/, action: { kind: 'status', status: 404 } });
    const heard = listen();
    const { error } = await tryPull(name, { store: await openStore('memory') });
    expect(error).toBeInstanceOf(Error);
    expect(heard.of('pull')).toEqual([
      {
        image: name,
        imageRef: undefined,
        repoDigest: undefined,
        endpoint: undefined,
        refused: undefined,
        error,
      },
    ]);
  });

  it('nests, so that a blob knows the pull that it belongs to', async () => {
    const spans = new AsyncLocalStorage<string>();
    const parents: (string | undefined)[] = [];
    const { name } = await startScene();
    subscribe('pull', {});
    const channel = tracingChannel<string, object>('kubepull.pull');
    channel.start.bindStore(spans, () => 'the pull');
    onTestFinished(() => void channel.start.unbindStore(spans));
    subscribe('blob', { start: () => void parents.push(spans.getStore()) });
    await tryPull(name, { store: await openStore('memory') });
    expect(parents).toEqual(['the pull', 'the pull']);
  });

  it('runs the action once, and returns what it returns, whether anybody listens or not', async () => {
    const tracing = createDiagnosticsTracing();
    let runs = 0;
    const run = (): Promise<number> => tracing.trace('plugin', { plugin: 'p', image: 'i' }, async () => (runs += 1));
    expect(await run()).toBe(1);
    const { log } = listen();
    expect(await run()).toBe(2);
    expect(log).toEqual(['plugin starts', 'plugin ends']);
  });

  it('hides what the action returned: it is the caller’s alone', async () => {
    const heard = listen();
    const secret = { password: canary('password') };
    const returned = await createDiagnosticsTracing().trace('plugin', { plugin: 'p', image: 'i' }, async () => secret);
    expect(returned === secret).toBe(true);
    expect(heard.of('plugin')).toEqual([{ plugin: 'p', image: 'i', result: undefined }]);
  });
});
