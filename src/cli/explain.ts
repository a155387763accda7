import { formatCredentialSource } from '../docker-config/index.js';
import { isImageError } from '../errors/index.js';
import { formatExplanation } from '../explain/index.js';
import {
  type ContainerExplanation,
  explainFailure,
  explainPod,
  type FailureExplanation,
  formatFailure,
} from '../failures/index.js';
import { hideUserInfo, printable, quote } from '../internal/index.js';
import type { LookupResult } from '../keyring/index.js';
import { findPods, podImages } from '../kubernetes/inner.js';
import { type ImageName, parseImageName } from '../reference/index.js';
import { usageError } from './fault.js';
import { type Found, type Input, labelOf, placeAmong, podOfImage, readInput, refuseDockerConfigs } from './input.js';
import type { ExplainedImage, ExplainOutput, ToldFailure } from './outputs.js';
import { openSources, type Sources } from './sources.js';
import { type CommandAnswer, type CommandCall, EXIT_CODES, type Styled } from './types.js';

/** One image, explained, and the object that it stands in. */
interface Explained {
  readonly of: Found<object>;
  readonly explanation: ContainerExplanation;
}

/** `kubepull explain`. */
export async function explainInput(call: CommandCall): Promise<CommandAnswer> {
  const { operands, values, io, styled } = call;
  const { message } = values;
  if (typeof message === 'string') return explainMessage(message, call);
  const input = await readInput(operands, io);
  refuseDockerConfigs(input);
  const sources = await openSources(values, io);
  const explained = await explainAll(input, sources, io.signal);
  const chosen = explained.filter(({ explanation }) => isChosen(explanation, values['container']));
  if (chosen.length === 0) throw usageError(nothingToExplain(values['container']));
  const output: ExplainOutput = {
    command: 'explain',
    version: 1,
    images: chosen.map(({ of, explanation }) => toOutput(of, explanation)),
    message: null,
  };
  const isBad = output.images.some(({ failure, told }) => failure !== null || told !== null);
  return {
    exitCode: isBad ? EXIT_CODES.negative : EXIT_CODES.ok,
    value: output,
    text: chosen.map(({ of, explanation }) => describe(of, explanation, styled)).join('\n\n'),
  };
}

function isChosen({ pull }: ContainerExplanation, container: unknown): boolean {
  return typeof container !== 'string' || pull.policy.container === container;
}

function nothingToExplain(container: unknown): string {
  if (typeof container === 'string') return `there is no container or image volume ${quote(container)} in the input`;
  return 'there is no pod, workload or List of them with images in the input';
}

/** What a node said, by itself. */
async function explainMessage(message: string, { operands, io, styled }: CommandCall): Promise<CommandAnswer> {
  if (operands.length > 0) throw usageError('--message stands alone: it takes no file and no image beside it');
  const said = message === '-' ? new TextDecoder().decode(await io.readStdin()) : message;
  const failure = explainFailure(said);
  const output: ExplainOutput = { command: 'explain', version: 1, images: [], message: toToldFailure(failure) };
  return {
    exitCode: failure.cause === 'unknown' ? EXIT_CODES.negative : EXIT_CODES.ok,
    value: output,
    text: describeTold(failure, styled).join('\n'),
  };
}

async function explainAll(
  input: Input,
  sources: Sources,
  signal: AbortSignal | undefined,
): Promise<readonly Explained[]> {
  const found = [...input.pods, ...input.images.map(podOfImage)];
  if (found.length === 0) return [];
  const objects = found.map(({ object }) => object);
  const lookups = await askNode(sources, objects, signal);
  const explanations = explainPod(objects, {
    secrets: input.secrets.map(({ object }) => object),
    serviceAccounts: input.accounts.map(({ object }) => object),
    events: input.events,
    nodeConfig: sources.entries,
    nodeLookup: (image) => lookups.get(image),
  });
  return explanations.map((explanation) => {
    const { policy } = explanation.pull;
    const { of, path } = placeAmong(found, policy.path);
    return { of, explanation: { ...explanation, pull: { ...explanation.pull, policy: { ...policy, path } } } };
  });
}

