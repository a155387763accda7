// Rows M of the threat model, as a client meets them.
import { describe, expect, it } from 'vitest';
import {
  hasBlob,
  listReferrers,
  listTags,
  openBlob,
  readBlob,
  readConfig,
  readManifest,
  readManifestBytes,
  type RegistryNotice,
  resolveManifest,
} from 'kubepull/distribution';
import { type Digest, type DigestAlgorithm, computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import { ACCEPTED_MANIFEST_TYPES, type Descriptor, type ImageIndex, MEDIA_TYPES } from 'kubepull/oci';
import { buildImage, buildIndex, type BuiltContent } from 'kubepull/testing';
import { createMemoryTransport, type Reply } from '../../support/memory-transport.ts';
import { collect } from '../registry-support.ts';
import { connect, found, mediaType, ORIGIN, ref } from '../support.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const first = ({ manifests }: ImageIndex): Descriptor => manifests[0] as Descriptor;
const ZEROS = '0'.repeat(64);

/** Serves contents by digest, and `root` under every tag. */
function serving(contents: readonly BuiltContent[], root: () => BuiltContent) {
  return createMemoryTransport(({ url, method }): Reply => {
    const digest = /\/(sha\d+:[0-9a-f]+)$/.exec(url)?.[1];
    const content = digest === undefined ? root() : contents.find(({ descriptor }) => descriptor.digest === digest);
    if (content === undefined) return { status: 404 };
    const { bytes, descriptor } = content;
    const headers = {
      'content-type': descriptor.mediaType,
      'docker-content-digest': descriptor.digest,
      'content-length': String(bytes.length),
    };
    return method === 'HEAD' ? { headers } : { headers, body: bytes };
  });
}

describe('who names the media type of a manifest [M01]', () => {
  const document = (own: string | undefined): string =>
    own !== undefined && /index|list/.test(own)
      ? JSON.stringify({ schemaVersion: 2, mediaType: own, manifests: [] })
      : JSON.stringify({
          schemaVersion: 2,
          mediaType: own,
          config: { mediaType: MEDIA_TYPES.ociConfig, digest: `sha256:${ZEROS}`, size: 0 },
          layers: [],
        });

  const kindOf = (type: string): string => (/index|list/.test(type) ? 'index' : 'manifest');

  it('has to agree on what it is, under a digest, and not on the header: 5 × 4 × 4 bodies, headers and descriptors', async () => {
    let taken = 0;
    for (const own of [undefined, ...ACCEPTED_MANIFEST_TYPES]) {
      const body = encode(document(own));
      for (const type of ACCEPTED_MANIFEST_TYPES) {
        const server = createMemoryTransport(() => ({ headers: { 'content-type': type }, body }));
        for (const parent of ACCEPTED_MANIFEST_TYPES) {
          const descriptor = { mediaType: parent, digest: computeDigest(body, nodeHasher), size: body.length };
          const reading = readManifest(connect(server).session, ref, { descriptor });
          const outcome = await reading.then(
            ({ descriptor: { mediaType: read } }) => read,
            ({ code }: { code: string }) => code,
          );
          const agreed = kindOf(own ?? MEDIA_TYPES.ociManifest) === kindOf(parent);
          taken += agreed ? 1 : 0;
          expect([own, type, parent, outcome]).toEqual([
            own,
            type,
            parent,
            agreed ? (own ?? parent) : 'ERR_REGISTRY_DOCUMENT',
          ]);
        }
      }
    }
    expect(taken).toBe(40);
  });

  it('has to agree altogether where no digest is known', async () => {
    let taken = 0;
    for (const own of [undefined, ...ACCEPTED_MANIFEST_TYPES]) {
      const body = encode(document(own));
      for (const type of ACCEPTED_MANIFEST_TYPES) {
        const server = createMemoryTransport(() => ({ headers: { 'content-type': type }, body }));
        const agreed = own === type || (own === undefined && kindOf(type) === 'manifest');
        taken += agreed ? 1 : 0;
        const outcome = await readManifest(connect(server).session, ref).then(
          () => true,
          ({ code }: { code: string }) => code,
        );
        expect([own, type, outcome]).toEqual([own, type, agreed ? true : 'ERR_REGISTRY_DOCUMENT']);
      }
    }
    expect(taken).toBe(6);
  });

  it('has to agree on what it is, and not on its spelling, where the digest came in the same answer', async () => {
    let taken = 0;
    for (const own of ACCEPTED_MANIFEST_TYPES) {
      const body = encode(document(own));
      const digest = computeDigest(body, nodeHasher);
      for (const type of ACCEPTED_MANIFEST_TYPES) {
        const headers = { 'content-type': type, 'docker-content-digest': digest };
        const outcome = await readManifest(connect(createMemoryTransport(() => ({ headers, body }))).session, ref).then(
          ({ descriptor: { mediaType: read } }) => read,
          ({ code }: { code: string }) => code,
        );
        const agreed = kindOf(own) === kindOf(type);
        taken += agreed ? 1 : 0;
        expect([own, type, outcome]).toEqual([own, type, agreed ? own : 'ERR_REGISTRY_DOCUMENT']);
      }
    }
    expect(taken).toBe(8);
  });

  it('is the bytes where their digest is right, and a wrong Content-Type is told', async () => {
    const body = encode(document(MEDIA_TYPES.ociManifest));
    const digest = computeDigest(body, nodeHasher);
    const wrong = ['application/json', 'text/plain', '', MEDIA_TYPES.dockerManifest, MEDIA_TYPES.ociIndex];
    for (const type of wrong) {
      const notices: RegistryNotice[] = [];
      const server = createMemoryTransport(() => ({ headers: { 'content-type': type }, body }));
      const { session } = connect(server, { onNotice: (notice) => notices.push(notice) });
      const read = await readManifest(session, { ...ref, tag: undefined, digest });
      expect(read.descriptor).toEqual({ mediaType, digest, size: body.length });
      expect(notices).toEqual([{ kind: 'content-type', origin: ORIGIN, digest, contentType: type, mediaType }]);
    }
  });

  it('is not asked for an entry that can be no manifest, and says why', async () => {
    const server = createMemoryTransport(() => found);
    const digest = `sha256:${ZEROS}` as Digest;
    const read = (descriptor: Descriptor) => readManifest(connect(server).session, ref, { descriptor });
    await expect(read({ mediaType: 'application/vnd.example.sbom+json', digest, size: 5 })).rejects.toThrow(
      'it is "application/vnd.example.sbom+json", neither a manifest nor an index',
    );
    await expect(read({ mediaType, digest, size: 0 })).rejects.toThrow('it has 0 bytes, which no manifest has');
    expect(server.requests).toEqual([]);
  });
});

describe('the digest of a manifest [M02]', () => {
  const body = encode('{"schemaVersion":2}');
  const others: readonly Uint8Array[] = [encode('{}'), encode('{"schemaVersion":2}\n'), encode(' {"schemaVersion":2}')];
  const digestBy = (algorithm: DigestAlgorithm, bytes = body): Digest => computeDigest(bytes, nodeHasher, algorithm);
  const headers = [undefined, digestBy('sha256'), digestBy('sha512'), `sha256:${ZEROS}`, 'SHA256:abc'];

  it('is taken over the raw bytes, by the algorithm that was asked for, whatever the header says: 40 cases', async () => {
    let cases = 0;
    for (const algorithm of ['sha256', 'sha512'] as const) {
      for (const header of headers) {
        for (const sent of [body, ...others]) {
          cases += 1;
          const type: Record<string, string> = { 'content-type': mediaType };
          const server = createMemoryTransport(() => ({
            headers: header === undefined ? type : { ...type, 'docker-content-digest': header },
            body: sent,
          }));
          const wanted = { ...ref, tag: undefined, digest: digestBy(algorithm) };
          const outcome = await readManifestBytes(connect(server).session, wanted).then(
            ({ descriptor }) => descriptor.digest,
            ({ code }: { code: string }) => code,
          );
          expect(outcome).toBe(sent === body ? wanted.digest : 'ERR_CONTENT_MISMATCH');
        }
      }
    }
    expect(cases).toBe(40);
  });

  it('by tag has to be what the registry says, as far as that is a digest', async () => {
    for (const header of [digestBy('sha256'), digestBy('sha384'), digestBy('sha512')]) {
      for (const sent of [body, ...others]) {
        const type = { 'content-type': mediaType, 'docker-content-digest': header };
        const server = createMemoryTransport(() => ({ headers: type, body: sent }));
        const fetching = readManifestBytes(connect(server).session, ref);
        if (sent === body) expect((await fetching).descriptor.digest).toBe(header);
        else
          await expect(fetching).rejects.toMatchObject({ code: 'ERR_CONTENT_MISMATCH', expected: { digest: header } });
      }
    }
  });
});

describe('a tag that moves with every request [M03]', () => {
  it('gives one image or the other, never a mixture: 100 times', async () => {
    const versions = ['a', 'b', 'c'].map((text) => {
      const images = ['amd64', 'arm64'].map((architecture) =>
        buildImage({ platform: { os: 'linux', architecture }, layers: [{ files: { text } }] }),
      );
      return { images, index: buildIndex(images) };
    });
    const contents = versions.flatMap(({ index }) => index.contents);
    const seen = new Set<number>();
    for (let round = 0; round < 100; round += 1) {
      let asked = round;
      const server = serving(contents, () => {
        asked += 1;
        return versions[asked % 3]?.index.contents.at(-1) as BuiltContent;
      });
      const { session } = connect(server);
      const { manifest, document } = await readConfig(session, ref, { choose: first });
      const version = versions.findIndex(({ images }) => images[0]?.descriptor.digest === manifest.digest);
      seen.add(version);
      expect(document).toEqual(versions[version]?.images[0]?.manifest);
      expect(server.requests.filter(({ url }) => url.endsWith('/manifests/1'))).toHaveLength(1);
      expect(server.requests).toHaveLength(3);
    }
    expect(seen.size).toBe(3);
  });
});

describe('a document that is a bomb [M04]', () => {
  const endless = (chunk: Uint8Array, sent: { bytes: number }) =>
    (async function* () {
      for (;;) {
        sent.bytes += chunk.length;
        yield chunk;
      }
    })();
  const many = (count: number, item: string): string => Array.from({ length: count }, () => item).join(',');
  const item = `{"mediaType":"a/b","digest":"sha256:${ZEROS}","size":1}`;
  const asManifest = (layers: string): string =>
    `{"schemaVersion":2,"mediaType":"${mediaType}","config":${item},"layers":[${layers}]}`;
  const asIndex = (manifests: string): string =>
    `{"schemaVersion":2,"mediaType":"${MEDIA_TYPES.ociIndex}","manifests":[${manifests}]}`;
  const bodies: readonly (readonly [string, string, string])[] = [
    ['4 MiB and one byte', mediaType, asManifest('').padEnd(4 * 1024 * 1024 + 1)],
    ['16 MiB of blanks', mediaType, ' '.repeat(16 * 1024 * 1024)],
    ['1,025 layers', mediaType, asManifest(many(1025, item))],
    ['40,000 layers', mediaType, asManifest(many(40_000, item))],
    ['60,000 layers', mediaType, asManifest(many(60_000, item))],
    ['1,025 entries', MEDIA_TYPES.ociIndex, asIndex(many(1025, item))],
    [
      '40,000 entries',
      MEDIA_TYPES.dockerManifestList,
      asIndex(many(40_000, item)).replace(MEDIA_TYPES.ociIndex, MEDIA_TYPES.dockerManifestList),
    ],
    ['65 levels', mediaType, `${'['.repeat(65)}${']'.repeat(65)}`],
    ['two million levels', mediaType, '['.repeat(2_000_000)],
    ['a million empty objects', mediaType, `[${many(1_000_000, '{}')}]`],
    ['a number of a million digits', mediaType, asManifest('').replace('2', '2'.repeat(1_000_000))],
    ['a key of three million characters', mediaType, `{"${'a'.repeat(3_000_000)}":1}`],
    ['half a million escapes', mediaType, `{"${String.raw`\u0061`.repeat(500_000)}":1}`],
  ];

  it.each(bodies)('of %s is refused', async (_, type, body) => {
    const server = createMemoryTransport(() => ({ headers: { 'content-type': type }, body: encode(body) }));
    await expect(readManifest(connect(server).session, ref)).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
    expect(server.open()).toBe(0);
  });

  it.each([
    ['without end', {}],
    ['without end, of a length that it says is small', { 'content-length': '10' }],
    ['without end, of a length that it says is huge', { 'content-length': '99999999999999' }],
  ])('%s is read to 4 MiB', async (_, more: Record<string, string>) => {
    const sent = { bytes: 0 };
    const headers = { 'content-type': mediaType, ...more };
    const server = createMemoryTransport(() => ({ headers, body: endless(new Uint8Array(65_536), sent) }));
    await expect(readManifest(connect(server).session, ref)).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
    expect(sent.bytes).toBeLessThanOrEqual(4 * 1024 * 1024 + 65_536);
    expect(server.open()).toBe(0);
  });

  it('that its index says is small is read to that', async () => {
    const sent = { bytes: 0 };
    const headers = { 'content-type': mediaType };
    const server = createMemoryTransport(() => ({ headers, body: endless(new Uint8Array(10), sent) }));
    const descriptor = { mediaType, digest: computeDigest(encode('x'), nodeHasher), size: 100 };
    await expect(readManifest(connect(server).session, ref, { descriptor })).rejects.toMatchObject({
      code: 'ERR_CONTENT_MISMATCH',
      message: expect.stringContaining('it has more than its 100 bytes') as string,
    });
    expect(sent.bytes).toBeLessThanOrEqual(120);
  });

  it('of 1,000 indexes within each other costs five requests', async () => {
    let built = buildIndex([buildImage({ layers: [] })]);
    const contents = [...built.contents];
    for (let level = 0; level < 1000; level += 1) {
      const { descriptor, index } = built;
      const bytes = encode(JSON.stringify({ ...index, manifests: [descriptor] }));
      const next = { mediaType: index.mediaType, digest: computeDigest(bytes, nodeHasher), size: bytes.length };
      built = { ...built, descriptor: next, index: { ...index, manifests: [descriptor] } };
      contents.push({ descriptor: next, bytes });
    }
    const server = serving(contents, () => contents.at(-1) as BuiltContent);
    await expect(readManifest(connect(server).session, ref, { choose: first })).rejects.toThrow('nested deeper than 4');
    expect(server.requests).toHaveLength(5);
  });
});

describe('a size [M05]', () => {
  const image = buildImage({ layers: [{ files: { a: 'a' } }] });
  const [manifest, config, layer] = [image.descriptor, image.manifest.config, image.manifest.layers[0] as Descriptor];
  const bytesOf = (digest: Digest): Uint8Array => image.blobs.get(digest) as Uint8Array;
  const server = () => serving(image.contents, () => image.contents.at(-1) as BuiltContent);
  const read: Readonly<Record<string, (size: number) => Promise<unknown>>> = {
    manifest: (size) => readManifest(connect(server()).session, ref, { descriptor: { ...manifest, size } }),
    config: async (size) => collect(readBlob(connect(server()).session, ref, { ...config, size })),
    layer: async (size) => collect(readBlob(connect(server()).session, ref, { ...layer, size })),
  };
  const right = { manifest: manifest.size, config: config.size, layer: layer.size };

  it.each(Object.entries(right))('of a %s has to be exact', async (kind, size) => {
    await expect(read[kind]?.(size)).resolves.toBeDefined();
    for (const wrong of [0, 1, size - 1, size + 1, size * 2]) {
      await expect(read[kind]?.(wrong)).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_(CONTENT_MISMATCH|REGISTRY_DOCUMENT|TRANSPORT)$/) as string,
      });
    }
  });

  /** An entry of an index, served in full only after so many times. */
  const servingPart = (shortTimes: number) => {
    let times = 0;
    return createMemoryTransport((): Reply => {
      const bytes = bytesOf(manifest.digest);
      times += 1;
      return { headers: { 'content-type': mediaType }, body: times > shortTimes ? bytes : bytes.subarray(0, 100) };
    });
  };

  it('that an answer without a length falls short of is that of a manifest which was cut: it is read again', async () => {
    const server = servingPart(2);
    const { bytes } = await readManifest(connect(server).session, ref, { descriptor: manifest });
    expect([bytes, server.requests.length]).toEqual([bytesOf(manifest.digest), 3]);
  });

  it('that no answer comes up to ends in an error that passes, and says how much came', async () => {
    const server = servingPart(Infinity);
    await expect(readManifest(connect(server).session, ref, { descriptor: manifest })).rejects.toMatchObject({
      code: 'ERR_TRANSPORT',
      phase: 'body',
      retryable: true,
      message: expect.stringContaining(`it ended after 100 of ${manifest.size} bytes`) as string,
    });
    expect(server.requests.length).toBe(3);
  });

  it('that is too large for a manifest with the right digest is wrong for good, and asked for once', async () => {
    const all = servingPart(0);
    const descriptor = { ...manifest, size: manifest.size + 1 };
    await expect(readManifest(connect(all).session, ref, { descriptor })).rejects.toMatchObject({
      code: 'ERR_CONTENT_MISMATCH',
      message: expect.stringContaining(`it has ${manifest.size} of its ${manifest.size + 1} bytes`) as string,
    });
    expect(all.requests.length).toBe(1);
  });

  it.each(['-1', '1.5', '"1"', '9007199254740993', '1e400', '-0', 'null', '[]', '1e3', 'true'])(
    'that is %s is refused, in a config, a layer and an entry',
    async (size) => {
      const text = new TextDecoder().decode(bytesOf(manifest.digest));
      const list = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [manifest] });
      const bodies = [
        text.replace(`"size":${config.size}`, `"size":${size}`),
        text.replace(`"size":${layer.size}`, `"size":${size}`),
        list.replace(`"size":${manifest.size}`, `"size":${size}`),
        text.replace(`,"size":${config.size}`, ''),
      ];
      for (const [at, body] of bodies.entries()) {
        const type = at === 2 ? MEDIA_TYPES.ociIndex : mediaType;
        expect([text, list]).not.toContain(body);
        const hostile = createMemoryTransport(() => ({ headers: { 'content-type': type }, body }));
        await expect(readManifest(connect(hostile).session, ref)).rejects.toMatchObject({
          code: 'ERR_REGISTRY_DOCUMENT',
        });
      }
    },
  );

  it('of a config is not taken into memory beyond 4 MiB', async () => {
    const body = JSON.stringify({ ...image.manifest, config: { ...config, size: Number.MAX_SAFE_INTEGER } });
    const hostile = createMemoryTransport(() => ({ headers: { 'content-type': mediaType }, body }));
    await expect(readConfig(connect(hostile).session, ref)).rejects.toThrow('more than 4194304');
    expect(hostile.requests).toHaveLength(1);
  });
});

