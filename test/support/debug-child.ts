// Run by node/debug.test.ts in a process of its own, bundled: a pull with a wrong credential and a right one, a pull of a name with
// a password in it, and one that a foreign error ends. The secrets come by standard input.
import { text } from 'node:stream/consumers';
import { createSecret } from 'kubepull/docker-config';
import { createImageManager } from 'kubepull/image-manager';
import { createPullerImageService } from 'kubepull/image-service';
import { createKeyring } from 'kubepull/keyring';
import { createDiagnosticsTracing, createNodeRuntime } from 'kubepull/node';
import { pullImage } from 'kubepull/puller';
import { createMemoryStore } from 'kubepull/store';
import { buildImage, createLoopbackRegistry } from 'kubepull/testing';

const { right, wrong, named, foreign } = JSON.parse(await text(process.stdin)) as Record<string, string>;
const accounts = [{ username: 'right', password: right! }];
const registry = await createLoopbackRegistry({ auth: { '': { type: 'bearer', accounts } } });
registry.push('team/app', '1', buildImage({ layers: [{ files: { motd: 'hello' } }] }));
const entry = (pattern: string, username: string, password: string) => ({
  pattern,
  source: { kind: 'file', path: 'config.json' } as const,
  credential: {
    username,
    password: createSecret(password),
    identityToken: undefined,
    registryToken: undefined,
    email: undefined,
  },
});
const keyring = createKeyring([entry(`${registry.host}/team`, 'wrong', wrong!), entry(registry.host, 'right', right!)]);
const runtime = createNodeRuntime();
const store = createMemoryStore({ createHasher: runtime.createHasher });
const plainHttp = [registry.host];

// One blob after the other, so that the lines have one order.
await pullImage(`${registry.host}/team/app:1`, { runtime, store, keyring, plainHttp, maxParallelDownloads: 1 });
const images = createPullerImageService({ runtime, store, plainHttp });
const manager = createImageManager({
  images,
  createHasher: runtime.createHasher,
  tracing: createDiagnosticsTracing(),
});
const image = `https://ci:${named}@${registry.host}/team/app:1`;
const pod = { metadata: { name: 'web', namespace: 'shop', uid: '1' }, spec: { containers: [{ name: 'app', image }] } };
await manager.ensureContainerImage({ pod, container: 'app' });
await pullImage(`${registry.host}/team/app:1`, {
  runtime,
  store,
  plainHttp,
  keyring: { lookup: () => Promise.reject(new RangeError(`no ${foreign}`)) },
}).catch(() => undefined);
console.log(registry.host);
await runtime.close();
await registry.close();
