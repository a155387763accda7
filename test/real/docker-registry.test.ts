import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createKeyring, mergePullSecrets, createPullSecret } from 'kubepull';
import { pullImageEvents, type PullEvent } from 'kubepull/puller';
import { writeContent } from 'kubepull/store';
import { createNodeRuntime, openOciLayout } from 'kubepull/node';
import { buildImage, type BuiltImage } from 'kubepull/testing';
import { canary } from '../support/canary.ts';
import { assertLayoutValid } from '../support/layout-check.ts';
import { tempDir } from '../support/temp-dir.ts';
import { run } from './servers.ts';
import { startDockerRegistry } from './servers-registry.ts';

/** Writes an image into a layout, for skopeo to push. */
async function writeLayout(directory: string, image: BuiltImage): Promise<void> {
  const store = await openOciLayout(directory);
  for (const { descriptor, bytes } of image.contents) await writeContent(store, descriptor, bytes);
  await store.tag('latest', image.descriptor);
}

describe('pullImageEvents with docker-registry (htpasswd)', () => {
  it('pulls what skopeo pushed, with the second of two candidates, into a layout that skopeo and umoci accept', async () => {
    const right = { username: 'puller', password: canary('password') };
    const { host } = await startDockerRegistry(right);
    const { path } = tempDir();
    const [source, layout] = [join(path, 'source'), join(path, 'layout')];
    const image = buildImage({
      platform: { os: 'linux', architecture: 'amd64' },
      layers: [
        { files: { 'etc/motd': 'hello\n', 'bin/tool': 'x'.repeat(70_000) } },
        { randomBytes: 2_000_000, seed: 'real' },
      ],
    });
    await writeLayout(source, image);
    const credentials = `${right.username}:${right.password}`;
    const insecure = ['--dest-tls-verify=false', '--dest-creds', credentials];
    await run('skopeo', 'copy', ...insecure, `oci:${source}:latest`, `docker://${host}/team/app:1`);

    const secret = (name: string, server: string, username: string, password: string) =>
      createPullSecret({ name, namespace: 'default', server, username, password });
    const { entries } = mergePullSecrets([
      secret('right', `http://${host}`, right.username, right.password),
      secret('wrong', `${host}/team/app`, right.username, canary('password')),
    ]);
    const runtime = createNodeRuntime();
    const store = await openOciLayout(layout);
    const events: PullEvent[] = [];
    try {
      const pull = pullImageEvents(`${host}/team/app:1`, {
        runtime,
        store,
        keyring: createKeyring(entries),
        platform: { os: 'linux', architecture: 'amd64' },
        plainHttp: [host],
      });
      for await (const event of pull) events.push(event);
    } finally {
      await runtime.close();
    }

    const credentialEvents = events.flatMap((event) =>
      event.type === 'credential' && event.source.kind === 'secret' ? [`${event.source.name} ${event.outcome}`] : [],
    );
    expect(credentialEvents).toEqual(['wrong trying', 'wrong rejected', 'right trying', 'right accepted']);
    const last = events.at(-1);
    expect(last?.type === 'pulled' && last.image.manifest.digest).toBe(image.descriptor.digest);

    await assertLayoutValid(layout);
    const inspected = JSON.parse(await run('skopeo', 'inspect', `oci:${layout}`)) as {
      Digest: string;
      Layers: string[];
    };
    expect(inspected).toMatchObject({
      Digest: image.descriptor.digest,
      Layers: image.manifest.layers.map((l) => l.digest),
    });
    await run('umoci', 'unpack', '--rootless', '--image', `${layout}:${host}/team/app:1`, join(path, 'bundle'));
    expect(await run('cat', join(path, 'bundle', 'rootfs', 'etc', 'motd'))).toBe('hello\n');
  });
});
