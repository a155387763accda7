import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { measureFor, proofRuns } from '../support/figures.ts';
import { bundle } from '../support/leaks-bundle.ts';
import { least } from '../support/least.ts';
import { serve } from '../support/servers.ts';
import { tempDir } from '../support/temp-dir.ts';

const MIB = 1024 * 1024;
const LAYERS = 4;
const BYTES = proofRuns({ fast: 64 * MIB, full: 1024 * MIB });
const MAX_MIB = 64;
const PIECE = 64 * 1024;

const config = JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [] } });
const sha256 = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** A layer is one byte again and again, which takes no disk. */
function digestOf(byte: number, size: number): string {
  const [hash, piece] = [createHash('sha256'), Buffer.alloc(PIECE, byte)];
  for (let left = size; left > 0; left -= PIECE) hash.update(piece);
  return `sha256:${hash.digest('hex')}`;
}

function manifestOf(layers: readonly { readonly digest: string; readonly size: number }[]): string {
  const type = (name: string): string => `application/vnd.oci.image.${name}`;
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: type('manifest.v1+json'),
    config: { mediaType: type('config.v1+json'), digest: sha256(config), size: config.length },
    layers: layers.map((layer) => ({ mediaType: type('layer.v1.tar'), ...layer })),
  });
}

/** As fast as it is taken. */
function send(response: ServerResponse, byte: number, size: number): void {
  const piece = Buffer.alloc(PIECE, byte);
  let left = size;
  const go = (): void => {
    while (left > 0 && !response.destroyed) {
      left -= PIECE;
      if (!response.write(piece)) return void response.once('drain', go);
    }
    response.end();
  };
  go();
}

describe('four large layers into a store that is slower than the network [B13]', () => {
  it(`take less than ${MAX_MIB} MiB more than small ones`, { timeout: 3_600_000 }, async () => {
    const layers = Array.from({ length: LAYERS }, (_, at) => ({ digest: digestOf(at + 1, BYTES), size: BYTES }));
    const documents = new Map([
      ['large', manifestOf(layers)],
      ['small', manifestOf([])],
    ]);
    const { port } = await serve(({ url = '' }, response) => {
      const manifest = documents.get(/^\/v2\/(\w+)\/manifests\//.exec(url)?.[1] ?? '');
      const at = layers.findIndex(({ digest }) => url.endsWith(digest));
      if (manifest !== undefined) {
        response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }).end(manifest);
      } else if (at < 0) response.end(url.endsWith(sha256(config)) ? config : '{}');
      else {
        response.writeHead(200, { 'content-length': BYTES });
        send(response, at + 1, BYTES);
      }
    });
    const program = join(tempDir().path, 'sink.mjs');
    await bundle('sink-child.ts', program);
    const grown = await least(MAX_MIB, async () => {
      const { stdout } = await promisify(execFile)(process.execPath, [program, `127.0.0.1:${port}`]);
      const { wrong, grownMib } = JSON.parse(stdout) as { readonly wrong: number; readonly grownMib: number };
      expect(wrong).toBe(0);
      return grownMib;
    });
    expect(grown).toBeLessThan(MAX_MIB);
    measureFor('memory of four layers into a slow store', grown);
  });
});
