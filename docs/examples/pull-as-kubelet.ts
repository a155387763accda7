// What `npm start` runs: a story without arguments, and the command line `kubepull` with them.
import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { isImageError } from 'kubepull';
import { EXIT_CODES, listCommands, runCommand } from 'kubepull/cli';
import { tellStory } from './story.js';

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  const [first] = args;
  if (first === undefined) {
    await tellStory(signal);
    return EXIT_CODES.ok;
  }
  const { stdout, stderr } = process;
  // What is no command is an image, which is pulled.
  const command = first.startsWith('-') || listCommands().includes(first) ? args : ['pull', ...args];
  return runCommand(command, {
    readFile: (path) => readFile(path),
    readStdin: () => buffer(process.stdin),
    stdout: { write: (text) => stdout.write(text), isTTY: stdout.isTTY, colors: stdout.isTTY && stdout.hasColors() },
    stderr,
    signal,
  });
}

const interrupt = new AbortController();
process.once('SIGINT', () => interrupt.abort(new Error('Interrupted')));
try {
  process.exitCode = await main(process.argv.slice(2), interrupt.signal);
} catch (error) {
  console.error(isImageError(error) ? error.message : error);
  process.exitCode = 1;
}
