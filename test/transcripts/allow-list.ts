// Which names of images that are there an allow list covers, and by which names pulls are recorded.
import { createCriImageService } from 'kubepull/cri';
import { createImageManager, type EnsureImageResult, type PullConfiguration } from 'kubepull/image-manager';
import { nodeHasher, openPulledRecords } from 'kubepull/node';
import type { SecretLike } from 'kubepull/pull-secrets';
import { createComparison, type Replay } from './comparison.ts';
import { releaseOf, type Source } from './node-inputs.ts';
import { createRecordsFolder, type RecordFiles, uidsIn, withOrderOfTimes } from './records-folder.ts';
import { startScriptedRuntime } from './scripted-runtime.ts';

export interface AllowListFile {
  readonly source: Source;
  readonly inputs: { readonly kubeletConfiguration: PullConfiguration };
  readonly cases: readonly {
    readonly image: string;
    readonly present: boolean;
    /** What the pod had to show: nothing. */
    readonly credentials: 'none';
    readonly pulled: boolean;
    /** `running`, or reason and message. */
    readonly state: string;
  }[];
  /** What was written of pulls of other images, with one secret. */
  readonly records: RecordFiles;
}

/** What the recorded registry answered to those who had nothing to show. */
const DENIED = 'access denied';
/** The secret with which the recorded images were pulled, and its namespace. */
const GOOD = { name: 'good', namespace: 'cross', username: 'good', password: 'good' };

export async function replayAllowList({ source, inputs, cases, records }: AllowListFile): Promise<Replay> {
  const comparison = createComparison();
  const recorded = Object.entries(records).flatMap(([, text]) => recordedImages(text));
  const script = Object.fromEntries([
    ...cases.map(({ image, present }, index) => [
      image,
      { id: `sha256:case-${index}`, present, pull: [{ error: DENIED }] },
    ]),
    ...recorded.map(({ image, imageRef }) => [image, { id: imageRef, pull: [{ match: { username: GOOD.username } }] }]),
  ]) as Parameters<typeof startScriptedRuntime>[0];
  const folder = createRecordsFolder();
  const runtime = await startScriptedRuntime(script, { sleep: async () => undefined });
  const images = createCriImageService({ endpoint: runtime.endpoint });
  const manager = createImageManager({
    ...inputs.kubeletConfiguration,
    release: releaseOf(source),
    images,
    records: await openPulledRecords(folder.root),
    createHasher: nodeHasher,
  });
  const ensure = (image: string, pullSecrets: readonly SecretLike[]): Promise<EnsureImageResult> => {
    const spec = { containers: [{ name: 'app', image, imagePullPolicy: 'IfNotPresent' }] };
    const pod = { metadata: { name: 'p', namespace: GOOD.namespace, uid: image }, spec };
    return manager.ensureContainerImage({ pod, container: 'app', pullSecrets });
  };
  try {
    for (const { image, credentials, pulled, state } of cases) {
      const before = runtime.calls.length;
      const result = await ensure(image, []);
      const isPulled = runtime.calls.slice(before).some(({ call }) => call === 'PullImage');
      const got = { credentials: 'none', pulled: isPulled, state: stateOf(result) };
      comparison.equal(image, { credentials, pulled, state }, got);
    }
    const secret = goodSecret(uidsIn([records]).get(GOOD.name) ?? '');
    for (const { image } of recorded) await ensure(image, [secret]);
    const [want = {}, got = {}] = [withOneTime(records), withOneTime(folder.read())];
    comparison.list('record', byName(want), byName(got));
  } finally {
    await images.close();
    runtime.close();
    folder.remove();
  }
  return comparison;
}

function stateOf(result: EnsureImageResult): string {
  return result.status === 'waiting' || result.status === 'error' ? `${result.reason}: ${result.message}` : 'running';
}

/** An image for each name that a record knows. */
function recordedImages(text: string): readonly { readonly image: string; readonly imageRef: string }[] {
  const { imageRef, credentialMapping = {} } = JSON.parse(text) as {
    readonly imageRef: string;
    readonly credentialMapping?: object;
  };
  return Object.keys(credentialMapping).map((name) => ({ image: `${name}:1`, imageRef }));
}

function goodSecret(uid: string): SecretLike {
  const { name, namespace, username, password } = GOOD;
  const entry = { username, password };
  const auths = { 'https://index.docker.io/v1/': entry, 'registry.example.com': entry };
  const data = { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') };
  return { metadata: { name, namespace, uid }, type: 'kubernetes.io/dockerconfigjson', data };
}

/** All records of the file were written within a second or two. */
function withOneTime(files: RecordFiles): RecordFiles {
  return Object.fromEntries(
    Object.entries(files).map(([name, text]) => [
      name,
      withOrderOfTimes({ one: { [name]: text } })['one']?.[name] ?? '',
    ]),
  );
}

function byName<T>(entries: Readonly<Record<string, T>>): readonly (readonly [string, T])[] {
  return Object.entries(entries).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
