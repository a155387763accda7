import { describe, expect, it } from 'vitest';
import { buildArtifact, buildImage, type LoopbackRegistry } from 'kubepull/testing';
import { startRegistry } from '../../support/registry.ts';

const image = buildImage({ layers: [{ files: { 'etc/motd': 'hello\n' } }] });
const subject = image.descriptor;
const signature = buildArtifact({
  artifactType: 'application/vnd.example.signature',
  subject,
  annotations: { by: 'test' },
});
const sbom = buildArtifact({
  artifactType: 'application/spdx+json',
  subject,
  layers: [['application/spdx+json', '{"a":1}']],
});

const described = ({ descriptor }: typeof sbom, annotations?: Readonly<Record<string, string>>) => ({
  mediaType: descriptor.mediaType,
  digest: descriptor.digest,
  size: descriptor.size,
  artifactType: descriptor.artifactType,
  ...(annotations === undefined ? {} : { annotations }),
});

async function seeded(referrers?: boolean): Promise<LoopbackRegistry> {
  const registry = await startRegistry({ referrers });
  registry.push('team/app', '1', image);
  registry.push('team/app', [], signature);
  registry.push('team/app', 'sbom', sbom);
  return registry;
}

const list = (registry: LoopbackRegistry, digest: string, query = '') =>
  fetch(`${registry.origin}/v2/team/app/referrers/${digest}${query}`);

describe('referrers', () => {
  it('lists what refers to a manifest', async () => {
    const response = await list(await seeded(), subject.digest);
    expect(response.headers.get('content-type')).toBe('application/vnd.oci.image.index.v1+json');
    expect(response.headers.get('oci-filters-applied')).toBe(null);
    expect(await response.json()).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [described(signature, { by: 'test' }), described(sbom)],
    });
  });

  it('filters by artifact type, and says so', async () => {
    const response = await list(await seeded(), subject.digest, '?artifactType=application%2Fspdx%2Bjson');
    expect(response.headers.get('oci-filters-applied')).toBe('artifactType');
    expect(await response.json()).toMatchObject({ manifests: [described(sbom)] });
  });

  it('lists nothing for what nobody refers to, and refuses what is no digest', async () => {
    const registry = await seeded();
    const response = await list(registry, `sha256:${'0'.repeat(64)}`);
    expect([response.status, await response.json()]).toEqual([200, expect.objectContaining({ manifests: [] })]);
    expect((await list(registry, 'latest')).status).toBe(400);
  });

  it('tells who pushes an artifact that the subject was seen', async () => {
    const push = async (referrers: boolean): Promise<string | null> => {
      const registry = await seeded(referrers);
      const response = await fetch(`${registry.origin}/v2/team/app/manifests/${sbom.descriptor.digest}`, {
        method: 'PUT',
        body: Buffer.from(sbom.blobs.get(sbom.descriptor.digest) ?? []),
        headers: { 'content-type': sbom.descriptor.mediaType },
      });
      expect(response.status).toBe(201);
      return response.headers.get('oci-subject');
    };
    expect(await push(true)).toBe(subject.digest);
    expect(await push(false)).toBe(null);
  });

  it('keeps the tag where there is no API', async () => {
    const registry = await seeded(false);
    expect((await list(registry, subject.digest)).status).toBe(404);
    const tag = subject.digest.replace(':', '-');
    const response = await fetch(`${registry.origin}/v2/team/app/manifests/${tag}`);
    expect(await response.json()).toMatchObject({ manifests: [described(signature, { by: 'test' }), described(sbom)] });
    const tags = await fetch(`${(await seeded()).origin}/v2/team/app/manifests/${tag}`);
    expect(tags.status).toBe(404);
  });
});

describe('buildArtifact', () => {
  it('names its subject without what is not its own', () => {
    expect(sbom.manifest.subject).toEqual({
      mediaType: subject.mediaType,
      digest: subject.digest,
      size: subject.size,
    });
  });

  it('has the empty config, and the empty layer where it has no other', () => {
    const { config, layers } = signature.manifest;
    expect(config).toEqual({
      mediaType: 'application/vnd.oci.empty.v1+json',
      digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
      size: 2,
    });
    expect(layers).toEqual([config]);
    expect(signature.contents.map(({ descriptor }) => descriptor.digest)).toEqual([
      config.digest,
      signature.descriptor.digest,
    ]);
    expect(sbom.contents).toHaveLength(3);
  });
});

describe('ns', () => {
  it('is recorded', async () => {
    const registry = await seeded();
    await fetch(`${registry.origin}/v2/team/app/manifests/1?ns=docker.io`);
    await fetch(`${registry.origin}/v2/team/app/manifests/1`);
    expect(registry.requests.map(({ namespace, status }) => [namespace, status])).toEqual([
      ['docker.io', 200],
      [undefined, 200],
    ]);
  });
});
