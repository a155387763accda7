// Record directories of two releases of kubelet: one that the other wrote is read and goes on being of use.
import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createImageManager } from 'kubepull/image-manager';
import type { KubernetesRelease } from 'kubepull/kubernetes';
import { nodeHasher, openPulledRecords } from 'kubepull/node';
import { createPullSecret, type SecretLike } from 'kubepull/pull-secrets';
import { createFakeImages, REF, runtimeImage } from '../../image-manager/fake-images.ts';
import { createRecordsFolder, type RecordFiles, type RecordsFolder } from '../../transcripts/records-folder.ts';

function folderOf(files?: RecordFiles): RecordsFolder {
  const folder = createRecordsFolder(files);
  onTestFinished(() => folder.remove());
  return folder;
}

function filesOf(transcript: string): RecordFiles {
  const path = new URL(`../../transcripts/${transcript}.json`, import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly records: RecordFiles }).records;
}

const SECRET: SecretLike = {
  ...createPullSecret({ name: 's', namespace: 'n', server: 'index.docker.io', username: 'u', password: 'p' }),
  metadata: { name: 's', namespace: 'n', uid: 'secret-uid' },
};

/** Whether a pod pulled the image anew, or found it there. */
async function start(folder: RecordsFolder, release: KubernetesRelease, image: string, isPresent: boolean) {
  const images = createFakeImages();
  if (isPresent) images.present.set(image, runtimeImage(image));
  const records = await openPulledRecords(folder.root);
  const manager = createImageManager({ images, records, createHasher: nodeHasher, release });
  const spec = { containers: [{ name: 'app', image, imagePullPolicy: 'IfNotPresent' }] };
  const pod = { metadata: { name: 'p', namespace: 'n', uid: `${release}-${isPresent}` }, spec };
  const result = await manager.ensureContainerImage({ pod, container: 'app', pullSecrets: [SECRET] });
  return { status: result.status, names: [...((await records.readRecord(REF))?.credentialMapping.keys() ?? [])] };
}

describe('records of another release', () => {
  it('are read as kubelet 1.36 wrote them, and written byte for byte the same', async () => {
    const files = filesOf('allow-list-names');
    const [from, to] = [folderOf(files), folderOf()];
    const read = await (await openPulledRecords(from.root)).listRecords();
    expect(read.map(({ credentialMapping }) => [...credentialMapping.keys()][0] ?? '').toSorted()).toEqual([
      'docker.io/kp-full/app',
      'kp-short/app',
      'registry.example.com/x/app',
    ]);
    const copy = await openPulledRecords(to.root);
    for (const record of read) await copy.writeRecord(record);
    expect(to.read()).toEqual(files);
  });

  it.each<[KubernetesRelease, KubernetesRelease, string, string, readonly string[]]>([
    ['1.36', '1.36', 'team/app:1', 'present', ['team/app']],
    ['1.35', '1.35', 'team/app:1', 'present', ['docker.io/team/app']],
    // A short name is not found under the name of the other release: it is pulled once more, and both names stand there.
    ['1.35', '1.36', 'team/app:1', 'pulled', ['docker.io/team/app', 'team/app']],
    ['1.36', '1.35', 'team/app:1', 'pulled', ['team/app', 'docker.io/team/app']],
    // A full name is the same in both.
    ['1.35', '1.36', 'docker.io/team/app:1', 'present', ['docker.io/team/app']],
    ['1.36', '1.35', 'docker.io/team/app:1', 'present', ['docker.io/team/app']],
    ['1.36', '1.37', 'team/app:1', 'present', ['team/app']],
    ['1.35', '1.36', 'nginx', 'pulled', ['docker.io/library/nginx', 'nginx']],
  ])('of %s and then %s: %s is %s', async (writer, reader, image, status, names) => {
    const folder = folderOf();
    expect(await start(folder, writer, image, false)).toMatchObject({ status: 'pulled' });
    const second = await start(folder, reader, image, true);
    expect(second.status).toBe(status);
    expect(second.names.toSorted()).toEqual(names.toSorted());
  });
});
