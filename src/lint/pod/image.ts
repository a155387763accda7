import { quote } from '../../internal/index.js';
import { decidePullPolicy } from '../../pull-policy/index.js';
import { type PullPolicy } from '../../kubernetes/index.js';
import { type ImageReference, safeParseReference } from '../../reference/index.js';
import { lintImageText } from '../image/text.js';
import type { PodImage } from './read-pod.js';
import { finding } from '../rules/rules.js';
import type { LintFinding } from '../rules/finding.js';

const POLICIES: readonly PullPolicy[] = ['Always', 'IfNotPresent', 'Never'];

/** What is wrong with an image of a pod and its pull policy. */
export function* lintPodImage(user: PodImage): Generator<LintFinding> {
  yield* lintImageText(user.image, user.place);
  const parsed = safeParseReference(user.image);
  if (parsed.ok) yield* lintTag(parsed.value, user.place);
  yield* lintPolicyName(user);
  if (parsed.ok) yield* lintPolicy(parsed.value, user);
}

function* lintTag({ tag, digest }: ImageReference, place: string): Generator<LintFinding> {
  if (tag === 'latest' && digest === undefined) yield finding('IMAGE_TAG_LATEST', place, 'The tag is latest');
  if (tag === undefined && digest === undefined) yield finding('IMAGE_TAG_IMPLIED', place, 'It stands for :latest');
  if (tag !== undefined && digest !== undefined) {
    yield finding('IMAGE_TAG_AND_DIGEST', place, `The tag ${quote(tag)} does not choose the content`);
  }
}

function* lintPolicyName({ policy, policyPlace }: PodImage): Generator<LintFinding> {
  if (policy === '' || POLICIES.some((name) => name === policy)) return;
  const meant = POLICIES.find((name) => name.toLowerCase() === policy.trim().toLowerCase());
  yield finding('POLICY_UNKNOWN', policyPlace, `There is no policy ${quote(policy)}`, meant);
}

function* lintPolicy({ tag, digest }: ImageReference, user: PodImage): Generator<LintFinding> {
  const { policy, reason } = decidePullPolicy(user.image, user.policy);
  const place = user.policyPlace;
  const isLatest = digest === undefined && (tag === undefined || tag === 'latest');
  if (policy === 'IfNotPresent' && isLatest) {
    yield finding('POLICY_KEEPS_LATEST', place, 'A node that has any latest keeps it', 'Always');
  }
  if (policy === 'Never') yield finding('POLICY_NEVER', place, 'Without the image the container never starts');
  if (policy === 'Always' && digest !== undefined) {
    const message = reason === 'explicit' ? 'The policy is Always' : 'The tag latest makes the policy Always';
    yield finding('POLICY_ALWAYS_WITH_DIGEST', place, message, 'IfNotPresent');
  }
}
