import { parseDockerConfigJson, type DockerConfigEntry } from '../docker-config/index.js';
import { createKeyring, type Keyring } from '../keyring/index.js';
import { quote } from '../internal/index.js';
import { usageError } from './fault.js';
import type { CommandIo, OptionValues } from './types.js';

/** The credentials beside the pull secrets of the input. */
export interface Sources {
  /** Of `--docker-config`. */
  readonly entries: readonly DockerConfigEntry[];
  /** What has to be asked, as plugins and helpers have. */
  readonly keyring: Keyring | undefined;
}

const PLUGIN_OPTIONS = ['image-credential-provider-config', 'image-credential-provider-bin-dir'] as const;

/** Opens the credentials that the options name. */
export async function openSources(values: OptionValues, io: CommandIo): Promise<Sources> {
  const [configPath, binDir] = PLUGIN_OPTIONS.map((option) => values[option]);
  if ((configPath === undefined) !== (binDir === undefined)) {
    throw usageError(`--${PLUGIN_OPTIONS.join(' and --')} go together`);
  }
  const plugins = typeof configPath === 'string' && typeof binDir === 'string' ? { configPath, binDir } : undefined;
  const isNode = values['node'] === true || plugins !== undefined;
  if (isNode && values['docker'] === true)
    throw usageError('take either the credentials of --docker or those of the node');
  const entries = await readEntries(values['docker-config'], io);
  if (!isNode && values['docker'] !== true) return { entries, keyring: undefined };
  const { loadDockerKeyring, openNodeKeyring } = await import('../node/index.js');
  return { entries, keyring: isNode ? await openNodeKeyring({ plugins }) : await loadDockerKeyring() };
}

/** A person's own credentials, unless an option says otherwise. */
export async function openOwnSources(values: OptionValues, io: CommandIo): Promise<readonly Keyring[]> {
  const { anonymous, ...rest } = values;
  const named = Object.keys(rest).some((name) => /^(?:docker|node|docker-config|image-credential-.*)$/u.test(name));
  if (anonymous === true && named) throw usageError('--anonymous and options that name credentials exclude each other');
  const { entries, keyring } = await openSources(named || anonymous === true ? rest : { ...rest, docker: true }, io);
  return [createKeyring(entries), ...(keyring === undefined ? [] : [keyring])];
}

async function readEntries(path: OptionValues[string], io: CommandIo): Promise<readonly DockerConfigEntry[]> {
  if (typeof path !== 'string') return [];
  let bytes: Uint8Array;
  try {
    bytes = await io.readFile(path);
  } catch (error) {
    const code = String((error as { readonly code?: unknown }).code);
    throw usageError(
      `cannot read --docker-config ${quote(path)}: ${code === 'ENOENT' ? 'there is no such file' : code}`,
    );
  }
  return parseDockerConfigJson(bytes, { kind: 'file', path });
}
