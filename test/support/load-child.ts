// Run by proof/load.test.ts in a process of its own, bundled, with the garbage collector exposed: does one thing again and again,
// all of it with one signal, and says what is left of it in memory, in listeners and in descriptors.
import { getEventListeners } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createBackoffTracker } from 'kubepull/backoff';
import { createCredentialProviderKeyring, parseCredentialProviderConfig } from 'kubepull/credential-provider';
import { createTokenCache } from 'kubepull/distribution';
import { parseDockerConfig } from 'kubepull/docker-config';
import { explainPull } from 'kubepull/explain';
import { createImageManager } from 'kubepull/image-manager';
import { createKeyring } from 'kubepull/keyring';
import { lintDockerConfig, lintPod } from 'kubepull/lint';
import { openNodeKeyring, createNodeRuntime, nodeHasher, openOciLayout } from 'kubepull/node';
import { createDownloadPool, pullImage } from 'kubepull/puller';
import { createPullSecret } from 'kubepull/pull-secrets';
import { parseImageName } from 'kubepull/reference';
import { createMemoryStore } from 'kubepull/store';
import { createFakeClock } from 'kubepull/testing';

const [scenario = '', rounds = '', host = ''] = process.argv.slice(2);
const { signal } = new AbortController();
const call = { signal };

type Step = (at: number) => unknown;

interface Scenario {
  readonly step: Step;
  readonly close?: () => unknown;
}

const auths = {
  'r.example': { username: 'u', password: 'example-1' },
  '*.example/team': { username: 'v', password: 'example-2' },
};
const config = JSON.stringify({ auths });
const podOf = (image: string) => ({
  metadata: { name: 'web', namespace: 'shop', uid: 'u' },
  spec: { containers: [{ name: 'web', image, imagePullPolicy: 'Always' }], imagePullSecrets: [{ name: 'team' }] },
});
const secret = createPullSecret({
  name: 'team',
  namespace: 'shop',
  server: 'r.example',
  username: 'u',
  password: 'example-3',
});
const plugins = parseCredentialProviderConfig({
  apiVersion: 'kubelet.config.k8s.io/v1',
  kind: 'CredentialProviderConfig',
  providers: [
    {
      name: 'plugin',
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      matchImages: ['*.example'],
      defaultCacheDuration: '1m',
    },
  ],
});
const answer = (image: string): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      kind: 'CredentialProviderResponse',
      cacheKeyType: 'Image',
      cacheDuration: '1m',
      auth: { [image]: { username: 'u', password: `example-${image}` } },
    }),
  );

