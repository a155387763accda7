import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Certificate } from '../support/certificate.ts';
import { tempDir } from '../support/temp-dir.ts';
import { freeHost, startDaemon } from './servers.ts';

/** An nginx in front of something. */
export interface Nginx {
  /** `127.0.0.1:port`. */
  readonly host: string;
  readonly origin: string;
  /** A line for each request that is over. */
  log(): readonly LogLine[];
}

export interface LogLine {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly bytes: number;
  readonly seconds: number;
  /** The scheme of the credential. */
  readonly authorization: string | undefined;
}

export interface NginxOptions {
  /**
   * Where it listens.
   *
   * @defaultValue a free port
   */
  readonly host?: string;
  readonly certificate: Certificate;
  /** Lines of the `http` block, such as zones. */
  readonly http?: readonly string[];
  /** Lines of the server. */
  readonly server: readonly string[];
}

/** The scheme of the credential is enough for a test, and all that a log may have. */
const LOG_FORMAT = `map $http_authorization $shown { default "-"; "~^(?<word>\\w+) " $word; }
log_format test '$request_method $uri $status $bytes_sent $request_time $shown';`;

/** Starts nginx with TLS on a free port; it ends with the test. */
export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const { certificate, http = [], server, host = await freeHost() } = options;
  const directory = tempDir();
  const at = (name: string): string => join(directory.path, name);
  const temps = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  // What the lines hold is the test's own affair: they may sign URLs, which the log of errors would repeat.
  const config = directory.secretFile(
    'nginx.conf',
    `daemon off; master_process off; user root; pid ${at('pid')}; error_log ${at('error.log')} crit;
events {}
http {
  ${LOG_FORMAT}
  access_log ${at('access.log')} test;
  ${temps.map((name) => `${name}_temp_path ${at(name)};`).join(' ')}
  ${http.join('\n  ')}
  server {
    listen ${host} ssl sndbuf=64k;
    ssl_certificate ${directory.secretFile('cert.pem', certificate.cert)};
    ssl_certificate_key ${directory.secretFile('key.pem', certificate.key)};
    ${server.join('\n    ')}
  }
}
`,
  );
  const origin = `https://${host}`;
  const daemon = await startDaemon('nginx', ['-c', config, '-e', at('error.log')], `${origin}/`);
  onTestFinished(() => daemon.kill());
  return { host, origin, log: () => readFileSync(at('access.log'), 'utf8').split('\n').flatMap(readLine) };
}

function readLine(line: string): readonly LogLine[] {
  const [method, path, status, bytes, seconds, scheme] = line.split(' ');
  if (method === undefined || path === undefined || scheme === undefined) return [];
  const authorization = scheme === '-' ? undefined : scheme;
  return [{ method, path, status: Number(status), bytes: Number(bytes), seconds: Number(seconds), authorization }];
}

/** Lines that hand requests on to an origin; answers are not piled up on the way. */
export function proxyTo(origin: string, ...more: readonly string[]): string {
  const lines = ['proxy_http_version 1.1', 'proxy_set_header Host $http_host', 'proxy_max_temp_file_size 0', ...more];
  return `proxy_pass ${origin}; ${lines.map((line) => `${line};`).join(' ')}`;
}
