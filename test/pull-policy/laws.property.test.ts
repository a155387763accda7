import fc from 'fast-check';
import { describe, it } from 'vitest';
import { isImageError } from 'kubepull/errors';
import { parseImageName, safeParseReference } from 'kubepull/reference';
import {
  type CredentialVerificationPolicy,
  decideMustPull,
  type ImagePullCredentials,
  type ImagePulledRecord,
  matchAllowlist,
  mergePullCredentials,
  parseAllowlist,
  recordPull,
} from 'kubepull/image-access';
import {
  decidePull,
  defaultPodPullPolicies,
  defaultPullPolicy,
  mutateAlwaysPullImages,
  needsImageStatus,
  decidePolicyAfterUpdate,
  validateAlwaysPullImages,
  validatePullPolicies,
} from 'kubepull/pull-policy';

// Plain checks: `expect` shows all that it sees to the canary hook, which is slow ten thousand times.
function check(condition: boolean, ...about: readonly unknown[]): void {
  if (!condition) throw new Error(`does not hold for ${about.map((value) => JSON.stringify(value)).join(', ')}`);
}

function same(a: unknown, b: unknown): void {
  check(JSON.stringify(a) === JSON.stringify(b), a, b);
}

const release = fc.constantFrom({}, { release: '1.35' as const }, { release: '1.37' as const });
const image = fc.oneof(
  fc.constantFrom('nginx', 'nginx:1', 'nginx:latest', 'r.example/a/b', 'r.example/a/b:2', 'Bad', '', ' x', 'alpine'),
  fc.string({ maxLength: 12 }),
);
const policy = fc.constantFrom('Always', 'IfNotPresent', 'Never', 'odd', '');
const optional = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined });
const containers = optional(
  fc.array(fc.record({ name: fc.string({ maxLength: 3 }), image, imagePullPolicy: policy }), { maxLength: 3 }),
);
const volumes = optional(
  fc.array(fc.record({ image: optional(fc.record({ reference: image, pullPolicy: policy })) }), { maxLength: 2 }),
);
const pod = fc.record({
  metadata: fc.record({ name: fc.constantFrom('web', '') }),
  spec: fc.record({ containers, initContainers: containers, ephemeralContainers: containers, volumes }),
});

describe('defaults', () => {
  it('depend on the tag alone, and never fail', () => {
    fc.assert(
      fc.property(image, (text) => {
        const isLatest = safeParseReference(text).ok && parseImageName(text).tag === 'latest';
        same(defaultPullPolicy(text), isLatest ? 'Always' : 'IfNotPresent');
      }),
    );
  });

  it('leave no pod without policies: validation then asks for none', () => {
    fc.assert(
      fc.property(pod, (any) => {
        const before = JSON.stringify(any);
        const { errors } = validatePullPolicies(defaultPodPullPolicies(any).pod);
        check(!errors.some((e) => e.type === 'required' && e.path.endsWith('ullPolicy')), errors);
        same(JSON.stringify(any), before);
      }),
    );
  });

  it('keep the stored policy through any patch that does not name one', () => {
    const stored = fc.record({ image, imagePullPolicy: fc.constantFrom('Always', 'IfNotPresent', 'Never') });
    fc.assert(
      fc.property(stored, image, fc.constantFrom('pod' as const, 'template' as const), (kept, next, object) => {
        const patched = decidePolicyAfterUpdate({ object, operation: 'patch', stored: kept, request: { image: next } });
        same([patched.policy, patched.changed, patched.refused], [kept.imagePullPolicy, false, false]);
        const replaced = decidePolicyAfterUpdate({
          object,
          operation: 'replace',
          stored: kept,
          request: { image: next },
        });
        same(replaced.policy, defaultPullPolicy(next));
        same(replaced.refused, object === 'pod' && replaced.policy !== kept.imagePullPolicy);
      }),
    );
  });
});

describe('AlwaysPullImages', () => {
  it('admits whatever it mutated, and mutates it no more', () => {
    fc.assert(
      fc.property(pod, (any) => {
        const once = mutateAlwaysPullImages(any).pod;
        same(validateAlwaysPullImages(once).errors, []);
        same(mutateAlwaysPullImages(once).pod, once);
      }),
    );
  });

  it('ignores an update to the same pod, and to any part of it', () => {
    fc.assert(
      fc.property(pod, (any) => {
        same(mutateAlwaysPullImages(any, { oldPod: any }).ignored, 'no-new-image');
        const part = { ...any, spec: { containers: any.spec.containers } };
        same(mutateAlwaysPullImages(part, { oldPod: any }).ignored, 'no-new-image');
      }),
    );
  });
});

