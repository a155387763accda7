import type { CallOptions, Clock } from '../clock/index.js';
import { decideNamed, type MustPullDecision, type PodPullCredentials } from './must-pull.js';
import { type ImagePullCredentials, type ImagePulledRecord, type PulledRecords, recordPull } from './records.js';
import type { VerificationOptions } from './verification.js';
import { type NameResult, toRecordedName } from './access-name.js';
import type { RuntimeImage } from '../image-service/index.js';

/** An image as the pod has it, and the name under which it is recorded. */
export interface NamedImage {
  readonly image: string;
  readonly name: string;
}

/** What kubelet knows of its pulls, and what follows for a pod. */
export interface PullLedger {
  /** Comes before all else: recovers, and never rejects. What fails is tried again by whoever comes next. */
  ready(): Promise<void>;
  /** Notes that an image is about to be pulled; rejects when it cannot be written down. */
  begin(image: string): Promise<void>;
  /** Notes a pull that succeeded. When the record cannot be written the intent stays, so that the image is verified. */
  succeed(pulled: NamedImage, imageRef: string, credentials: ImagePullCredentials): Promise<void>;
  /** Notes a pull that did not succeed, or was not tried. */
  fail(image: string): Promise<void>;
  /** Whether a pod must pull an image that is present. Rejects with what the look-up of its credentials failed with. */
  mustPull(
    wanted: NamedImage,
    imageRef: string,
    credentials: () => Promise<PodPullCredentials>,
  ): Promise<MustPullDecision>;
  /**
   * Turns intents that an earlier run left behind into records without credentials, once; tells for which image strings.
   */
  recover(options: CallOptions): Promise<readonly string[]>;
  /** Forgets images that the runtime does not have, unless they were noted since `startedAt`; tells which. */
  prune(images: readonly RuntimeImage[], startedAt: number): Promise<readonly string[]>;
}

/** Of several images with one name the first counts. There may be very many intents and images. */
function idsByName(images: readonly RuntimeImage[]): ReadonlyMap<string, string> {
  const ids = new Map<string, string>();
  for (const { id, repoTags, repoDigests } of images) {
    for (const name of [...repoTags, ...repoDigests]) if (!ids.has(name)) ids.set(name, id);
  }
  return ids;
}

/**
 * The decisions are those of `decideMustPull` and `recordPull`; this keeps the order of reads and writes.
 *
 * @see PullManager in kubernetes pkg/kubelet/images/pullmanager/image_pull_manager.go, v1.35
 */
