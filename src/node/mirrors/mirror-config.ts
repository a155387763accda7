import type { RegistryEndpoints } from '../../mirrors/index.js';
import { ImageError } from '../../errors/index.js';
import { plainHttpCheck, wrongOption } from '../../internal/index.js';
import type { RegistryTls } from '../transport/options.js';

/**
 * A setting of a configuration file that has no effect here.
 *
 * @public
 */
export interface IgnoredSetting {
  /** The file that it stands in. */
  readonly path: string;
  /** The setting's name, such as `dial_timeout`. */
  readonly setting: string;
  readonly because: string;
}

/**
 * What a configuration of mirrors says: the options for a pull and for its transport.
 *
 * @public
 */
export interface MirrorConfig {
  /** The option `endpoints` of a pull. */
  readonly endpoints: RegistryEndpoints;
  /** The option `tls` of `createNodeRuntime` and `createUndiciTransport`. */
  readonly tls: Readonly<Record<string, RegistryTls>>;
  /** What could not be honoured, for a log; it holds no value. */
  readonly ignored: readonly IgnoredSetting[];
}

/** Collects TLS settings by host. A transport has one for each, so of several that differ the first counts. */
export interface TlsMap {
  /** @param given - the setting as the file at `path` gives it, to see whether two are the same */
  add(host: string, tls: RegistryTls, given: unknown, path: string): void;
  record(): Readonly<Record<string, RegistryTls>>;
}

export function createTlsMap(ignored: IgnoredSetting[]): TlsMap {
  const byHost = new Map<string, { readonly tls: RegistryTls; readonly given: string }>();
  return {
    add(host, tls, setting, path) {
      const given = JSON.stringify(setting);
      const before = byHost.get(host);
      if (before === undefined) byHost.set(host, { tls, given });
      else if (before.given !== given)
        ignored.push({ path, setting: 'TLS', because: 'another file has other settings for the same host' });
    },
    record: () => Object.fromEntries([...byHost].map(([host, { tls }]) => [host, tls])),
  };
}

/** @throws ImageError when an entry is no host */
export function checkPlainHttp(hosts: readonly string[]): void {
  const wrong = wrongOption(plainHttpCheck(hosts));
  if (wrong !== undefined) throw new ImageError('ERR_OPTION_INVALID', `Cannot read mirrors with ${wrong}`);
}
