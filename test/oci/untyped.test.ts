// What a caller without types can pass.
import { describe, expect, it } from 'vitest';
import { parseDescriptor, parseImageConfig, parseManifest } from 'kubepull/oci';

const refusal = expect.objectContaining({ code: 'ERR_OPTION_INVALID' }) as Error;

describe.each([
  ['parseManifest', parseManifest],
  ['parseDescriptor', parseDescriptor],
  ['parseImageConfig', parseImageConfig],
] as const)('%s', (_, parse) => {
  it.each([undefined, null, '{}', { schemaVersion: 2 }, [123, 125]])('wants bytes, not %j', (document) => {
    expect(() => parse(document as unknown as Uint8Array)).toThrow(refusal);
  });

  it('refuses an ArrayBuffer, whose length no limit could see', () => {
    const { buffer } = new TextEncoder().encode(`{"x":"${'y'.repeat(200)}"}`);
    expect(() => parse(buffer as unknown as Uint8Array, { limits: { maxBytes: 100 } })).toThrow(refusal);
  });
});
