// Readers of images: manifests, layouts, archives.
import { isDigest } from 'kubepull/digest';
import { openOciLayout, validateLayout } from 'kubepull/node';
import {
  type Descriptor,
  encodeManifest,
  parseDescriptor,
  parseImageConfig,
  parseImageIndex,
  parseImageManifest,
  parseManifest,
} from 'kubepull/oci';
import { selectManifest } from 'kubepull/platform';
import { readTar } from '../../../src/node/archive/read-tar.ts';
import { isLayoutMarker } from '../../../src/node/layout/documents.ts';
import { editLayoutIndex, parseLayoutIndex } from '../../../src/node/layout/layout-index.ts';
import { tarOf } from '../../node/archive/tar-kit.ts';
import { createCrashDisk } from '../../support/crash-fs.ts';
import { JSON_WORDS } from './json.ts';
import { attempt, attemptLater, bytesOf, law, objectOf, sameLaw, type Target } from './target.ts';

const HEX = '0123456789abcdef'.repeat(4);
const DIGEST = `sha256:${HEX}`;
const MANIFEST_WORDS = [
  ...JSON_WORDS,
  `"digest":"${DIGEST}"`,
  '"schemaVersion":2',
  '"mediaType":"application/vnd.oci.image.manifest.v1+json"',
  '"application/vnd.oci.image.index.v1+json"',
  '"size":9007199254740993',
  '"layers":[',
  '"manifests":[',
  '"config":{',
  '"platform":{"os":"linux","architecture":"arm64"}',
  '"annotations":{',
  '"subject":',
  '"artifactType":',
  '"data":"e30="',
  '"urls":["https://e.example/"]',
];

function checkDescriptor({ digest, size, mediaType }: Descriptor): void {
  law(isDigest(digest), 'a descriptor has a digest');
  law(Number.isSafeInteger(size) && size >= 0, 'a descriptor has a size');
  law(typeof mediaType === 'string', 'a descriptor has a media type');
}

const manifest: Target = {
  name: 'manifest',
  words: MANIFEST_WORDS,
  run(input, hear) {
    const bytes = bytesOf(input);
    const any = attempt(hear, () => parseManifest(bytes));
    const image = attempt(hear, () => parseImageManifest(bytes));
    const index = attempt(hear, () => parseImageIndex(bytes));
    law(!(image.ok && index.ok), 'a document is a manifest or an index');
    if (any.ok) law(any.value.kind === 'index' ? index.ok : image.ok, 'its kind is the one that it is read as');
    if (image.ok) {
      for (const one of [image.value.config, ...image.value.layers]) checkDescriptor(one);
      sameLaw(parseImageManifest(encodeManifest(image.value)), image.value, 'what is written reads as itself');
    }
    if (index.ok) {
      index.value.manifests.forEach(checkDescriptor);
      sameLaw(parseImageIndex(encodeManifest(index.value)), index.value, 'what is written reads as itself');
      const { value } = index;
      const chosen = attempt(hear, () => selectManifest(value, { os: 'linux', architecture: 'arm64' }));
      if (chosen.ok) law(value.manifests.includes(chosen.value), 'what is chosen stands in the index');
    }
    return any.ok;
  },
};

const descriptor: Target = {
  name: 'descriptor',
  words: MANIFEST_WORDS,
  run(input, hear) {
    const read = attempt(hear, () => parseDescriptor(bytesOf(input)));
    if (read.ok) {
      checkDescriptor(read.value);
      sameLaw(parseDescriptor(bytesOf(JSON.stringify(read.value))), read.value, 'what is written reads as itself');
    }
    return read.ok;
  },
};

const imageConfig: Target = {
  name: 'image-config',
  words: [
    ...JSON_WORDS,
    '"os":"linux"',
    '"architecture":"amd64"',
    '"rootfs":{',
    '"diff_ids":[',
    `"${DIGEST}"`,
    '"variant":',
  ],
  run: (input, hear) => attempt(hear, () => parseImageConfig(bytesOf(input))).ok,
};