describe('a manifest that is no JSON object in UTF-8 [M08]', () => {
  const good = new TextDecoder().decode(buildImage({ layers: [] }).contents.at(-1)?.bytes);
  const bytesWith = (...bytes: number[]): Uint8Array =>
    Uint8Array.from([...encode('{"a":"'), ...bytes, ...encode('"}')]);

  it.each<[string, Uint8Array]>([
    ['a lone continuation byte', bytesWith(0x80)],
    ['an overlong slash', bytesWith(0xc0, 0xaf)],
    ['an overlong NUL', bytesWith(0xc0, 0x80)],
    ['a surrogate', bytesWith(0xed, 0xa0, 0x80)],
    ['a code point past the last', bytesWith(0xf4, 0x90, 0x80, 0x80)],
    ['a sequence that is cut', bytesWith(0xe2, 0x82)],
    ['0xff', bytesWith(0xff)],
    ['a byte order mark', encode(`\ufeff${good}`)],
    ['UTF-16', Uint8Array.from(Buffer.from(good, 'utf16le'))],
    ['a NUL before', encode(`\0${good}`)],
    ['a NUL behind', encode(`${good}\0`)],
    ['a NUL within a string', bytesWith(0)],
    ['a second document behind', encode(`${good}{}`)],
    ['a word behind', encode(`${good} true`)],
    ['a comma behind the last member', encode(good.replace(/\}$/, ',}'))],
    ['a comment', encode(`/* */${good}`)],
    ['an array', encode(`[${good}]`)],
    ['null', encode('null')],
    ['a number', encode('2')],
    ['a string', encode(JSON.stringify(good))],
    ['nothing', encode('')],
    ['blanks', encode(' \n')],
  ])('but has %s is refused', async (_, body) => {
    const server = createMemoryTransport(() => ({ headers: { 'content-type': mediaType }, body }));
    await expect(readManifest(connect(server).session, ref)).rejects.toMatchObject({ code: 'ERR_REGISTRY_DOCUMENT' });
    const sane = createMemoryTransport(() => ({ headers: { 'content-type': mediaType }, body: good }));
    expect((await readManifest(connect(sane).session, ref)).kind).toBe('manifest');
  });
});

