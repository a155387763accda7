// What `npm start` runs. It is an example too: everything comes from the package's public entries.
import { isImageError } from 'kubepull';
import { HELP, parseCommand, UsageError } from './arguments.js';
import { pullOne } from './pull-one.js';
import { tellStory } from './story.js';

async function main(): Promise<void> {
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort(new Error('Interrupted')));
  const command = parseCommand(process.argv.slice(2));
  if (command.kind === 'help') console.log(HELP);
  if (command.kind === 'story') await tellStory(interrupt.signal);
  if (command.kind === 'pull') await pullOne(command, interrupt.signal);
}

main().catch((error: unknown) => {
  const usage = error instanceof UsageError;
  const known = usage || isImageError(error) || (error instanceof Error && 'code' in error);
  const message = error instanceof Error ? error.message : String(error);
  console.error(known ? `${message}${usage ? ' (see --help)' : ''}` : error);
  process.exitCode = usage ? 2 : 1;
});
