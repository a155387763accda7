import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import {
  type CredentialProviderConfig,
  type CredentialProviderConfigOptions,
  type CredentialProviderFile,
  mergeCredentialProviderConfigs,
} from '../../credential-provider/index.js';
import { checkConfigOptions } from '../../credential-provider/inner.js';
import { InvalidConfigError } from '../../errors/index.js';
import { check } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';
import { goQuote, printable } from '../../internal/index.js';
import { readBounded } from '../files/read-bounded.js';

const MAX_FILE_BYTES = 4 * 1024 * 1024;
const EXTENSIONS = ['.json', '.yaml', '.yml'];

/**
 * Kubelet's configuration of credential plugins, as it stands on disk.
 *
 * @public
 */
export interface CredentialProviderConfigFiles {
  /** The plugins of all files together. */
  readonly config: CredentialProviderConfig;
  /** The files that were read, in order. */
  readonly files: readonly string[];
  /** `sha256:…` over all files, as kubelet exports it in a metric. */
  readonly hash: string;
}

/**
 * Reads kubelet's `--image-credential-provider-config`: a file, or a directory whose `.json`, `.yaml` and `.yml` files
 * are read in the order of their names.
 *
 * @param path - the file or directory
 * @param options - as for `parseCredentialProviderConfig`
 * @returns the configuration, and what it was read from
 * @throws {@link InvalidConfigError} with kubelet's text in `upstream`; it never quotes a file
 * @example
 * ```ts
 * import { readCredentialProviderConfig } from 'kubepull/node';
 *
 * const { config, hash } = await readCredentialProviderConfig('/etc/kubernetes/credential-provider.yaml');
 * console.log(config.providers.map(({ name }) => name), hash);
 * ```
 * @see readCredentialProviderConfig in kubernetes pkg/credentialprovider/plugin/config.go
 * @public
 */
export async function readCredentialProviderConfig(
  path: string,
  options: CredentialProviderConfigOptions = {},
): Promise<CredentialProviderConfigFiles> {
  check('Cannot read credential provider config', { path }, { path: is.text });
  checkConfigOptions(options);
  if (path === '') throw refuse('credential provider config path is empty');
  const files = await listFiles(path);
  const hash = createHash('sha256');
  const documents: CredentialProviderFile[] = [];
  for (const file of files) {
    const bytes = await readFile(file);
    const length = new DataView(new ArrayBuffer(8));
    length.setBigUint64(0, BigInt(bytes.length));
    hash.update(new Uint8Array(length.buffer)).update(bytes);
    documents.push({ path: file, value: await parse(file, bytes) });
  }
  return { config: mergeCredentialProviderConfigs(documents, options), files, hash: `sha256:${hash.digest('hex')}` };
}

async function listFiles(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch((error: unknown) => {
    throw refuse(`unable to access path ${goQuote(path)}: ${errnoOf(error)}`);
  });
  if (!found.isDirectory()) return [path];
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    throw refuse(`unable to read directory ${goQuote(path)}: ${errnoOf(error)}`);
  });
  const names = entries.filter((entry) => !entry.isDirectory() && EXTENSIONS.includes(extname(entry.name)));
  if (names.length === 0) throw refuse(`no configuration files found in directory ${goQuote(path)}`);
  return names.map(({ name }) => join(path, name)).toSorted();
}

async function readFile(path: string): Promise<Uint8Array> {
  const bytes = await readBounded(path, MAX_FILE_BYTES).catch((error: unknown) => {
    throw refuse(`unable to read file ${goQuote(path)}: ${errnoOf(error)}`);
  });
  if (bytes !== undefined) return bytes;
  throw refuse(`unable to read file ${goQuote(path)}: it is not a regular file of at most ${MAX_FILE_BYTES} bytes`);
}

/** The parser is loaded at the first file: most who import this read none. */
async function parse(path: string, bytes: Uint8Array): Promise<unknown> {
  const { readYaml, YamlFault } = await import('./yaml.js');
  try {
    return readYaml(bytes);
  } catch (error) {
    if (!(error instanceof YamlFault)) throw error;
    throw refuse(`error decoding config ${goQuote(path)}: ${error.message}`, error.cure);
  }
}

function errnoOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' ? 'no such file or directory' : (code ?? 'unknown error');
}

function refuse(upstream: string, cure?: string): InvalidConfigError {
  const message = `Cannot read credential provider config: ${printable(upstream, 4096)}`;
  return new InvalidConfigError(cure === undefined ? message : `${message}; ${cure}`, { upstream, offset: undefined });
}