export function createLedger(options: {
  readonly records: PulledRecords;
  readonly verification: VerificationOptions;
  readonly clock: Pick<Clock, 'now'>;
  /** Lists the images of the runtime; asked only when an earlier run left something behind. */
  readonly listImages: (options: CallOptions) => Promise<readonly RuntimeImage[]>;
  /** Hears of failures that change nothing for the pod. */
  readonly onWarning: (error: unknown) => void;
}): PullLedger {
  const { records, verification, clock, listImages, onWarning } = options;
  const [byImage, byRef] = [createKeyLock(), createKeyLock()];
  const underWay = new Map<string, number>();
  /** Intents of an earlier run that are no record yet: a pull that fails does not take them away. */
  const leftOver = new Set<string>();
  let recovery: Promise<readonly string[]> | undefined;
  let isRecovered = false;

  const readRecord = async (imageRef: string): Promise<ImagePulledRecord | 'unreadable' | undefined> => {
    try {
      return await records.readRecord(imageRef);
    } catch (error) {
      onWarning(error);
      return 'unreadable';
    }
  };
  const readIntent = async (image: string): Promise<boolean | 'unreadable'> => {
    if ((underWay.get(image) ?? 0) > 0) return true;
    try {
      return await records.hasIntent(image);
    } catch (error) {
      onWarning(error);
      return 'unreadable';
    }
  };
  /** Merges into the record as it is by now: others may have written since it was read for a decision. */
  const addToRecord = (name: string, imageRef: string, credentials: ImagePullCredentials): Promise<void> =>
    byRef.run(imageRef, async () => {
      const old = await readRecord(imageRef);
      const record = old === 'unreadable' ? undefined : old;
      const merged = recordPull(record, { imageRef, name, credentials, at: clock.now() });
      if (merged !== record) await records.writeRecord(merged);
    });
  const warnOf = async (work: Promise<void>): Promise<boolean> => {
    try {
      await work;
      return true;
    } catch (error) {
      onWarning(error);
      return false;
    }
  };
  const end = (image: string): Promise<void> =>
    byImage.run(image, async () => {
      const count = underWay.get(image) ?? 0;
      if (count > 1) underWay.set(image, count - 1);
      else if (leftOver.has(image) || (await warnOf(records.deleteIntent(image)))) underWay.delete(image);
    });
  const recordIntent = async (intent: string, imageRef: string): Promise<void> =>
    addToRecord(toRecordedName(intent, verification), imageRef, NO_CREDENTIALS);
  const recoverAll = async (call: CallOptions): Promise<readonly string[]> => {
    const intents = await records.listIntents();
    const images = intents.length === 0 ? [] : await listImages(call);
    const ids = idsByName(images);
    const recovered: string[] = [];
    for (const intent of intents) {
      const found = ids.get(intent);
      // A pull of this run is no left-over; its own end looks after it.
      if (found === undefined || (underWay.has(intent) && !leftOver.has(intent))) continue;
      leftOver.add(intent);
      if (!(await warnOf(recordIntent(intent, found)))) continue;
      leftOver.delete(intent);
      if (!underWay.has(intent) && (await warnOf(records.deleteIntent(intent)))) recovered.push(intent);
    }
    isRecovered = true;
    return recovered;
  };
  const recover = (call: CallOptions): Promise<readonly string[]> => {
    recovery ??= recoverAll(call).catch((error: unknown) => {
      recovery = undefined;
      throw error;
    });
    return recovery;
  };
  const isFromBefore = async (image: string): Promise<boolean> =>
    !isRecovered && !underWay.has(image) && (await readIntent(image)) !== false;

  return {
    async ready() {
      if (!isRecovered) await recover({}).catch(onWarning);
    },
    begin: (image) =>
      byImage.run(image, async () => {
        if (await isFromBefore(image)) leftOver.add(image);
        await records.writeIntent(image);
        underWay.set(image, (underWay.get(image) ?? 0) + 1);
      }),
    async succeed({ image, name }, imageRef, credentials) {
      if (!(await warnOf(addToRecord(name, imageRef, credentials)))) return;
      leftOver.delete(image);
      await end(image);
    },
    fail: end,
    recover,
    async mustPull({ image, name }, imageRef, credentials) {
      const nameOf = (): NameResult => ({ ok: true, value: name });
      const known = await byRef.run(imageRef, () =>
        byImage.run(image, async () => {
          const record = await readRecord(imageRef);
          return { record, intent: record === undefined ? await readIntent(image) : undefined };
        }),
      );
      const question = { ...verification, image, imageRef, ...known };
      const first = decideNamed(question, nameOf);
      const decision =
        first.mustPull === undefined ? decideNamed({ ...question, credentials: await credentials() }, nameOf) : first;
      if (decision.record !== undefined) await warnOf(addToRecord(name, imageRef, decision.record));
      return decision;
    },
    async prune(images, startedAt) {
      const present = new Set(images.map(({ id }) => id));
      const pruned: string[] = [];
      for (const { imageRef } of await records.listRecords()) {
        if (present.has(imageRef)) continue;
        await byRef.run(imageRef, async () => {
          const record = await readRecord(imageRef);
          if (record === undefined || record === 'unreadable' || record.lastUpdatedAt >= startedAt) return;
          if (await warnOf(records.deleteRecord(imageRef))) pruned.push(imageRef);
        });
      }
      return pruned;
    },
  };
}

const NO_CREDENTIALS: ImagePullCredentials = {
  kubernetesSecrets: [],
  kubernetesServiceAccounts: [],
  nodePodsAccessible: false,
};

/** Lets one at a time do something about one key. */
interface KeyLock {
  run<T>(key: string, task: () => Promise<T>): Promise<T>;
}

export function createKeyLock(): KeyLock {
  const last = new Map<string, Promise<void>>();
  return {
    async run(key, task) {
      const before = last.get(key);
      let release: () => void = () => undefined;
      const done = new Promise<void>((resolve) => void (release = resolve));
      last.set(key, done);
      await before;
      try {
        return await task();
      } finally {
        if (last.get(key) === done) last.delete(key);
        release();
      }
    },
  };
}
