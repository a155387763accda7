import { COMMANDS, type CommandSpec, type OptionSpec } from './commands.js';

/** A script for a shell that completes commands, options and their words; everything else is a file. */
export function formatCompletion(shell: string): string {
  if (shell === 'bash') return bash();
  return shell === 'zsh' ? zsh() : fish();
}

const NAMES: readonly string[] = /* @__PURE__ */ Object.keys(COMMANDS);

function optionsOf({ options }: CommandSpec): readonly (readonly [name: string, option: OptionSpec])[] {
  return Object.entries(options);
}

/** Text between single quotes, in any of the three shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function bash(): string {
  const cases = Object.entries(COMMANDS).map(([name, command]) => {
    const flags = optionsOf(command).map(([option]) => `--${option}`);
    return `    ${name}) words=${quoted((command.words ?? []).join(' '))} flags=${quoted(flags.join(' '))} ;;`;
  });
  const valued = new Map<string, string>();
  for (const [option, { type, offers, short }] of Object.values(COMMANDS).flatMap(optionsOf)) {
    if (type === 'boolean') continue;
    const names = short === undefined ? `--${option}` : `--${option}|-${short}`;
    const reply =
      offers === 'files' ? 'compgen -f -- "$current"' : `compgen -W ${quoted((offers ?? []).join(' '))} -- "$current"`;
    valued.set(names, `    ${names}) mapfile -t COMPREPLY < <(${reply}); return ;;`);
  }
  return `_kubepull() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words= flags=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W ${quoted([...NAMES, '--help', '--version'].join(' '))} -- "$current")
    return
  fi
  case $previous in
${[...valued.values()].join('\n')}
  esac
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
  esac
  if [[ $current == -* ]]; then mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$current")
  elif [ -n "$words" ]; then mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  else mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}
complete -o filenames -F _kubepull kubepull`;
}

function zsh(): string {
  const described = (text: string): string => text.replaceAll(/[[\]:\\]/gu, (character) => `\\${character}`);
  const commands = Object.entries(COMMANDS).map(
    ([name, { summary }]) => `    ${quoted(`${name}:${described(summary)}`)}`,
  );
  const cases = Object.entries(COMMANDS).map(([name, command]) => {
    const flags = optionsOf(command).map(([option, { type, value = '', offers, help }]) => {
      const action = offers === 'files' ? '_files' : `(${(offers ?? []).join(' ')})`;
      const argument = type === 'boolean' ? '' : `:${value}:${offers === undefined ? ' ' : action}`;
      return quoted(`--${option}[${described(help)}]${argument}`);
    });
    const operands = command.words === undefined ? '_files' : `(${command.words.join(' ')})`;
    return `    ${name}) _arguments ${[...flags, quoted(`*:operand:${operands}`)].join(' ')} ;;`;
  });
  return `#compdef kubepull
_kubepull() {
  local -a commands=(
${commands.join('\n')}
  )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
compdef _kubepull kubepull`;
}

function fish(): string {
  const first = `complete -c kubepull -n ${quoted(`not __fish_seen_subcommand_from ${NAMES.join(' ')}`)} -f`;
  const lines = Object.entries(COMMANDS).flatMap(([name, command]) => {
    const inside = `complete -c kubepull -n ${quoted(`__fish_seen_subcommand_from ${name}`)}`;
    return [
      `${first} -a ${name} -d ${quoted(command.summary)}`,
      ...(command.words === undefined ? [] : [`${inside} -f -a ${quoted(command.words.join(' '))}`]),
      ...optionsOf(command).map(([option, { type, short, offers, help }]) => {
        const takes =
          type === 'boolean' ? '' : offers === 'files' ? ' -r -F' : ` -x -a ${quoted((offers ?? []).join(' '))}`;
        return `${inside} -l ${option}${short === undefined ? '' : ` -s ${short}`}${takes} -d ${quoted(help)}`;
      }),
    ];
  });
  return lines.join('\n');
}
