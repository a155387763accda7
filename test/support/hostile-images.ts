// Images that nobody would build, and that a store may all the same have to keep: fast-check makes them up.
import fc from 'fast-check';
import { computeDigest, type DigestAlgorithm } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { type Descriptor, MEDIA_TYPES } from 'kubepull/oci';

export interface HostileContent {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** Content, and all that it names. */
export interface HostileImage {
  readonly root: HostileContent;
  readonly contents: readonly HostileContent[];
}

const FOREIGN_LAYER = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
const { ociManifest, ociIndex, dockerManifest, dockerManifestList } = MEDIA_TYPES;

function contentOf(text: string, mediaType: string, algorithm: DigestAlgorithm = 'sha256'): HostileContent {
  const bytes = new TextEncoder().encode(text);
  return { descriptor: { mediaType, digest: computeDigest(bytes, nodeHasher, algorithm), size: bytes.length }, bytes };
}

const algorithm = fc.constantFrom<DigestAlgorithm>('sha256', 'sha256', 'sha256', 'sha512', 'sha384');
const manifestType = fc.constantFrom(
  ociManifest,
  ociManifest,
  dockerManifest,
  'Application/Vnd.OCI.Image.Manifest.v1+JSON',
);
const indexType = fc.constantFrom(ociIndex, ociIndex, dockerManifestList, 'application/vnd.oci.IMAGE.index.v1+json');
const leafType = fc.constantFrom(
  MEDIA_TYPES.ociLayerGzip,
  MEDIA_TYPES.ociConfig,
  MEDIA_TYPES.ociEmpty,
  FOREIGN_LAYER,
  ociManifest,
  ociIndex,
  'application/vnd.docker.distribution.manifest.v1+prettyjws',
  'application/vnd.oci.artifact.manifest.v1+json',
  'x/y',
);

/** What stands where a layer or a config is expected. */
const leafText = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.constantFrom(
    '',
    '{}',
    '{',
    'null',
    '[]',
    ' '.repeat(200),
    `${' '.repeat(100)}{}`,
    '\u{feff}{}',
    '{"manifests":null}',
    '{"schemaVersion":2,"manifests":[]}',
    `{"a":${'['.repeat(200)}${']'.repeat(200)}}`,
    `{"subject":{"digest":"sha256:${'0'.repeat(64)}"},"mediaType":"${ociManifest}"}`,
  ),
);
const leaf = fc
  .record({ text: leafText, mediaType: leafType, algorithm })
  .map(({ text, mediaType, algorithm: by }): HostileImage => {
    const root = contentOf(text, mediaType, by);
    return { root, contents: [root] };
  });

/** How a document is written, besides what it says. */
const style = fc.record({
  before: fc.constantFrom('', '', ' ', '\n'.repeat(63), '\t\r\n '.repeat(40), ' '.repeat(5000)),
  after: fc.constantFrom('', '', ' '.repeat(70)),
  escapes: fc.boolean(),
  indents: fc.boolean(),
  algorithm,
});
interface Style {
  readonly before: string;
  readonly after: string;
  readonly escapes: boolean;
  readonly indents: boolean;
  readonly algorithm: DigestAlgorithm;
}

/** Members that say nothing of the image, or seem to. */
const extras = fc.record(
  {
    annotations: fc.oneof(
      fc.dictionary(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), { maxKeys: 3 }),
      fc.constant({ huge: 'x'.repeat(300_000) }),
      fc.constant({ digest: `sha256:${'0'.repeat(64)}`, mediaType: ociIndex }),
      fc.constant(null),
    ),
    artifactType: fc.constantFrom('application/vnd.example', ''),
    'com.example.unknown': fc.jsonValue({ maxDepth: 3 }),
    digest: fc.constantFrom('sha256:0', `sha256:${'f'.repeat(64)}`, 7, null),
    urls: fc.constant(['https://r.example/blob']),
  },
  { requiredKeys: [] },
);