const layoutIndex: Target = {
  name: 'layout-index',
  words: [
    ...MANIFEST_WORDS,
    '"org.opencontainers.image.ref.name":"a"',
    '"io.containerd.image.name":"a"',
    '"imageLayoutVersion":"1.0.0"',
  ],
  run(input, hear) {
    const bytes = bytesOf(input);
    isLayoutMarker(bytes);
    const read = attempt(hear, () => parseLayoutIndex('index.json', bytes));
    if (!read.ok) return false;
    const index = read.value;
    index.manifests.forEach(checkDescriptor);
    if (index.manifests.length > 0)
      sameLaw(index.text(), new TextDecoder().decode(bytes), 'its text stays, byte for byte');
    const entry = JSON.stringify({ mediaType: 'x/y', digest: DIGEST, size: 2, annotations: { a: 'b' } });
    const edited = attempt(hear, () => editLayoutIndex(index, new Map(), entry));
    if (edited.ok) {
      const again = parseLayoutIndex('index.json', bytesOf(edited.value.text()));
      sameLaw(again.manifests, edited.value.manifests, 'an edited index reads as what it was edited to');
      sameLaw(again.manifests.length, index.manifests.length + 1, 'one entry more');
      sameLaw(again.names(), edited.value.names(), 'and the names are found');
    }
    const less = index.manifests.length === 0 ? undefined : editLayoutIndex(index, new Map([[0, undefined]]));
    if (less !== undefined) sameLaw(less.manifests, index.manifests.slice(1), 'one entry less');
    return true;
  },
};

const layout: Target = {
  name: 'layout',
  words: [...layoutIndex.words, '"oci-layout":', '"index.json":', '"blobs/sha256/', HEX, '"ingest/x":', '"../x":'],
  async run(input, hear) {
    const disk = createCrashDisk();
    const fs = disk.mount();
    await fs.mkdir('/layout');
    for (const [path, content] of Object.entries(objectOf(input) ?? { 'index.json': input }))
      await addFile(fs, path, content);
    const valid = await attemptLater(hear, () => validateLayout('/layout', { fs }));
    law(valid.ok, 'whatever a layout is, it can be looked at');
    hear(valid.value.findings);
    const opened = await attemptLater(hear, () => openOciLayout('/layout', { fs }));
    if (!opened.ok) return false;
    const names = await attemptLater(hear, () => opened.value.names());
    if (names.ok) {
      law(
        names.value.every((name) => typeof name === 'string'),
        'names are texts',
      );
      await attemptLater(hear, () => opened.value.collectGarbage());
    }
    await opened.value.close();
    return names.ok;
  },
};

async function addFile(
  fs: ReturnType<ReturnType<typeof createCrashDisk>['mount']>,
  path: string,
  content: unknown,
): Promise<void> {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'));
  if (parts.length === 0 || parts.length > 8) return;
  try {
    for (let depth = 1; depth < parts.length; depth += 1)
      await fs.mkdir(`/layout/${parts.slice(0, depth).join('/')}`).catch(() => undefined);
    const file = await fs.create(`/layout/${parts.join('/')}`);
    await file.write([bytesOf(typeof content === 'string' ? content : JSON.stringify(content))], 0);
    await file.close();
  } catch {
    // Two things of one name: the first stays.
  }
}

const archive: Target = {
  name: 'archive',
  words: [
    ...JSON_WORDS,
    '"name":"',
    '"content":"',
    '"type":"2"',
    '"type":"x"',
    '"link":"../a"',
    '"size":8589934592',
    '27 path=x\\n',
    '"type":"L"',
    '"off":1',
  ],
  async run(input, hear) {
    const files: string[] = [];
    let bytes = 0;
    async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
      yield archiveOf(input);
    }
    const read = await attemptLater(hear, () =>
      readTar(chunks(), 1_000_000, (entry) => {
        law(!/^\/|(?:^|\/)\.\.?(?:\/|$)|\0/.test(entry.name) && entry.name !== '', 'a name stays in the archive');
        files.push(entry.name);
        return { update: (chunk) => void (bytes += chunk.length), end: () => undefined };
      }),
    );
    law(bytes <= 1_000_000, 'no more bytes than are allowed');
    return read.ok ? files.length : undefined;
  },
};

/** Members in JSON make an archive with right checksums; anything else is its bytes. */
function archiveOf(input: string): Uint8Array {
  const list = objectOf(input);
  if (!Array.isArray(list)) return bytesOf(input);
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const members = list.slice(0, 100).flatMap((value: unknown) => {
    if (typeof value !== 'object' || value === null) return [];
    const { name, content, type, link, size, off } = value as Record<string, unknown>;
    const number = (given: unknown): number | undefined =>
      typeof given === 'number' && Number.isInteger(given) && given >= 0 && given < 8 ** 11 ? given : undefined;
    const length = number(size);
    const member = {
      name: text(name),
      content: text(content),
      type: text(type) || '0',
      link: text(link),
      off: typeof off === 'number' ? off % 8 : 0,
    };
    return [length === undefined ? member : { ...member, size: length }];
  });
  return tarOf(members);
}

export const IMAGE_TARGETS: readonly Target[] = [manifest, descriptor, imageConfig, layoutIndex, layout, archive];
