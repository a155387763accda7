import { hideUserInfo, printable } from '../internal/index.js';
import {
  formatFinding,
  lintDockerConfig,
  type LintFinding,
  lintPod,
  lintPullSecret,
  type LintSeverity,
} from '../lint/index.js';
import { usageError } from './fault.js';
import { type Found, isPullSecret, labelOf, podOfImage, readInput, surroundingsOf } from './input.js';
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
      findings: lintPod(pod.object, { ...surroundingsOf(pod, input), nodeConfig }),
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
