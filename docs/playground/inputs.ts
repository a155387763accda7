// What a visitor has put in, and what is read of it: the same reading as that of the command line.
import { type Input, readInput } from '../../src/cli/input.ts';
import type { CommandIo } from 'kubepull/cli';
import { type DockerConfigEntry, parseDockerConfigJson } from 'kubepull/docker-config';
import { isImageError } from 'kubepull/errors';
import { DEFAULT_RELEASE, type KubernetesRelease } from 'kubepull/kubernetes';

/** What the node has of the images: nothing, or a copy that came there in one of these ways. */
export type NodeImage = 'absent' | 'preloaded' | 'pulled-same' | 'pulled-node' | 'pulled-other';

/** The choices, and the words of the page for each. */
export const NODE_IMAGES: Readonly<Record<NodeImage, string>> = {
  absent: 'not there',
  preloaded: 'there, and kubelet did not pull it',
  'pulled-same': 'pulled before, with the first credential of this pod',
  'pulled-node': 'pulled before, with a credential of the node or with none',
  'pulled-other': 'pulled before, with a credential of another pod',
};

/** The releases that are compared. */
export const RELEASES: readonly KubernetesRelease[] = ['1.35', '1.36', '1.37'];

/** Everything that the answer depends on. */
export interface Inputs {
  /** Pods, workloads, secrets, service accounts, events: YAML or JSON. */
  readonly objects: string;
  /** The node's `config.json`. */
  readonly nodeConfig: string;
  /** What the node says: a line of `kubectl describe`, an event or a status. */
  readonly message: string;
  readonly node: NodeImage;
  readonly release: KubernetesRelease;
}

export const NO_INPUTS: Inputs = {
  objects: '',
  nodeConfig: '',
  message: '',
  node: 'absent',
  release: DEFAULT_RELEASE,
};

/** What cannot be read, in words that hold nothing of the text. */
export interface Problem {
  readonly field: 'objects' | 'nodeConfig';
  readonly message: string;
}

/** What was read. */
export interface ReadInputs {
  readonly input: Omit<Input, 'files' | 'images'>;
  readonly entries: readonly DockerConfigEntry[];
  readonly problems: readonly Problem[];
}

const NOTHING: ReadInputs['input'] = { pods: [], secrets: [], events: [], accounts: [], dockerConfigs: [] };

/** The name by which messages call the text. */
const PLACE = './objects';
const NODE_CONFIG_PATH = '/var/lib/kubelet/config.json';

/** Reads everything that is not empty; what cannot be read is a problem, and the rest counts. */
export async function readInputs({ objects, nodeConfig }: Inputs): Promise<ReadInputs> {
  const problems: Problem[] = [];
  let input = NOTHING;
  let entries: readonly DockerConfigEntry[] = [];
  try {
    if (objects.trim() !== '') input = await readInput([PLACE], ioOf(objects));
  } catch (error) {
    problems.push({ field: 'objects', message: wordsOf(error) });
  }
  try {
    if (nodeConfig.trim() !== '') entries = parseDockerConfigJson(nodeConfig, { kind: 'file', path: NODE_CONFIG_PATH });
  } catch (error) {
    problems.push({ field: 'nodeConfig', message: wordsOf(error) });
  }
  return { input, entries, problems };
}

function ioOf(text: string): CommandIo {
  const bytes = async (): Promise<Uint8Array> => new TextEncoder().encode(text);
  const nowhere = { write: () => undefined };
  return { readFile: bytes, readStdin: bytes, stdout: nowhere, stderr: nowhere };
}

function wordsOf(error: unknown): string {
  if (!isImageError(error)) throw error;
  return error.message.replace(`"${PLACE}"`, 'The text');
}
