import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { buildImage } from 'kubepull/testing';
import { countFor } from '../support/figures.ts';
import { bundle } from '../support/leaks-bundle.ts';
import { least } from '../support/least.ts';
import { serve } from '../support/servers.ts';
import { sweepOf } from '../support/sweeps.ts';
import { tempDir } from '../support/temp-dir.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const MIB = 1024 * 1024;
const sha256 = (bytes: Uint8Array | string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

type Bomb = (request: IncomingMessage, response: ServerResponse, host: string) => void;

/** Sends a body without end, as fast as it is taken. */
function flood(response: ServerResponse, piece: Uint8Array): void {
  const send = (): void => {
    while (!response.destroyed) if (!response.write(piece)) return void response.once('drain', send);
  };
  send();
}

const head = (
  response: ServerResponse,
  type: string,
  more: Readonly<Record<string, string>> = {},
  status = 200,
): void => void response.writeHead(status, { 'content-type': type, ...more });

const document =
  (type: string, text: string): Bomb =>
  (_, response) => {
    head(response, type);
    response.end(text);
  };

const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: sha256('x'), size: 1 };
const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: sha256('{}'), size: 2 };
const gzipped = gzipSync(Buffer.alloc(64 * MIB));
const image = (layers: number): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config,
    layers: Array.from({ length: layers }, () => layer),
  });

/** An index that leads to another index, and so on: each is made when it is asked for. */
const nested: Bomb = (request, response) => {
  const depth = Number(/#(\d+)/.exec(decodeURIComponent(request.url ?? ''))?.[1] ?? 0);
  const entry = {
    mediaType: INDEX,
    digest: sha256(`${depth}`),
    size: 1000,
    platform: { os: 'linux', architecture: 'amd64' },
  };
  document(INDEX, JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [entry] }))(request, response, '');
};

/** By the name of their repository. */
const BOMBS: Readonly<Record<string, Bomb>> = {
  'one-byte-too-many': document(MANIFEST, image(1).padEnd(4 * MIB + 1)),
  endless: (_, response) => {
    head(response, MANIFEST);
    flood(response, Buffer.alloc(64 * 1024, ' '));
  },
  'byte-by-byte': (_, response) => {
    head(response, MANIFEST);
    response.flushHeaders();
    response.socket?.end(`${'1\r\n \r\n'.repeat(600_000)}0\r\n\r\n`);
  },
  'lies-that-it-is-short': (_, response) => {
    head(response, MANIFEST, { 'content-length': '10' });
    response.end('0123456789');
  },
  'says-that-it-is-long': (_, response) => {
    head(response, MANIFEST, { 'content-length': String(8 * 1024 * MIB) });
    flood(response, Buffer.alloc(64 * 1024, ' '));
  },
  'many-layers': document(MANIFEST, image(20_000)),
  'sixty-thousand-layers': document(MANIFEST, image(60_000)),
  nested,
  'wide-index': document(
    INDEX,
    JSON.stringify({
      schemaVersion: 2,
      mediaType: INDEX,
      manifests: Array.from({ length: 15_000 }, () => ({ ...layer, mediaType: INDEX })),
    }),
  ),
  deep: document(MANIFEST, '['.repeat(4 * MIB)),
  'one-text': document(MANIFEST, JSON.stringify({ schemaVersion: 2, mediaType: 'x'.repeat(4 * MIB - 100) })),
  'many-keys': document(
    MANIFEST,
    JSON.stringify(Object.fromEntries(Array.from({ length: 200_000 }, (_, at) => [`key${at}`, 1]))),
  ),
  'gzip-bomb': (_, response) => {
    head(response, MANIFEST, { 'content-encoding': 'gzip' });
    response.end(gzipped);
  },
  'endless-error': (_, response) => {
    head(response, 'application/json', {}, 404);
    flood(response, Buffer.alloc(64 * 1024, '['));
  },
  'endless-token': (request, response, host) => {
    if (request.url?.startsWith('/token') === true) {
      head(response, 'application/json');
      flood(response, Buffer.alloc(64 * 1024, ' '));
      return;
    }
    const challenge = `Bearer realm="http://${host}/token?for=endless-token",service="s"`;
    head(response, 'application/json', { 'www-authenticate': challenge }, 401);
    response.end('{}');
  },
  'many-headers': (_, response) => {
    head(response, MANIFEST, { 'x-long': 'x'.repeat(1 * MIB) });
    response.end(image(1));
  },
  'endless-config': (request, response) => {
    if (request.url?.includes('/blobs/') !== true) return document(MANIFEST, image(1))(request, response, '');
    head(response, 'application/octet-stream');
    flood(response, Buffer.alloc(64 * 1024));
  },
};

/** What the child says: the growth is that of its peak, in MiB. */
interface Told {
  readonly first: string;
  readonly code: string;
  readonly grown: number;
}

const REFUSED: ReadonlySet<string> = new Set(['endless-error', 'many-headers', 'nested']);
const MISMATCHED: ReadonlySet<string> = new Set(['endless-config']);
/** The code of the error that each ends in. */
const EXPECTED = Object.keys(BOMBS).map((name) => {
  const other = MISMATCHED.has(name) ? 'ERR_CONTENT_MISMATCH' : 'ERR_REGISTRY_DOCUMENT';
  return [name, REFUSED.has(name) ? 'ERR_PULL_FAILED' : other] as const;
});

describe('a bomb [M04]', () => {
  it('of 17 kinds ends in a typed error, and each takes less than 32 MiB', async () => {
    const good = buildImage({ platform: { os: 'linux', architecture: 'amd64' }, layers: [{ randomBytes: 100_000 }] });
    const { port } = await serve((request, response) => {
      const url = request.url ?? '';
      const name = /^\/v2\/([\w-]+)\//.exec(url)?.[1] ?? /for=([\w-]+)/.exec(url)?.[1] ?? '';
      const bomb = BOMBS[name];
      if (bomb !== undefined) return bomb(request, response, `127.0.0.1:${port}`);
      const digest = /sha256:[a-f\d]{64}$/.exec(url)?.[0] ?? good.descriptor.digest;
      const found = good.contents.find(({ descriptor }) => descriptor.digest === digest);
      head(response, found?.descriptor.mediaType ?? 'text/plain', {}, found === undefined ? 404 : 200);
      response.end(found?.bytes);
    });
    const program = join(tempDir().path, 'bombs.mjs');
    await bundle('bombs-child.ts', program);
    for (const [name, code] of sweepOf(EXPECTED, 5)) {
      // Its own process for each: V8 lets buffers of tens of MiB lie before it collects them.
      const growth = async (): Promise<number> => {
        const { stdout } = await promisify(execFile)(process.execPath, [
          '--max-semi-space-size=1', // What is garbage at once is given back at once, so that the peak is what was needed.
          program,
          `127.0.0.1:${port}`,
          'good',
          name,
        ]);
        const told = JSON.parse(stdout) as Told;
        expect([told.first, told.code], name).toEqual(['pulled', code]);
        return told.grown;
      };
      expect(await least(32, growth), name).toBeLessThan(32);
      countFor('bombs that took less than 32 MiB');
    }
  });
});
