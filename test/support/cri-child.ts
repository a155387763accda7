// Pulls an image as a node does, through a runtime, with records on disk. It is run as a process of its own, bundled into
// one file, so that it shows as well that the client needs nothing beside it; the test kills it.
import { createCriImageService } from '../../src/cri/index.ts';
import { createImageManager } from '../../src/image-manager/index.ts';
import { nodeHasher } from '../../src/node/hasher.ts';
import { openPulledRecords } from '../../src/node/kubelet/records.ts';

const [endpoint = '', root = '', image = ''] = process.argv.slice(2);

async function pull(): Promise<void> {
  const manager = createImageManager({
    images: createCriImageService({ endpoint }),
    records: await openPulledRecords(root),
    createHasher: nodeHasher,
    onEvent: ({ reason }) => void process.stdout.write(`${reason}\n`),
  });
  const pod = { metadata: { name: 'web', uid: 'u' }, spec: { containers: [{ name: 'app', image }] } };
  const result = await manager.ensureContainerImage({ pod, container: 'app' });
  process.stdout.write(`${result.status}\n`);
}

void pull();