describe('a status counts for what it is, each of 100 to 599 once [M09]', () => {
  const image = buildImage({ layers: [{ files: { a: 'a' } }] });
  const layer = image.manifest.layers[0] as Descriptor;
  const digest = image.descriptor.digest;
  const phases: Readonly<
    Record<string, [(session: ReturnType<typeof connect>['session']) => Promise<unknown>, Reply]>
  > = {
    manifest: [(session) => readManifestBytes(session, ref), found],
    'HEAD of a manifest': [
      (session) => resolveManifest(session, ref),
      { headers: { 'content-type': mediaType, 'docker-content-digest': digest, 'content-length': '9' } },
    ],
    blob: [(session) => openBlob(session, ref, layer), { body: 'a' }],
    'rest of a blob': [(session) => openBlob(session, ref, layer, { offset: 1 }), { body: 'a' }],
    'HEAD of a blob': [(session) => hasBlob(session, ref, layer), {}],
    tags: [(session) => collect(listTags(session, ref)), { body: '{"tags":["a"]}' }],
    referrers: [
      (session) => collect(listReferrers(session, { ...ref, digest })),
      { headers: { 'content-type': MEDIA_TYPES.ociIndex }, body: '{"schemaVersion":2,"manifests":[]}' },
    ],
  };
  /** Besides 200: what says that there is none, and what is asked again in another way, and so answered the same. */
  const others: Readonly<Record<string, readonly number[]>> = { 'HEAD of a blob': [404], referrers: [404] };

  it.each(Object.keys(phases))('on a request for %s', async (phase) => {
    const [ask, reply] = phases[phase] ?? [async () => undefined, {}];
    const passed: number[] = [];
    for (let status = 100; status < 600; status += 1) {
      const server = createMemoryTransport(() => ({ ...reply, status }));
      const { session } = connect(server);
      const outcome = await ask(session).then(
        () => 'passed',
        (error: unknown) => error,
      );
      if (outcome === 'passed') passed.push(status);
      else expect(outcome).toMatchObject({ code: 'ERR_REGISTRY_RESPONSE', status });
    }
    expect(passed).toEqual([200, ...(others[phase] ?? [])]);
  });

  it.each([
    ['a login page', 200, { 'content-type': 'text/html' }, '<html>'],
    ['an empty 200', 200, { 'content-type': mediaType }, ''],
    ['an empty 200 without type', 200, {}, ''],
    ['a 204', 204, { 'content-type': mediaType }, ''],
    ['a 206 that nobody asked for', 206, { 'content-type': mediaType, 'content-range': 'bytes 0-1/2' }, '{}'],
    [
      'schema 1',
      200,
      { 'content-type': 'application/vnd.docker.distribution.manifest.v1+json' },
      '{"schemaVersion":1}',
    ],
    ['signed schema 1', 200, { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' }, '{}'],
    ['schema 1 as schema 2', 200, { 'content-type': MEDIA_TYPES.dockerManifest }, '{"schemaVersion":1,"fsLayers":[]}'],
    ['a type of nobody', 200, { 'content-type': 'application/vnd.example+json' }, '{}'],
    [
      'an artifact manifest of before 1.1',
      200,
      { 'content-type': 'application/vnd.oci.artifact.manifest.v1+json' },
      '{}',
    ],
    ['a config', 200, { 'content-type': MEDIA_TYPES.ociConfig }, '{}'],
  ])('%s is no manifest', async (_, status, headers: Record<string, string>, body) => {
    const server = createMemoryTransport(() => ({ status, headers, body }));
    await expect(readManifest(connect(server).session, ref)).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_REGISTRY_(DOCUMENT|RESPONSE)$/) as string,
    });
    expect(server.requests.map(({ url }) => url)).toEqual([`${ORIGIN}/v2/team/app/manifests/1`]);
  });
});

