// The registries that the pull suite pulls from, in the Node process that starts the other runtimes.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  buildImage,
  buildIndex,
  type BuiltIndex,
  createLoopbackRegistry,
  type Fault,
  type LoopbackRegistry,
  type RepositoryAuth,
} from '../../src/testing/index.ts';
import type { PullCase } from './pull-cases.ts';

export interface PullServers {
  /** Where the suite gets its cases. */
  readonly url: string;
  /** What the registries saw and must not have, or missed, one line each. */
  faults(): readonly string[];
  close(): Promise<void>;
}

const RIGHT = { username: 'right', password: 'right-password' };
const WRONG = { username: 'wrong', password: 'wrong-password' };

const small = { files: { 'etc/motd': 'hello\n' } };
const amd64 = buildImage({ layers: [small, { randomBytes: 3_000_000, seed: 'runtimes' }] });
const arm64 = buildImage({ platform: { os: 'linux', architecture: 'arm64' }, layers: [{ randomBytes: 1000 }] });
const index = buildIndex([arm64, amd64]);
const layer = amd64.manifest.layers[1]!;
const BLOB = new RegExp(layer.digest);

interface Plan extends Partial<Omit<PullCase, 'name' | 'image' | 'host'>> {
  readonly auth?: RepositoryAuth;
  readonly faults?: readonly Fault[];
  /** What the registry must have seen. */
  readonly expect?: (registry: LoopbackRegistry) => boolean;
}

const MISMATCH = ['ERR_CONTENT_MISMATCH'];
const failing = { has: [], lacks: [layer] };
const tamper: Fault = { path: BLOB, action: { kind: 'flip', offset: 2_000_000 } };
const hasRange = ({ requests }: LoopbackRegistry): boolean => requests.some(({ headers }) => headers['range']);
const asked = (count: number) => (registry: LoopbackRegistry) =>
  registry.requests.filter(({ url }) => BLOB.test(url)).length >= count;

const PLANS: ReadonlyMap<string, Plan> = new Map<string, Plan>([
  ['open', {}],
  ['Basic', { auth: { type: 'basic', accounts: [RIGHT] }, accounts: [RIGHT] }],
  ['Bearer', { auth: { type: 'bearer', accounts: [RIGHT] }, accounts: [RIGHT] }],
  ['Bearer, for anybody', { auth: { type: 'bearer', accounts: [RIGHT], anonymousPull: true } }],
  ['no credential', { auth: { type: 'basic', accounts: [RIGHT] }, ...failing, codes: ['ERR_REGISTRY_RESPONSE'] }],
  ...(['basic', 'bearer'] as const).map(
    (type) =>
      [
        `fallback from one account to the next, ${type}`,
        { auth: { type, accounts: [RIGHT] }, accounts: [WRONG, RIGHT] },
      ] as const,
  ),
  ['cut', { faults: [{ path: BLOB, times: 1, action: { kind: 'cut', afterBytes: 1_500_000 } }], expect: hasRange }],
  ['reset', { faults: [{ path: BLOB, times: 1, action: { kind: 'rst', afterBytes: 1_500_000 } }], expect: asked(2) }],
  [
    'truncated without a word',
    {
      faults: [{ path: BLOB, times: 1, action: { kind: 'truncate', afterBytes: 1_500_000, framing: 'chunked' } }],
      expect: hasRange,
    },
  ],
  [
    'full answer to a range',
    {
      faults: [
        { path: BLOB, times: 1, action: { kind: 'cut', afterBytes: 1_500_000 } },
        { path: BLOB, action: { kind: 'range-lie', lie: 'full' } },
      ],
      expect: hasRange,
    },
  ],
  ['busy', { faults: [{ path: BLOB, times: 1, action: { kind: 'status', status: 503 } }], expect: asked(2) }],
  ['tampered blob', { faults: [tamper], ...failing, codes: MISMATCH }],
  ['longer blob', { faults: [{ path: BLOB, action: { kind: 'extend', bytes: 1 } }], ...failing, codes: MISMATCH }],
  [
    // Some runtimes inflate it without a word, and some of those hide that they did.
    'encoded bomb',
    {
      faults: [
        { path: BLOB, action: { kind: 'body', body: new Uint8Array(50_000_000) } },
        { path: BLOB, action: { kind: 'encode', encoding: 'gzip' } },
      ],
      ...failing,
      codes: [...MISMATCH, 'ERR_REGISTRY_RESPONSE', 'ERR_REGISTRY_DOCUMENT', 'ERR_TRANSPORT'],
      // What the runtime has undone cannot be compared with the digest: it counts as a failure on the way.
      outcomes: ['trying', 'accepted', 'rejected'],
    },
  ],
  [
    'tampered manifest',
    {
      faults: [{ path: new RegExp(amd64.descriptor.digest), action: { kind: 'flip', offset: 20 } }],
      has: [],
      lacks: [amd64.descriptor, layer],
      codes: MISMATCH,
    },
  ],
]);

