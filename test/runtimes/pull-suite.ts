// Pulls with the runtime's own `fetch` into the memory store; no test framework, one line of JSON as the result. The
// cases come from the Node process that has the registries: `pull-suite.mjs <url of the cases>`.
import { createHash } from 'node:crypto';
import process from 'node:process';
import { createKeyring } from 'kubepull/keyring';
import type { CreateHasher, Digest } from 'kubepull/digest';
import { createFetchTransport } from 'kubepull/distribution';
import type { Descriptor } from 'kubepull/oci';
import { type PullEvent, pullImageEvents } from 'kubepull/puller';
import { createPullSecret, mergePullSecrets } from 'kubepull/pull-secrets';
import { createMemoryStore, type ImageStore } from 'kubepull/store';
import type { PullCase } from './pull-cases.ts';

const createHasher: CreateHasher = (algorithm) => {
  const hash = createHash(algorithm);
  return {
    update: (chunk) => void hash.update(chunk),
    digest: () => `${algorithm}:${hash.digest('hex')}` as Digest,
  };
};

interface Outcome {
  readonly events: readonly PullEvent[];
  readonly error: unknown;
}

async function pull({ image, host, accounts }: PullCase, store: ImageStore): Promise<Outcome> {
  const secrets = accounts.map((account, at) =>
    createPullSecret({ name: `s${at}`, namespace: 'default', server: `http://${host}`, ...account }),
  );
  const platform = { os: 'linux', architecture: 'amd64' };
  const events: PullEvent[] = [];
  try {
    for await (const event of pullImageEvents(image, {
      runtime: { transport: createFetchTransport(), createHasher, platform },
      store,
      keyring: createKeyring(secrets.flatMap((secret) => mergePullSecrets([secret]).entries)),
      plainHttp: [host],
    })) {
      events.push(event);
    }
    return { events, error: undefined };
  } catch (error) {
    return { events, error };
  }
}

/** What is not as it should be, one line each. */
async function judge(pullCase: PullCase): Promise<readonly string[]> {
  const store = createMemoryStore({ createHasher });
  const { events, error } = await pull(pullCase, store);
  const faults: string[] = [];
  const check = (holds: boolean, fault: string): void => void (holds || faults.push(`${pullCase.name}: ${fault}`));
  const codes = [...codesOf(error)];
  const expected =
    pullCase.codes.length === 0 ? error === undefined : pullCase.codes.some((code) => codes.includes(code));
  check(expected, `ended with ${codes.join(', ') || String(error)}`);
  const outcomes = events.flatMap((event) => (event.type === 'credential' ? [event.outcome] : []));
  check(outcomes.join() === pullCase.outcomes.join(), `credentials were ${outcomes.join()}`);
  for (const descriptor of pullCase.has as readonly Descriptor[]) {
    check(await isRight(store, descriptor), `${descriptor.digest} is not in the store`);
  }
  for (const descriptor of pullCase.lacks as readonly Descriptor[]) {
    check(!(await store.has(descriptor)), `${descriptor.digest} is in the store`);
  }
  return faults;
}

/** The codes of an error and of all that it was made of. */
function* codesOf(error: unknown): Generator<string> {
  if (typeof error !== 'object' || error === null) return;
  const { code, cause, errors, attempts } = error as Readonly<Record<string, unknown>>;
  if (typeof code === 'string') yield code;
  yield* codesOf(cause);
  for (const inner of Array.isArray(errors) ? errors : []) yield* codesOf(inner);
  for (const inner of Array.isArray(attempts) ? attempts : []) yield* codesOf((inner as { error?: unknown }).error);
}

async function isRight(store: ImageStore, descriptor: Descriptor): Promise<boolean> {
  if (!(await store.has(descriptor))) return false;
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of store.read(descriptor)) {
    hash.update(chunk);
    size += chunk.length;
  }
  return size === descriptor.size && `sha256:${hash.digest('hex')}` === descriptor.digest;
}

const cases = (await (await fetch(process.argv[2] ?? '')).json()) as readonly PullCase[];
const faults: string[] = [];
for (const pullCase of cases) faults.push(...(await judge(pullCase)));
console.log(`pull-suite ${JSON.stringify({ cases: cases.length, faults })}`);
