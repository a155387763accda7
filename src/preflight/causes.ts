import type { AnyImageError, RegistryError, TransportError } from '../errors/index.js';
import { explainFailure, type FailureCause } from '../failures/index.js';
import { ruleOf } from '../failures/inner.js';
import type { FailedAttempt, PreflightFailure } from './types.js';

/** How an attempt was made: what a refusal means depends on it. */
export interface Shown {
  /** Whether there was a credential to show. */
  readonly credential: boolean;
  /** Whether a token server had taken it, as far as a URL is concerned. */
  readonly granted: (url: string) => boolean;
}

/** What a connection fails with. */
const ERRNO: readonly (readonly [RegExp, FailureCause])[] = [
  [/ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH/, 'tls-name'],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/, 'tls-expired'],
  [/UNABLE_TO_(?:VERIFY|GET_ISSUER)|SELF_SIGNED|DEPTH_ZERO|CERT_UNTRUSTED|INVALID_CA/, 'tls-authority'],
  [/ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|HPE_INVALID/, 'plain-http'],
  [/ECONNREFUSED/, 'refused'],
  [/EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL/, 'unreachable'],
  [/TIMEOUT|ETIMEDOUT|did not begin in time|came too slowly|the answer stopped/, 'timeout'],
  [/proxy|UND_ERR_PRX/i, 'proxy'],
  [/ENOTFOUND|EAI_/, 'dns'],
];

/** What a registry says beside its status, by its codes. */
const DIAGNOSES: ReadonlyMap<string, FailureCause> = new Map([
  ['TOOMANYREQUESTS', 'rate-limit'],
  ['MANIFEST_UNKNOWN', 'tag'],
  ['TAG_UNKNOWN', 'tag'],
  ['NOT_FOUND', 'tag'],
  ['NAME_UNKNOWN', 'repository'],
  ['NAME_INVALID', 'repository'],
]);

/** The cause of one failure. */
export function causeOf(error: AnyImageError, shown: Shown): FailureCause {
  switch (error.code) {
    case 'ERR_REFERENCE_INVALID':
      return 'name';
    case 'ERR_CONFIG_INVALID':
      return 'secret-malformed';
    case 'ERR_PLATFORM_NOT_FOUND':
      return 'platform';
    case 'ERR_CONTENT_MISMATCH':
      return 'content';
    case 'ERR_REQUEST_REFUSED':
      return 'policy';
    case 'ERR_IMAGE_REFUSED':
      return 'signature';
    case 'ERR_REGISTRY_DOCUMENT':
      return /its Content-Type|without a Content-Type|Content-Encoding/.test(error.message) ? 'registry' : 'format';
    case 'ERR_TRANSPORT':
      return transportCause(error);
    case 'ERR_REGISTRY_RESPONSE':
      return responseCause(error, shown);
    case 'ERR_STORE':
      return 'disk';
    default:
      return explainFailure(error.message).cause;
  }
}

function transportCause(error: TransportError): FailureCause {
  const { cause } = error as { readonly cause?: unknown };
  const text = `${error.message} ${cause instanceof Error ? cause.message : ''}`;
  const found = ERRNO.find(([pattern]) => pattern.test(text))?.[1];
  if (found !== undefined) return found;
  if (error.phase === 'lookup') return 'dns';
  if (error.phase === 'tls') return 'tls';
  return error.phase === 'connect' ? 'unreachable' : 'interrupted';
}

function responseCause(error: RegistryError, shown: Shown): FailureCause {
  const { status, diagnostics } = error;
  if (status === 429) return 'rate-limit';
  if (status === 407) return 'proxy';
  const words = diagnostics.map(({ message }) => message).join(' ');
  if (/\bquota\b|billing|subscription/i.test(words)) return 'quota';
  if (status === 400 && /HTTPS? /.test(words)) return 'plain-http';
  const said = diagnostics.map(({ code }) => DIAGNOSES.get(code)).find((cause) => cause !== undefined);
  if (said !== undefined && status !== 401) return said;
  if (status === 401) return unauthorizedCause(error, shown);
  if (status === 403) return shown.credential ? 'forbidden' : 'denied';
  if (status === 404) return 'tag';
  return 'registry';
}

/** Who got a token has the right account; what the registry refuses then is a right. */
function unauthorizedCause({ url }: RegistryError, { credential, granted }: Shown): FailureCause {
  if (!credential) return 'auth-missing';
  return granted(url) ? 'forbidden' : 'auth-wrong';
}

/** From the least to the most that an attempt got to know; whatever is not here says more. */
const PROGRESS: readonly FailureCause[] = ['auth-missing', 'auth-wrong', 'denied', 'forbidden'];

/** The attempt that says most: of the last endpoint, and there the one that got furthest; of equals the first. */
export function decisiveOf(attempts: readonly FailedAttempt[]): FailedAttempt | undefined {
  const progress = ({ cause }: FailedAttempt): number => {
    const at = PROGRESS.indexOf(cause);
    return at === -1 ? PROGRESS.length : at;
  };
  const origin = attempts.at(-1)?.endpoint.origin;
  const last = attempts.filter(({ endpoint }) => endpoint.origin === origin);
  return last.toSorted((a, b) => progress(b) - progress(a))[0];
}

/** The failure as a report has it. */
export function failureOf(cause: FailureCause, message: string, error?: AnyImageError): PreflightFailure {
  const { title, cure } = ruleOf(cause);
  return { cause, title, cure, message, error };
}