describe('decidePull', () => {
  it("agrees with kubelet's table, read as a twin", () => {
    fc.assert(
      fc.property(policy, fc.boolean(), fc.boolean(), fc.boolean(), (which, present, verifiesCredentials, mustPull) => {
        const { action } = decidePull({ image: 'a', policy: which, present, verifiesCredentials, mustPull });
        const usable = present && !(verifiesCredentials && mustPull);
        const want = !needsImageStatus(which) ? 'pull' : usable ? 'use' : which === 'Never' ? 'fail' : 'pull';
        same(action, want);
      }),
    );
  });

  it('tells with Never the same for an absent image and one that may not be used', () => {
    fc.assert(
      fc.property(image, (text) => {
        const answer = (present: boolean): unknown => {
          const decision = decidePull({ image: text, policy: 'Never', present, mustPull: true });
          return decision.action === 'fail' && [decision.message, decision.event];
        };
        same(answer(true), answer(false));
      }),
    );
  });
});

describe('the allow list', () => {
  it('throws nothing but ours, and what it takes matches itself', () => {
    const pattern = fc.oneof(
      fc.constantFrom('docker.io/library/alpine', 'r.example/*', 'r.example/a/*', 'alpine', '*', '/*', ' x', 'a.b/c:1'),
      fc.string({ unit: fc.constantFrom('a', '.', '/', '*', ' ', ':', 'B'), maxLength: 8 }),
    );
    fc.assert(
      fc.property(pattern, release, (text, options) => {
        try {
          const list = parseAllowlist([text], options);
          const example = list[0]?.kind === 'prefix' ? `${list[0].text}x` : text;
          check(matchAllowlist(list, example, options) !== undefined, text);
        } catch (error) {
          check(isImageError(error) && error.code === 'ERR_CONFIG_INVALID', text, String(error));
        }
      }),
    );
  });

  it('covers since 1.36 an image with any tag and digest, or with none', () => {
    const list = parseAllowlist(['alpine', 'docker.io/library/alpine', 'docker.io/team/*', 'r.example/a/*']);
    const name = fc.constantFrom(
      'alpine',
      'library/alpine',
      'docker.io/library/alpine',
      'docker.io/team/x',
      'r.example/a/b',
    );
    const tag = fc.constantFrom('', ':1', ':latest', `@sha256:${'0'.repeat(64)}`, `:1@sha256:${'0'.repeat(64)}`);
    fc.assert(
      fc.property(name, tag, (text, behind) => {
        same(matchAllowlist(list, text + behind), matchAllowlist(list, text));
      }),
    );
  });
});

const letters = fc.constantFrom('a', 'b', 'c');
const coordinates = fc.record({ uid: letters, namespace: letters, name: letters });
const secret = fc.record({
  uid: letters,
  namespace: letters,
  name: letters,
  credentialHash: fc.constantFrom('', 'h', 'i', 'j'),
});
const credentials: fc.Arbitrary<ImagePullCredentials> = fc
  .record({
    kubernetesSecrets: fc.array(secret, { maxLength: 4 }),
    kubernetesServiceAccounts: fc.array(coordinates, { maxLength: 2 }),
    nodePodsAccessible: fc.boolean(),
  })
  .map((any) => (any.nodePodsAccessible ? { ...any, kubernetesSecrets: [], kubernetesServiceAccounts: [] } : any));

describe('mergePullCredentials', () => {
  it('is idempotent: the same again changes nothing, not even the value', () => {
    fc.assert(
      fc.property(fc.option(credentials, { nil: undefined }), credentials, (old, added) => {
        const once = mergePullCredentials(old, added);
        if (once !== undefined) check(mergePullCredentials(once, added) === once, old, added);
      }),
    );
  });

  it('forgets nobody and opens nothing by itself', () => {
    fc.assert(
      fc.property(credentials, credentials, (old, added) => {
        const merged = mergePullCredentials(old, added);
        same(merged?.nodePodsAccessible, old.nodePodsAccessible || added.nodePodsAccessible);
        if (merged === undefined || merged.nodePodsAccessible) return;
        const names = (list: readonly object[]): ReadonlySet<string> =>
          new Set(list.map((item) => JSON.stringify({ ...item, credentialHash: undefined })));
        for (const field of ['kubernetesSecrets', 'kubernetesServiceAccounts'] as const) {
          const all = names([...old[field], ...added[field]]);
          same([...names(merged[field])].toSorted(), [...all].toSorted());
        }
      }),
    );
  });

  it('gives a sorted list without doubles, in whatever order things come', () => {
    fc.assert(
      fc.property(fc.array(coordinates, { maxLength: 6 }), (accounts) => {
        const one = (account: ImagePullCredentials['kubernetesServiceAccounts'][number]): ImagePullCredentials => ({
          kubernetesSecrets: [],
          kubernetesServiceAccounts: [account],
          nodePodsAccessible: false,
        });
        const fold = (order: typeof accounts): ImagePullCredentials | undefined =>
          order
            .map(one)
            .reduce<ImagePullCredentials | undefined>((old, added) => mergePullCredentials(old, added), undefined);
        same(fold(accounts), fold(accounts.toReversed()));
        const keys = fold(accounts)?.kubernetesServiceAccounts.map((a) => a.namespace + a.name + a.uid) ?? [];
        same(keys, [...new Set(keys)].toSorted());
      }),
    );
  });

  it('leaves the record and its time alone when nothing changed', () => {
    fc.assert(
      fc.property(credentials, credentials, (first, second) => {
        const add = (old: ImagePulledRecord | undefined, added: ImagePullCredentials, at: number): ImagePulledRecord =>
          recordPull(old, { imageRef: 'sha256:1', name: 'r', credentials: added, at });
        const record = add(undefined, first, 1);
        const next = add(record, second, 2);
        check((next === record) === (next.lastUpdatedAt === 1), first, second);
        check(add(next, second, 3) === next, first, second);
      }),
    );
  });
});

