// What stands between the client and a registry: nothing, or an nginx that makes things hard.
import { type Certificate, createCertificate } from '../support/certificate.ts';
import { eventually } from '../support/servers.ts';
import { freeHost } from './servers.ts';
import { type Nginx, proxyTo, startNginx } from './servers-nginx.ts';
import type { RealRegistry } from './servers-registry.ts';

export const FRONTS = ['direct', 'TLS', '307 to a second origin', '429', 'limit_rate', '504'] as const;
export type FrontKind = (typeof FRONTS)[number];

/** For each connection, and only from its second second on. */
const LIMIT_BYTES_PER_SECOND = 3 * 1024 * 1024;

/** Where a front will be, before there is anything behind it: the realm of a token server has to be told in advance. */
export interface Place {
  readonly kind: FrontKind;
  /** `undefined` for none. */
  readonly host: string | undefined;
  readonly certificate: Certificate;
}

/** What a front hands requests on to. */
export interface Behind {
  readonly registry: RealRegistry;
  /** The origin of the token server, for those that ask for tokens at the front. */
  readonly tokens: string | undefined;
  /** Whether the files of the registry are all there, so that another server can serve them. */
  readonly stored: boolean;
  /** A secret for the query of URLs that are signed. */
  readonly signature: string;
}

export interface Front {
  readonly host: string;
  readonly ca: string | undefined;
  /** Does what makes this front hard while a pull is on. */
  during(): Promise<void>;
  /** How often content was asked for; where there is no log, we take it that it was asked for again. */
  asked(digest: string): number;
  /** What went wrong on purpose, as the logs have it. */
  troubles(): readonly string[];
}

export async function reserveFront(kind: FrontKind): Promise<Place> {
  return { kind, host: kind === 'direct' ? undefined : await freeHost(), certificate: createCertificate() };
}

export async function openFront(place: Place, behind: Behind): Promise<Front> {
  const { host, certificate, kind } = place;
  if (host === undefined) {
    return {
      host: behind.registry.host,
      ca: undefined,
      during: async () => {},
      asked: () => Infinity,
      troubles: () => [],
    };
  }
  const second = kind === '307 to a second origin' ? await startSecondOrigin(certificate, behind) : undefined;
  const nginx = await startNginx({ certificate, host, ...linesOf(kind, behind, second) });
  return {
    host,
    ca: certificate.cert,
    during: () => (kind === '504' ? hangUntilNoticed(behind.registry, nginx) : Promise.resolve()),
    asked: (digest) => nginx.log().filter(({ path }) => path.endsWith(digest)).length,
    troubles: () => [...new Set([...troublesOf(nginx), ...(second === undefined ? [] : secondOriginLog(second))])],
  };
}

function linesOf(
  kind: FrontKind,
  { registry, tokens, signature }: Behind,
  second: Nginx | undefined,
): { readonly http: readonly string[]; readonly server: readonly string[] } {
  const token = tokens === undefined ? [] : [`location = /token { proxy_pass ${tokens}; }`];
  const location = (...lines: readonly string[]): string => `location / { ${proxyTo(registry.origin, ...lines)} }`;
  switch (kind) {
    case '307 to a second origin': {
      const target = `${second?.origin}$uri?X-Amz-Signature=${signature}`;
      return { http: [], server: [...token, location(), `location ~ /blobs/ { return 307 ${target}; }`] };
    }
    case '429':
      return {
        http: ['limit_req_zone $binary_remote_addr zone=all:1m rate=4r/s;'],
        server: [
          ...token,
          location('limit_req zone=all burst=1 nodelay', 'limit_req_status 429', 'error_page 429 @busy'),
          'location @busy { add_header Retry-After 1 always; return 429; }',
        ],
      };
    case 'limit_rate':
      return { http: [], server: [...token, location(`limit_rate ${LIMIT_BYTES_PER_SECOND}`)] };
    case '504':
      return { http: [], server: [...token, location('proxy_connect_timeout 1s', 'proxy_read_timeout 1s')] };
    default:
      return { http: [], server: [...token, location()] };
  }
}

/** Serves the registry's files, or what it hands out, as the storage of a cloud does: it knows no accounts. */
async function startSecondOrigin(certificate: Certificate, { registry, stored }: Behind): Promise<Nginx> {
  const files = `${registry.data}/docker/registry/v2/blobs/sha256`;
  const location = stored
    ? `location ~ "/blobs/sha256:(..)(.+)$" { alias ${files}/$1/$1$2/data; }`
    : `location / { ${proxyTo(registry.origin)} }`;
  return startNginx({ certificate, server: [location] });
}

async function hangUntilNoticed(registry: RealRegistry, nginx: Nginx): Promise<void> {
  registry.pause();
  await eventually(() => nginx.log().some(({ status }) => status === 504));
  registry.resume();
}

function troublesOf(nginx: Nginx): readonly string[] {
  return nginx.log().flatMap(({ status, bytes, seconds }) => {
    if ([307, 429, 504].includes(status)) return [String(status)];
    return bytes > 2 * LIMIT_BYTES_PER_SECOND && seconds > 1 ? ['slow'] : [];
  });
}

function secondOriginLog(second: Nginx): readonly string[] {
  return second.log().flatMap(({ path, status, authorization }) => {
    if (!path.includes('/blobs/')) return [];
    return [`${status} from the second origin, authorization ${authorization ?? 'none'}`];
  });
}
