/**
 * Rules on images that an operator writes: allow and deny lists and mirror routes, in picomatch's glob syntax.
 *
 * @packageDocumentation
 */
export { type DecidingRule, type RuleSubject } from './compile.js';
export { createImageRules, type ImageRules, type ImageRulesOptions, type RuleDecision } from './image-rules.js';
export { decideImage, type ImageDecision } from './decide-image.js';
