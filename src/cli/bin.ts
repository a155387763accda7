#!/usr/bin/env node
// The program `kubepull`: the streams and signals of its process around `runCommand`. Nothing imports it.
import { readFile } from 'node:fs/promises';
import nodeModule from 'node:module';
import { runCommand } from './run.js';
import type { CommandOutput } from './types.js';

/** By the convention of shells, 128 and the number of the signal. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
const READER_WENT_AWAY = 141;

// What is compiled is kept from start to start, in the folder for temporary files; not before Node 22.1.
(nodeModule as { enableCompileCache?: () => unknown }).enableCompileCache?.();

const interrupt = new AbortController();
let endedBy: number | undefined;

function end(code: number): void {
  endedBy ??= code;
  // Also after the command: its answer may still be on the way.
  process.exitCode = endedBy;
  interrupt.abort(new Error('Interrupted'));
}

async function main(): Promise<void> {
  // The second signal of a kind finds no listener, and ends the process at once.
  for (const [signal, code] of Object.entries(SIGNALS)) process.once(signal, () => end(code));
  const { stdout, stderr } = process;
  for (const stream of [stdout, stderr]) stream.on('error', () => end(READER_WENT_AWAY));
  const exitCode = await runCommand(process.argv.slice(2), {
    readFile: (path) => readFile(path, { signal: interrupt.signal }),
    readStdin,
    stdout: outputOf(stdout),
    stderr: outputOf(stderr),
    signal: interrupt.signal,
  });
  process.exitCode = endedBy ?? exitCode;
}

function outputOf(stream: NodeJS.WriteStream): CommandOutput {
  const { isTTY } = stream;
  return { write: (text) => stream.write(text), isTTY, colors: isTTY && stream.hasColors() };
}

async function readStdin(): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

await main();
