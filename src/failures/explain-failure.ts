import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import type { ImageReference } from '../reference/index.js';
import { type FailureCause, ruleOf } from './causes.js';
import { findCause } from './patterns.js';
import { readParts, type TextParts } from './read-parts.js';

/**
 * What wrote the text of a failed pull.
 *
 * @public
 */
export type FailureRuntime = 'containerd' | 'cri-o' | 'docker';

/**
 * The cause of a failed pull, with the parts that the text names. It holds no secret: user names, passwords and queries of
 * addresses are not taken over.
 *
 * @public
 */
export interface FailureExplanation {
  /** The cause, as a code; `unknown` for a text that is not known. */
  readonly cause: FailureCause;
  /** What has happened. */
  readonly title: string;
  /** What to do about it. */
  readonly cure: string;
  /** The words of the text that say so, with `…` for what is between; `undefined` for an unknown cause. */
  readonly words: string | undefined;
  /** Kubelet's word for the failure, such as `ErrImagePull`; the outermost one when there are several. */
  readonly reason: string | undefined;
  /** The image, as the text has it; `undefined` when it names none, or only a part of one. */
  readonly image: string | undefined;
  /** What was probably meant by an image that cannot be read. */
  readonly suggestion: string | undefined;
  /**
   * The registry of the image; without an image, the one that was asked, unless it is on the node itself. Of an image without a registry it is `docker.io` only
   * where the text says that containerd or Docker pulls: CRI-O may look for it elsewhere.
   */
  readonly registry: string | undefined;
  /** The server that was asked, which may be a mirror, a token server or a place for layers. */
  readonly host: string | undefined;
  /** The HTTP status, such as 401. */
  readonly status: number | undefined;
  /** Which runtime speaks so; `undefined` when several do. */
  readonly runtime: FailureRuntime | undefined;
}

/** Messages of a pod's status have up to 32 KiB. */
const MAX_TEXT = 65_536;

/**
 * Explains what a node says of a failed pull: `state.waiting.message` of a container, the message of an event, or a line of a
 * log, of kubelet over containerd, CRI-O or Docker.
 *
 * The text may be nested in others, escaped, and cut off as events are. What it does not say stays `undefined`, and a text
 * that is not known gives the cause `unknown`. Of a longer text than 65,536 characters the rest is not read.
 *
 * @param text - what the node says
 * @returns the cause, the cure, and the parts that the text names; `formatFailure` makes text of it
 * @throws {@link ImageError} `ERR_OPTION_INVALID` when it is no text
 * @example
 * ```ts
 * import { explainFailure } from 'kubepull/failures';
 *
 * const { cause, registry } = explainFailure('Failed to pull image "r.example/app:1": dial tcp: lookup r.example: no such host');
 * // 'dns', 'r.example'
 * ```
 * @public
 */
export function explainFailure(text: string): FailureExplanation {
  check('Cannot explain a failure', { text }, { text: is.text });
  const parts = readParts(oneLine(text.slice(0, MAX_TEXT)));
  const { cause, words } = findCause(parts.words);
  const runtime = findRuntime(parts.words);
  return {
    ...ruleOf(cause),
    words,
    reason: findReason(parts.words),
    image: parts.image?.input,
    suggestion: parts.suggestion,
    registry: cause === 'name' ? undefined : findRegistry(parts, runtime),
    host: parts.host,
    status: findStatus(parts.words),
    runtime,
  };
}

/** A line break that is escaped ends a word, too. */
function oneLine(text: string): string {
  return text.replaceAll(/\\[nrt]|\s+/g, ' ');
}

/**
 * The registry of the image. A short name is of Docker Hub for containerd and Docker; where CRI-O looks for it says its
 * registries.conf, which may name several.
 */
function findRegistry(
  { image, others, hasUnreadable, registryHost }: TextParts,
  runtime: FailureRuntime | undefined,
): string | undefined {
  if (image === undefined) return hasUnreadable ? undefined : registryAt(registryHost);
  if (hasHost(image)) return image.domain || undefined;
  const named = new Set(others.filter(hasHost).map(({ domain }) => domain));
  if (named.size > 0) return named.size === 1 ? [...named][0] : undefined;
  return runtime === 'containerd' || runtime === 'docker' ? image.domain : undefined;
}

