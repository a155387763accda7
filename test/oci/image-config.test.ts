import { parseImageConfig } from 'kubepull/oci';
import { describe, expect, it } from 'vitest';
import { bytesOf, DIGEST, encode } from './documents.ts';

describe('parseImageConfig', () => {
  it('reads platform, time and layers', () => {
    const bytes = bytesOf({
      created: '2026-01-02T03:04:05Z',
      architecture: 'arm64',
      os: 'linux',
      variant: 'v8',
      'os.version': '1',
      'os.features': ['a'],
      config: { Env: ['TOKEN=not ours to show'] },
      rootfs: { type: 'layers', diff_ids: [DIGEST, DIGEST] },
    });
    expect(parseImageConfig(bytes)).toEqual({
      platform: { os: 'linux', architecture: 'arm64', variant: 'v8', 'os.version': '1', 'os.features': ['a'] },
      created: '2026-01-02T03:04:05Z',
      diffIds: [DIGEST, DIGEST],
    });
  });

  it.each([
    '{}',
    '{"os":"linux"}',
    '{"architecture":"amd64"}',
    '{"os":"","architecture":"amd64"}',
    '{"os":5,"architecture":"amd64"}',
    '{"os":null,"architecture":null}',
  ])('has no platform for %s', (text) => {
    expect(parseImageConfig(encode(text))).toEqual({ platform: undefined, created: undefined, diffIds: [] });
  });

  it('counts what has an unexpected type as missing', () => {
    const text = `{"os":"linux","architecture":"amd64","variant":7,"os.version":{},"os.features":["a",1],"created":1,"rootfs":{"diff_ids":["x",1,"${DIGEST}"]}}`;
    expect(parseImageConfig(encode(text))).toEqual({
      platform: { os: 'linux', architecture: 'amd64', 'os.features': ['a'] },
      created: undefined,
      diffIds: [DIGEST],
    });
    expect(parseImageConfig(encode('{"rootfs":[]}')).diffIds).toEqual([]);
  });

  it('takes the last of two members', () => {
    expect(parseImageConfig(encode('{"os":"a","architecture":"b","os":"c"}')).platform?.os).toBe('c');
  });

  it('refuses what is no JSON object, and what is too large', () => {
    expect(() => parseImageConfig(encode('[]'))).toThrow(
      'Cannot read image config: it must be an object, not an array',
    );
    expect(() => parseImageConfig(encode('{'))).toThrow('Cannot read image config: it is not JSON');
    expect(() => parseImageConfig(encode('{}'), { limits: { maxBytes: 1 } })).toThrow('it has 2 bytes, more than 1');
  });
});
