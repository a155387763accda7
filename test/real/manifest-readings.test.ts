// M07: one document that Go's tools and others read as two images is refused, whatever it is that they read.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { getDigestHex } from 'kubepull/digest';
import { type ImageManifest, parseImageManifest } from 'kubepull/oci';
import { buildImage } from 'kubepull/testing';
import { tempDir } from '../support/temp-dir.ts';
import { run } from './servers.ts';

const [one, two] = ['amd64', 's390x'].map((architecture) =>
  buildImage({ platform: { os: 'linux', architecture }, layers: [{ files: { architecture } }] }),
) as [ReturnType<typeof buildImage>, ReturnType<typeof buildImage>];
const text = JSON.stringify(one.manifest);
const [layers, config] = [JSON.stringify(two.manifest.layers), JSON.stringify(two.manifest.config)];
const [layer] = two.manifest.layers;
const [otherLayer, otherConfig] = [`"${layer?.digest}"`, `"${two.manifest.config.digest}"`];
/** Puts a member before all others, or behind them. */
const before = (member: string): string => text.replace('{', `{${member},`);
const behind = (member: string): string => text.replace(/\}$/, `,${member}}`);
/** Puts a member behind the digest of the config, or of the layer. */
const within = (digest: string, member: string): string => text.replace(`"${digest}"`, `"${digest}",${member}`);
const inConfig = (member: string): string => within(one.manifest.config.digest, member);
const inLayer = (member: string): string => within(one.manifest.layers[0]?.digest ?? '', member);

const HOSTILE: readonly (readonly [string, string])[] = [
  ['layers twice, the other first', before(`"layers":${layers}`)],
  ['layers twice, the other last', behind(`"layers":${layers}`)],
  ['Layers first', before(`"Layers":${layers}`)],
  ['Layers last', behind(`"Layers":${layers}`)],
  ['LAYERS last', behind(`"LAYERS":${layers}`)],
  ['layerſ, with a long s, last', behind(`"layerſ":${layers}`)],
  ['an escaped Layers last', behind(String.raw`"\u004cayers":${layers}`)],
  ['layers null first', before('"layers":null')],
  ['layers empty last', behind('"Layers":[]')],
  ['config twice, the other last', behind(`"config":${config}`)],
  ['config twice, the other first', before(`"config":${config}`)],
  ['Config last', behind(`"Config":${config}`)],
  ['CONFIG first', before(`"CONFIG":${config}`)],
  ['two digests in the config', inConfig(`"digest":${otherConfig}`)],
  ['Digest in the config', inConfig(`"Digest":${otherConfig}`)],
  ['two digests in the layer', inLayer(`"digest":${otherLayer}`)],
  ['DIGEST in the layer', inLayer(`"DIGEST":${otherLayer}`)],
  ['Size in the layer', inLayer('"Size":1')],
  ['MediaType last', behind('"MediaType":"application/vnd.docker.distribution.manifest.v2+json"')],
  ['SchemaVersion last', behind('"SchemaVersion":1')],
];

const HARMLESS: readonly (readonly [string, string])[] = [
  ['nothing odd', text],
  ['annotations that differ in case', behind('"annotations":{"a":"1","A":"2"}')],
  ['an unknown key twice', behind('"x":1,"x":2,"X":3')],
  ['an unknown key beside the digest', inLayer('"digests":[]')],
];

interface Reading {
  readonly architecture: string;
  readonly layers: readonly string[];
}

/** What skopeo takes the document for; `undefined` when it takes it for nothing. */
async function readWithSkopeo(document: string): Promise<Reading | undefined> {
  const { path } = tempDir();
  writeFileSync(join(path, 'version'), 'Directory Transport Version: 1.1\n');
  for (const [digest, bytes] of [...one.blobs, ...two.blobs]) writeFileSync(join(path, getDigestHex(digest)), bytes);
  writeFileSync(join(path, 'manifest.json'), document);
  const shown = await run('skopeo', 'inspect', `dir:${path}`).catch(() => undefined);
  if (shown === undefined) return undefined;
  const { Architecture, Layers } = JSON.parse(shown) as { Architecture: string; Layers: readonly string[] | null };
  return { architecture: Architecture, layers: Layers ?? [] };
}

/** What a reader of exact keys takes it for. */
function readExactly(document: string): Reading {
  const { config, layers } = JSON.parse(document) as ImageManifest;
  const image = [one, two].find(({ manifest }) => manifest.config.digest === config.digest);
  return {
    architecture: image?.descriptor.platform?.architecture ?? '',
    layers: (layers ?? []).map(({ digest }) => digest),
  };
}

const isTaken = (document: string): boolean => {
  try {
    return parseImageManifest(new TextEncoder().encode(document)).schemaVersion === 2;
  } catch {
    return false;
  }
};

describe('a manifest of two meanings [M07]', () => {
  it('is refused; skopeo reads many otherwise than their exact keys say', { timeout: 120_000 }, async () => {
    const differing: string[] = [];
    for (const [name, document] of HOSTILE) {
      const [exact, skopeo] = [readExactly(document), await readWithSkopeo(document)];
      if (skopeo !== undefined && JSON.stringify(exact) !== JSON.stringify(skopeo)) differing.push(name);
      expect([name, isTaken(document)]).toEqual([name, false]);
    }
    expect(HOSTILE).toHaveLength(20);
    expect(differing).toEqual(expect.arrayContaining(['Layers last', 'Config last', 'DIGEST in the layer']));
  });

  it.each(HARMLESS)('is none with %s: skopeo reads it as we do', async (_, document) => {
    const { layers } = parseImageManifest(new TextEncoder().encode(document));
    const skopeo = await readWithSkopeo(document);
    expect(skopeo).toEqual({ architecture: 'amd64', layers: layers.map(({ digest }) => digest) });
    expect(skopeo).toEqual(readExactly(document));
  });
});
