// Run by oci-layout-processes.test.ts in processes of their own, bundled.
import { nodeFileSystem } from '../../src/node/file-system.ts';
import { openOciLayout } from '../../src/node/oci-layout.ts';
import { writeContent } from '../../src/store/write-content.ts';
import { buildImage } from '../../src/testing/image-builder.ts';

const [mode = '', directory = '', id = ''] = process.argv.slice(2);

/** Writes one and the same image, and gives it names of its own. */
async function tagMany(): Promise<void> {
  const { contents, descriptor } = buildImage({ layers: [{ randomBytes: 400_000, seed: 'shared' }] });
  for (let round = 0; round < 5; round += 1) {
    const store = await openOciLayout(directory);
    for (const content of contents) await writeContent(store, content.descriptor, content.bytes);
    await store.tag(`app:${id}-${round}`, descriptor);
  }
}

/** Stops for good while it holds the lock, with a blob half written. */
async function hang(): Promise<void> {
  const { contents, descriptor } = buildImage({ layers: [{ randomBytes: 1000 }] });
  const store = await openOciLayout(directory, {
    fs: {
      ...nodeFileSystem,
      async rename(from, to) {
        if (!to.endsWith('index.json') || id !== 'hang') return nodeFileSystem.rename(from, to);
        process.stdout.write('holding\n');
        setInterval(() => undefined, 1000);
        return new Promise(() => undefined);
      },
    },
  });
  for (const content of contents) await writeContent(store, content.descriptor, content.bytes);
  await (await store.ingest({ ...descriptor, size: 10 })).write(new Uint8Array(5));
  await store.tag('app:hung', descriptor);
}

await (mode === 'tag' ? tagMany() : hang());
