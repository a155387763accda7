// Run by errors/foreign-errors.test.ts in a process of its own, bundled: pulls an image with a password that it reads from stdin.
import { text } from 'node:stream/consumers';
import { createSecret } from 'kubepull/docker-config';
import { createKeyring } from 'kubepull/keyring';
import { createNodeRuntime, nodeHasher } from 'kubepull/node';
import { pullImage } from 'kubepull/puller';
import { createMemoryStore } from 'kubepull/store';

const { host, password } = JSON.parse(await text(process.stdin)) as {
  readonly host: string;
  readonly password: string;
};
const credential = {
  username: 'u',
  password: createSecret(password),
  identityToken: undefined,
  registryToken: undefined,
  email: undefined,
};
const runtime = createNodeRuntime({ platform: { os: 'linux', architecture: 'amd64' } });
await pullImage(`${host}/team/app:1`, {
  runtime,
  store: createMemoryStore({ createHasher: nodeHasher }),
  keyring: createKeyring([{ pattern: host, credential, source: { kind: 'inline' } }]),
  plainHttp: [host],
});
await runtime.close();
