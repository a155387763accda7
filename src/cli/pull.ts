import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Clock, systemClock } from '../clock/index.js';
import { type DockerConfigEntry, formatCredentialSource } from '../docker-config/index.js';
import { type AnyImageError, isImageError, PullFailedError } from '../errors/index.js';
import { explainFailure } from '../failures/index.js';
import { hideUserInfo, printable } from '../internal/index.js';
import { createKeyring, joinKeyrings, type Keyring } from '../keyring/index.js';
import { podImages, serviceAccountNameOf } from '../kubernetes/inner.js';
import { createNodeRuntime, type NodeRuntime, openOciLayout, writeOciArchive } from '../node/index.js';
import { formatPlatform, parsePlatform } from '../platform/index.js';
import { type PulledImage, type PullEvent, pullImageEvents, type PullOptions } from '../puller/index.js';
import { admitServiceAccount, mergePullSecrets, selectPullSecrets } from '../pull-secrets/index.js';
import { safeParseReference } from '../reference/index.js';
import { usageError } from './fault.js';
import { accountOf, type Found, type Input, labelOf, podOf, readInput, refuseDockerConfigs } from './input.js';
import type { FailedAttempt, PulledOutput, PullOutput } from './outputs.js';
import { openOwnSources } from './sources.js';
import {
  type CommandAnswer,
  type CommandCall,
  type CommandIo,
  type CommandOutput,
  EXIT_CODES,
  type OptionValues,
  type Styled,
} from './types.js';

/** An image to pull, with the credentials that a pod brings. */
interface Job {
  readonly image: string;
  readonly entries: readonly DockerConfigEntry[];
  /** Why it is not pulled at all: it is no name, or a secret that cannot be read leaves kubelet without any credential. */
  readonly error: AnyImageError | undefined;
}

/** `kubepull pull`. */
export async function pullInput({ operands, values, io, styled }: CommandCall): Promise<CommandAnswer> {
  const target = targetOf(values);
  const platform = typeof values['platform'] === 'string' ? parsePlatform(values['platform']) : undefined;
  const input = await readInput(operands, io);
  refuseDockerConfigs(input);
  const jobs = listJobs(input);
  if (jobs.length === 0) throw usageError('there is no image to pull: name one, or a file with a pod or workload');
  const node = await openOwnSources(values, io);
  const runtime = createNodeRuntime();
  try {
    const pull = { runtime, platform, signal: io.signal, isPlain: values['plain-http'] === true };
    // Where nothing can be pulled, nothing is made to hold it.
    const images = jobs.every(({ error }) => error !== undefined)
      ? jobs.map(({ image, error }) => toFailed(image, error as AnyImageError))
      : await inLayout(target, async (directory) => {
          const done = await pullAll(jobs, { ...pull, directory, node, io, isQuiet: values['quiet'] === true });
          if (target.kind === 'archive') await writeArchive(directory, done, target.path, io.signal);
          return done;
        });
    const value: PullOutput = { command: 'pull', version: 1, target, images };
    const isGood = images.every(({ status }) => status === 'pulled');
    return { exitCode: isGood ? EXIT_CODES.ok : EXIT_CODES.negative, value, text: describe(value, isGood, styled) };
  } finally {
    await runtime.close();
  }
}

function targetOf({ out, archive }: OptionValues): PullOutput['target'] {
  if (out !== undefined && archive !== undefined) throw usageError('take either --out or --archive');
  if (typeof archive === 'string') return { kind: 'archive', path: archive };
  return { kind: 'layout', path: typeof out === 'string' ? out : './layout' };
}

/** Each image once for each list of credentials that it comes with. */
function listJobs(input: Input): readonly Job[] {
  const jobs = new Map<string, Job>();
  for (const image of input.images) jobs.set(image, { image, entries: [], error: faultOf(image) });
  for (const pod of input.pods) {
    const { names, entries, error } = credentialsOf(pod, input);
    const users = podImages(podOf(pod, `Cannot pull for ${labelOf(pod)}`).spec);
    for (const { image } of users) {
      const key = JSON.stringify([image, pod.namespace, ...names]);
      jobs.set(key, { image, entries, error: error ?? faultOf(image) });
    }
  }
  return [...jobs.values()];
}

function faultOf(image: string): AnyImageError | undefined {
  const parsed = safeParseReference(image);
  return parsed.ok ? undefined : parsed.error;
}

