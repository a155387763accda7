import { systemClock } from 'kubepull/clock';
import { computeDigest } from 'kubepull/digest';
import type { TransportRequest } from 'kubepull/distribution';
import { nodeHasher } from 'kubepull/node';
import type { Descriptor } from 'kubepull/oci';
import type { LayerRanges, PullEvent, PullRuntime } from 'kubepull/puller';
import { buildImage } from 'kubepull/testing';
import { createMemoryTransport, type MemoryTransport, type Reply } from '../support/memory-transport.ts';
import { amd64 } from './downloads-support.ts';

/** Small ranges, so that a small layer has many. */
export const RANGES: LayerRanges = { parallel: 4, minBytes: 1, rangeBytes: 1000 };

/** What is asked for of a layer: from where, and up to where. */
export interface Asked {
  readonly start: number;
  readonly end: number;
  readonly header: string | undefined;
  /** How many requests for a layer came before. */
  readonly nth: number;
  readonly request: TransportRequest;
  readonly layer: Descriptor;
  readonly bytes: Uint8Array;
}

export interface RangeServer extends MemoryTransport {
  readonly name: string;
  readonly runtime: PullRuntime;
  readonly layers: readonly Descriptor[];
  readonly contents: ReadonlyMap<string, Uint8Array>;
  /** The `Range` headers of the requests for layers, in order. */
  ranges(): readonly (string | undefined)[];
}

/** A registry without a network whose image has layers of these sizes; `change` may answer for it. */
export function startRangeServer(
  sizes: readonly number[],
  change: (asked: Asked, reply: Reply) => Reply | Promise<Reply> = (_, reply) => reply,
): RangeServer {
  const { manifest, contents: parts } = buildImage({ platform: amd64, layers: [] });
  const contents = new Map<string, Uint8Array>();
  for (const { descriptor, bytes } of parts) contents.set(descriptor.digest, bytes);
  const layers = new Map<string, Descriptor>();
  for (const bytes of sizes.map(layerOf)) {
    const digest = computeDigest(bytes, nodeHasher);
    contents.set(digest, bytes);
    layers.set(digest, { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size: bytes.length });
  }
  const document = new TextEncoder().encode(JSON.stringify({ ...manifest, layers: [...layers.values()] }));
  const ranges: (string | undefined)[] = [];
  const server = createMemoryTransport((request) => {
    const digest = request.url.slice(request.url.lastIndexOf('/') + 1);
    if (request.url.includes('/manifests/')) return { body: document, headers: { 'content-type': manifest.mediaType } };
    const layer = layers.get(digest);
    const bytes = contents.get(digest) ?? new Uint8Array();
    if (layer === undefined) return { body: bytes };
    const header = request.headers['range'];
    const [, from = '0', to = ''] = /^bytes=(\d+)-(\d*)$/.exec(header ?? '') ?? [];
    const [start, end] = [Number(from), to === '' ? bytes.length : Number(to) + 1];
    ranges.push(header);
    const asked = { start, end, header, nth: ranges.length - 1, request, layer, bytes };
    return change(asked, header === undefined ? { body: bytes } : partial(bytes, start, end));
  });
  const runtime = {
    transport: server.transport,
    createHasher: nodeHasher,
    platform: amd64,
    clock: { ...systemClock, sleep: async () => undefined },
  };
  return { ...server, name: 'r.example/app:1', runtime, layers: [...layers.values()], contents, ranges: () => ranges };
}

/** Bytes of which no two near each other are alike, so that none can stand in for another. */
function layerOf(size: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => (at * 2_654_435_761 + (at >> 8) * 40_503 + seed) % 251);
}

/** A right answer for a range. */
export function partial(bytes: Uint8Array, start: number, end: number): Reply {
  const headers = { 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` };
  return { status: 206, headers, body: bytes.subarray(start, end) };
}

/** As many bytes of an answer as are given, as if the connection had ended there. */
export function cutAfter(reply: Reply, count: number): Reply {
  return { ...reply, body: (reply.body as Uint8Array).subarray(0, count) };
}

/** What a pull tells, apart from how its requests went: that is the same however the layers came. */
export function withoutRequests(events: readonly PullEvent[]): readonly string[] {
  return events.flatMap((event) => {
    if (event.type === 'retry' || event.type === 'notice') return [];
    if (event.type !== 'blob') return [event.type];
    const { phase, descriptor, bytes } = event;
    return phase === 'progress' ? [] : [`${phase} ${descriptor.digest} ${bytes}`];
  });
}

/** The bytes of each layer as its progress tells them; they never go back but to start over. */
export function progressOf(events: readonly PullEvent[], { digest }: Descriptor): readonly number[] {
  return events.flatMap((event) =>
    event.type === 'blob' && event.phase === 'progress' && event.descriptor.digest === digest ? [event.bytes] : [],
  );
}
