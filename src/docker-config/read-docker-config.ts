import { check } from '../errors/inner.js';
import * as is from '../errors/inner.js';
import { checkSource } from './format-source.js';
import { ImageError } from '../errors/index.js';
import { encodeUtf8, readJson } from '../internal/index.js';
import { readDocument } from './document.js';
import { refuse } from './refuse.js';
import type { DockerConfig, ParseDockerConfigOptions } from './types.js';

const MAX_BYTES = 4 * 1024 * 1024;
const MAX_ENTRIES = 10_000;
const MAX_DEPTH = 64;

/**
 * Reads a docker config document whole: its entries, and what the chosen reader makes of the rest.
 *
 * `kubelet` and `lenient` report every part that kubelet ignores, with the reason; `docker` understands helpers and
 * tokens. In `docker` mode an entry with `identitytoken` has neither user name nor password, since Docker then sends
 * the token alone, and `auth` follows Docker's rules (padding is due, the user has a name, NULs around the password are
 * cut off). Docker asks a helper that is named for a registry instead of the entry; this function reports helpers and
 * runs none.
 *
 * Entries stand in the order of the document; of entries with the same key the last counts, at its place.
 *
 * @param json - the document, as text or bytes
 * @param options - the reader, the format, the source and the limits
 * @returns entries, what was skipped, what was ignored, and the helpers
 * @throws {@link InvalidConfigError} with Go's text in `upstream`; nothing of the document is in the message
 * @throws {@link ImageError} `ERR_OPTION_INVALID`
 * @example
 * ```ts
 * import { parseDockerConfig } from 'kubepull/docker-config';
 *
 * const { ignored } = parseDockerConfig('{"auths":{"r.example":{}},"credsStore":"desktop"}');
 * ignored[0]?.field; // 'credsStore'
 * ```
 * @see DockerConfigJSON in kubernetes pkg/credentialprovider/config.go, LoadFromReader in docker/cli cli/config/configfile
 * @public
 */
export function parseDockerConfig(json: string | Uint8Array, options: ParseDockerConfigOptions = {}): DockerConfig {
  const limit = is.optional(is.wholeFrom(1));
  check('Cannot read docker config', { json }, { json: is.either(is.text, is.bytes) });
  check<ParseDockerConfigOptions>('Cannot read docker config', options, {
    mode: is.optional(is.oneOf('kubelet', 'lenient', 'docker')),
    format: is.optional(is.oneOf('dockerconfigjson', 'dockercfg')),
    source: is.anything,
    maxBytes: limit,
    maxEntries: limit,
    maxDepth: limit,
  });
  const { mode = 'kubelet', format = 'dockerconfigjson', source = { kind: 'inline' } } = options;
  const { maxBytes = MAX_BYTES, maxEntries = MAX_ENTRIES, maxDepth = MAX_DEPTH } = options;
  checkSource(source);
  if (mode === 'docker' && format !== 'dockerconfigjson') {
    throw new ImageError('ERR_OPTION_INVALID', 'Cannot read docker config: no such mode for this format');
  }
  if (isLonger(json, maxBytes)) throw refuse(source, `document is larger than ${maxBytes} bytes`);
  const result = readJson(json, { maxDepth });
  if (!result.ok) throw refuse(source, result.upstream, result);
  return readDocument(result.node, { mode, format, source, maxEntries });
}

function isLonger(json: string | Uint8Array, maxBytes: number): boolean {
  if (json.length > maxBytes || typeof json !== 'string') return json.length > maxBytes;
  return json.length * 3 > maxBytes && encodeUtf8(json).length > maxBytes;
}