/** By name. Each name is new, so that whatever is kept by name would grow. */
const SCENARIOS: Readonly<Record<string, () => Scenario | Promise<Scenario>>> = {
  'look-ups in a keyring': () => {
    const keyring = createKeyring(parseDockerConfig(config).entries);
    return { step: (at) => keyring.lookup(parseImageName(`r.example/team/app${at}:1`)) };
  },
  'look-ups in the keyring of a node': async () => {
    const rootDir = mkdtempSync(join(tmpdir(), 'kubepull-load-'));
    mkdirSync(rootDir, { recursive: true });
    writeFileSync(join(rootDir, 'config.json'), config);
    // A file is read again after a while: at each look-up here.
    const clock = createFakeClock();
    const keyring = await openNodeKeyring({ rootDir, workingDir: rootDir, home: rootDir, clock });
    return {
      step: async (at) => {
        await keyring.lookup(parseImageName(`r.example/team/app${at}:1`), call);
        await clock.advance(600_000);
      },
      close: () => rmSync(rootDir, { recursive: true }),
    };
  },
  'look-ups with a plugin': async () => {
    const clock = createFakeClock();
    const exec = async (): Promise<Uint8Array> => answer('r.example');
    const keyring = createCredentialProviderKeyring(plugins, { exec, clock });
    return {
      step: async (at) => {
        await keyring.lookup(parseImageName(`r.example/team/app${at}:1`), call);
        await clock.advance(2000);
      },
    };
  },
  explanations: () => ({
    step: (at) => explainPull(podOf(`r.example/team/app${at}:1`), 'web', { secrets: [secret] }),
  }),
  'lint of pods and configs': () => ({
    step: (at) => [lintPod(podOf(`r.example/team/App${at}:1`)), lintDockerConfig(config.replace('r.example', `${at}`))],
  }),
  tokens: () => {
    const cache = createTokenCache();
    const renew = async (): Promise<{ token: string; lifetimeMs: number }> => ({
      token: 't'.repeat(1000),
      lifetimeMs: 9e6,
    });
    return { step: (at) => cache.get({ key: `key ${at}`, renew, signal }) };
  },
  'failures that are backed off': async () => {
    const clock = createFakeClock();
    const tracker = createBackoffTracker({ clock });
    return {
      step: async (at) => {
        tracker.next(`key ${at}`);
        await clock.advance(2000);
        if (at % 100 === 0) tracker.gc();
      },
    };
  },
  'images that a manager fails to bring': async () => {
    const clock = createFakeClock();
    const images = {
      imageStatus: async () => undefined,
      pullImage: async ({ image: { image } }: { readonly image: { readonly image: string } }) => {
        if (!image.includes('app0')) throw new Error('denied');
        return 'sha256:0';
      },
      listImages: async () => [],
      removeImage: async () => undefined,
      imageFsInfo: async () => [],
    };
    const manager = createImageManager({ images, clock, createHasher: nodeHasher, onEvent: () => undefined });
    return {
      step: async (at) => {
        // One of a hundred succeeds, and what has run out is forgotten then.
        const image = at % 100 === 0 ? 'r.example/team/app0:1' : `r.example/team/app${at}:1`;
        await manager.ensureContainerImage({ pod: podOf(image), container: 'web', pullSecrets: [secret], signal });
        await clock.advance(2000);
      },
    };
  },
  'pulls into memory': () => pulls(async () => createMemoryStore({ createHasher: nodeHasher })),
  'pulls into a layout': async () => {
    const directory = mkdtempSync(join(tmpdir(), 'kubepull-load-'));
    const store = await openOciLayout(directory);
    const scene = pulls(async () => store);
    return {
      step: scene.step,
      close: async () => {
        await scene.close?.();
        rmSync(directory, { recursive: true });
      },
    };
  },
};

function pulls(open: () => Promise<ReturnType<typeof createMemoryStore>>): Scenario {
  const runtime = createNodeRuntime({ platform: { os: 'linux', architecture: 'amd64' }, proxy: 'none' });
  const downloads = createDownloadPool();
  const keyring = createKeyring(parseDockerConfig(config.replace('r.example', host)).entries);
  const step: Step = async () =>
    pullImage(`${host}/app:1`, { runtime, store: await open(), keyring, downloads, plainHttp: [host], signal });
  return { step, close: runtime.close };
}

const countFds = (): number => readdirSync('/proc/self/fd').length;

/** What is reachable, in bytes: garbage is collected until there is no more. */
async function heapNow(): Promise<number> {
  let least = Infinity;
  for (let tries = 0; tries < 5; tries += 1) {
    globalThis.gc?.();
    await sleep(20);
    least = Math.min(least, process.memoryUsage().heapUsed);
  }
  return least;
}

const make = SCENARIOS[scenario];
if (make === undefined) throw new Error(`No scenario ${scenario}`);
const fdsBefore = countFds();
const { step, close } = await make();
const count = Number(rounds);
let at = 1;
const run = async (times: number): Promise<void> => {
  for (const end = at + times; at < end; at += 1) await step(at);
};
// Code is compiled, and what is kept up to a limit is filled.
await run(Math.max(Math.min(count, 1000), count / 4));
const [before, fds] = [await heapNow(), countFds()];
await run(count);
const after = await heapNow();
const moreFds = countFds() - fds;
await close?.();
for (let tries = 0; tries < 100 && countFds() > fdsBefore; tries += 1) await sleep(50);
console.log(
  JSON.stringify({
    grownMib: (after - before) / 1_048_576,
    moreFds,
    leftFds: countFds() - fdsBefore,
    timers: process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length,
    listeners: getEventListeners(signal, 'abort').length,
  }),
);
