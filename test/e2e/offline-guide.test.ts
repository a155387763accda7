import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as imageManager from 'kubepull/image-manager';
import * as imageService from 'kubepull/image-service';
import * as node from 'kubepull/node';
import { parsePlatform } from 'kubepull/platform';
import { buildImage, buildIndex } from 'kubepull/testing';
import { storeWith } from '../node/archive/support.ts';
import { readSnippets } from '../packaging/snippets.ts';
import { runSnippet } from '../support/run-snippet.ts';
import { tempDir } from '../support/temp-dir.ts';

describe('docs/guides/archives.md', () => {
  it('pre-pulls from a tar file, and the image manager finds the image without a registry', async () => {
    const examples = readSnippets().filter(({ code }) => code.includes('loadImageArchive('));
    const [example] = examples.filter(({ place }) => place.startsWith('docs/guides/archives.md'));
    const { path } = tempDir();
    const { os, architecture } = node.readHostPlatform();
    const image = buildImage({ platform: { os, architecture }, layers: [{ files: { a: 'b' } }] });
    const other = buildImage({ platform: parsePlatform('linux/s390x'), layers: [{ files: { a: 'c' } }] });
    const from = await storeWith({ 'registry.example.com/app:1': buildIndex([other, image]) });
    await node.writeOciArchive(from, ['registry.example.com/app:1'], join(path, 'images.tar'));
    const here = (file: string): string => join(path, file);
    const played = {
      ...node,
      openOciLayout: (folder: string) => node.openOciLayout(here(folder)),
      loadImageArchive: (file: string, ...rest: [node.OciLayout, node.LoadArchiveOptions]) =>
        node.loadImageArchive(here(file), ...rest),
      createNodeRuntime: () => ({
        ...node.createNodeRuntime(),
        transport: () => Promise.reject(new Error('The registry is not to be asked')),
      }),
    };
    const modules = {
      'kubepull/image-manager': imageManager,
      'kubepull/image-service': imageService,
      'kubepull/node': played,
    };
    const printed: unknown[][] = [];
    await runSnippet(example?.code ?? '', modules, { console: { log: (...args: unknown[]) => printed.push(args) } });
    expect(printed).toEqual([['loaded', 'registry.example.com/app:1', image.descriptor.digest], ['present']]);
  });
});
