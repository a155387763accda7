import { check, type Kind } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { goQuote, hideUserInfo } from '../internal/index.js';
import { formatGoDuration } from './duration.js';

/**
 * An event on a pod, in kubelet's words.
 *
 * @public
 */
export interface PodEvent {
  /** The type that kubelet gives it: `Warning` for a failure, but `Normal` for `BackOff`. */
  readonly type: 'Normal' | 'Warning';
  /** Kubelet's word for what happened, the `reason` of the Event. */
  readonly reason: 'Pulling' | 'Pulled' | 'Failed' | 'BackOff' | 'InspectFailed' | 'ErrImageNeverPull';
  /** Kubelet's text, the `message` of the Event. */
  readonly message: string;
}

/**
 * What an event is about.
 *
 * @public
 */
export type PullStep =
  | { readonly step: 'pulling' }
  | {
      readonly step: 'pulled';
      /** Duration of the pull itself, in milliseconds. */
      readonly pullMs: number;
      /** Duration with the time in the queue, in milliseconds. */
      readonly totalMs: number;
      /** Size of the image in bytes. */
      readonly size: number;
    }
  | { readonly step: 'failed'; readonly errorText: string }
  | { readonly step: 'back-off' }
  | { readonly step: 'invalid-name'; readonly errorText: string }
  /** The runtime could not be asked for the image; kubelet quotes an empty text where the image should stand. */
  | { readonly step: 'inspect-failed'; readonly errorText: string }
  /** What the container gets in addition after any failure; `error` is the waiting reason. */
  | { readonly step: 'error'; readonly error: string };

/**
 * The event that kubelet records for a step of a pull. What it says without a pull comes from `decidePull`.
 *
 * @param image - the image as the pod names it
 * @param step - what happened
 * @returns type, reason and text
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for a step that there is not, or that lacks a part
 * @example
 * ```ts
 * import { createPullStepEvent } from 'kubepull/image-manager';
 *
 * createPullStepEvent('nginx', { step: 'pulling' }).message; // 'Pulling image "nginx"'
 * ```
 * @see EnsureImageExists in kubernetes pkg/kubelet/images/image_manager.go
 * @public
 */
export function createPullStepEvent(image: string, step: PullStep): PodEvent {
  const action = 'Cannot create an event';
  check(action, { image, step }, { image: is.text, step: is.shape({ step: STEP }) });
  check<Readonly<Record<string, Kind>>>(action, { step: step as never }, { step: is.shape(STEPS[step.step]) });
  return pullStepEvent(image, step);
}

const errorText = { errorText: is.text };

const STEP = /* @__PURE__ */ is.oneOf(
  'pulling',
  'pulled',
  'failed',
  'back-off',
  'invalid-name',
  'inspect-failed',
  'error',
);

/** The parts of each step. */
const STEPS: Readonly<Record<PullStep['step'], Readonly<Record<string, Kind>>>> = {
  pulling: {},
  pulled: { pullMs: is.finite, totalMs: is.finite, size: is.number },
  failed: errorText,
  'back-off': {},
  'invalid-name': errorText,
  'inspect-failed': errorText,
  error: { error: is.text },
};

/** For a step of our own making. */
export function pullStepEvent(image: string, step: PullStep): PodEvent {
  const name = goQuote(hideUserInfo(image));
  switch (step.step) {
    case 'pulling':
      return { type: 'Normal', reason: 'Pulling', message: `Pulling image ${name}` };
    case 'pulled': {
      const [pull, total] = [formatGoDuration(step.pullMs), formatGoDuration(step.totalMs)];
      const message = `Successfully pulled image ${name} in ${pull} (${total} including waiting). Image size: ${step.size} bytes.`;
      return { type: 'Normal', reason: 'Pulled', message };
    }
    case 'failed':
      return { type: 'Warning', reason: 'Failed', message: `Failed to pull image ${name}: ${step.errorText}` };
    case 'back-off':
      return { type: 'Normal', reason: 'BackOff', message: `Back-off pulling image ${name}` };
    case 'invalid-name': {
      const message = `Failed to apply default image tag ${name}: ${step.errorText}`;
      return { type: 'Warning', reason: 'InspectFailed', message };
    }
    case 'inspect-failed':
      return { type: 'Warning', reason: 'InspectFailed', message: `Failed to inspect image "": ${step.errorText}` };
    case 'error':
      return { type: 'Warning', reason: 'Failed', message: `Error: ${step.error}` };
  }
}
