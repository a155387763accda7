// Run by nesting.test.ts in processes of their own, bundled: hands one reader documents that nest, and says how each ended.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { review } from 'kubepull/admission';
import { runCommand } from 'kubepull/cli';
import { createCredentialProviderKeyring, parseCredentialProviderConfig } from 'kubepull/credential-provider';
import { parseDockerConfig } from 'kubepull/docker-config';
import { explainFailure } from 'kubepull/failures';
import { lintDockerConfig } from 'kubepull/lint';
import { loadImageArchive, nodeHasher, openOciLayout, openPulledRecords, validateLayout } from 'kubepull/node';
import { parseImageConfig, parseImageIndex, parseImageManifest } from 'kubepull/oci';
import { mergePullSecrets, validateSecret } from 'kubepull/pull-secrets';
import { parseImageName } from 'kubepull/reference';
import { createMemoryStore } from 'kubepull/store';
import { tarOf } from '../node/archive/tar-kit.ts';
import { TARGETS } from '../proof/hostile/targets.ts';

const [reader = '', directory = ''] = process.argv.slice(2);
const TIMES = 300_000;

/** Values that nest. */
const DEEP: Readonly<Record<string, string>> = {
  'open lists': '['.repeat(TIMES),
  'open objects': '{"a":'.repeat(TIMES),
  lists: '['.repeat(TIMES) + ']'.repeat(TIMES),
  objects: `${'{"a":'.repeat(TIMES)}1${'}'.repeat(TIMES)}`,
  'objects in lists': `${'[{"a":'.repeat(TIMES)}1${'}]'.repeat(TIMES)}`,
  'lists of Kubernetes': `${'{"kind":"List","apiVersion":"v1","items":['.repeat(TIMES / 10)}${']}'.repeat(TIMES / 10)}`,
};

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const secretOf = (text: string) => ({
  metadata: { name: 'pull', namespace: 'default' },
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': Buffer.from(text).toString('base64') },
});

/** A file of a directory of its own, with what it holds. */
function write(path: string, text: string): string {
  const file = join(directory, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  return file;
}

async function run(command: string, text: string): Promise<unknown> {
  const ignored = { write: () => undefined };
  const said: string[] = [];
  const code = await runCommand([command, '-'], {
    readFile: async () => new Uint8Array(),
    readStdin: async () => encode(text),
    stdout: ignored,
    stderr: { write: (line) => said.push(line) },
  });
  if (/RangeError|call stack/i.test(said.join(''))) throw new Error(said.join(''));
  return code;
}

async function askPlugin(text: string): Promise<unknown> {
  const plugin = {
    name: 'plugin',
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    matchImages: ['r.example'],
    defaultCacheDuration: '0s',
  };
  const config = { apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig', providers: [plugin] };
  const keyring = createCredentialProviderKeyring(parseCredentialProviderConfig(config), {
    exec: async () => encode(text),
  });
  throw (await keyring.lookup(parseImageName('r.example/app'))).sources[0]?.error;
}

/** A reader of the hostile corpus, with its laws. */
function readAs(name: string, text: string): unknown {
  return TARGETS.find((target) => target.name === name)?.run(text, () => undefined);
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

/** What a webhook gets: the library is given what the server's own parser made of the body. */
function admit(text: string): unknown {
  let object: unknown;
  try {
    object = JSON.parse(text);
  } catch {
    return undefined; // Nothing that could be handed over.
  }
  const spec = { containers: [{ name: 'app', image: 'app:1', x: object }] };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', x: object }, spec, status: object };
  const request = {
    uid: 'u',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    operation: 'UPDATE',
    object: pod,
    oldObject: { ...pod, metadata: {}, status: {}, spec: { containers: [] } },
  };
  const body = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request };
  return review(body, { phase: 'mutating', alwaysPullImages: true, defaultPolicies: true });
}

const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  manifest: (text) => parseImageManifest(encode(text)),
  index: (text) => parseImageIndex(encode(`{"schemaVersion":2,"manifests":[],"x":${text}}`)),
  config: (text) => parseImageConfig(encode(`{"os":"linux","architecture":"amd64","x":${text}}`)),
  'docker config': (text) => parseDockerConfig(encode(`{"auths":{"r.example":{"x":${text}}}}`), { mode: 'lenient' }),
  'docker config of kubelet': (text) => parseDockerConfig(encode(`{"auths":${text}}`), { mode: 'kubelet' }),
  'linted docker config': (text) => lintDockerConfig(encode(`{"auths":{"r.example":${text}}}`)),
  'pull secret': (text) => mergePullSecrets([secretOf(`{"auths":{},"x":${text}}`)]),
  'validated pull secret': (text) => validateSecret(secretOf(text)),
  plugin: (text) => askPlugin(`{"kind":"CredentialProviderResponse","auth":${text}}`),
  layout: async (text) => {
    const store = await openOciLayout(join(directory, 'layout'));
    write('layout/index.json', `{"schemaVersion":2,"manifests":[],"x":${text}}`);
    try {
      return await store.names();
    } finally {
      await store.close();
      write('layout/index.json', '{"schemaVersion":2,"manifests":[]}');
    }
  },
  'validated layout': async (text) => {
    write('bad/oci-layout', text);
    write('bad/index.json', text);
    return validateLayout(join(directory, 'bad'));
  },
  records: async (text) => {
    write('kubelet/image_manager/pulled/sha256-deep', text);
    return (await openPulledRecords(join(directory, 'kubelet'))).listRecords();
  },
  'token reply': (text) => readAs('token-reply', `{"token":"t","x":${text}}`),
  'helper reply': (text) => readAs('helper-reply', `{"Username":"u","Secret":"s","x":${text}}`),
  'error of a registry': (text) => readAs('error-reply', `{"errors":[{"code":"A","detail":${text}}]}`),
  'docker archive': (text) =>
    loadImageArchive(
      chunksOf(tarOf([{ name: 'manifest.json', content: text }])),
      createMemoryStore({ createHasher: nodeHasher }),
    ),
  'message of a node': (text) => explainFailure(`Failed to pull image "app": ${text}`),
  admission: admit,
  'kubectl, explained': (text) => run('explain', text),
  'kubectl, linted': (text) => run('lint', text),
  'yaml, linted': (text) => run('lint', `kind: Pod\nspec: ${text}`),
};

const read = READERS[reader];
if (read === undefined) console.log(JSON.stringify(Object.keys(READERS)));
else
  for (const [shape, text] of Object.entries(DEEP)) {
    const end = await Promise.resolve()
      .then(() => read(text))
      .then(
        () => 'read',
        (error: unknown) => (error as { code?: string } | undefined)?.code ?? String(error),
      );
    console.log(`${shape}: ${end}`);
  }
