// Which images a kubelet removes, in which order.
import { createCriImageService } from 'kubepull/cri';
import { createImageCollector, type ImageGcConfiguration } from 'kubepull/image-gc';
import { createFakeClock } from 'kubepull/testing';
import { createComparison, type Replay } from './comparison.ts';
import { type RuntimeCall, startScriptedRuntime } from './scripted-runtime.ts';

export interface ImageGcFile {
  readonly cases: Readonly<
    Record<
      string,
      {
        readonly kubeletConfiguration: ImageGcConfiguration;
        readonly calls: readonly (RuntimeCall & { readonly t: number })[];
        /** Names, and whether they were there at the end. */
        readonly images: readonly (readonly [name: string, present: boolean])[];
        readonly nodeEvents?: readonly { readonly message: string }[];
      }
    >
  >;
}

/** The recorded node: a container used the first image all the time, another the last one for a moment. */
const USED = 'used';
const ONCE = 'once';
const PINNED = 'pinned';
const GC_PERIOD_MS = 300_000;

export async function replayImageGc({ cases }: ImageGcFile): Promise<Replay> {
  const comparison = createComparison();
  for (const [name, { kubeletConfiguration, calls, images, nodeEvents = [] }] of Object.entries(cases)) {
    const idOf = (image: string): string => {
      const index = images.findIndex(([one]) => one === image);
      return `sha256:${String.fromCodePoint(0x61 + index).repeat(64)}`;
    };
    const is = (image: string, kind: string): boolean => image.includes(`/${kind}:`);
    const script = images.map(([image]) => [
      image,
      { id: idOf(image), present: !is(image, ONCE), pinned: is(image, PINNED), pull: [{}] },
    ]);
    const reason = nodeEvents[0]?.message ?? 'cannot find filesystem info';
    const clock = createFakeClock();
    const runtime = await startScriptedRuntime(
      Object.fromEntries(script) as Parameters<typeof startScriptedRuntime>[0],
      { sleep: async () => undefined },
    );
    const service = createCriImageService({ endpoint: runtime.endpoint });
    const inUse = new Set(images.filter(([image]) => is(image, USED)).map(([image]) => idOf(image)));
    const collector = createImageCollector({
      ...kubeletConfiguration,
      images: service,
      clock,
      imagesInUse: () => inUse,
      // The recorded node could not measure its disk.
      diskRoom: () => Promise.reject(new Error(reason)),
    });
    try {
      await collector.observe();
      const once = images.find(([image]) => is(image, ONCE))?.[0] ?? '';
      const annotations = { 'kubernetes.io/config.source': 'api' };
      await clock.advance(calls[0]?.t ?? 0);
      await service.pullImage({
        image: { image: once, annotations, runtimeHandler: '' },
        auth: undefined,
        sandbox: undefined,
      });
      inUse.add(idOf(once));
      await collector.observe();
      inUse.delete(idOf(once));
      await clock.advance(GC_PERIOD_MS);
      const failed = await collector.collect().then(
        () => [],
        () => [{ type: 'Warning', reason: 'ImageGCFailed', message: reason, count: 1 }],
      );
      comparison.equal(`${name} event`, nodeEvents, failed);
      comparison.equal(
        `${name} times`,
        times(calls),
        times(calls).toSorted((a, b) => a - b),
      );
      const plain = ({ call, image, result }: RuntimeCall): object => ({ call, image, result });
      comparison.list(`${name} call`, calls.map(plain), runtime.calls.map(plain));
      for (const [image, present] of images) comparison.equal(`${name} ${image}`, present, runtime.isPresent(image));
    } finally {
      await service.close();
      runtime.close();
    }
  }
  return comparison;
}

/** When the calls were; they are noted in the order in which they came. */
function times(calls: readonly { readonly t: number }[]): readonly number[] {
  if (!calls.every(({ t }) => Number.isFinite(t))) throw new Error('a call has no time');
  return calls.map(({ t }) => t);
}
