import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aggregateErrorTexts, pullImage, pullImageEvents, formatStoreName } from 'kubepull/puller';
import {
  planBackoff,
  createKeyring,
  decidePull,
  defaultPodPullPolicies,
  formatLookup,
  formatPlatform,
  formatReference,
  type Keyring,
  mergePullSecrets,
  parseImageName,
  parseReference,
  PullFailedError,
  selectPullSecrets,
  type PullPolicy,
} from 'kubepull';
import { createPullStepEvent, decideWaitingAfterFailure, decideWaitingInBackOff } from 'kubepull/image-manager';
import { createNodeRuntime, openOciLayout } from 'kubepull/node';
import { buildImage, buildIndex, createLoopbackRegistry, type LoopbackRegistry } from 'kubepull/testing';
import { parse, parseAllDocuments } from 'yaml';
import { bad, block, chapter, facts, good, note, size } from './print.js';
import { followPull } from './progress.js';

/** Everything under example.test is the loopback registry: a name of its own, without a DNS server. */
const lookup = async (): Promise<readonly string[]> => ['127.0.0.1'];

/** `npm start`: the way of one private image, step by step, and of one that does not exist. */
export async function tellStory(signal: AbortSignal): Promise<void> {
  const registry = await startRegistry();
  const runtime = createNodeRuntime({ lookup });
  const out = await mkdtemp(join(tmpdir(), 'kubepull-layout-'));
  try {
    const host = `registry.example.test:${registry.port}`;
    const { pod, secrets } = await readManifests(registry.port);
    const image = showReference(pod.spec.containers[0]?.image ?? '');
    const policy = showPolicy(pod);
    const keyring = await showCredentials(image, pod, secrets);
    const store = await openOciLayout(out);
    const pull = { runtime, store, keyring, plainHttp: [host], signal };

    chapter('4. The pull');
    const pulled = await followPull(pullImageEvents(image, pull));
    facts([
      ['image ID', pulled.imageRef],
      ['repo digest', pulled.repoDigest],
      ['platform', pulled.platform && formatPlatform(pulled.platform)],
    ]);
    await showLayout(out);
    await showSecondRun(image, policy, (await store.resolve(formatStoreName(image))) !== undefined);
    await showMissingImage(image.replace(/web:.*/u, 'wbe:1.4'), pull);
    console.log();
    note(`The registry answered ${registry.requests.length} requests.`);
  } finally {
    await runtime.close();
    await registry.close();
    await rm(out, { recursive: true, force: true });
  }
}

/** A registry with one private image for three platforms. */
async function startRegistry(): Promise<LoopbackRegistry> {
  const accounts = [
    { username: 'puller', password: 'correct-horse-battery' },
    { username: 'team', password: 'glob-password-of-the-team' },
  ];
  const registry = await createLoopbackRegistry({ auth: { 'team/': { type: 'bearer', accounts } } });
  const platforms = [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64', variant: 'v8' },
    { os: 'linux', architecture: 'arm', variant: 'v7' },
  ];
  const images = platforms.map((platform) =>
    buildImage({
      platform,
      layers: [
        { files: { 'etc/motd': 'Pulled as kubelet pulls.\n' } },
        { randomBytes: 3 * 1024 * 1024, seed: platform.architecture },
      ],
    }),
  );
  registry.push('team/web', '1.4', buildIndex(images));
  return registry;
}

/** The pod and the secrets of its namespace, as `kubectl apply` would get them. */
async function readManifests(port: number): Promise<{ pod: ExamplePod; secrets: readonly ExampleSecret[] }> {
  const read = async (name: string): Promise<string> => {
    const text = await readFile(new URL(`../../docs/examples/manifests/${name}`, import.meta.url), 'utf8');
    return text.replaceAll('PORT', String(port));
  };
  const pod = parse(await read('pod.yaml')) as ExamplePod;
  const secrets = parseAllDocuments(await read('secrets.yaml')).map((document) => document.toJS() as ExampleSecret);
  return { pod, secrets };
}

