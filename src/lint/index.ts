/**
 * Linters for docker configs, pull secrets, pods and what differs between nodes: each finding has a code, the place, the cause and the cure.
 *
 * @packageDocumentation
 */
export {
  type DocumentLintCode,
  type KeyLintCode,
  type LintCode,
  type NodeLintCode,
  type PodLintCode,
  type SecretLintCode,
} from './rules/codes.js';
export { compareNodeConfigs } from './docker-config/compare-nodes.js';
export { formatFinding } from './format-finding.js';
export { lintDockerConfig } from './docker-config/config.js';
export { lintPod } from './pod/pod.js';
export { lintPullSecret } from './secret/pull-secret.js';
export { LINT_RULES } from './rules/rules.js';
export {
  type LintDockerConfigOptions,
  type LintFinding,
  type LintPodOptions,
  type LintPullSecretOptions,
  type LintRule,
  type LintSeverity,
  type NodeConfig,
  type NodeLike,
} from './rules/finding.js';
