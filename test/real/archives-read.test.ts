import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { loadImageArchive, openOciLayout, writeDockerArchive, writeOciArchive, nodeHasher } from 'kubepull/node';
import { type Descriptor, type ImageManifest, parseImageConfig, parseManifest, normalizeMediaType } from 'kubepull/oci';
import { parsePlatform, selectManifest } from 'kubepull/platform';
import { type ContentStore, createMemoryStore, type ImageStore, readContent, writeContent } from 'kubepull/store';
import { buildImage, type BuiltImage, buildIndex, type BuiltIndex } from 'kubepull/testing';
import { memoryStore } from '../node/archive/support.ts';
import { assertLayoutValid } from '../support/layout-check.ts';
import { tempDir } from '../support/temp-dir.ts';
import { FORMS, placeOf, type Written, type Writers } from './archive-forms.ts';
import { startBuildah, startContainerd, startPodman } from './containerd.ts';

const file = (name: string, content = name): { files: Record<string, string> } => ({ files: { [name]: content } });
const motd = file('etc/motd', 'hello\n');
const arm64 = parsePlatform('linux/arm64');
const amd64 = buildImage({ layers: [motd, file('amd64')] });

/** 20 images: of one layer to many, packed or not, in both kinds of media types, of one platform or several. */
const IMAGES: Readonly<Record<string, BuiltImage | BuiltIndex>> = {
  'one-layer': buildImage({ layers: [motd] }),
  'two-layers': amd64,
  'a-layer-twice': buildImage({ layers: [motd, file('b'), motd] }),
  'unpacked-layers': buildImage({
    layers: [
      { ...motd, compression: 'none' },
      { ...file('c'), compression: 'none' },
    ],
  }),
  'mixed-layers': buildImage({ layers: [motd, { ...file('d'), compression: 'none' }] }),
  'forty-layers': buildImage({ layers: Array.from({ length: 40 }, (_, at) => file(`layer-${at}`)) }),
  'empty-layer': buildImage({ layers: [motd, { files: {} }] }),
  large: buildImage({ layers: [motd, { randomBytes: 8_000_000 }] }),
  'large-zeros': buildImage({ layers: [file('zeros', '\0'.repeat(4_000_000))] }),
  'odd-names': buildImage({ layers: [file(`${'deep/'.repeat(30)}file`), file('ümlaut')] }),
  docker: buildImage({ layers: [motd, file('e')], mediaTypes: 'docker' }),
  'docker-large': buildImage({ layers: [motd, { randomBytes: 2_000_000 }], mediaTypes: 'docker' }),
  'docker-twice': buildImage({ layers: [motd, file('f'), motd], mediaTypes: 'docker' }),
  'two-platforms': buildIndex([amd64, buildImage({ platform: arm64, layers: [motd, file('arm64')] })]),
  attested: buildIndex([amd64], { attestations: true }),
  'three-platforms': buildIndex([
    buildImage({ platform: arm64, layers: [motd, file('1')] }),
    buildImage({ layers: [motd, file('2')] }),
    buildImage({ platform: parsePlatform('linux/s390x'), layers: [motd, file('3')] }),
  ]),
  'one-of-one': buildIndex([buildImage({ layers: [file('g')] })]),
  'many-files': buildImage({
    layers: [{ files: Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`dir/${at}`, String(at)])) }],
  }),
  configured: buildImage({ layers: [file('i')], config: { Env: ['A=b'], Cmd: ['/i'], Labels: { a: 'b' } } }),
  'same-files': buildImage({ layers: [file('h'), file('h')] }),
};
const nameOf = (image: string): string => `registry.example.com/team/${image}:1`;

async function fill(store: ImageStore): Promise<void> {
  for (const [image, { contents, descriptor }] of Object.entries(IMAGES)) {
    for (const content of contents) await writeContent(store, content.descriptor, content.bytes);
    await store.tag(nameOf(image), descriptor);
  }
}

interface Facts {
  readonly manifest: string;
  readonly config: string;
  readonly layers: readonly string[];
}

/** Digests of what a name leads to; of an index, of this machine's image. */
async function factsOf(store: Pick<ContentStore, 'read'>, root: Descriptor): Promise<Facts> {
  const manifest = await manifestOf(store, root);
  const { diffIds } = parseImageConfig(await readContent(store, manifest.config, { maxBytes: 4_000_000 }));
  return { manifest: root.digest, config: manifest.config.digest, layers: diffIds };
}

async function manifestOf(store: Pick<ContentStore, 'read'>, root: Descriptor): Promise<ImageManifest> {
  const bytes = await readContent(store, root, { maxBytes: 4_000_000 });
  const parsed = parseManifest(bytes, { mediaType: normalizeMediaType(root.mediaType) });
  if (parsed.kind === 'manifest') return parsed.manifest;
  return manifestOf(store, selectManifest(parsed.index, parsePlatform('linux/amd64')));
}

async function writersOf(): Promise<Writers> {
  const { ctr } = await startContainerd();
  return { ctr, podman: startPodman(), buildah: startBuildah() };
}

it('loads 20 images from each form that skopeo, podman, buildah, ctr and we write, into a layout and into memory', async () => {
  const source = memoryStore();
  await fill(source);
  const writers = await writersOf();
  const { path: directory } = tempDir();
  const layout = await openOciLayout(join(directory, 'layout'));
  onTestFinished(() => layout.close());
  let loaded = 0;
  const kept = { manifest: 0, config: 0, layers: 0 };
  const faults: string[] = [];
  for (const image of Object.keys(IMAGES)) {
    const name = nameOf(image);
    const root = (await source.resolve(name)) ?? expect.fail(name);
    const expected = await factsOf(source, root);
    const written: Written = {
      name,
      store: source,
      oci: join(directory, 'image.oci.tar'),
      docker: join(directory, 'image.docker.tar'),
      isDocker: root.mediaType.includes('docker'),
      isIndex: root.mediaType.includes('index'),
    };
    await writeOciArchive(source, [name], written.oci);
    await writeDockerArchive(source, [name], written.docker, { platform: parsePlatform('linux/amd64') });
    for (const [at, { form, keeps, write }] of FORMS.entries()) {
      const path = placeOf(directory, at);
      try {
        await write(written, path, writers);
        for (const store of [layout, createMemoryStore({ createHasher: nodeHasher })]) {
          const [first, ...others] = await loadImageArchive(path, store);
          if (first === undefined || others.length > 0) throw new Error('Not one image');
          const stays = keeps(written);
          const facts = await factsOf(store, first.root);
          expect.soft({ form, image, names: first.names }).toEqual({ form, image, names: [name] });
          expect.soft({ form, image, [stays]: facts[stays] }).toEqual({ form, image, [stays]: expected[stays] });
          expect.soft({ form, image, layers: facts.layers }).toEqual({ form, image, layers: expected.layers });
          loaded += 1;
          kept[stays] += 1;
        }
      } catch (error) {
        faults.push(`${form} of ${image}: ${error instanceof Error ? error.message.slice(0, 400) : String(error)}`);
      }
    }
  }
  console.log(`${loaded} loads of ${FORMS.length} forms; kept: ${JSON.stringify(kept)}`);
  expect(faults).toEqual([]);
  await assertLayoutValid(layout.directory, { allowPartials: false });
}, 600_000);