function hasHost({ domain, input }: ImageReference): boolean {
  return domain !== 'docker.io' || input.startsWith('docker.io/') || input.startsWith('index.docker.io/');
}

const HUB = ['registry-1.docker.io', 'index.docker.io'];

/** What listens on the node itself is a mirror or a proxy more often than a registry. */
const ON_NODE = /^(?:localhost|127\.[\d.]+|\[::1\])(?::\d+)?$/;

function registryAt(host: string | undefined): string | undefined {
  if (host === undefined || ON_NODE.test(host)) return;
  return HUB.includes(host) ? 'docker.io' : host;
}

/** Kubelet's reasons, each with the words of its messages. */
const REASONS: readonly (readonly [reason: string, words: readonly string[]])[] = [
  ['ErrImagePull', ['errimagepull', 'failed to pull image']],
  ['ImagePullBackOff', ['imagepullbackoff', 'back-off pulling image']],
  ['ErrImageNeverPull', ['errimageneverpull', 'not present with pull policy of never']],
  ['InvalidImageName', ['invalidimagename', 'failed to apply default image tag']],
  ['ImageInspectError', ['imageinspecterror', 'failed to inspect image']],
  ['RegistryUnavailable', ['registryunavailable', 'because the registry is unavailable']],
  ['SignatureValidationFailed', ['signaturevalidationfailed', 'because the signature validation failed']],
  [
    'FailedToRetrieveImagePullSecret',
    ['failedtoretrieveimagepullsecret', 'unable to retrieve some image pull secrets'],
  ],
];

export function isPullReason(reason: string): boolean {
  return REASONS.some(([one]) => one === reason);
}

/** The one that stands first is the outermost. */
function findReason(words: string): string | undefined {
  const found = REASONS.flatMap(([reason, names]) => {
    const places = names.map((name) => words.indexOf(name)).filter((at) => at >= 0);
    return places.map((at) => ({ reason, at }));
  });
  return found.toSorted((a, b) => a.at - b.at)[0]?.reason;
}

/** Words that only one runtime uses. Docker may pull by containerd, and says so in front. */
const RUNTIMES: readonly (readonly [runtime: FailureRuntime, words: readonly string[]])[] = [
  [
    'docker',
    [
      'error response from daemon',
      'pull access denied for',
      'not found in repository',
      'error pulling image configuration',
      'failed to register layer',
      'error processing tar file',
      'api error (',
    ],
  ],
  [
    'cri-o',
    [
      'initializing source',
      'reading manifest',
      'pinging container registry',
      'pinging docker registry',
      'unable to pull image or oci artifact',
      'copying system image',
      'choosing image instance',
      'choosing an image from manifest list',
      'source image rejected',
      'unqualified',
      'short-name',
      'reading blob',
      'writing blob',
      'reading config',
      'requesting bearer token',
      'requesting bear token',
      'from registry',
      'registries.conf',
    ],
  ],
  [
    'containerd',
    [
      'failed to pull and unpack image',
      'failed to resolve reference',
      'failed to resolve image:',
      'httpreadseeker',
      'httpreaderseeker',
      'snapshotter',
      'failed commit on ref',
      'containerd',
    ],
  ],
];

function findRuntime(words: string): FailureRuntime | undefined {
  return RUNTIMES.find(([, names]) => names.some((name) => words.includes(name)))?.[0];
}

const STATUS =
  /(?:status(?: ?code)?(?: from registry)?:? |http code:? |error \()([1-5]\d\d)\b|: ([45]\d\d) ?(?=$|["',])|\b([45]\d\d) (?:bad request|unauthorized|payment required|forbidden|not found|proxy authentication|request timeout|precondition|too many requests|internal server|bad gateway|service (?:temporarily )?unavailable|gateway time)/;

function findStatus(words: string): number | undefined {
  const [, before, last, behind] = STATUS.exec(words) ?? [];
  const status = before ?? last ?? behind;
  return status === undefined ? undefined : Number(status);
}
