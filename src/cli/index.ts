/**
 * The command line `kubepull`: its commands over files and streams that are passed in, and the schemas of what it prints.
 *
 * @packageDocumentation
 */
export { listCommands } from './commands.js';
export { runCommand } from './run.js';
export { getOutputSchema, type JsonSchema } from './schemas.js';
export { type CommandIo, type CommandOutput, EXIT_CODES } from './types.js';
export {
  type CheckedImage,
  type ExplainedImage,
  type ExplainOutput,
  type FailedAttempt,
  type LintedFinding,
  type LintOutput,
  type OutputObject,
  type PinOutput,
  type PlannedOutput,
  type PreflightOutput,
  type PulledOutput,
  type PullOutput,
  type RateLimitOutput,
  type ToldFailure,
} from './outputs.js';
