// The client's verbs against a registry that others wrote: it knows mounts, but neither pages of tags nor their order nor referrers.
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createRegistrySession,
  resolveManifest,
  listReferrers,
  listTags,
  pushManifest,
  readConfig,
} from 'kubepull/distribution';
import { createUndiciTransport, nodeHasher } from 'kubepull/node';
import { createIndex, encodeManifest } from 'kubepull/oci';
import { parseReference } from 'kubepull/reference';
import { buildArtifact, buildImage, type BuiltContent } from 'kubepull/testing';
import { tempDir } from '../support/temp-dir.ts';
import { startRegistryServer } from './servers-registry.ts';
import { run } from './servers.ts';

const contentOf =
  (contents: readonly BuiltContent[]) =>
  ({ digest }: { readonly digest: string }): Uint8Array | undefined =>
    contents.find(({ descriptor }) => descriptor.digest === digest)?.bytes;

async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function startClient() {
  const registry = await startRegistryServer({});
  const { transport, close } = createUndiciTransport();
  onTestFinished(close);
  const session = createRegistrySession({ transport, origin: registry.origin, createHasher: nodeHasher });
  return { session, refOf: (name: string) => parseReference(`${registry.host}/${name}`) };
}

const last = ({
  contents,
}: {
  readonly contents: readonly BuiltContent[];
}): { bytes: Uint8Array; mediaType: string } => {
  const { bytes, descriptor } = contents.at(-1) as BuiltContent;
  return { bytes, mediaType: descriptor.mediaType };
};

describe('a registry client of docker-registry', () => {
  it('pushes, mounts, makes an index that skopeo copies, and lists tags and referrers', async () => {
    const { session, refOf } = await startClient();
    const images = ['amd64', 'arm64'].map((architecture) =>
      buildImage({
        platform: { os: 'linux', architecture },
        layers: [{ files: { architecture } }, { randomBytes: 3_000_000 }],
      }),
    );
    const entries = [];
    for (const image of images) {
      const architecture = image.descriptor.platform?.architecture ?? '';
      const pushed = await pushManifest(session, refOf(`base/${architecture}:1`), last(image), {
        content: contentOf(image.contents),
      });
      expect(pushed.blobs.every(({ how }) => how === 'uploaded')).toBe(true);
      const mounted = await pushManifest(session, refOf(`team/app:${architecture}`), last(image), {
        mountFrom: refOf(`base/${architecture}`),
      });
      expect(mounted.blobs.every(({ how }) => how !== 'uploaded')).toBe(true);
      entries.push((await readConfig(session, refOf(`team/app:${architecture}`))).manifest);
    }
    const index = createIndex(entries);
    const all = refOf('team/app:all');
    const { descriptor } = await pushManifest(session, all, {
      bytes: encodeManifest(index),
      mediaType: index.mediaType,
    });
    expect((await resolveManifest(session, all)).digest).toBe(descriptor.digest);
    const tags = await collect(listTags(session, all, { pageSize: 2 }));
    expect(tags.toSorted()).toEqual(['all', 'amd64', 'arm64']);

    const artifact = buildArtifact({ artifactType: 'text/x', subject: descriptor, layers: [['text/plain', 'signed']] });
    const signature = refOf(`team/app@${artifact.descriptor.digest}`);
    const signed = await pushManifest(session, signature, last(artifact), { content: contentOf(artifact.contents) });
    expect(signed.referrers).toBe('tag');
    const referrers = await collect(listReferrers(session, all, { artifactType: 'text/x' }));
    expect(referrers.map(({ digest }) => digest)).toEqual([artifact.descriptor.digest]);

    const copy = join(tempDir().path, 'copy');
    await run('skopeo', 'copy', '--src-tls-verify=false', '--all', `docker://${all.name}:all`, `dir:${copy}`);
  });
});
