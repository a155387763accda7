// What the page says about the library's words, and the one sentence that stands above an answer.
import { explainFailure, type FailureExplanation } from 'kubepull/failures';
import { LINT_RULES, type LintCode } from 'kubepull/lint';
import type { FindingView, ImageView } from './model.ts';

export const RULES: Readonly<Record<string, string>> = {
  literal: 'its host is that of the image',
  glob: 'the * in its host covers that of the image',
  'default-registry': 'the key of Docker Hub, for an image without a registry',
};

export const MISMATCHES: Readonly<Record<string, string>> = {
  port: 'The port is not that of the image. A key without a port is for names without one.',
  'label-count': 'The host has more or fewer parts between its dots. A * stands for one part only.',
  label: 'A part of the host differs.',
  path: 'The path of the image does not begin with that of the key. A * in a path stands for itself.',
  'invalid-pattern': 'The key cannot be read, so it never matches.',
  'invalid-image': 'The image cannot be read as host and path.',
};

export const POLICY_REASONS: Readonly<Record<string, string>> = {
  explicit: 'It is written in the pod.',
  'latest-tag': 'It is not written, and the tag is latest.',
  'no-tag': 'It is not written, and the image has neither tag nor digest.',
  'other-tag': 'It is not written, and the tag is not latest.',
  digest: 'It is not written, and the image has a digest.',
  unparseable: 'It is not written, and the image cannot be read.',
};

export const DECISIONS: Readonly<Record<string, string>> = {
  'use, present': 'The image is on the node and is used.',
  'use, verified': 'The image is on the node, and this pod may use it.',
  'pull, always': 'The image is pulled at every start of the container.',
  'pull, absent': 'The image is not on the node, so it is pulled.',
  'pull, must-verify': 'The image is on the node, but this pod has to show by a pull that it may use it.',
  'pull, unknown-policy': 'The policy is not known, so the image is pulled.',
  'fail, absent': 'The image is not on the node and may not be pulled.',
  'fail, must-verify':
    'The image is on the node, this pod may not use it yet, and the policy forbids the pull that would show it.',
};

export const SKIPPED: Readonly<Record<string, string>> = {
  type: 'its type is not that of a pull secret',
  key: 'it lacks the key of its type',
  empty: 'its value is empty',
  malformed: 'it cannot be read',
};

export const LISTED_BY: Readonly<Record<ImageView['listedBy'], string>> = {
  pod: 'The pod names pull secrets',
  'service-account': 'The service account names pull secrets, because the pod names none',
  none: 'Neither the pod nor its service account names a pull secret',
};

/** What a finding of this code is about, in the words of the linter's own list. */
export function titleOf(code: LintCode): string {
  return LINT_RULES.find((rule) => rule.code === code)?.title ?? code;
}

/** How bad it is. */
export type Tone = 'good' | 'open' | 'bad';

/** The sentence above an answer. */
export interface Verdict {
  readonly tone: Tone;
  readonly title: string;
  readonly detail: string | undefined;
  /** Words of the node. */
  readonly quote?: string | undefined;
  readonly cure: string | undefined;
}

/** The most important thing about an image: the node's own words first, then what never comes to a pull, then findings. */
export function verdictOf(image: ImageView, findings: readonly FindingView[]): Verdict {
  const { told, failure } = image;
  if (told !== undefined && (told.cause !== 'unknown' || image.isBare)) return verdictOfMessage(told);
  if (failure !== undefined) {
    const isText = failure.reason === failure.message;
    const { cause, title, cure } = explainFailure(isText ? failure.message : `${failure.reason}: ${failure.message}`);
    const isKnown = cause !== 'unknown';
    return {
      tone: 'bad',
      title: isKnown ? title : failure.reason,
      detail: failure.message,
      cure: isKnown ? cure : undefined,
    };
  }
  const fault = findings.find(({ severity, object }) => severity === 'error' && isAbout(object, image));
  return {
    tone: fault === undefined ? toneOf(image) : 'bad',
    title: sentenceOf(image),
    detail: fault && `${titleOf(fault.code)}. ${fault.message}.`,
    cure: fault?.cure,
  };
}

/** The verdict on what a node says. */
export function verdictOfMessage({ cause, title, words, cure }: FailureExplanation): Verdict {
  return { tone: cause === 'unknown' ? 'open' : 'bad', title, detail: undefined, quote: words, cure };
}

/** Whether a finding is about the object of an image or about a secret of it. */
function isAbout(object: string, image: ImageView): boolean {
  const secrets = image.secrets.found.map((name) => `Secret ${image.namespace}/${name}`);
  return object === image.object || secrets.includes(object) || object.startsWith('config.json');
}

function toneOf({ decision, rungs }: ImageView): Tone {
  return decision?.action === 'use' || rungs.length > 0 ? 'good' : 'open';
}

function sentenceOf({ decision, rungs }: ImageView): string {
  if (decision?.action === 'use') return 'Kubelet uses the image that is on the node';
  if (rungs.length === 0) return 'Kubelet pulls the image without a credential';
  return `Kubelet pulls the image with ${rungs.length === 1 ? 'one credential' : `up to ${rungs.length} credentials, one after the other`}`;
}

/** Milliseconds as people say them. */
export function formatTime(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  if (minutes === 0) return `${rest} s`;
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}

/** The same for a narrow place: `1:20`. */
export function formatShort(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
