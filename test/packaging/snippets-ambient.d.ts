// What the examples of the documentation may use without declaring it.
import type { PodLike } from 'kubepull/pull-policy';
import type { SecretLike } from 'kubepull/pull-secrets';

declare global {
  const pod: PodLike;
  const secretsInNamespace: readonly SecretLike[];
}
