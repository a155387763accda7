import { arch, platform } from 'node:process';
import { describe, expect, it } from 'vitest';
import { systemClock } from 'kubepull/clock';
import { computeDigest } from 'kubepull/digest';
import { createNodeRuntime, readHostPlatform } from 'kubepull/node';
import { createFakeClock } from 'kubepull/testing';

describe('hostPlatform', () => {
  it("is this machine's, in OCI's words", () => {
    const { os, architecture } = readHostPlatform();
    expect(os).toBe(platform === 'win32' ? 'windows' : 'linux');
    expect(architecture).toBe(arch === 'x64' ? 'amd64' : arch);
  });
});

describe('createNodeRuntime', () => {
  it('has a hash, a clock and a platform of its own', async () => {
    await using runtime = createNodeRuntime();
    expect(computeDigest(new Uint8Array(), runtime.createHasher)).toBe(
      'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
    expect([runtime.clock, runtime.platform]).toEqual([systemClock, readHostPlatform()]);
  });

  it('takes others', async () => {
    const clock = createFakeClock();
    const other = { os: 'windows', architecture: 'arm64' };
    const runtime = createNodeRuntime({ clock, platform: other });
    expect([runtime.clock, runtime.platform]).toEqual([clock, other]);
    await runtime.close();
  });

  it.each<[string, object]>([
    ['platform', { platform: 'linux/amd64' }],
    ['clock', { clock: Date }],
    ['tracing', { tracing: () => undefined }],
  ])('refuses a %s of the wrong kind', (option, wrong) => {
    expect(() => createNodeRuntime(wrong)).toThrow(
      expect.objectContaining({
        code: 'ERR_OPTION_INVALID',
        message: expect.stringMatching(`^Cannot make a runtime: ${option} `) as string,
      }) as Error,
    );
  });
});
