import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CriAnswer, type CriCall, serveCri } from '../support/cri-runtime.ts';

/** What a scripted runtime does with a pull; the first rule that fits counts. */
export interface PullRule {
  /** All these fields of the credential, or `anonymous`. */
  readonly match?: Readonly<Record<string, string | boolean>>;
  /** After so many uses the rule is used up. */
  readonly times?: number;
  readonly delayMs?: number;
  readonly error?: string;
  readonly code?: number;
  readonly imageRef?: string;
}

/** An image that a scripted runtime knows of. */
export interface ScriptedImage {
  readonly id: string;
  readonly size?: number;
  readonly present?: boolean;
  readonly pinned?: boolean;
  readonly pull?: readonly PullRule[];
  /** Every `ImageStatus` fails so. */
  readonly status?: { readonly error: string; readonly code: number };
}

export type CallResult = 'absent' | { readonly id: string } | { readonly imageRef: string } | CallFailure;

interface CallFailure {
  readonly code: number;
  readonly error: string;
}

/** A call as transcripts note it. */
export interface RuntimeCall {
  readonly call: string;
  readonly image: { readonly image: string; readonly annotations?: object; readonly runtime_handler?: string };
  readonly auth?: object | null;
  readonly sandbox?: object;
  readonly result?: CallResult;
}

export interface RuntimeHooks {
  /** Is told of every call before it is answered. */
  onCall?(call: RuntimeCall): Promise<void>;
  /** Lets the time of a pull pass. */
  sleep(ms: number): Promise<void>;
}

/** A runtime on a socket, with what it was asked. */
export interface ScriptedRuntime {
  readonly endpoint: string;
  readonly calls: readonly RuntimeCall[];
  /** Pulls under way, and how many were at the same time. */
  readonly pulls: { readonly now: number; readonly most: number };
  setPresent(image: string): void;
  isPresent(image: string): boolean;
  close(): void;
}

const DEFAULT_SIZE = 1_000;
const UNKNOWN = 2;
const NOT_FOUND = 5;

export async function startScriptedRuntime(
  images: Readonly<Record<string, ScriptedImage>>,
  hooks: RuntimeHooks,
): Promise<ScriptedRuntime> {
  const directory = mkdtempSync(join(tmpdir(), 'kubepull-cri-'));
  const socketPath = join(directory, 'cri.sock');
  const present = new Set(Object.keys(images).filter((name) => images[name]?.present === true));
  const used = new Map<PullRule, number>();
  const calls: RuntimeCall[] = [];
  const pulls = { now: 0, most: 0 };

  /** By name, or by the id of one that is there. */
  const find = (name: string): readonly [name: string, image: ScriptedImage | undefined] => {
    const byId = [...present].find((one) => images[one]?.id === name);
    return [byId ?? name, images[byId ?? name]];
  };
  const asked = async (call: RuntimeCall): Promise<(result: CallResult) => void> => {
    const index = calls.push(call) - 1;
    await hooks.onCall?.(call);
    return (result) => void (calls[index] = { ...call, result });
  };
  const ruleFor = (image: ScriptedImage | undefined, auth: object | null): PullRule | undefined => {
    const rule = image?.pull?.find((one) => fits(one, auth) && (used.get(one) ?? 0) < (one.times ?? Infinity));
    if (rule !== undefined) used.set(rule, (used.get(rule) ?? 0) + 1);
    return rule;
  };

  const server = await serveCri(socketPath, {
    async ImageStatus({ request }) {
      const call = { call: 'ImageStatus', image: specOf(request) };
      const answer = await asked(call);
      const [name, image] = find(call.image.image);
      if (image?.status !== undefined) return fail(image.status, answer);
      if (image === undefined || !present.has(name)) {
        answer('absent');
        return { message: {} };
      }
      answer({ id: image.id });
      return { message: { image: wireImage(name, image) } };
    },
    async PullImage({ request }) {
      const call = { call: 'PullImage', image: specOf(request), auth: authOf(request), sandbox: sandboxOf(request) };
      const answer = await asked(call);
      const [name, image] = find(call.image.image);
      const rule = ruleFor(image, call.auth);
      pulls.now += 1;
      pulls.most = Math.max(pulls.most, pulls.now);
      if (rule?.delayMs !== undefined) await hooks.sleep(rule.delayMs);
      pulls.now -= 1;
      if (image === undefined || rule === undefined) return fail(notFound(call.image.image), answer);
      if (rule.error !== undefined) return fail({ code: rule.code ?? UNKNOWN, error: rule.error }, answer);
      present.add(name);
      // An image that is named by its id is the one that is there.
      const imageRef = rule.imageRef ?? image.id;
      answer({ imageRef });
      return { message: { image_ref: imageRef } };
    },
    async ListImages() {
      return { message: { images: [...present].map((name) => wireImage(name, images[name])) } };
    },
    async RemoveImage({ request }) {
      const call = { call: 'RemoveImage', image: specOf(request) };
      await asked(call);
      for (const name of present) if (images[name]?.id === call.image.image) present.delete(name);
      return { message: {} };
    },
  });
  return {
    endpoint: `unix://${socketPath}`,
    calls,
    pulls,
    setPresent: (image) => void present.add(image),
    isPresent: (image) => present.has(image),
    close() {
      server.forceShutdown();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function fail(failure: CallFailure, answer: (result: CallResult) => void): CriAnswer {
  answer({ code: failure.code, error: failure.error });
  return { failure: { code: failure.code, details: failure.error } };
}

function notFound(image: string): CallFailure {
  const reason = `failed to resolve reference "${image}": ${image}: not found`;
  return { code: NOT_FOUND, error: `failed to pull and unpack image "${image}": ${reason}` };
}

function fits({ match = {} }: PullRule, auth: object | null): boolean {
  if (match['anonymous'] === true) return auth === null;
  const fields = new Map(Object.entries(auth ?? {}));
  return Object.entries(match).every(([name, value]) => (fields.get(name) ?? '') === value);
}

function wireImage(name: string, image: ScriptedImage | undefined): object {
  const names = name.includes('@') ? { repo_digests: [name] } : { repo_tags: [name] };
  return { id: image?.id, size: String(image?.size ?? DEFAULT_SIZE), pinned: image?.pinned === true, ...names };
}

type Request = CriCall['request'];

function specOf({ image }: Request): RuntimeCall['image'] {
  return { image: '', ...filled(image) };
}

function authOf({ auth }: Request): object | null {
  return auth === undefined || auth === null ? null : filled(auth);
}

function sandboxOf({ sandbox_config: config }: Request): object {
  const { metadata, annotations } = (config ?? {}) as { readonly metadata?: Request; readonly annotations?: object };
  return { name: metadata?.['name'], namespace: metadata?.['namespace'], annotations: { ...annotations } };
}

/** The fields that are not empty. */
function filled(message: unknown): object {
  const fields = Object.entries(message as object).filter(([, value]) => value !== '' && !isEmptyMap(value));
  return Object.fromEntries(fields.map(([name, value]: [string, unknown]) => [name, value]));
}

function isEmptyMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
