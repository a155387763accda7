import { createSecureContext, type SecureContext } from 'node:tls';
import { quote } from '../../internal/index.js';
import { getRegistryOrigin } from '../../mirrors/index.js';
import { optionError, type RegistryTls, type UndiciTransportOptions } from './options.js';

/** The settings of TLS connections that have no secret in them. */
export interface PlainTls {
  readonly ca?: string | readonly string[];
  /** Whether any certificate will do. */
  readonly anyCertificate?: boolean;
}

/** What a TLS connection is made with. The key is inside the context, where no print of a socket finds it. */
export interface TlsSettings {
  readonly secureContext?: SecureContext;
  readonly rejectUnauthorized?: boolean;
}

/** The same settings for agents, and as plain data if they have no secret. */
interface TlsForms {
  readonly agent: TlsSettings;
  readonly plain: PlainTls | undefined;
}

/** The settings for each origin that has its own, and for all others. */
export interface TlsPlan {
  /** What to share connections under: equal for origins with the same settings only. */
  keyOf(origin: string, registry: string | undefined): string;
  settingsOf(origin: string, registry?: string): TlsForms;
  headersFor(origin: string): Readonly<Record<string, string>>;
}

/** The settings of one registry: for itself, for its host at another port, and for where it leads to. */
interface RegistryPlan {
  readonly own: TlsForms;
  readonly elsewhere: TlsForms;
  readonly headers: Readonly<Record<string, string>>;
}

/** @throws {@link ImageError} `ERR_OPTION_INVALID` for a host that is not valid, and for certificates and keys that cannot be read */
export function planTls({ ca, tls = {} }: UndiciTransportOptions): TlsPlan {
  const common = settingsFrom('ca', { ca });
  const plans = new Map(
    Object.entries(tls).map(([host, given]): readonly [string, RegistryPlan] => {
      const name = `tls for ${quote(host)}`;
      const settings = { ...given, ca: given.ca ?? ca };
      const { cert: _cert, key: _key, ...trust } = settings;
      const headers = Object.entries(given.headers ?? {}).map(([header, value]) => [
        header.toLowerCase(),
        value.reveal(),
      ]);
      return [
        originOf(host),
        {
          own: settingsFrom(name, settings),
          // Whom to trust is known there, too; who we are is not told.
          elsewhere: settingsFrom(name, trust),
          headers: Object.fromEntries(headers) as Readonly<Record<string, string>>,
        },
      ];
    }),
  );
  const sharesHost = (origin: string, registry: string): boolean =>
    new URL(origin).hostname === new URL(registry).hostname;
  return {
    keyOf(origin, registry = '') {
      if (plans.has(origin)) return origin;
      if (!plans.has(registry)) return '';
      return `${sharesHost(origin, registry) ? 'at' : 'from'} ${registry}`;
    },
    settingsOf(origin, registry = '') {
      const plan = plans.get(origin);
      if (plan !== undefined) return plan.own;
      const lent = plans.get(registry);
      if (lent === undefined) return common;
      return sharesHost(origin, registry) ? lent.own : lent.elsewhere;
    },
    headersFor: (origin) => plans.get(origin)?.headers ?? {},
  };
}

/** A key names a registry as references do, over TLS; one that is spoken to in the clear has its scheme. */
function originOf(key: string): string {
  if (!key.startsWith('http://')) return getRegistryOrigin(key);
  return getRegistryOrigin(key.slice('http://'.length), { plainHttp: true });
}

function settingsFrom(name: string, { ca, cert, key, insecureSkipVerify = false }: RegistryTls): TlsForms {
  if ((cert === undefined) !== (key === undefined)) throw optionError(`${name}: cert and key go together`);
  const trust = insecureSkipVerify ? { rejectUnauthorized: false } : {};
  const plain =
    cert === undefined ? { anyCertificate: insecureSkipVerify, ...(ca === undefined ? {} : { ca }) } : undefined;
  if (ca === undefined && cert === undefined) return { agent: trust, plain };
  try {
    const secureContext = createSecureContext({
      ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }),
      ...(cert === undefined ? {} : { cert, key: key?.reveal() }),
    });
    return { agent: { ...trust, secureContext }, plain };
  } catch {
    // OpenSSL's own error may tell of the key.
    throw optionError(`${name}: its certificates and key cannot be read as PEM, or do not belong together`);
  }
}
