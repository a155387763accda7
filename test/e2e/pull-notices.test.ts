import { describe, expect, it } from 'vitest';
import { isImageError } from 'kubepull/errors';
import { pullImage } from 'kubepull/puller';
import { openStore, startRuntime, startScene, tryPull } from '../puller/downloads-support.ts';

describe('pullImageEvents', () => {
  it('passes on what the registry says beside its answers, each thing once', async () => {
    const { registry, name } = await startScene();
    const path = /\/v2\//;
    registry.fault({ path, action: { kind: 'header', name: 'warning', value: '299 - "this image is old"' } });
    registry.fault({ path, action: { kind: 'header', name: 'ratelimit-limit', value: '100;w=21600' } });
    registry.fault({ path, action: { kind: 'header', name: 'ratelimit-remaining', value: '7;w=21600' } });
    const { events } = await tryPull(name, { store: await openStore('memory') });
    const { origin } = registry;
    expect(events.flatMap((event) => (event.type === 'notice' ? [event.notice] : []))).toEqual([
      { kind: 'warning', origin, text: 'this image is old' },
      { kind: 'rate-limit', origin, limit: 100, remaining: 7, windowSeconds: 21_600 },
    ]);
  });

  it('gives every retry to a reader that is slower than the pull', async () => {
    const { registry, name, path } = await startScene();
    registry.fault({ path, times: 4, action: { kind: 'cut', afterBytes: 40_000 } });
    const { events, error } = await tryPull(name, { store: await openStore('memory') });
    expect(error).toBeUndefined();
    expect(events.filter(({ type }) => type === 'retry')).toHaveLength(4);
  });
});

describe('pullImage', () => {
  it('asks for no blob again that a failed pull has brought already', async () => {
    const { registry, name, path, image } = await startScene();
    const fault = registry.fault({ path, action: { kind: 'status', status: 404 } });
    const store = await openStore('memory');
    const options = { runtime: startRuntime(), store, plainHttp: [registry.host] };
    const error: unknown = await pullImage(name, options).catch((caught: unknown) => caught);
    expect(isImageError(error) && error.code === 'ERR_PULL_FAILED' && error.attempts[0]?.blobs).toHaveLength(1);
    fault.remove();
    await pullImage(name, options);
    const config = registry.requests.filter(({ url }) => url.endsWith(image.manifest.config.digest));
    expect(config).toHaveLength(1);
  });
});
