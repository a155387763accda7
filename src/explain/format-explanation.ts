import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { hideUserInfo, printable } from '../internal/index.js';
import { formatLookup } from '../keyring/index.js';
import type { MustPullDecision } from '../image-access/index.js';
import type { PullExplanation } from './types.js';

/**
 * An explanation as text fit for a ticket: a line or a few for each decision. It holds no secret.
 *
 * @param explanation - what `explainPull` gave
 * @returns several lines, without a line break at the end
 * @example
 * ```ts
 * import { explainPull, formatExplanation } from 'kubepull/explain';
 *
 * formatExplanation(explainPull({ spec: { containers: [{ name: 'web', image: 'nginx' }] } }, 'web'));
 * ```
 * @public
 */
export function formatExplanation(explanation: PullExplanation): string {
  check(
    'Cannot format an explanation',
    { explanation },
    { explanation: is.shape({ policy: is.object, secrets: is.object }) },
  );
  return [
    ...describeName(explanation),
    ...describeSecrets(explanation),
    ...describeCredentials(explanation),
    ...describeDecision(explanation),
  ].join('\n');
}

function describeName({ policy, name, nameError, runtimeImage }: PullExplanation): readonly string[] {
  return [
    `container ${printable(policy.container)} (${policy.kind}): image ${printable(hideUserInfo(policy.image))}`,
    `name: ${nameError?.message ?? `${name?.name ?? ''}; the runtime is asked for ${runtimeImage ?? ''}`}`,
    `policy: ${printable(policy.policy)}, because of ${policy.reason}`,
  ];
}

const LISTED_BY = {
  pod: "the pod's own list",
  'service-account': "the service account's list, because the pod has none",
  none: 'no list: neither the pod nor a service account names any',
} as const;

function describeSecrets({ listedBy, secrets, skipped }: PullExplanation): readonly string[] {
  const names = secrets.found.map((name) => printable(name)).join(', ');
  const lines = [`pull secrets: ${names === '' ? 'none' : names} (${LISTED_BY[listedBy]})`];
  if (secrets.message !== undefined) lines.push(`  ${secrets.message}`);
  for (const { name, reason } of skipped) lines.push(`  ${printable(name)} gives nothing: ${reason}`);
  return lines;
}

function describeCredentials({ lookup, configError }: PullExplanation): readonly string[] {
  if (configError !== undefined) return [`credentials: none at all: ${configError.message}`];
  return lookup === undefined ? [] : [`credentials: ${formatLookup(lookup)}`];
}

function verdictOf({ mustPull }: MustPullDecision): string {
  if (mustPull === undefined) return 'depends on credentials that cannot be read';
  return mustPull ? 'must be pulled again' : 'may be used';
}

function describeDecision({ mustPull, decision, failure }: PullExplanation): readonly string[] {
  const lines: string[] = [];
  if (mustPull !== undefined) {
    lines.push(`present image: ${verdictOf(mustPull)} (${mustPull.reason})`);
  }
  // Only here does the image stay away for ever.
  if (mustPull?.reason === 'other-name' && decision?.action === 'fail')
    lines.push(
      '  it was pulled under another name; a pull under this name, or an allow list with it, lets the pod use it',
    );
  if (decision !== undefined) lines.push(`decision: ${decision.action}, because ${decision.reason}`);
  if (failure !== undefined) {
    // Of a malformed secret both are the decoder's text.
    const { reason, message } = failure;
    lines.push(`the container waits: ${reason === message ? reason : `${reason}: ${message}`}`);
  }
  return lines;
}
