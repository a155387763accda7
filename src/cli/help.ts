import { COMMANDS, type CommandSpec } from './commands.js';
import { EXIT_CODES } from './types.js';

/** What `kubepull --help` prints. */
export function formatOverview(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'What Kubernetes does with a container image, from the image: line of a pod to the bytes on the node.',
    '',
    'Usage: kubepull COMMAND [options]',
    '',
    'Commands',
    ...rows,
    '',
    'Exit codes',
    `  ${EXIT_CODES.ok}    the answer is good`,
    `  ${EXIT_CODES.negative}    the answer is bad: a container waits, something was found, a pull failed`,
    `  ${EXIT_CODES.usage}    the command line or the input cannot be understood`,
    `  ${EXIT_CODES.interrupted}  it was interrupted (143 by SIGTERM, 141 when the reader of its output went away)`,
    '',
    '`kubepull COMMAND --help` says more; --version tells the version.',
  ].join('\n');
}

/** What `kubepull COMMAND --help` prints. */
export function formatHelp(name: string, { usage, summary, about, options, examples }: CommandSpec): string {
  const rows = Object.entries(options).map(([option, { short, value, help }]) => {
    const long = value === undefined ? `--${option}` : `--${option} ${value}`;
    return [short === undefined ? `    ${long}` : `-${short}, ${long}`, help] as const;
  });
  const width = Math.min(30, Math.max(...rows.map(([left]) => left.length)));
  const lines = rows.flatMap(([left, help]) =>
    left.length > width ? [`  ${left}`, `  ${' '.repeat(width)}  ${help}`] : [`  ${left.padEnd(width)}  ${help}`],
  );
  return [
    `kubepull ${name}: ${summary}`,
    '',
    `Usage: kubepull ${name} ${usage} [options]`,
    ...(about.length === 0 ? [] : ['', ...about]),
    '',
    'Options',
    ...lines,
    '',
    examples.length === 1 ? 'Example' : 'Examples',
    ...examples.map((example) => `  ${example}`),
  ].join('\n');
}
