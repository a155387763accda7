import { parseArgs } from 'node:util';

export const HELP = `Brings the images of the pods on one node into an OCI layout, as kubelet would, and publishes Events.

  node dist/examples/image-controller/main.js --node NAME [options]

Options
  --node NAME          whose pods
  --namespace NS       only the pods of one namespace (default: all)
  --kubeconfig FILE    how to reach the API server (default: as kubectl; in a pod, its service account)
  --layout DIR         where the images go (default: ./layout)
  --records DIR        where it is remembered who may use them (default: ./records)
  --plain-http HOST    a registry without TLS; may be given more than once
  --service-accounts   for pods without pull secrets, use those of the service account
  --help               this text`;

/** What the command line asks for. */
export interface CommandOptions {
  readonly node: string;
  readonly namespace: string | undefined;
  readonly kubeconfig: string | undefined;
  readonly layout: string;
  readonly records: string;
  readonly plainHttp: readonly string[];
  readonly serviceAccounts: boolean;
}

/** A command line that cannot be understood; the message is for the person who typed it. */
export class UsageError extends Error {}

export function parseOptions(args: readonly string[]): CommandOptions | 'help' {
  const values = parse(args);
  if (values.help === true) return 'help';
  const { node, namespace, kubeconfig, layout = './layout', records = './records' } = values;
  if (!node) throw new UsageError('Whose pods? Say --node NAME');
  const { 'plain-http': plainHttp = [], 'service-accounts': serviceAccounts = false } = values;
  return { node, namespace, kubeconfig, layout, records, plainHttp, serviceAccounts };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        node: { type: 'string' },
        namespace: { type: 'string' },
        kubeconfig: { type: 'string' },
        layout: { type: 'string' },
        records: { type: 'string' },
        'plain-http': { type: 'string', multiple: true },
        'service-accounts': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    const [line = 'Unknown option'] = (error as Error).message.split(/\.\s/u);
    throw new UsageError(line);
  }
}
