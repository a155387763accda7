import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { Lexer, parseDocument, Parser } from 'yaml';
import {
  type CredentialProviderConfig,
  type CredentialProviderConfigOptions,
  type CredentialProviderFile,
  mergeCredentialProviderConfigs,
} from '../../credential-provider/index.js';
import { InvalidConfigError } from '../../errors/index.js';
import { goQuote, printable } from '../../internal/index.js';
import { readBounded } from '../files/read-bounded.js';

const MAX_FILE_BYTES = 4 * 1024 * 1024;
/** The library recurses over what nests, and no exception tells of a native stack that is used up. */
const MAX_DEPTH = 64;
/** It compares each key of a map with all others. */
const MAX_TOKENS = 50_000;
const EXTENSIONS = ['.json', '.yaml', '.yml'];

/**
 * Kubelet's configuration of credential plugins, as it stands on disk.
 *
 * @public
 */
export interface CredentialProviderConfigFiles {
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
  if (path === '') throw refuse('credential provider config path is empty');
  const files = await listFiles(path);
  const hash = createHash('sha256');
  const documents: CredentialProviderFile[] = [];
  for (const file of files) {
    const bytes = await readFile(file);
    const length = new DataView(new ArrayBuffer(8));
    length.setBigUint64(0, BigInt(bytes.length));
    hash.update(new Uint8Array(length.buffer)).update(bytes);
    documents.push({ path: file, value: parseYaml(file, bytes) });
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

/** YAML 1.1, as Kubernetes reads it; JSON is a part of it. The parser's own errors quote the file. */
function parseYaml(path: string, bytes: Uint8Array): unknown {
  const text = new TextDecoder().decode(bytes);
  const excess = findExcess(text);
  if (excess !== undefined) throw refuse(`error decoding config ${goQuote(path)}: ${excess}`);
  const options = { version: '1.1', uniqueKeys: true, logLevel: 'silent', prettyErrors: false } as const;
  const document = parseDocument(text, options);
  const [fault] = document.errors;
  if (fault !== undefined)
    throw refuse(
      `error decoding config ${goQuote(path)}: ${fault.code.toLowerCase().replaceAll('_', ' ')} at ${fault.pos[0]}`,
    );
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch {
    throw refuse(`error decoding config ${goQuote(path)}: its aliases expand too far`);
  }
}

/** Why a text is not given to the composer, by the first two stages of the library, which keep a stack of their own. */
function findExcess(text: string): string | undefined {
  const parser = new Parser();
  let tokens = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) void token;
    tokens += 1;
    if (tokens > MAX_TOKENS) return `it has more than ${MAX_TOKENS} tokens`;
    if (parser.stack.length > MAX_DEPTH) return `it nests deeper than ${MAX_DEPTH} levels`;
  }
  return undefined;
}

function errnoOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' ? 'no such file or directory' : (code ?? 'unknown error');
}

function refuse(upstream: string): InvalidConfigError {
  const message = `Cannot read credential provider config: ${printable(upstream, 4096)}`;
  return new InvalidConfigError(message, { upstream, offset: undefined });
}
