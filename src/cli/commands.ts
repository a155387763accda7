import type { Answer } from './types.js';

/** An option of a command, as it is parsed, explained and completed. */
export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** What stands for the value in a text for people. */
  readonly value?: string;
  readonly help: string;
  /** What a shell offers: files, or these words. */
  readonly offers?: 'files' | readonly string[];
}

export interface CommandSpec {
  readonly usage: string;
  readonly summary: string;
  /** What there is to say besides, in lines of at most 100 characters. */
  readonly about: readonly string[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  readonly examples: readonly string[];
  /** Words that stand for the first operand; files where there are none. */
  readonly words?: readonly string[];
  /** Each command comes with its own modules, when it is called. */
  readonly load?: () => Promise<Answer>;
}

const COMMON = {
  json: { type: 'boolean', help: 'the answer as JSON, by the schema that `kubepull schema COMMAND` prints' },
  help: { type: 'boolean', short: 'h', help: 'this text' },
} as const satisfies CommandSpec['options'];

/** Where credentials come from besides the pull secrets of the input. */
const SOURCES = {
  'docker-config': {
    type: 'string',
    value: 'FILE',
    offers: 'files',
    help: "a config.json with credentials, as the node's own",
  },
  docker: { type: 'boolean', help: 'the credentials of Docker and podman of this user, with their helpers' },
  node: { type: 'boolean', help: 'the files with credentials that kubelet reads on this machine' },
  'image-credential-provider-config': {
    type: 'string',
    value: 'PATH',
    offers: 'files',
    help: "kubelet's option of this name: its credential plugins are asked",
  },
  'image-credential-provider-bin-dir': {
    type: 'string',
    value: 'DIR',
    offers: 'files',
    help: "kubelet's option of this name: where the plugins are",
  },
} as const satisfies CommandSpec['options'];

const PLAIN_HTTP = {
  type: 'boolean',
  help: 'speak plain HTTP with the registries of the images',
} as const satisfies OptionSpec;

const OPERANDS = [
  'An operand is a file when it is -, begins with / or ./ or ../, or ends in .json, .yaml or .yml; - is standard',
  'input. Everything else is the name of an image. Files hold pods, workloads, Lists, secrets and service accounts,',
  'in any number and order, as kubectl writes them.',
] as const;

/**
 * Lists the commands of the command line, in the order of its help.
 *
 * @returns such as `explain`
 * @example
 * ```ts
 * import { listCommands } from 'kubepull/cli';
 *
 * listCommands().includes('explain'); // true
 * ```
 * @public
 */
export function listCommands(): readonly string[] {
  return ['help', ...Object.keys(COMMANDS)];
}

/** Every command, in the order of the help. */
export const COMMANDS: Readonly<Record<string, CommandSpec>> = {
  explain: {
    usage: 'FILE|IMAGE...',
    summary: 'what kubelet decides about each image before the first byte, and why',
    about: [
      ...OPERANDS,
      'Nothing is asked of a registry. Credentials are those of the pull secrets in the input and of the options.',
      'The status of a pod and events of it tell what has failed already. The exit code is 1 when a pull has failed, or a',
      'container would wait without a pull being tried.',
    ],
    options: {
      container: {
        type: 'string',
        value: 'NAME',
        short: 'c',
        help: 'only the containers and image volumes of this name',
      },
      message: {
        type: 'string',
        short: 'm',
        value: 'TEXT',
        help: 'what a node said, in place of files: the message of an event; - is standard input',
      },
      ...SOURCES,
      ...COMMON,
    },
    examples: [
      'kubectl get pods,secrets,serviceaccounts,events -o json | kubepull explain -',
      `kubepull explain --message 'Failed to pull image "nginx:1.277": ... not found'`,
      'kubepull explain pod.yaml secrets.yaml',
      'kubepull explain registry.example.com/team/app:1 --docker',
    ],
    load: async () => (await import('./explain.js')).explainInput,
  },
  preflight: {
    usage: 'FILE|IMAGE...',
    summary: 'whether nodes can pull each image, asked of the registries: the cause and the cure where not',
    about: [
      ...OPERANDS,
      'Credentials are those of the pull secrets in the input and of the options, in the order of kubelet. Only manifests are',
      'read, each once. The exit code is 1 when an image cannot be pulled.',
    ],
    options: {
      platforms: {
        type: 'string',
        value: 'P,P...',
        help: "the platforms of the nodes, such as linux/amd64,linux/arm64 (default: this machine's)",
      },
      head: { type: 'boolean', help: 'ask for digests only, which Docker Hub does not count as pulls' },
      offline: { type: 'boolean', help: 'ask no registry: tell what would be tried, and what cannot be known' },
      store: { type: 'string', value: 'DIR', offers: 'files', help: 'a layout: what it has need not be fetched' },
      'plain-http': PLAIN_HTTP,
      table: { type: 'boolean', help: 'a line for each image' },
      ...SOURCES,
      ...COMMON,
    },
    examples: [
      'kubectl get deployments,secrets,serviceaccounts -o json | kubepull preflight -',
      'kubepull preflight deployment.yaml secrets.yaml --platforms linux/amd64,linux/arm64 --table',
      'kubepull preflight registry.example.com/team/app:1 --docker',
    ],
    load: async () => (await import('./preflight.js')).preflightInput,
  },
  lint: {
    usage: 'FILE|IMAGE...',
    summary: 'what is wrong with pods, pull secrets and docker configs, and the cure',
    about: [
      ...OPERANDS,
      'A file may be a docker config, too. The exit code is 1 when something is found that is as bad as --fail-on says.',
    ],
    options: {
      image: { type: 'string', value: 'IMAGE', help: 'an image that the secrets and docker configs should serve' },
      'fail-on': {
        type: 'string',
        value: 'LEVEL',
        offers: ['error', 'warning', 'info', 'never'],
        help: 'the least severity that counts: error (the default), warning, info, or never',
      },
      'docker-config': SOURCES['docker-config'],
      ...COMMON,
    },
    examples: ['kubepull lint deployment.yaml secrets.yaml', 'kubepull lint ~/.docker/config.json --image nginx'],
    load: async () => (await import('./lint.js')).lintInput,
  },
  pull: {
    usage: 'FILE|IMAGE...',
    summary: 'the images into an OCI layout or an archive, with credentials in the order of kubelet',
    about: [
      ...OPERANDS,
      'Images of pods are pulled with their pull secrets. Where no option names credentials, those of Docker are used.',
      'A layout keeps what an interrupted pull had of a layer for the next one; an archive is there whole or not at all.',
    ],
    options: {
      out: {
        type: 'string',
        short: 'o',
        value: 'DIR',
        offers: 'files',
        help: 'the layout to write (default: ./layout)',
      },
      archive: { type: 'string', value: 'FILE', offers: 'files', help: 'write an oci-archive in place of a layout' },
      platform: { type: 'string', value: 'P', help: "such as linux/arm64 (default: this machine's)" },
      'plain-http': PLAIN_HTTP,
      anonymous: { type: 'boolean', help: 'use no credentials but those of pull secrets' },
      quiet: { type: 'boolean', short: 'q', help: 'no progress' },
      ...SOURCES,
      ...COMMON,
    },
    examples: [
      'kubepull pull nginx:1.27 --platform linux/arm64 --out ./layout',
      'kubepull pull pod.yaml secrets.yaml --archive images.tar',
    ],
    load: async () => (await import('./pull.js')).pullInput,
  },
  pin: {
    usage: 'FILE|IMAGE...',
    summary: 'the files with the digest of now behind each tag; all else in them stays as it is',
    about: [
      ...OPERANDS,
      'A file that holds no pod, as one of secrets, is only read. Where no option names credentials, those of Docker are used.',
      'With --json the changes are printed in place of the files. What is left as it is is told on standard error, and the exit',
      'code is 1 when an image was not found, or could not be asked for.',
    ],
    options: {
      'plain-http': PLAIN_HTTP,
      anonymous: { type: 'boolean', help: 'use no credentials but those of pull secrets' },
      quiet: { type: 'boolean', short: 'q', help: 'do not tell what is left as it is' },
      ...SOURCES,
      ...COMMON,
    },
    examples: ['kubepull pin deployment.yaml > pinned.yaml', 'kubepull pin nginx:1.27'],
    load: async () => (await import('./pin.js')).pinInput,
  },
  schema: {
    usage: 'COMMAND',
    summary: 'the JSON schema of what a command prints with --json',
    about: [],
    options: { help: COMMON.help },
    examples: ['kubepull schema explain'],
    words: ['explain', 'preflight', 'lint', 'pull', 'pin'],
  },
  completion: {
    usage: 'bash|zsh|fish',
    summary: 'a script that completes this command line',
    about: [],
    options: { help: COMMON.help },
    examples: [
      'source <(kubepull completion bash)',
      'source <(kubepull completion zsh)',
      'kubepull completion fish | source',
    ],
    words: ['bash', 'zsh', 'fish'],
  },
};
