// Below the edge an image is a parsed name, for each keyring that there is.
import { describe, expect, it } from 'vitest';
import { createGcrKeyring } from 'kubepull/cloud';
import { createCredentialProviderKeyring } from 'kubepull/credential-provider';
import { createKeyring, joinKeyrings } from 'kubepull/keyring';
import { openNodeKeyring, loadDockerKeyring } from 'kubepull/node';
import type { ImageName } from 'kubepull/reference';

const none = () => Promise.reject(new Error('nothing is to be asked'));
const plugins = createCredentialProviderKeyring({ providers: [] }, { exec: none });
const cloud = createGcrKeyring({ transport: none });
const pod = { namespace: 'default', name: 'web', uid: '1', serviceAccountName: 'default' };
const places = { rootDir: '/nonexistent', workingDir: '/nonexistent', home: '/nonexistent' };

describe('text with a tag instead of a parsed name, which would silently match less', () => {
  const text = 'r.example/app:1' as unknown as ImageName;

  it.each<readonly [string, () => unknown]>([
    ['a keyring', () => createKeyring([]).lookup(text)],
    ['a union of none', () => joinKeyrings().lookup(text)],
    ['a union', () => joinKeyrings(createKeyring([]), cloud).lookup(text)],
    ['a cloud', () => cloud.lookup(text)],
    ['the plugins', () => plugins.lookup(text)],
    ['the plugins for a pod', () => plugins.forPod(pod).lookup(text)],
    ['the files of a node', async () => (await openNodeKeyring(places)).lookup(text)],
    ['the files of Docker', async () => (await loadDockerKeyring({ env: { HOME: '/nonexistent' } })).lookup(text)],
  ])('is refused by %s with what to pass', async (_, lookUp) => {
    const refused = await Promise.resolve()
      .then(lookUp)
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'ERR_OPTION_INVALID' });
    expect(String(refused)).toContain('pass parseImageName(image) instead');
  });
});