describe('embedded data [M11]', () => {
  const empty = encode('{}');
  const config = (data: string | undefined, size = 2) => ({
    mediaType: MEDIA_TYPES.ociEmpty,
    digest: computeDigest(empty, nodeHasher),
    size,
    ...(data === undefined ? {} : { data }),
  });
  const serve = (data: string | undefined) =>
    createMemoryTransport(({ url }): Reply => {
      if (url.includes('/blobs/')) return { body: empty };
      const document = {
        schemaVersion: 2,
        mediaType,
        artifactType: 'text/x',
        config: config(data),
        layers: [config(data)],
      };
      return { headers: { 'content-type': mediaType }, body: JSON.stringify(document) };
    });

  it('that is right spares the request', async () => {
    const server = serve('e30=');
    const { session } = connect(server);
    const { bytes, document, image } = await readConfig(session, ref);
    expect([new TextDecoder().decode(bytes), image, server.requests.length]).toEqual(['{}', undefined, 1]);
    expect(Buffer.concat(await collect(readBlob(session, ref, document.layers[0] as Descriptor))).toString()).toBe(
      '{}',
    );
    expect(
      Buffer.concat(await collect((await openBlob(session, ref, config('e30='), { offset: 1 })).content)).toString(),
    ).toBe('}');
    expect(server.requests).toHaveLength(1);
  });

  it.each([undefined, '', 'e30', 'e3w=', 'W10=', 'e30K', 'e30=e30=', '!!!!', 'e30=\n'])(
    'that is %j is not used',
    async (data) => {
      const server = serve(data);
      expect(new TextDecoder().decode((await readConfig(connect(server).session, ref)).bytes)).toBe('{}');
      expect(server.requests).toHaveLength(2);
    },
  );
});
