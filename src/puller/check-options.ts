import { ImageError } from '../errors/index.js';
import { hasMethods, isOptionalFunction, plainHttpCheck, platformCheck, wrongOption } from '../internal/index.js';
import { checkParallel, DEFAULT_MAX_PARALLEL_DOWNLOADS, sharedDownloads } from './download-pool.js';
import { planRanges } from './layer-ranges.js';
import type { PullOptions } from './types.js';

/** @throws {@link ImageError} `ERR_OPTION_INVALID` when a pull cannot work with the options */
export function checkOptions(image: string, options: PullOptions): void {
  const wrong = wrongKind(image, options);
  if (wrong !== undefined) throw new ImageError('ERR_OPTION_INVALID', `Cannot pull with ${wrong}`);
  const { maxParallelDownloads = DEFAULT_MAX_PARALLEL_DOWNLOADS, downloads, layerRanges } = options;
  checkParallel(maxParallelDownloads, 'pull with maxParallelDownloads');
  sharedDownloads(downloads);
  planRanges(layerRanges);
}

function wrongKind(image: unknown, options: Partial<PullOptions> = {}): string | undefined {
  const { runtime, store, keyring, platform = runtime?.platform, plainHttp, endpoints, signal } = options;
  const [isRuntime, isStore] = [
    hasMethods(runtime, 'transport', 'createHasher'),
    hasMethods(store, 'has', 'read', 'ingest', 'resolve', 'tag'),
  ];
  return wrongOption(
    ['image', typeof image === 'string', "a text, such as 'nginx:1.29'"],
    ['runtime', isRuntime, 'what createNodeRuntime() of kubepull/node gives'],
    ['store', isStore, 'a store, such as openOciLayout() of kubepull/node gives'],
    platformCheck(platform),
    ['keyring', keyring === undefined || hasMethods(keyring, 'lookup'), 'a keyring, such as createKeyring() gives'],
    plainHttpCheck(plainHttp),
    ['endpoints', isOptionalFunction(endpoints), 'a function, such as mirrorEndpoints() gives'],
    ['signal', signal === undefined || hasMethods(signal, 'throwIfAborted', 'addEventListener'), 'an AbortSignal'],
  );
}
