import { createSecureContext, type SecureContext } from 'node:tls';
import { registryOrigin } from '../../mirrors/index.js';
import { quote } from '../../internal/index.js';
import { optionError } from './option-error.js';
import type { RegistryTls, UndiciTransportOptions } from './options.js';

/** What a TLS connection is made with. The key is inside the context, where no print of a socket finds it. */
export interface TlsSettings {
  readonly secureContext?: SecureContext;
  readonly rejectUnauthorized?: boolean;
}

/** The settings for each origin that has its own, and for all others. */
export interface TlsPlan {
  /** What to share connections under: equal for origins with the same settings only. */
  keyOf(origin: string): string;
  settingsOf(origin: string): TlsSettings;
}

/** @throws {@link ImageError} `ERR_OPTION_INVALID` for a host that is none, and for certificates and keys that are none */
export function planTls({ ca, tls = {} }: UndiciTransportOptions): TlsPlan {
  const common = settingsFrom('ca', { ca });
  const own = new Map(
    Object.entries(tls).map(([host, given]) => [
      registryOrigin(host),
      settingsFrom(`tls for ${quote(host)}`, { ...given, ca: given.ca ?? ca }),
    ]),
  );
  return {
    keyOf: (origin) => (own.has(origin) ? origin : ''),
    settingsOf: (origin) => own.get(origin) ?? common,
  };
}

function settingsFrom(name: string, { ca, cert, key, insecureSkipVerify = false }: RegistryTls): TlsSettings {
  if ((cert === undefined) !== (key === undefined)) throw optionError(`${name}: cert and key go together`);
  const trust = insecureSkipVerify ? { rejectUnauthorized: false } : {};
  if (ca === undefined && cert === undefined) return trust;
  try {
    const secureContext = createSecureContext({
      ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }),
      ...(cert === undefined ? {} : { cert, key: key?.reveal() }),
    });
    return { ...trust, secureContext };
  } catch {
    // OpenSSL's own error may tell of the key.
    throw optionError(`${name}: its certificates and key cannot be read as PEM, or do not belong together`);
  }
}
