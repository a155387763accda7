import { formatCredentialSource } from '../docker-config/index.js';
import { explainPull, formatExplanation, type PullExplanation } from '../explain/index.js';
import { hideUserInfo } from '../internal/index.js';
import type { LookupResult } from '../keyring/index.js';
import { podImages, serviceAccountNameOf } from '../kubernetes/inner.js';
import { isImageError } from '../errors/index.js';
import { parseImageName } from '../reference/index.js';
import { usageError } from './fault.js';
import {
  accountOf,
  type Found,
  type Input,
  labelOf,
  podOf,
  podOfImage,
  readInput,
  refuseDockerConfigs,
} from './input.js';
import type { ExplainedImage, ExplainOutput } from './outputs.js';
import { openSources, type Sources } from './sources.js';
import { type CommandAnswer, type CommandCall, EXIT_CODES, type Styled } from './types.js';

/** `kubepull explain`. */
export async function explainInput({ operands, values, io, styled }: CommandCall): Promise<CommandAnswer> {
  const input = await readInput(operands, io);
  refuseDockerConfigs(input);
  const sources = await openSources(values, io);
  const explained: { readonly of: Found<object>; readonly explanation: PullExplanation }[] = [];
  for (const found of [...input.pods, ...input.images.map(podOfImage)]) {
    for (const explanation of await explainOne(found, values['container'], input, sources, io.signal)) {
      explained.push({ of: found, explanation });
    }
  }
  if (explained.length === 0) throw usageError(nothingToExplain(values['container']));
  const output: ExplainOutput = {
    command: 'explain',
    version: 1,
    images: explained.map(({ of, explanation }) => toOutput(of, explanation)),
  };
  const waits = output.images.some(({ failure }) => failure !== null);
  return {
    exitCode: waits ? EXIT_CODES.negative : EXIT_CODES.ok,
    value: output,
    text: explained.map(({ of, explanation }) => describe(of, explanation, styled)).join('\n\n'),
  };
}

function nothingToExplain(container: unknown): string {
  if (typeof container === 'string')
    return `there is no container or image volume ${JSON.stringify(container)} in the input`;
  return 'there is no pod, workload or List of them with images in the input';
}

async function explainOne(
  found: Found<object>,
  container: unknown,
  { secrets, accounts }: Input,
  sources: Sources,
  signal: AbortSignal | undefined,
): Promise<readonly PullExplanation[]> {
  const pod = podOf(found, `Cannot explain ${labelOf(found)}`);
  const options = {
    secrets: secrets.map(({ object }) => object),
    serviceAccount: accountOf(found, serviceAccountNameOf(pod.spec), accounts),
    nodeConfig: sources.entries,
  };
  const explanations: PullExplanation[] = [];
  for (const { name, image } of podImages(pod.spec)) {
    if (typeof container === 'string' && name !== container) continue;
    const nodeLookup = await askNode(sources, image, signal);
    explanations.push(explainPull(found.object, name, { ...options, nodeLookup }));
  }
  return explanations;
}

async function askNode(
  { keyring }: Sources,
  image: string,
  signal: AbortSignal | undefined,
): Promise<LookupResult | undefined> {
  if (keyring === undefined) return undefined;
  try {
    return await keyring.lookup(parseImageName(image), { signal });
  } catch (error) {
    // A name that cannot be read is explained without.
    if (isImageError(error) && error.code === 'ERR_REFERENCE_INVALID') return undefined;
    throw error;
  }
}

function describe(of: Found<object>, explanation: PullExplanation, styled: Styled): string {
  const isAlone = of.place === '';
  const lines = formatExplanation(explanation)
    .split('\n')
    .slice(isAlone ? 1 : 0);
  const [first = '', ...rest] = isAlone ? [`image ${hideUserInfo(explanation.policy.image)}`, ...lines] : lines;
  const head = styled('bold', isAlone ? first : `${labelOf(of)}, ${first}`);
  return [head, ...rest.map((line) => `  ${emphasize(line, styled)}`)].join('\n');
}

/** What matters most stands out. */
function emphasize(line: string, styled: Styled): string {
  if (line.startsWith('the container waits:')) return styled('red', line);
  if (line.startsWith('decision: fail')) return styled('red', line);
  if (line.startsWith('decision:')) return styled('green', line);
  return line.replace(/^[\w ]+:/u, (label) => styled('dim', label));
}

function toOutput({ kind, namespace, name, place }: Found<object>, explanation: PullExplanation): ExplainedImage {
  const { policy, listedBy, secrets, skipped, nameError, configError, lookup, decision, failure } = explanation;
  return {
    object: place === '' ? null : { kind, namespace, name, place },
    container: { name: policy.container, kind: policy.kind, path: policy.path },
    image: hideUserInfo(policy.image),
    policy: { policy: policy.policy, reason: policy.reason },
    name: explanation.name?.name ?? null,
    runtimeImage: explanation.runtimeImage ?? null,
    pullSecrets: {
      listedBy,
      found: secrets.found,
      missing: secrets.missing,
      message: secrets.message ?? null,
      skipped,
    },
    credentials: lookup === undefined ? null : credentialsOf(lookup),
    decision: decision === undefined ? null : { action: decision.action, reason: decision.reason },
    failure: failure === undefined ? null : { reason: failure.reason, message: failure.message },
    error: nameError?.message ?? configError?.message ?? null,
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
