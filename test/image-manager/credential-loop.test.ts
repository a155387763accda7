import { describe, expect, it } from 'vitest';
import { createSecret, type CredentialSource } from 'kubepull/docker-config';
import { createKeyring } from 'kubepull/keyring';
import { aggregateErrorTexts } from 'kubepull/puller';
import {
  createKit,
  ensure,
  failPulls,
  IMAGE,
  kitWithImage,
  MALFORMED,
  REF,
  refuse,
  runtimeImage,
  secretOf,
  STATUS,
} from './fake-images.ts';

const pulls = (...users: readonly string[]) => users.map((user) => `PullImage(${IMAGE}, ${user})`);

/** A keyring of the node with one user. */
function nodeKeyring(username: string, source: CredentialSource = { kind: 'file', path: '/config.json' }) {
  const none = { identityToken: undefined, registryToken: undefined, email: undefined };
  return createKeyring([
    { pattern: 'private.example', source, credential: { username, password: createSecret('p'), ...none } },
  ]);
}

describe('the loop over credentials', () => {
  it('runtime, empty list: one pull without auth', async () => {
    const kit = createKit();
    const seen: unknown[] = [];
    kit.images.onPull = ({ auth }) => {
      seen.push(auth);
      throw new Error('denied');
    };
    await ensure(kit, 'Always', { pullSecrets: [secretOf('A', 'other.example')] });
    expect(seen).toEqual([undefined]);
  });

  it('runtime, success: stops, and the credential is the one used', async () => {
    const kit = createKit();
    refuse(kit, 'A');
    const result = await ensure(kit, 'Always', { pullSecrets: ['A', 'B', 'C'].map((user) => secretOf(user)) });
    expect(kit.images.calls).toEqual([...pulls('A', 'B'), STATUS]);
    expect(result).toMatchObject({ source: { kind: 'secret', name: 'creds-B' } });
  });

  it('runtime, each call: has the image spec, the user and password of its credential, and the sandbox', async () => {
    const kit = createKit();
    const seen: unknown[] = [];
    kit.images.onPull = ({ image, auth, sandbox }) => {
      seen.push({ image, sandbox, user: auth?.credential.username, word: auth?.credential.password.reveal().length });
      throw new Error('denied');
    };
    await ensure(kit, 'Always', { pullSecrets: [secretOf('A'), secretOf('B')] });
    const image = { image: IMAGE, annotations: {}, runtimeHandler: '' };
    const sandbox = { namespace: 'default', name: 'web', uid: 'u1', annotations: {} };
    expect(seen).toEqual(['A', 'B'].map((user) => ({ image, sandbox, user, word: 10 })));
  });

  it('runtime, all failed: the joined texts of all, in order', async () => {
    const kit = createKit();
    failPulls(kit, (user) => `no ${user}`);
    const result = await ensure(kit, 'Always', { pullSecrets: ['B', 'A', 'C'].map((user) => secretOf(user)) });
    expect(result).toMatchObject({ reason: 'ErrImagePull', message: '[no B, no A, no C]' });
    expect(result.status === 'waiting' && result.errors.map(({ message }) => message)).toEqual([
      'no B',
      'no A',
      'no C',
    ]);
  });

  it.each([
    'rpc error: code = NotFound desc = not found',
    'rpc error: code = DeadlineExceeded desc = context deadline exceeded',
    'rpc error: code = Unauthenticated desc = denied',
    'no space left on device',
    'RegistryUnavailable: down',
  ])('runtime, every error moves on: %s', async (text) => {
    const kit = createKit();
    refuse(kit, 'A', text);
    const result = await ensure(kit, 'Always', { pullSecrets: [secretOf('A'), secretOf('B')] });
    expect(result).toMatchObject({ status: 'pulled' });
    expect(kit.images.calls).toEqual([...pulls('A', 'B'), STATUS]);
  });

  it('runtime, no anonymous attempt: when there was a credential, of the pod or of the node', async () => {
    for (const options of [{}, { keyring: nodeKeyring('N') }]) {
      const kit = createKit(options);
      failPulls(kit, 'denied');
      await ensure(kit, 'Always', { pullSecrets: 'keyring' in options ? [] : [secretOf('A')] });
      expect(kit.images.calls).toEqual(pulls('keyring' in options ? 'N' : 'A'));
    }
  });

  it.each([
    ['nobody', undefined],
    ["the node's credential", nodeKeyring('N')],
  ])('runtime, recorded for all: what %s has pulled, every pod may use', async (_, keyring) => {
    const kit = createKit({ keyring });
    await ensure(kit, 'Always');
    const record = await kit.records.readRecord(REF);
    expect(record?.credentialMapping.get('private.example/app')).toEqual({
      kubernetesSecrets: [],
      kubernetesServiceAccounts: [],
      nodePodsAccessible: true,
    });
    expect(await ensure(kit, 'Never', { uid: 'u2', pullSecrets: [MALFORMED] })).toMatchObject({ status: 'present' });
  });

  it('runtime, empty image ref: is an error that names the spec image, and moves on', async () => {
    const kit = createKit();
    const { onPull } = kit.images;
    kit.images.onPull = (request) => (request.auth?.credential.username === 'B' ? onPull(request) : '');
    const image = 'private.example/app';
    const text = 'imageRef of image "private.example/app:latest" is not set';
    expect(await ensure(kit, 'Always', { image })).toMatchObject({ reason: 'ErrImagePull', message: text });
    expect(kit.said().at(-1)).toBe(`Warning Failed Failed to pull image "${image}": ${text}`);
    const pullSecrets = [secretOf('A'), secretOf('B')];
    expect(await ensure(kit, 'Always', { image, uid: 'u2', pullSecrets })).toMatchObject({ status: 'pulled' });
  });

  it('runtime, no time limit: a pull may take days', async () => {
    const kit = createKit();
    kit.images.onPull = async () => {
      await kit.clock.sleep(3 * 86_400_000);
      return REF;
    };
    const done = ensure(kit, 'Always');
    await kit.clock.advance(3 * 86_400_000);
    expect(await done).toMatchObject({ status: 'pulled', pullMs: 3 * 86_400_000 });
  });

  it.each([
    ['', 1],
    [REF, 0],
  ])('runtime, ImageStatus: one with id %j and size %d is an error', async (id, size) => {
    const kit = kitWithImage();
    kit.images.onStatus = () => runtimeImage(IMAGE, id, size);
    const message = `Failed to inspect image "": Id or size of image "${IMAGE}" is not set`;
    for (const policy of ['IfNotPresent', 'Never'])
      expect(await ensure(kit, policy)).toMatchObject({ reason: 'ImageInspectError', message });
    expect(kit.images.calls).toEqual([STATUS, STATUS]);
  });
});

describe('aggregateErrorTexts', () => {
  it.each([
    ['joined errors, one: its text', ['a'], 'a'],
    ['joined errors, same: the text once', ['a', 'a', 'a'], 'a'],
    [
      'joined errors, different: in order of the first occurrence, without duplicates',
      ['b', 'a', 'b', 'c', 'a'],
      '[b, a, c]',
    ],
  ])('%s', async (_, texts, text) => {
    expect(aggregateErrorTexts(texts)).toBe(text);
    const users = texts.map((_text, at) => `u${at}`);
    const kit = createKit();
    failPulls(kit, (user) => texts[users.indexOf(user)] ?? '');
    expect(await ensure(kit, 'Always', { pullSecrets: users.map((user) => secretOf(user)) })).toMatchObject({
      message: text,
    });
    expect(kit.said().at(-1)).toBe(`Warning Failed Failed to pull image "${IMAGE}": ${text}`);
  });
});
