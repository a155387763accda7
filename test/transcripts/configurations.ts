// With which configurations a kubelet starts, and what it says of the others.
import { isImageError } from 'kubepull/errors';
import { type ImageGcConfiguration, planImageGc } from 'kubepull/image-gc';
import { createImageManager, type PullConfiguration } from 'kubepull/image-manager';
import type { ImageService } from 'kubepull/image-service';
import type { ReleaseOptions } from 'kubepull/kubernetes';
import { nodeHasher } from 'kubepull/node';
import { releaseOf, type Source } from './node-inputs.ts';
import { createComparison, type Replay } from './comparison.ts';

export interface ConfigurationsFile {
  readonly source: Source;
  readonly cases: readonly {
    readonly kubeletConfiguration: PullConfiguration & ImageGcConfiguration;
    readonly starts: boolean;
    /** The text of the validation. */
    readonly error?: string;
  }[];
}

export function replayConfigurations({ source, cases }: ConfigurationsFile): Replay {
  const comparison = createComparison();
  for (const { kubeletConfiguration: given, starts, error } of cases) {
    const got = startError({ ...given, release: releaseOf(source) });
    comparison.equal(JSON.stringify(given), { starts, error }, { starts: got === undefined, error: got });
  }
  return comparison;
}

const unused = (): Promise<never> => Promise.reject(new Error('no image is asked for'));
/** Only a service with all its methods is taken. */
const images: ImageService = {
  imageStatus: unused,
  pullImage: unused,
  listImages: unused,
  removeImage: unused,
  imageFsInfo: unused,
};

/** Kubelet's text, of all faults in its order. */
function startError(given: PullConfiguration & ImageGcConfiguration & ReleaseOptions): string | undefined {
  const faults = [
    refusal(() =>
      planImageGc({ ...given, images: [], disk: { capacityBytes: 1, availableBytes: 1 }, now: 0, startedAt: 0 }),
    ),
    refusal(() => createImageManager({ ...given, images, createHasher: nodeHasher })),
  ].flatMap((text) => text ?? []);
  return faults.length > 1 ? `[${faults.map((text) => text.replace(/^\[(.*)\]$/su, '$1')).join(', ')}]` : faults[0];
}

function refusal(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (!isImageError(error)) throw error;
    return error.message.replace(/^Cannot (?:create the image manager|collect images): /u, '');
  }
}