function credentialsOf(
  found: Found<object>,
  { secrets, accounts }: Input,
): Omit<Job, 'image'> & { readonly names: readonly string[] } {
  const pod = podOf(found, `Cannot pull for ${labelOf(found)}`);
  const account = accountOf(found, serviceAccountNameOf(pod.spec), accounts);
  const admission = account === undefined ? undefined : admitServiceAccount(pod, account);
  const admitted = admission?.allowed === true ? admission.pod : pod;
  const selected = selectPullSecrets(
    admitted,
    secrets.map(({ object }) => object),
  ).found;
  const names = selected.map(({ metadata }) => metadata?.name ?? '');
  try {
    return { names, entries: mergePullSecrets(selected).entries, error: undefined };
  } catch (error) {
    if (!isImageError(error) || error.code !== 'ERR_CONFIG_INVALID') throw error;
    return { names, entries: [], error };
  }
}

/** The layout to write, or one beside the archive that goes when the archive is there. */
async function inLayout<T>(target: PullOutput['target'], act: (directory: string) => Promise<T>): Promise<T> {
  if (target.kind === 'layout') return act(target.path);
  const directory = await mkdtemp(`${dirname(resolve(target.path))}/.kubepull-`).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    throw usageError(
      `cannot write ${JSON.stringify(printable(target.path))}: the system answers ${code ?? 'with an error'}`,
    );
  });
  try {
    return await act(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface Surroundings {
  readonly runtime: NodeRuntime;
  readonly platform: PullOptions['platform'];
  readonly signal: AbortSignal | undefined;
  readonly isPlain: boolean;
  readonly isQuiet: boolean;
  readonly directory: string;
  readonly node: readonly Keyring[];
  readonly io: CommandIo;
}

/** One after the other, as kubelet does by itself; what one has, the next need not download. */
async function pullAll(jobs: readonly Job[], around: Surroundings): Promise<readonly PulledOutput[]> {
  const store = await openOciLayout(around.directory, { signal: around.signal });
  try {
    const done: PulledOutput[] = [];
    for (const job of jobs) done.push(await pullOne(job, store, around));
    return done;
  } finally {
    await store.close();
  }
}

async function pullOne(
  { image, entries, error: refusal }: Job,
  store: PullOptions['store'],
  { runtime, platform, signal, isPlain, isQuiet, node, io }: Surroundings,
): Promise<PulledOutput> {
  const progress = isQuiet ? NO_PROGRESS : createProgress(image, io.stderr, systemClock);
  try {
    if (refusal !== undefined) throw refusal;
    const reference = safeParseReference(image);
    const plainHttp = isPlain && reference.ok ? [reference.value.domain] : [];
    const keyring = joinKeyrings(createKeyring(entries), ...node);
    const options = { runtime, store, keyring, platform, signal, plainHttp };
    for await (const event of pullImageEvents(image, options)) {
      if (event.type === 'pulled') return toPulled(image, event.image);
      progress.show(event);
    }
    throw new TypeError('A pull ended without an image');
  } catch (error) {
    signal?.throwIfAborted();
    if (!isImageError(error)) throw error;
    return toFailed(image, error);
  } finally {
    progress.stop();
  }
}

function toPulled(
  image: string,
  { name, imageRef, repoDigest, platform, source, attempts }: PulledImage,
): PulledOutput {
  return {
    image: hideUserInfo(image),
    status: 'pulled',
    name,
    imageRef,
    repoDigest,
    platform: platform === undefined ? null : formatPlatform(platform),
    source: formatCredentialSource(source),
    attempts: attempts.map(toAttempt),
  };
}

function toFailed(image: string, error: AnyImageError): PulledOutput {
  const attempts = error instanceof PullFailedError ? error.attempts.map(toAttempt) : [];
  const { code, message } = error;
  return { image: hideUserInfo(image), status: 'failed', error: { code, message }, attempts };
}

function toAttempt({ source, error }: PullFailedError['attempts'][number]): FailedAttempt {
  return { source: formatCredentialSource(source), code: error.code, message: error.message };
}

/** An archive that lacks an image would be taken for whole, so there is none then. */
async function writeArchive(
  directory: string,
  images: readonly PulledOutput[],
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const names = images.map((image) => (image.status === 'pulled' ? image.name : undefined));
  if (!names.every((name) => name !== undefined)) return;
  const store = await openOciLayout(directory, { signal });
  try {
    await writeOciArchive(store, [...new Set(names)], path, { signal });
  } finally {
    await store.close();
  }
}

function describe({ target, images }: PullOutput, isGood: boolean, styled: Styled): string {
  const parts = images.map((image) => describeOne(image, styled));
  const isWritten = isGood || (target.kind === 'layout' && images.some(({ status }) => status === 'pulled'));
  const where = `${target.kind} ${printable(target.path)}`;
  return [...parts, isWritten ? `written to ${where}` : `nothing is written to ${where}`].join('\n');
}

function describeOne(image: PulledOutput, styled: Styled): string {
  const head = styled('bold', printable(image.image));
  if (image.status === 'failed') {
    const { code, message } = image.error;
    const { cause, cure } = explainFailure(message);
    const cured = cause === 'unknown' ? [] : [`  ${styled('dim', 'cure')}: ${cure}`];
    return [`${head}: ${styled('red', 'failed')}`, `  ${code}: ${message}`, ...cured].join('\n');
  }
  return [
    `${head}: ${styled('green', 'pulled')}`,
    `  ${styled('dim', 'image ID')}     ${image.imageRef}`,
    `  ${styled('dim', 'repo digest')}  ${image.repoDigest}`,
    `  ${styled('dim', 'platform')}     ${image.platform ?? 'unknown'}`,
    `  ${styled('dim', 'credential')}   ${image.source}`,
  ].join('\n');
}

/** Shows how a pull goes on. */
interface Progress {
  show(event: PullEvent): void;
  /** Leaves nothing behind on the terminal. */
  stop(): void;
}

/** Rewriting a line more often helps nobody. */
const EVERY_MS = 100;
const CLEAR = '\r\u001b[2K';

const NO_PROGRESS: Progress = { show: () => undefined, stop: () => undefined };

/** Lines for what happens once; on a terminal also one line of bytes that is written over and over. */
function createProgress(image: string, output: CommandOutput, clock: Pick<Clock, 'monotonic'>): Progress {
  const ready = new Set<string>();
  let count = 0;
  const name = printable(hideUserInfo(image));
  let shownAt = Number.NEGATIVE_INFINITY;
  const clear = output.isTTY === true ? CLEAR : '';
  const line = (text: string): void => void output.write(`${clear}${name}: ${text}\n`);
  return {
    show(event) {
      if (event.type === 'plan') count = event.contents.length;
      if (event.type !== 'blob') {
        const text = describeEvent(event);
        if (text !== undefined) line(text);
        return;
      }
      const { descriptor, phase, doneBytes, totalBytes } = event;
      const { digest, size } = descriptor;
      if (phase === 'skipped' || phase === 'verified') ready.add(digest);
      if (output.isTTY === true) {
        const now = clock.monotonic();
        if (now - shownAt < EVERY_MS && phase === 'progress') return;
        shownAt = now;
        const parts = `${ready.size} of ${count} parts`;
        output.write(`${CLEAR}${name}: ${formatSize(doneBytes)} of ${formatSize(totalBytes)}, ${parts}`);
      } else if (phase === 'verified') line(`${shortDigest(digest)} downloaded, ${formatSize(size)}`);
      else if (phase === 'skipped') line(`${shortDigest(digest)} is there already, ${formatSize(size)}`);
    },
    stop: () => void (clear !== '' && output.write(clear)),
  };
}

function describeEvent(event: Exclude<PullEvent, { type: 'blob' }>): string | undefined {
  if (event.type === 'credential') {
    const { outcome, source, error } = event;
    const name = formatCredentialSource(source);
    if (outcome === 'rejected') return `${name}: ${error?.message ?? 'refused'}`;
    return outcome === 'accepted' ? `${name}: accepted` : undefined;
  }
  if (event.type === 'endpoint' && event.outcome === 'failed') return event.error?.message;
  if (event.type === 'retry') return `asked again: ${event.error.message}`;
  if (event.type === 'platform') {
    const offered = event.available.map((platform) => formatPlatform(platform)).join(', ');
    return `platform ${formatPlatform(event.wanted)} chosen from ${offered}`;
  }
  return undefined;
}

/** The start of a digest: enough for a person to tell blobs apart. */
function shortDigest(digest: string): string {
  return digest.slice(0, digest.indexOf(':') + 13);
}

function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