describe('decideMustPull', () => {
  const policies: readonly CredentialVerificationPolicy[] = [
    'NeverVerify',
    'NeverVerifyPreloadedImages',
    'NeverVerifyAllowlistedImages',
    'AlwaysVerify',
  ];
  const record = fc.oneof(
    fc.constantFrom('unreadable' as const, undefined),
    fc.tuple(fc.constantFrom('nginx', 'other'), credentials).map(([name, entry]): ImagePulledRecord => ({
      imageRef: 'sha256:1',
      lastUpdatedAt: 0,
      credentialMapping: new Map([[name, entry]]),
    })),
  );
  const question = fc.record({
    image,
    imageRef: fc.constantFrom('', 'sha256:1'),
    record,
    intent: fc.constantFrom(true, false, 'unreadable' as const, undefined),
    policy: fc.constantFrom(...policies),
    credentials: fc.option(
      fc.record({
        secrets: fc.array(secret, { maxLength: 3 }),
        serviceAccount: fc.option(coordinates, { nil: undefined }),
      }),
      { nil: undefined },
    ),
  });

  it("agrees with kubelet's eleven steps, written out", () => {
    fc.assert(fc.property(question, (any) => same(decideMustPull(any).mustPull, elevenSteps(any))));
  });

  it('grants nobody more when the policy is stricter', () => {
    fc.assert(
      fc.property(question, (any) => {
        const pulls = policies.map((which) => decideMustPull({ ...any, policy: which }).mustPull !== false);
        const [never, preloaded, , always] = pulls;
        check((!never || preloaded === true) && (!preloaded || always === true), any, pulls);
      }),
    );
  });

  it('writes down only what it accepts, and then has nothing more to write', () => {
    fc.assert(
      fc.property(question, (random) => {
        // One secret: of two with the same coordinates each would replace the other's hash, in kubelet as here.
        const secrets = random.credentials?.secrets.slice(0, 1) ?? [];
        const any = { ...random, credentials: { secrets, serviceAccount: undefined } };
        const { record: added, mustPull } = decideMustPull(any);
        if (added === undefined || typeof any.record !== 'object') return;
        check(mustPull === false, any);
        const add = (to: ImagePulledRecord, what: ImagePullCredentials): ImagePulledRecord =>
          recordPull(to, { imageRef: 'sha256:1', name: 'nginx', credentials: what, at: 1 });
        const next = add(any.record, added);
        const again = decideMustPull({ ...any, record: next });
        check(again.mustPull === false, any, again);
        check(again.record === undefined || add(next, again.record) === next, any, again);
      }),
    );
  });
});

function elevenSteps(q: Parameters<typeof decideMustPull>[0]): boolean | undefined {
  if (q.imageRef === '') return true;
  if (q.record === 'unreadable') return true;
  if (q.record === undefined && q.intent === 'unreadable') return true;
  const pulledByKubelet = q.record !== undefined || q.intent === true;
  if (q.policy === 'NeverVerify') return false;
  if (q.policy === 'NeverVerifyPreloadedImages' && !pulledByKubelet) return false;
  if (q.record === undefined) return true;
  // The grammar of references is proved elsewhere: a name that is none has no entry either.
  const entry = q.record.credentialMapping.get(q.image.replace(/@.*$/su, '').replace(/:[^/]*$/u, ''));
  if (entry === undefined) return true;
  if (entry.nodePodsAccessible) return false;
  if (entry.kubernetesSecrets.length === 0 && entry.kubernetesServiceAccounts.length === 0) return true;
  if (q.credentials === undefined) return undefined;
  const is = (a: object, b: object): boolean =>
    JSON.stringify({ ...a, credentialHash: undefined }) === JSON.stringify({ ...b, credentialHash: undefined });
  for (const offered of q.credentials.secrets) {
    for (const recorded of entry.kubernetesSecrets) {
      if (recorded.credentialHash !== '' && recorded.credentialHash === offered.credentialHash) return false;
      if (is(offered, recorded) && entry.kubernetesSecrets.length < 100) return false;
    }
  }
  const account = q.credentials.serviceAccount;
  return account === undefined || !entry.kubernetesServiceAccounts.some((known) => is(account, known));
}
