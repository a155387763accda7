import type { DockerConfigEntry } from '../docker-config/index.js';
import { ImageError, isImageError } from '../errors/index.js';
import { printable, quote } from '../internal/index.js';
import { createKeyring, joinKeyrings, type Keyring } from '../keyring/index.js';
import { createNodeRuntime, type NodeRuntime } from '../node/index.js';
import { type LeftImage, type PinChange, pinImages } from '../pin/index.js';
import { checkPull } from '../preflight/index.js';
import { mergePullSecrets, type SecretLike } from '../pull-secrets/index.js';
import { formatReference, type ImageReference } from '../reference/index.js';
import { usageError } from './fault.js';
import { type Found, type Input, podOfImage, readInput, type ReadFile, refuseDockerConfigs } from './input.js';
import type { PinOutput } from './outputs.js';
import { openOwnSources } from './sources.js';
import { type CommandAnswer, type CommandCall, EXIT_CODES, type Styled } from './types.js';

/** What is printed: a file that holds pods, or the name of an image. */
interface Subject {
  readonly place: string;
  readonly object: object;
  /** `undefined` for an image. */
  readonly file: ReadFile | undefined;
}

/** Something at a place in one of the subjects. */
interface Placed<T> {
  readonly subject: Subject;
  readonly steps: readonly (string | number)[];
  readonly path: string;
  readonly value: T;
}

/** `kubepull pin`. */
export async function pinInput({ operands, values, io, styled }: CommandCall): Promise<CommandAnswer> {
  const input = await readInput(operands, io);
  refuseDockerConfigs(input);
  const subjects = listSubjects(input);
  if (subjects.length === 0) throw usageError('there is no pod, workload or image in the input');
  const own = await openOwnSources(values, io);
  const keyring = joinKeyrings(createKeyring(input.secrets.flatMap(entriesOf)), ...own);
  const runtime = createNodeRuntime();
  try {
    const ask = { runtime, keyring, isPlain: values['plain-http'] === true };
    const objects = subjects.map(({ object }) => object);
    const { signal } = io;
    const pinned = await pinImages(objects, (ref, call) => resolveDigest(ref, { ...ask, ...call }), { signal });
    const changes = pinned.changes.map((change) => placeIn(subjects, change));
    const left = pinned.left.map((one) => placeIn(subjects, one));
    if (values['quiet'] !== true) for (const one of left) io.stderr.write(`${describeLeft(one, styled)}\n`);
    const texts = await Promise.all(subjects.map((subject, at) => textOf(subject, pinned.object[at], changes)));
    const isBad = left.some(({ value }) => value.reason !== 'pinned');
    const exitCode = isBad ? EXIT_CODES.negative : EXIT_CODES.ok;
    return { exitCode, value: toOutput(changes, left), text: joinTexts(texts) };
  } finally {
    await runtime.close();
  }
}

/** What holds no pod, as a file of secrets, is read and not printed. */
function listSubjects({ files, images, pods, secrets }: Input): readonly Subject[] {
  const isIn = ({ place }: ReadFile, list: readonly Found<object>[]): boolean =>
    list.some((found) => found.place.startsWith(place));
  const written = files.filter((file) => isIn(file, pods));
  const mixed = written.find((file) => isIn(file, secrets));
  if (mixed !== undefined) {
    const why = 'holds a Secret, and what is pinned is printed as a whole; put secrets in a file of their own';
    throw usageError(`${quote(mixed.place)} ${why}`);
  }
  return [
    ...written.map((file) => ({ place: file.place, object: file.documents, file })),
    ...images.map((image) => ({ place: image, object: podOfImage(image).object, file: undefined })),
  ];
}

/** Any credential will do that reads a manifest. A secret that cannot be read gives none. */
function entriesOf({ object }: Found<SecretLike>): readonly DockerConfigEntry[] {
  try {
    return mergePullSecrets([object]).entries;
  } catch (error) {
    if (isImageError(error) && error.code === 'ERR_CONFIG_INVALID') return [];
    throw error;
  }
}

