import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import { formatCredentialSource, formatPlatform } from 'kubepull';
import { type Descriptor } from 'kubepull/oci';
import { type PulledImage, type PullEvent } from 'kubepull/puller';
import { bad, good, note, size } from './print.js';

type BlobEvent = Extract<PullEvent, { type: 'blob' }>;

/** Shows a pull while it runs: bars on a terminal, a line for each blob elsewhere. Returns what was pulled. */
export async function followPull(events: AsyncIterable<PullEvent>): Promise<PulledImage> {
  const blobs = process.stdout.isTTY ? createBars() : createLines();
  try {
    for await (const event of events) {
      if (event.type === 'blob') blobs.show(event);
      else if (event.type === 'pulled') return event.image;
      else showStep(event);
    }
  } finally {
    blobs.stop();
  }
  throw new Error('The pull ended without an image');
}

function showStep(event: Exclude<PullEvent, BlobEvent>): void {
  if (event.type === 'credential') showCredential(event);
  if (event.type === 'plan') {
    note(`${size(event.bytes - event.presentBytes)} of ${size(event.bytes)} to fetch`);
  }
  if (event.type === 'manifest') note(`manifest ${short(event.descriptor)}, ${event.descriptor.mediaType}`);
  if (event.type === 'platform') {
    const offered = event.available.map((platform) => formatPlatform(platform)).join(', ');
    good(`platform ${formatPlatform(event.wanted)} chosen from ${offered}`);
  }
}

function showCredential({ rank, source, outcome, error }: Extract<PullEvent, { type: 'credential' }>): void {
  const name = formatCredentialSource(source);
  if (outcome === 'trying') note(`credential ${rank}, ${name}: trying`);
  if (outcome === 'accepted') good(`credential ${rank}, ${name}: accepted`);
  if (outcome === 'duplicate') note(`credential ${rank}, ${name}: the same as one that was refused`);
  if (outcome === 'rejected') bad(`credential ${rank}, ${name}: ${error?.message ?? 'refused'}`);
}

interface BlobView {
  show(event: BlobEvent): void;
  stop(): void;
}

function createLines(): BlobView {
  return {
    show({ descriptor, phase }) {
      if (phase === 'verified') good(`blob ${short(descriptor)}, ${size(descriptor.size)}: downloaded and verified`);
      if (phase === 'skipped') note(`blob ${short(descriptor)}, ${size(descriptor.size)}: there already`);
    },
    stop: () => undefined,
  };
}

function createBars(): BlobView {
  const bars = new MultiBar(
    { format: '  {name} {bar} {percentage}% of {amount}', hideCursor: true, barsize: 30 },
    Presets.shades_classic,
  );
  const byDigest = new Map<string, SingleBar>();
  return {
    show({ descriptor, bytes }) {
      const { digest } = descriptor;
      const payload = { name: `blob ${short(descriptor)}`, amount: size(descriptor.size) };
      const bar = byDigest.get(digest) ?? bars.create(descriptor.size, 0, payload);
      byDigest.set(digest, bar);
      bar.update(bytes, payload);
    },
    stop: () => bars.stop(),
  };
}

/** The start of a digest: enough for a person to tell them apart. */
function short({ digest }: Descriptor): string {
  return digest.slice(0, digest.indexOf(':') + 13);
}
