// What a caller without types can pass: each is refused by its name, and of a text no more than its type is shown.
import { describe, expect, it } from 'vitest';
import {
  admitServiceAccount,
  admitStaticPod,
  applyPullSecretUpdate,
  createPullSecret,
  getPullSecretExpiry,
  mergePullSecrets,
  planSecretCopies,
  resolvePullSecretEntries,
  selectPullSecrets,
  toDockerConfigJson,
  validateSecret,
} from 'kubepull/pull-secrets';
import { optionRefused } from '../support/option-refused.ts';

const secret = createPullSecret({ name: 'creds', server: 'r.example', username: 'u', password: 'p' });
const flags = { name: 'creds', username: 'u', password: 'p' };
const copies = { namespaces: [], existing: [] };

type Row = readonly [call: string, run: (value: never) => unknown, value: unknown, message: string];

/** A row for each option with a value that is wrong, and the words that say what it must be. */
function each(
  call: string,
  action: string,
  run: (options: never) => unknown,
  wrong: Readonly<Record<string, readonly [value: unknown, words: string]>>,
): readonly Row[] {
  return Object.entries(wrong).map(([option, [value, words]]) => [
    call,
    (one) => run({ [option]: one } as never),
    value,
    `${action}: ${option}${words}`,
  ]);
}

const ENTRY = ' must be an entry: { username, password } or { auth }, not ';

describe.each<Row>([
  ['admitServiceAccount', (pod) => admitServiceAccount(pod, {}), null, 'Cannot admit a pod: pod must be a pod'],
  [
    'admitServiceAccount',
    (account) => admitServiceAccount({}, account),
    'robot',
    'Cannot admit a pod: serviceAccount must be a service account, not a text',
  ],
  ['admitStaticPod', admitStaticPod, null, 'Cannot admit a static pod: pod must be a pod, not null'],
  ['validateSecret', validateSecret, null, 'Cannot validate a secret: secret must be a secret, not null'],
  [
    'validateSecret',
    (data) => validateSecret({ data }),
    'e30=',
    'Cannot validate a secret: secret.data must be an object, not a text',
  ],
  [
    'validateSecret',
    (type) => validateSecret({ type }),
    5,
    'Cannot validate a secret: secret.type must be a text, not 5',
  ],
  [
    'validateSecret',
    (name) => validateSecret({ metadata: { name } }),
    5,
    'Cannot validate a secret: secret.metadata.name must be a text, not 5',
  ],
  ['getPullSecretExpiry', getPullSecretExpiry, [], 'Cannot read a pull secret: secret must be a secret, not a list'],
  ['selectPullSecrets', (pod) => selectPullSecrets(pod, []), 5, 'Cannot select pull secrets: pod must be a pod, not 5'],
  ['selectPullSecrets', (list) => selectPullSecrets({}, list), 5, 'Cannot read pull secrets: secrets must be a list'],
  [
    'selectPullSecrets',
    (one) => selectPullSecrets({}, [one]),
    5,
    'Cannot read pull secrets: secret must be a secret, not 5',
  ],
  ...each('mergePullSecrets', 'Cannot merge pull secrets', (options) => mergePullSecrets([], options), {
    mode: ['docker', ' must be "kubelet" or "lenient", not "docker"'],
    nodeConfig: [5, ' must be a list, not 5'],
  }),
  [
    'mergePullSecrets',
    (one) => mergePullSecrets([], { nodeConfig: [one] }),
    {},
    'Cannot merge pull secrets: nodeEntry must be an entry of a docker config, not an object',
  ],
  ['toDockerConfigJson', toDockerConfigJson, 5, 'Cannot write a docker config: entries must be a list, not 5'],
  [
    'toDockerConfigJson',
    (one) => toDockerConfigJson([one]),
    null,
    'Cannot write a docker config: entry must be an entry of a docker config, not null',
  ],
  ['createPullSecret', createPullSecret, undefined, 'Cannot create pull secret: options is missing'],
  ...each(
    'createPullSecret',
    'Cannot create pull secret',
    (change: object) => createPullSecret({ ...flags, ...change }),
    {
      name: [5, ' must be a text, not 5'],
      namespace: [5, ' must be a text, not 5'],
      server: [5, ' must be a text, not 5'],
      username: [undefined, ' is missing, it must be a text'],
      password: [5, ' must be a text or a secret, such as createSecret() gives, not 5'],
      email: [5, ' must be a text, not 5'],
    },
  ),
  ...each(
    'createPullSecret of entries',
    'Cannot create pull secret',
    (change: object) => createPullSecret({ name: 'creds', entries: {}, ...change }),
    {
      name: ['', ' must be a text that is not empty, not an empty text'],
      namespace: [5, ' must be a text, not 5'],
      entries: [[], ' must be an object, not a list'],
      expiresAt: [8.64e15 + 1, ' must be a number from -8640000000000000 to 8640000000000000'],
      labels: [{ a: 1 }, '.a must be a text, not 1'],
      annotations: [{ a: 1 }, '.a must be a text, not 1'],
    },
  ),
  ...each('applyPullSecretUpdate', 'Cannot update pull secret', (update) => applyPullSecretUpdate(secret, update), {
    set: [{ 'r.example': 'u:p' }, `.r.example${ENTRY}a text`],
    remove: ['r.example', ' must be a list, not a text'],
    expiresAt: ['tomorrow', ' must be a number from '],
  }),
  ...['username', 'password', 'email', 'auth'].map((field): Row => [
    'applyPullSecretUpdate',
    (value) => applyPullSecretUpdate(secret, { set: { 'r.example': { [field]: value } as never } }),
    5,
    `Cannot update pull secret: set.r.example.${field} must be a text`,
  ]),
  [
    'applyPullSecretUpdate',
    (one) => applyPullSecretUpdate(one, {}),
    null,
    'Cannot update pull secret: secret must be a secret, not null',
  ],
  ...each(
    'planSecretCopies',
    'Cannot plan copies of a secret',
    (change: object) => planSecretCopies(secret, { ...copies, ...change }),
    {
      namespaces: [[''], '[0] must be a text that is not empty, not an empty text'],
      existing: [undefined, ' is missing, it must be a list'],
      overwrite: ['yes', ' must be true or false, not a text'],
    },
  ),
  [
    'planSecretCopies',
    (one) => planSecretCopies(one, copies),
    null,
    'Cannot plan copies of a secret: secret must be a secret, not null',
  ],
])('%s', (_, run, value, message) => {
  it(`refuses ${JSON.stringify(value)}: ${message}`, () => {
    expect(() => run(value as never)).toThrow(optionRefused(message));
  });
});

describe('resolvePullSecretEntries', () => {
  const rows = each(
    '',
    'Cannot read the docker config for a pull secret',
    (options) => resolvePullSecretEntries('{}', options),
    {
      askHelper: ['gcloud', ' must be a function, not a text'],
      registries: [[5], '[0] must be a text, not 5'],
      signal: [5, ' must be an AbortSignal, not 5'],
    },
  );

  it.each(rows.map(([, ...row]) => row.toReversed()))('refuses: %s', async (message, value, run) => {
    const resolve = run as (value: unknown) => Promise<unknown>;
    await expect(resolve(value)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID', message });
  });
});

describe('times', () => {
  it('may be the first and the last that a date can be', () => {
    for (const expiresAt of [-8.64e15, 8.64e15])
      expect(getPullSecretExpiry(createPullSecret({ name: 'creds', entries: {}, expiresAt }))).toBe(expiresAt);
  });
});