/** Starts a registry for each case, and the server that tells the cases. */
export async function startPullServers(): Promise<PullServers> {
  const second = await startRegistry('second origin', index);
  const started = await Promise.all([...PLANS].map(([name, plan]) => startCase(name, plan)));
  const location = `${second.origin}/v2/team/app/blobs/${layer.digest}?signature=x`;
  const redirected = await startCase('redirect to a second origin', {
    auth: { type: 'basic', accounts: [RIGHT] },
    accounts: [RIGHT],
    faults: [{ path: BLOB, action: { kind: 'redirect', location } }],
    expect: () => second.requests.some(({ status }) => status === 200),
  });
  const all = [...started, redirected];
  const teller = createServer((_, response) => response.end(JSON.stringify(all.map(({ pullCase }) => pullCase))));
  teller.listen(0, '127.0.0.1');
  await once(teller, 'listening');
  return {
    url: `http://127.0.0.1:${(teller.address() as AddressInfo).port}/`,
    faults: () => [
      ...all.flatMap(({ registry, pullCase, plan }) =>
        plan.expect?.(registry) === false ? [`${pullCase.name}: not as the registry sees it`] : [],
      ),
      ...second.requests.flatMap(({ headers }) => (headers['authorization'] ? ['a credential was redirected'] : [])),
    ],
    async close() {
      teller.close();
      teller.closeAllConnections();
      await Promise.all([second, ...all.map(({ registry }) => registry)].map((registry) => registry.close()));
    },
  };
}

async function startRegistry(_: string, content: BuiltIndex, auth?: RepositoryAuth): Promise<LoopbackRegistry> {
  const registry = await createLoopbackRegistry(auth === undefined ? {} : { auth: { '': auth } });
  registry.push('team/app', '1', content);
  return registry;
}

async function startCase(name: string, plan: Plan) {
  const registry = await startRegistry(name, index, plan.auth);
  for (const fault of plan.faults ?? []) registry.fault(fault);
  const { accounts = [], codes = [] } = plan;
  const pullCase: PullCase = {
    name,
    image: `${registry.host}/team/app:1`,
    host: registry.host,
    accounts,
    outcomes: plan.outcomes ?? outcomesOf(accounts, codes),
    has: plan.has ?? amd64.contents.map(({ descriptor }) => descriptor),
    lacks: plan.lacks ?? [arm64.descriptor],
    codes,
  };
  return { registry, pullCase, plan };
}

/** Whoever gets as far as the content was let in. */
function outcomesOf(accounts: PullCase['accounts'], codes: readonly string[]): readonly string[] {
  if (codes.length > 0 && !codes.includes('ERR_CONTENT_MISMATCH')) return ['trying', 'rejected'];
  const tried = accounts.length === 0 ? [RIGHT] : accounts;
  return tried.flatMap((account) => ['trying', account === RIGHT ? 'accepted' : 'rejected']);
}
