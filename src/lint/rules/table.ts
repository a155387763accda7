import type { LintCode } from './codes.js';
import type { LintRule } from './finding.js';

/** Rules by their code: the compiler asks for one of each. */
export type RuleTable<C extends LintCode> = Readonly<Record<C, Omit<LintRule, 'code'>>>;