interface ExamplePod {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly spec: {
    readonly imagePullSecrets: readonly { readonly name: string }[];
    readonly containers: readonly { readonly name: string; readonly image: string }[];
  };
}

interface ExampleSecret {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly type: string;
  readonly stringData: Readonly<Record<string, string>>;
}

function showReference(image: string): string {
  chapter('1. The image reference');
  const ref = parseReference(image);
  facts([
    ['in the pod', image],
    ['registry', ref.domain],
    ['repository', ref.path],
    ['tag', ref.tag],
    ['digest', ref.digest],
    ['in full', formatReference(ref)],
  ]);
  return image;
}

function showPolicy(pod: ExamplePod): PullPolicy {
  chapter('2. The pull policy');
  const { decisions } = defaultPodPullPolicies(pod);
  for (const { container, policy, reason } of decisions)
    good(`container ${container}: ${policy}, because of ${reason}`);
  return (decisions[0]?.policy ?? 'IfNotPresent') as PullPolicy;
}

async function showCredentials(image: string, pod: ExamplePod, secrets: readonly ExampleSecret[]): Promise<Keyring> {
  chapter('3. The credentials, in the order in which kubelet tries them');
  const { found, missing } = selectPullSecrets(pod, secrets);
  const { entries, skipped } = mergePullSecrets(found);
  const keyring = createKeyring(entries);
  block(formatLookup(keyring.lookup(parseImageName(image))));
  note(`${found.length} secrets found, ${missing.length} missing, ${skipped.length} of a type that kubelet ignores`);
  return keyring;
}

/** Reads the layout with nothing but Node, so that the library does not vouch for itself. */
async function showLayout(directory: string): Promise<void> {
  chapter('5. The OCI layout on disk');
  const blobs = join(directory, 'blobs', 'sha256');
  for (const name of await readdir(blobs)) {
    const content = await readFile(join(blobs, name));
    const sound = createHash('sha256').update(content).digest('hex') === name;
    (sound ? good : bad)(
      `blobs/sha256/${name.slice(0, 12)}…  ${size(content.length)}, hash ${sound ? 'right' : 'WRONG'}`,
    );
  }
}

async function showSecondRun(image: string, policy: PullPolicy, present: boolean): Promise<void> {
  chapter('6. The second start of the container');
  const decision = decidePull({ image, policy, present });
  facts([
    ['policy', policy],
    ['in the store', present ? 'yes' : 'no'],
    ['decision', decision.action],
    ['event', decision.action === 'pull' ? undefined : decision.event.message],
  ]);
}

async function showMissingImage(image: string, pull: Parameters<typeof pullImage>[1]): Promise<void> {
  chapter('7. An image that does not exist');
  const failure = await pullImage(image, pull).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(failure instanceof PullFailedError)) throw failure;
  const text = aggregateErrorTexts(failure.attempts.map(({ error }) => error.message));
  const waiting = decideWaitingAfterFailure(image, text);
  for (const { rank, error } of failure.attempts) bad(`credential ${rank}: ${error.message}`);
  const then = decideWaitingInBackOff(image, waiting);
  facts([
    ['event', createPullStepEvent(image, { step: 'pulling' }).message],
    ['event', createPullStepEvent(image, { step: 'failed', errorText: text }).message],
    ['event', createPullStepEvent(image, { step: 'error', error: waiting.reason }).message],
    ['reason', waiting.reason],
    ['message', waiting.message],
    ['then', then.reason],
    ['message', then.message],
    ['waits', `${firstDelays(7).join(', ')}, and so on`],
  ]);
}

/** How long kubelet waits after each of the first failures. */
function firstDelays(count: number): readonly string[] {
  const delays: string[] = [];
  for (const { failure, delayMs } of planBackoff()) {
    delays.push(`${delayMs / 1000} s`);
    if (failure === count) break;
  }
  return delays;
}
