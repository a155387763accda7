import type { LintCode } from './codes.js';
import { DOCUMENT_RULES } from './document.js';
import { KEY_RULES } from './key.js';
import { NODE_RULES, POD_RULES, SECRET_RULES } from './objects.js';
import type { RuleTable } from './table.js';
import type { LintFinding, LintRule } from './finding.js';

const RULES: RuleTable<LintCode> = { ...DOCUMENT_RULES, ...KEY_RULES, ...SECRET_RULES, ...POD_RULES, ...NODE_RULES };

/**
 * Every rule of the linters: the document and its entries first, then keys, secrets, pods and nodes.
 *
 * @example
 * ```ts
 * import { LINT_RULES } from 'kubepull/lint';
 *
 * LINT_RULES.find(({ code }) => code === 'ENTRY_EMPTY')?.cure;
 * ```
 * @public
 */
export const LINT_RULES: readonly LintRule[] = /* @__PURE__ */ listRules();

function listRules(): readonly LintRule[] {
  return Object.entries(RULES).map(([code, rule]) => ({ code: code as LintCode, ...rule }));
}

/** A finding of a rule. Neither `place` nor `message` may hold a value of the input that could be secret. */
export function finding(code: LintCode, place: string, message: string, suggestion?: string): LintFinding {
  const { severity, cure } = RULES[code];
  return { code, severity, place, message, cure, suggestion };
}
