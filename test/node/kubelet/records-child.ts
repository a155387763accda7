// Run by image-records-crash.test.ts in processes of their own, bundled; each is killed.
import { createImageManager } from '../../../src/image-manager/index.ts';
import { type ImageService } from '../../../src/image-service/index.ts';
import { nodeHasher } from '../../../src/node/hasher.ts';
import { openPulledRecords } from '../../../src/node/kubelet/records.ts';

const [mode = '', root = '', ...images] = process.argv.slice(2);

/** Says which pull has begun, and never ends one. */
const hanging: ImageService = {
  imageStatus: async () => undefined,
  pullImage: ({ image }) => {
    process.stdout.write(`${image.image}\n`);
    return new Promise(() => undefined);
  },
  listImages: async () => [],
  removeImage: async () => undefined,
  imageFsInfo: async () => [],
};

/** Begins the pulls of all images, and hangs in the middle of them. */
async function pull(): Promise<void> {
  const manager = createImageManager({
    images: hanging,
    records: await openPulledRecords(root),
    createHasher: nodeHasher,
    serializeImagePulls: false,
  });
  for (const image of images) {
    const pod = { metadata: { name: image, uid: image }, spec: { containers: [{ name: 'app', image }] } };
    void manager.ensureContainerImage({ pod, container: 'app' });
  }
}

/** Writes records that get longer and shorter, and says so after each, until it is killed. */
async function churn(): Promise<void> {
  const records = await openPulledRecords(root);
  for (let round = 0; ; round += 1) {
    const entry = { kubernetesSecrets: [], kubernetesServiceAccounts: [], nodePodsAccessible: true };
    const credentialMapping = new Map(
      Array.from({ length: (round * 37) % 200 }, (_, at) => [`repository-${at}`, entry]),
    );
    const id = `image-${round % 5}`;
    await records.writeIntent(id);
    await records.writeRecord({ imageRef: id, lastUpdatedAt: round * 1_000, credentialMapping });
    process.stdout.write('written\n');
    await records.deleteIntent(id);
    if (round % 11 === 0) await records.deleteRecord(id);
  }
}

// Pulls that hang hold nothing open.
setInterval(() => undefined, 1_000);
await (mode === 'pull' ? pull() : churn());
