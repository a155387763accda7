import type { Dispatcher } from 'undici';
import type { Secret } from '../../docker-config/index.js';
import { exchangeLimitKinds, type ExchangeLimits, exchangeLimits } from '../../distribution/inner.js';
import { ImageError } from '../../errors/index.js';
import { check, type Kind } from '../../errors/inner.js';
import * as is from '../../errors/inner.js';

/**
 * Proxies of one's own choice. A URL is `http://host:port` or `https://host:port`, with user info where the proxy wants
 * it; as a `Secret` it shows nowhere.
 *
 * @public
 */
export interface ProxySettings {
  /** For registries on plain HTTP. */
  readonly http?: string | Secret | undefined;
  /** For all others; through it goes a tunnel, so that it sees names of hosts only. */
  readonly https?: string | Secret | undefined;
  /**
   * What goes without a proxy, as in `NO_PROXY`: host names with their subdomains, `.suffixes`, addresses, CIDR ranges,
   * each with a port if need be, separated by commas; `*` is everything.
   */
  readonly noProxy?: string | undefined;
}

/**
 * - `'environment'`: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, or their lower-case names, read when the transport is
 *   made; by Go's rules, so as containerd and skopeo do.
 * - `'none'`: connections go straight out.
 *
 * @public
 */
export type ProxyOption = 'environment' | 'none' | ProxySettings;

/**
 * How TLS connections to one registry are made.
 *
 * @public
 */
export interface RegistryTls {
  /** Certificates in PEM to trust for this registry, instead of those of the transport. */
  readonly ca?: string | readonly string[] | undefined;
  /** The certificate in PEM, with its chain, that says who we are; it takes a `key`. */
  readonly cert?: string | undefined;
  /** The private key of `cert`, in PEM. */
  readonly key?: Secret | undefined;
  /**
   * Whether to take any certificate. Whoever is in the middle can then read credentials and change what is not pinned by
   * digest.
   *
   * @defaultValue `false`
   */
  readonly insecureSkipVerify?: boolean | undefined;
  /**
   * Headers for this registry, and for no other host: not for its token server, and not for where it redirects to. What the
   * library sends itself, such as an authorization, goes before them.
   *
   * @defaultValue none
   */
  readonly headers?: Readonly<Record<string, Secret>> | undefined;
}

/**
 * How connections are made.
 *
 * @public
 */
export interface UndiciTransportOptions {
  /**
   * Finds the addresses of a host name.
   *
   * @defaultValue the system's resolver
   */
  readonly lookup?: ((hostname: string) => Promise<readonly string[]>) | undefined;
  /** Certificates in PEM to trust, instead of those that Node trusts by itself. @defaultValue Node's own */
  readonly ca?: string | readonly string[] | undefined;
  /**
   * What differs for some registries, by `host` or `host:port` as in references: a key without port is for port 443 only.
   * `ca` and `insecureSkipVerify` hold for the token server and the redirects of the registry as well, as in containerd;
   * `cert` and `key` for the registry's own host at any port, and `headers` for the registry alone. A key that begins with
   * `http://` is for one that is spoken to in the clear.
   *
   * @defaultValue nothing differs
   */
  readonly tls?: Readonly<Record<string, RegistryTls>> | undefined;
  /**
   * The way out of the network.
   *
   * @defaultValue `'environment'`
   */
  readonly proxy?: ProxyOption | undefined;
  /**
   * Sends the requests instead of agents of our own. Address rules, TLS, proxies and closing are then its matter, and no
   * answer tells its peer's address.
   *
   * @defaultValue none
   */
  readonly dispatcher?: Dispatcher | undefined;
  /**
   * The longest wait for a connection: look-up of the name, connection and TLS handshake together.
   *
   * @defaultValue 10,000 ms
   */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * The longest wait for an answer once the request is sent, or for a server to take the next piece of it.
   *
   * @defaultValue 30,000 ms
   */
  readonly headersTimeoutMs?: number | undefined;
  /**
   * Bytes that the headers of an answer may have, up to 1 MiB.
   *
   * @defaultValue 16,384
   */
  readonly maxHeaderBytes?: number | undefined;
  /**
   * The longest silence within a body.
   *
   * @defaultValue 30,000 ms
   */
  readonly bodyTimeoutMs?: number | undefined;
  /**
   * What a body has to bring on average within `minRateWindowMs`, in bytes a second; 0 for no such limit. Time in which
   * the reader holds the sender up does not count.
   *
   * @defaultValue 1,024
   */
  readonly minBytesPerSecond?: number | undefined;
  /**
   * Over how long the rate of a body is taken.
   *
   * @defaultValue 60,000 ms
   */
  readonly minRateWindowMs?: number | undefined;
}

/** Bytes that the headers of an answer may have, unless the caller says otherwise. */
export const MAX_HEADER_BYTES: number = 16 * 1024;

const pem = is.optional(is.either(is.text, is.listOf(is.text)));
const flag = is.optional(is.bool);
const proxyUrl = is.optional(is.either(is.text, is.secret));

const proxyKind: Kind = is.either(
  is.oneOf('environment', 'none'),
  is.shape({ http: proxyUrl, https: proxyUrl, noProxy: is.optional(is.text) }, 'the settings of a proxy'),
);

const tlsKind: Kind = is.shape({
  ca: pem,
  cert: is.optional(is.text),
  key: is.optional(is.secret),
  insecureSkipVerify: flag,
  headers: is.optional(is.recordOf(is.secret)),
});

const HEADERS_MS = 30_000;

/**
 * The limits of each exchange.
 *
 * @throws {@link ImageError} `ERR_OPTION_INVALID` for an option of the wrong kind, and for a limit that is not a valid number
 */
export function checkTransportOptions(options: UndiciTransportOptions): ExchangeLimits {
  check<UndiciTransportOptions>('Cannot make a transport', options, {
    lookup: is.optional(is.callable),
    ca: pem,
    tls: is.optional(is.recordOf(tlsKind)),
    proxy: is.optional(proxyKind),
    dispatcher: is.optional(is.having('a dispatcher of undici', 'dispatch')),
    connectTimeoutMs: is.optional(is.timeoutMs),
    ...exchangeLimitKinds,
    maxHeaderBytes: is.optional(is.wholeFrom(1, 1024 * 1024)),
  });
  return exchangeLimits(options, HEADERS_MS);
}

/** The error for an option of a transport; what it quotes must not be a secret. */
export function optionError(fault: string): ImageError<'ERR_OPTION_INVALID'> {
  return new ImageError('ERR_OPTION_INVALID', `Cannot make a transport with ${fault}`);
}

/** The error for a runtime whose undici is none. */
export function standInError(): ImageError<'ERR_OPTION_INVALID'> {
  const reason =
    'this runtime has a stand-in for undici, as Bun does; use createFetchTransport of kubepull/distribution';
  return new ImageError('ERR_OPTION_INVALID', `Cannot make a transport: ${reason}`);
}
