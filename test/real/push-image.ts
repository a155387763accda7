import { createCipheriv, createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Digest } from 'kubepull/digest';
import { type Descriptor, MEDIA_TYPES } from 'kubepull/oci';

/** Content that can be sent more than once without being in memory. */
export interface Pushable {
  readonly descriptor: Descriptor;
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** Sends content to a registry, in the order given, with nothing but HTTP; manifests go by digest, the last by tag too. */
export async function pushContents(
  origin: string,
  repository: string,
  tag: string,
  contents: readonly Pushable[],
): Promise<void> {
  const base = `${origin}/v2/${repository}`;
  for (const { descriptor, open } of contents) {
    const { mediaType, digest, size } = descriptor;
    if (!/\.(?:manifest|index)\./.test(mediaType)) {
      const started = await send('POST', `${base}/blobs/uploads/`);
      const upload = new URL(started.headers.get('location') ?? '', base);
      upload.searchParams.set('digest', digest);
      await send('PUT', upload.href, { 'content-length': String(size) }, open());
    } else {
      for (const reference of descriptor === contents.at(-1)?.descriptor ? [digest, tag] : [digest]) {
        await send('PUT', `${base}/manifests/${reference}`, { 'content-type': mediaType }, open());
      }
    }
  }
}

async function send(
  method: string,
  url: string,
  headers: Record<string, string> = {},
  body?: AsyncIterable<Uint8Array>,
): Promise<Response> {
  const stream = body === undefined ? {} : { body: Readable.toWeb(Readable.from(body)), duplex: 'half' };
  const response = await fetch(url, { method, headers, ...stream } as unknown as RequestInit);
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
  return response;
}

export const fromBytes = (descriptor: Descriptor, bytes: Uint8Array): Pushable => ({
  descriptor,
  open: () => Readable.from([bytes]) as AsyncIterable<Uint8Array>,
});

/** An image with as many bytes as wanted, that are made each time anew: nothing of them is kept. */
export function generatedImage(layers: number, layerBytes: number): { contents: Pushable[]; manifest: Descriptor } {
  const made = Array.from({ length: layers }, (_, place) => generatedLayer(place, layerBytes));
  const diff_ids = made.map(({ descriptor }) => descriptor.digest);
  const config = document(MEDIA_TYPES.ociConfig, {
    os: 'linux',
    architecture: 'amd64',
    config: {},
    rootfs: { type: 'layers', diff_ids },
  });
  const mediaType = MEDIA_TYPES.ociManifest;
  const manifest = document(mediaType, {
    schemaVersion: 2,
    mediaType,
    config: config.descriptor,
    layers: made.map(({ descriptor }) => descriptor),
  });
  return { contents: [...made, config, manifest], manifest: manifest.descriptor };
}

/** A tar archive with one file of bytes from a seed. */
function generatedLayer(place: number, size: number): Pushable {
  const open = (): AsyncIterable<Uint8Array> => Readable.from(tarOf(`file-${place}`, size, String(place)));
  const hash = createHash('sha256');
  let length = 0;
  for (const chunk of tarOf(`file-${place}`, size, String(place))) {
    hash.update(chunk);
    length += chunk.length;
  }
  const digest = `sha256:${hash.digest('hex')}` as Digest;
  return { descriptor: { mediaType: MEDIA_TYPES.ociLayer, digest, size: length }, open };
}

function* tarOf(name: string, size: number, seed: string): Generator<Uint8Array> {
  const header = Buffer.alloc(512);
  const fields: readonly (readonly [number, string])[] = [
    [0, name],
    [100, '0000644\0'],
    [108, '0000000\0'],
    [116, '0000000\0'],
    [124, `${size.toString(8).padStart(11, '0')}\0`],
    [136, '00000000000\0'],
    [148, ' '.repeat(8)],
    [156, '0'],
    [257, 'ustar\u000000'],
  ];
  for (const [at, text] of fields) header.write(text, at, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  yield header;
  const zeros = Buffer.alloc(1024 * 1024);
  const cipher = createCipheriv('aes-256-ctr', createHash('sha256').update(seed).digest(), Buffer.alloc(16));
  for (let at = 0; at < size; at += zeros.length)
    yield cipher.update(zeros.subarray(0, Math.min(zeros.length, size - at)));
  yield Buffer.alloc(1024 + ((512 - (size % 512)) % 512));
}

function document(mediaType: string, value: object): Pushable {
  const bytes = Buffer.from(JSON.stringify(value));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
  return fromBytes({ mediaType, digest, size: bytes.length }, bytes);
}