interface Ask {
  readonly runtime: NodeRuntime;
  readonly keyring: Keyring;
  readonly isPlain: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What a tag means now, by one `HEAD`. */
async function resolveDigest(
  ref: ImageReference,
  { runtime, keyring, isPlain, signal }: Ask,
): Promise<string | undefined> {
  const plainHttp = isPlain ? [ref.domain] : [];
  const options = { runtime, keyring, plainHttp, signal, read: 'digest' } as const;
  const { root, failure } = await checkPull(formatReference(ref), options);
  if (failure === undefined) return root?.digest;
  if (failure.cause === 'tag' || failure.cause === 'repository') return undefined;
  throw failure.error ?? new ImageError('ERR_PULL_FAILED', failure.message);
}

function placeIn<T extends PinChange | LeftImage>(subjects: readonly Subject[], value: T): Placed<T> {
  const steps = Array.from(value.path.matchAll(/\[(\d+)\]|([^.[\]]+)/gu), ([, index, name = '']) =>
    index === undefined ? name : Number(index),
  );
  const [at, ...inside] = steps;
  const subject = subjects[Number(at)] as Subject;
  // One document needs no place among others.
  const isOne = subject.file?.documents.length === 1;
  const path = value.path.replace(isOne ? /^\[\d+\]\[\d+\]\.?/u : /^\[\d+\]\.?/u, '');
  return { subject, steps: inside, path: subject.file === undefined ? '' : path, value };
}

function describeLeft({ subject, path, value }: Placed<LeftImage>, styled: Styled): string {
  const { image, reason, message } = value;
  const where = path === '' ? '' : `${subject.place} ${path}: `;
  const word = reason === 'pinned' ? styled('dim', reason) : styled('red', reason);
  return `${where}${printable(image)} ${word}: ${message}`;
}

/** A file as it was, but for the images; the name of an image. */
async function textOf(
  { file, place }: Subject,
  pinned: unknown,
  changes: readonly Placed<PinChange>[],
): Promise<string> {
  const own = changes.filter(({ subject }) => subject.place === place && subject.file === file);
  if (file === undefined) return own[0]?.value.to ?? printable(place);
  const text = new TextDecoder().decode(file.bytes);
  const [first] = text.trimStart();
  if (first === '{' || first === '[') {
    const [, indent] = /^[[{]\s*?\n([ \t]+)\S/u.exec(text.trimStart()) ?? [];
    return (pinned as readonly unknown[]).map((value) => JSON.stringify(value, undefined, indent)).join('\n');
  }
  const { replaceTexts } = await import('./yaml.js');
  const replaced = replaceTexts(
    text,
    own.map(({ steps, value }) => ({ steps, to: value.to })),
  );
  if (typeof replaced === 'string') return replaced.trimEnd();
  const { path } = own[replaced.edit] as Placed<PinChange>;
  throw usageError(`${quote(place)}: ${path} stands behind an alias; write it out`);
}

function joinTexts(texts: readonly string[]): string {
  const isYaml = texts.some((text) => /\n/u.test(text) && !/^\s*[[{]/u.test(text));
  return texts.map((text, at) => (isYaml && at > 0 && !text.startsWith('---') ? `---\n${text}` : text)).join('\n');
}

function toOutput(changes: readonly Placed<PinChange>[], left: readonly Placed<LeftImage>[]): PinOutput {
  return {
    command: 'pin',
    version: 1,
    changes: changes.map(({ subject, path, value: { from, to, digest } }) => ({
      place: subject.file === undefined ? '' : subject.place,
      path,
      from,
      to,
      digest,
    })),
    left: left.map(({ subject, path, value: { image, reason, message } }) => ({
      place: subject.file === undefined ? '' : subject.place,
      path,
      image,
      reason,
      message,
    })),
  };
}
