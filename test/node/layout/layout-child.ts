// Run by oci-layout-processes.test.ts in processes of their own, bundled.
import { nodeFileSystem } from '../../../src/node/files/file-system.ts';
import { type OciLayout, openOciLayout } from '../../../src/node/layout/layout.ts';
import { readContent, writeContent } from '../../../src/store/content.ts';
import { buildImage, type BuiltImage } from '../../../src/testing/build/image-builder.ts';

const [mode = '', directory = '', id = '', count = ''] = process.argv.slice(2);
const rounds = Number(count);

async function fill(store: OciLayout, { contents }: BuiltImage): Promise<void> {
  for (const { descriptor, bytes } of contents) {
    if (!(await store.has(descriptor))) await writeContent(store, descriptor, bytes);
  }
}

/** Writes the same images as all others, and reads each back. */
async function pullSame(): Promise<void> {
  const store = await openOciLayout(directory);
  for (let round = 0; round < rounds; round += 1) {
    const image = buildImage({ layers: [{ randomBytes: 20_000, seed: `image ${round}` }] });
    await fill(store, image);
    await store.tag(`image:${round}`, image.descriptor);
    // A torn read shows as a mismatch.
    for (const { descriptor } of image.contents) await readContent(store, descriptor, { maxBytes: 1e6 });
  }
}

/** Gives names of its own to one and the same image, each from a store that was just opened. */
async function tagMany(): Promise<void> {
  const image = buildImage({ layers: [{ randomBytes: 400_000, seed: 'shared' }] });
  for (let round = 0; round < rounds; round += 1) {
    const store = await openOciLayout(directory);
    await fill(store, image);
    await store.tag(`app:${id}-${round}`, image.descriptor);
  }
}

/** Moves a name between two images, takes it away, and collects what is left over, until it is told to stop. */
async function churn(): Promise<void> {
  const store = await openOciLayout(directory);
  const stop = new AbortController();
  process.stdin.once('data', () => stop.abort());
  for (let round = 0; !stop.signal.aborted; round += 1) {
    const image = buildImage({ layers: [{ randomBytes: 300_000, seed: `churn ${round % 3}` }] });
    await fill(store, image);
    await store.tag('moving', image.descriptor);
    if (round % 2 === 0) await store.collectGarbage({ graceMs: 0 });
    if (round % 7 === 0) await store.untag('moving');
    if (round === 5) process.stdout.write('churning\n');
  }
  process.stdin.unref();
}

/** Opens the layout again and again, which sweeps what ended processes left, until it is told to stop. */
async function openOften(): Promise<void> {
  const stop = new AbortController();
  process.stdin.once('data', () => stop.abort());
  process.stdout.write('opening\n');
  while (!stop.signal.aborted) await openOciLayout(directory);
  process.stdin.unref();
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

const modes: Readonly<Record<string, () => Promise<void>>> = {
  pull: pullSame,
  tag: tagMany,
  churn,
  open: openOften,
  hold: hang,
};
await modes[mode]?.();
