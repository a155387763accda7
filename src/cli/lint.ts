import { hideUserInfo, printable } from '../internal/index.js';
import { serviceAccountNameOf } from '../kubernetes/inner.js';
import {
  formatFinding,
  lintDockerConfig,
  type LintFinding,
  lintPod,
  lintPullSecret,
  type LintSeverity,
} from '../lint/index.js';
import type { SecretLike } from '../pull-secrets/index.js';
import { usageError } from './fault.js';
import { accountOf, type Found, type Input, labelOf, podOf, podOfImage, readInput } from './input.js';
import type { LintedFinding, LintOutput } from './outputs.js';
import { openSources } from './sources.js';
import { type CommandAnswer, type CommandCall, EXIT_CODES, type Styled } from './types.js';

const SEVERITIES: readonly LintSeverity[] = ['info', 'warning', 'error'];
const STYLES = { error: 'red', warning: 'yellow', info: 'dim' } as const;

/** What was looked at, and what was found in it. */
interface Linted {
  readonly head: string;
  readonly object: LintedFinding['object'];
  readonly findings: readonly LintFinding[];
}

/** `kubepull lint`. */
export async function lintInput({ operands, values, io, styled }: CommandCall): Promise<CommandAnswer> {
  const least = leastOf(values['fail-on']);
  const image = typeof values['image'] === 'string' ? values['image'] : undefined;
  const input = await readInput(operands, io);
  const { entries } = await openSources({ 'docker-config': values['docker-config'] }, io);
  const nodeConfig = values['docker-config'] === undefined ? undefined : entries;
  const linted = [
    ...input.dockerConfigs.map(({ bytes, place }) => ({
      head: `Docker config ${place}`,
      object: { kind: 'DockerConfig', place } as const,
      findings: lintDockerConfig(bytes, { image }),
    })),
    ...input.secrets
      .filter((secret) => isPullSecret(secret, input))
      .map((secret) => ({
        head: labelOf(secret),
        object: objectOf(secret),
        findings: lintPullSecret(secret.object, { image }),
      })),
    ...input.pods.map((pod) => ({
      head: labelOf(pod),
      object: objectOf(pod),
      findings: lintPod(pod.object, { ...around(pod, input), nodeConfig }),
    })),
    ...input.images.map((name) => ({
      head: `image ${printable(hideUserInfo(name))}`,
      object: { kind: 'Image', place: hideUserInfo(name) } as const,
      findings: lintPod(podOfImage(name).object, { nodeConfig }),
    })),
  ];
  if (linted.length === 0) throw usageError('there is no pod, workload, pull secret or docker config in the input');
  const value = toOutput(linted);
  const isBad = SEVERITIES.slice(least).some((severity) => value.counts[severity] > 0);
  return { exitCode: isBad ? EXIT_CODES.negative : EXIT_CODES.ok, value, text: describe(linted, value.counts, styled) };
}

/** The place in the list of severities from which on a finding counts. */
function leastOf(level: unknown): number {
  if (level === undefined) return SEVERITIES.indexOf('error');
  if (level === 'never') return SEVERITIES.length;
  const at = SEVERITIES.findIndex((severity) => severity === level);
  if (at < 0) throw usageError('--fail-on takes error, warning, info or never');
  return at;
}

/** A cluster has secrets of many kinds. One counts that has the type or the key of a pull secret, or is named as one. */
function isPullSecret({ object, namespace, name }: Found<SecretLike>, { pods, accounts }: Input): boolean {
  const { type, data, stringData } = object;
  if (/^kubernetes\.io\/dockerc(?:fg|onfigjson)$/u.test(String(type))) return true;
  if (['.dockerconfigjson', '.dockercfg'].some((key) => isMember(data, key) || isMember(stringData, key))) return true;
  const names = (list: unknown): boolean =>
    Array.isArray(list) && list.some((item: unknown) => (item as { readonly name?: unknown } | null)?.name === name);
  return (
    pods.some((pod) => pod.namespace === namespace && names(podOf(pod, 'Cannot lint').spec?.imagePullSecrets)) ||
    accounts.some((account) => account.namespace === namespace && names(account.object.imagePullSecrets))
  );
}

function isMember(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key);
}

/** Without secrets in the input nothing is said of those that a pod names. */
function around(pod: Found<object>, { secrets, accounts }: Input): NonNullable<Parameters<typeof lintPod>[1]> {
  const name = serviceAccountNameOf(podOf(pod, 'Cannot lint').spec);
  return {
    secrets: secrets.length === 0 ? undefined : secrets.map(({ object }) => object),
    serviceAccount: accountOf(pod, name, accounts),
  };
}

function objectOf({ kind, namespace, name, place }: Found<unknown>): LintedFinding['object'] {
  return { kind, namespace, name, place };
}

function toOutput(linted: readonly Linted[]): LintOutput {
  const findings = linted.flatMap(({ object, findings: found }) =>
    found.map(({ code, severity, place, message, cure, suggestion }) => ({
      object,
      code,
      severity,
      place,
      message,
      cure,
      suggestion: suggestion ?? null,
    })),
  );
  const count = (level: LintSeverity): number => findings.filter(({ severity }) => severity === level).length;
  const counts = { error: count('error'), warning: count('warning'), info: count('info') };
  return { command: 'lint', version: 1, findings, counts };
}

function describe(linted: readonly Linted[], counts: LintOutput['counts'], styled: Styled): string {
  const parts = linted
    .filter(({ findings }) => findings.length > 0)
    .map(({ head, findings }) =>
      [styled('bold', head), ...findings.map((finding) => `  ${shown(finding, styled)}`)].join('\n'),
    );
  const named = SEVERITIES.toReversed()
    .filter((severity) => counts[severity] > 0)
    .map((severity) => plural(counts[severity], severity));
  const looked = plural(linted.length, 'object');
  return [...parts, named.length === 0 ? `nothing found in ${looked}` : `${named.join(', ')} in ${looked}`].join(
    '\n\n',
  );
}

function shown(finding: LintFinding, styled: Styled): string {
  const line = formatFinding(finding);
  return styled(STYLES[finding.severity], finding.severity) + line.slice(finding.severity.length);
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 || word === 'info' ? '' : 's'}`;
}