/** What the keyring of the node or of a person answers for each image. A name that cannot be read is explained without. */
async function askNode(
  { keyring }: Sources,
  objects: readonly object[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, LookupResult>> {
  const lookups = new Map<string, LookupResult>();
  if (keyring === undefined) return lookups;
  for (const { pod } of findPods(objects, 'Cannot explain')) {
    for (const { image } of podImages(pod.spec)) {
      const name = lookups.has(image) ? undefined : nameOf(image);
      if (name !== undefined) lookups.set(image, await keyring.lookup(name, { signal }));
    }
  }
  return lookups;
}

function nameOf(image: string): ImageName | undefined {
  try {
    return parseImageName(image);
  } catch (error) {
    if (isImageError(error) && error.code === 'ERR_REFERENCE_INVALID') return undefined;
    throw error;
  }
}

function describe(of: Found<object>, { pull, state, reason, failure }: ContainerExplanation, styled: Styled): string {
  const isAlone = of.place === '';
  const lines = formatExplanation(pull).split('\n');
  const [first = '', ...rest] = isAlone ? [`image ${hideUserInfo(pull.policy.image)}`, ...lines.slice(1)] : lines;
  const head = styled('bold', isAlone ? first : `${labelOf(of)}, ${first}`);
  const doing = state === undefined ? [] : [`state: ${state}${reason === undefined ? '' : `, ${printable(reason)}`}`];
  const told = failure === undefined ? [] : describeTold(failure, styled);
  const decided = [...doing, ...rest].map((line) => emphasize(line, styled));
  return [head, ...[...decided, ...told].map((line) => `  ${line}`)].join('\n');
}

function describeTold(failure: FailureExplanation, styled: Styled): readonly string[] {
  return formatFailure(failure)
    .split('\n')
    .map((line) =>
      line.startsWith('cause: ') ? styled('red', line) : line.startsWith('cure: ') ? styled('bold', line) : line,
    );
}

/** What matters most stands out. */
function emphasize(line: string, styled: Styled): string {
  if (line.startsWith('the container waits:')) return styled('red', line);
  if (line.startsWith('decision: fail')) return styled('red', line);
  if (line.startsWith('decision:')) return styled('green', line);
  return line.replace(/^[\w ]+:/u, (label) => styled('dim', label));
}

function toOutput(
  { kind, namespace, name, place }: Found<object>,
  { pull, state, reason, failure: told }: ContainerExplanation,
): ExplainedImage {
  const { policy, listedBy, secrets, skipped, nameError, configError, lookup, decision, failure } = pull;
  return {
    object: place === '' ? null : { kind, namespace, name, place },
    container: { name: policy.container, kind: policy.kind, path: policy.path },
    image: hideUserInfo(policy.image),
    state: state ?? null,
    reason: reason ?? null,
    told: told === undefined ? null : toToldFailure(told),
    policy: { policy: policy.policy, reason: policy.reason },
    name: pull.name?.name ?? null,
    runtimeImage: pull.runtimeImage ?? null,
    pullSecrets: {
      listedBy,
      found: secrets.found,
      missing: secrets.missing,
      message: secrets.message ?? null,
      skipped: skipped.map((secret) => ({ name: secret.name, reason: secret.reason })),
    },
    credentials: lookup === undefined ? null : credentialsOf(lookup),
    decision: decision === undefined ? null : { action: decision.action, reason: decision.reason },
    failure: failure === undefined ? null : { reason: failure.reason, message: failure.message },
    error: nameError?.message ?? configError?.message ?? null,
  };
}

function toToldFailure({
  cause,
  title,
  cure,
  words,
  reason,
  image,
  suggestion,
  registry,
  host,
  status,
  runtime,
}: FailureExplanation): ToldFailure {
  return {
    cause,
    title,
    cure,
    words: words ?? null,
    reason: reason ?? null,
    image: image ?? null,
    suggestion: suggestion ?? null,
    registry: registry ?? null,
    host: host ?? null,
    status: status ?? null,
    runtime: runtime ?? null,
  };
}

function credentialsOf({ candidates, rejected, sources }: LookupResult): NonNullable<ExplainedImage['credentials']> {
  return {
    tried: candidates.map(({ rank, key, entry, rule, cutsSegment }) => ({
      rank,
      key,
      source: formatCredentialSource(entry.source),
      rule,
      cutsSegment,
    })),
    notTried: rejected.map(({ key, entry, reason }) => ({
      key: key ?? null,
      source: formatCredentialSource(entry.source),
      reason,
    })),
    asked: sources.map(({ source, outcome, detail }) => ({ source: formatCredentialSource(source), outcome, detail })),
  };
}
