import { parseArgs } from 'node:util';

export const HELP = `Pulls container images as Kubernetes does.

  npm start                      a story: a private image, four pull secrets, and why each step goes as it goes
  npm start -- IMAGE [options]   pull IMAGE from its registry into an OCI layout

Options
  --config FILE    docker config.json with credentials (default: the files that kubelet reads)
  --platform P     such as linux/arm64 (default: this machine's)
  --plain-http     speak plain HTTP with the registry
  --out DIR        where to write the layout (default: ./layout)
  --help           this text`;

/** What the command line asks for. */
export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'story' }
  | {
      readonly kind: 'pull';
      readonly image: string;
      readonly config: string | undefined;
      readonly platform: string | undefined;
      readonly plainHttp: boolean;
      readonly out: string;
    };

/** A command line that cannot be understood; the message is for the person who typed it. */
export class UsageError extends Error {}

export function parseCommand(args: readonly string[]): Command {
  const { values, positionals } = parse(args);
  if (values.help === true) return { kind: 'help' };
  const [image, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`One image at a time, please: what is ${JSON.stringify(more[0])}?`);
  if (image === undefined) {
    const [flag] = Object.keys(values);
    if (flag !== undefined) throw new UsageError(`--${flag} needs an image to pull`);
    return { kind: 'story' };
  }
  const { config, platform, 'plain-http': plainHttp = false, out = './layout' } = values;
  return { kind: 'pull', image, config, platform, plainHttp, out };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        platform: { type: 'string' },
        'plain-http': { type: 'boolean' },
        out: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    const [line = 'Unknown option'] = (error as Error).message.split(/\.\s/u);
    throw new UsageError(line);
  }
}