/** What a descriptor has besides what it needs. */
const entryExtras = fc.record(
  {
    urls: fc.constant(['https://r.example/blob']),
    annotations: fc.constantFrom({ a: 'b' }, null),
    platform: fc.constantFrom({ os: 'linux', architecture: 'amd64' }, { os: '', architecture: '' }, {}),
    data: fc.constantFrom('e30=', 'no base64', 7),
    manifests: fc.constant([{ mediaType: ociIndex, digest: `sha256:${'1'.repeat(64)}` }]),
  },
  { requiredKeys: [] },
);

function write(
  document: object,
  mediaType: string,
  { before, after, escapes, indents, algorithm: by }: Style,
): HostileContent {
  const json = JSON.stringify(document, undefined, indents ? 2 : undefined);
  const text = escapes
    ? json.replaceAll('"digest":', String.raw`"\u0064igest":`).replaceAll('sha', String.raw`\u0073ha`)
    : json;
  return contentOf(`${before}${text}${after}`, mediaType, by);
}

const together = (root: HostileContent, below: readonly HostileImage[]): HostileImage => ({
  root,
  contents: [root, ...below.flatMap(({ contents }) => contents)],
});

/** Any of these may stand anywhere; a store refuses many of them. `lost` is content that is named and is not there. */
export const { hostileImage } = fc.letrec<{ hostileImage: HostileImage; manifest: HostileImage; index: HostileImage }>(
  (tie) => {
    const child = fc.oneof({ maxDepth: 4, depthSize: 'small' }, leaf, tie('manifest'), tie('index'));
    const lost = fc.integer({ min: 0, max: 3 }).map((n) => contentOf(`lost ${n}`, ociManifest));
    const entry = fc
      .tuple(child, entryExtras)
      .map(([image, more]) => ({ image, entry: { ...more, ...image.root.descriptor } }));
    return {
      hostileImage: fc.oneof({ weight: 3, arbitrary: tie('manifest') }, { weight: 3, arbitrary: tie('index') }, leaf),
      manifest: fc
        .record({
          mediaType: manifestType,
          saysType: fc.boolean(),
          config: fc.tuple(leaf, entryExtras),
          layers: fc.array(entry, { maxLength: 3 }),
          repeats: fc.integer({ min: 1, max: 3 }),
          subject: fc.option(
            fc.oneof(
              child,
              lost.map((root) => ({ root, contents: [] })),
            ),
            { nil: undefined },
          ),
          extras,
          style,
        })
        .map(
          ({ mediaType, saysType, config: [config, more], layers, repeats, subject, extras: others, style: how }) => {
            const document = {
              ...others,
              schemaVersion: 2,
              ...(saysType ? { mediaType } : {}),
              config: { ...more, ...config.root.descriptor },
              layers: Array.from({ length: repeats }, () => layers.map(({ entry: one }) => one)).flat(),
              ...(subject === undefined ? {} : { subject: subject.root.descriptor }),
            };
            const below = [config, ...layers.map(({ image }) => image), ...(subject === undefined ? [] : [subject])];
            return together(write(document, mediaType, how), below);
          },
        ),
      index: fc
        .record({
          mediaType: indexType,
          entries: fc.array(entry, { maxLength: 4 }),
          repeats: fc.integer({ min: 1, max: 40 }),
          lost: fc.option(lost, { nil: undefined, freq: 12 }),
          extras,
          style,
        })
        .map(({ mediaType, entries, repeats, lost: missing, extras: others, style: how }) => {
          const listed = Array.from({ length: repeats }, () => entries.map(({ entry: one }) => one)).flat();
          const manifests = missing === undefined ? listed : [...listed, missing.descriptor];
          const document = { ...others, schemaVersion: 2, mediaType, manifests };
          return together(
            write(document, mediaType, how),
            entries.map(({ image }) => image),
          );
        }),
    };
  },
);
