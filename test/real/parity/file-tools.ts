import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadImageArchive, nodeHasher, openOciLayout } from 'kubepull/node';
import { type Descriptor, isIndexMediaType, normalizeMediaType, parseManifest } from 'kubepull/oci';
import { parsePlatform, selectManifest } from 'kubepull/platform';
import { type ContentStore, copyImage, createMemoryStore, readContent } from 'kubepull/store';
import { run } from '../servers.ts';
import type { FileInput } from './files.ts';
import { copyWithSkopeo, type Outcome, outcomeOf } from './tools.ts';

const PLATFORM = parsePlatform('linux/amd64');

/** An input on disk. */
export interface Placed {
  readonly input: FileInput;
  readonly archive: string;
  readonly layout: string;
}

export function placeFiles(input: FileInput, directory: string): Placed {
  const [archive, layout] = [join(directory, `${input.id}.tar`), join(directory, input.id)];
  writeFileSync(archive, input.bytes);
  if (input.form === 'layout') {
    mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
    for (const { name, content = '' } of input.members) {
      mkdirSync(dirname(join(layout, name)), { recursive: true });
      writeFileSync(join(layout, name), content);
    }
  }
  return { input, archive, layout };
}

/** The digest of the config of what a name leads to. */
async function configOf(store: Pick<ContentStore, 'read'>, root: Descriptor): Promise<string> {
  const mediaType = normalizeMediaType(root.mediaType);
  const parsed = parseManifest(await readContent(store, root, { maxBytes: 8_000_000 }), { mediaType });
  return parsed.kind === 'manifest'
    ? parsed.manifest.config.digest
    : configOf(store, selectManifest(parsed.index, PLATFORM));
}

export function readWithKubepull({ input, archive, layout }: Placed): Promise<Outcome> {
  return outcomeOf(async () => {
    const memory = createMemoryStore({ createHasher: nodeHasher });
    if (input.form === 'layout') {
      const store = await openOciLayout(layout);
      const select = { select: (index: Parameters<typeof selectManifest>[0]) => selectManifest(index, PLATFORM) };
      const options = { as: 'x', createHasher: nodeHasher, ...select };
      return configOf(memory, (await copyImage(store, input.name ?? '', memory, options)).root);
    }
    const [image, ...others] = await loadImageArchive(archive, memory, { platform: PLATFORM });
    if (image === undefined || others.length > 0) throw new Error('Not one image');
    return configOf(memory, image.root);
  });
}

export function readWithSkopeo({ input, archive, layout }: Placed, directory: string): Promise<Outcome> {
  const name = input.name === undefined ? '' : `:${input.name}`;
  return copyWithSkopeo(input.form === 'layout' ? `oci:${layout}${name}` : `${input.form}:${archive}`, directory);
}

/** Imports with ctr, into a namespace of its own, and looks at what is there then. */
export function readWithContainerd(address: string, { input, archive }: Placed): Promise<Outcome> {
  return outcomeOf(async () => {
    const ctr = (...args: readonly string[]): Promise<string> => run('ctr', '-a', address, '-n', input.id, ...args);
    await ctr('images', 'import', '--snapshotter', 'native', '--digests', archive);
    const lines = (await ctr('images', 'list')).trim().split('\n').slice(1);
    const wanted = lines.find(
      (line) => input.name === undefined || new RegExp(`[:@/]${input.name}\\s|^${input.name}\\s`).test(line),
    );
    const [, mediaType = '', digest = ''] = (wanted ?? '').trim().split(/\s+/);
    if (digest === '') throw new Error('Not there');
    return configIn(ctr, mediaType, digest);
  });
}

async function configIn(
  ctr: (...args: readonly string[]) => Promise<string>,
  mediaType: string,
  digest: string,
): Promise<string> {
  const document = JSON.parse(await ctr('content', 'get', digest)) as {
    readonly config?: { readonly digest: string };
    readonly manifests?: readonly (Descriptor & { readonly platform?: { readonly architecture: string } })[];
  };
  const config = document.config?.digest;
  const next = document.manifests?.find(({ platform }) => platform === undefined || platform.architecture === 'amd64');
  if (isIndexMediaType(mediaType) && next !== undefined) return configIn(ctr, next.mediaType, next.digest);
  if (config === undefined) throw new Error('No image');
  // It names what it does not have, too.
  await ctr('content', 'get', config);
  return config;
}
