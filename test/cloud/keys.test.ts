import { describe, expect, it } from 'vitest';
import {
  createAcrAdminUser,
  createAcrServicePrincipal,
  createAzureManagedIdentity,
  createGcrKeyring,
  createGcrServiceAccountKey,
  createIbmApiKey,
  createOcirAuthToken,
} from 'kubepull/cloud';
import { createSecret } from 'kubepull/docker-config';
import { createFakeClock } from 'kubepull/testing';
import { parseImageName } from 'kubepull/reference';
import { canary } from '../support/canary.ts';
import { createMemoryTransport } from '../support/memory-transport.ts';
import { imageNamed } from '../support/image-name.ts';

const secret = () => createSecret(canary('password'));

describe('credentials that do not expire', () => {
  const key = () => createSecret(JSON.stringify({ type: 'service_account', private_key: canary('private-key') }));
  it.each([
    [
      'gcrServiceAccountKey',
      () => createGcrServiceAccountKey(key()),
      '_json_key',
      ['gcr.io/p/a', 'eu.gcr.io/p/a', 'europe-docker.pkg.dev/p/r/a'],
    ],
    [
      'acrServicePrincipal',
      () => createAcrServicePrincipal('client', secret()),
      'client',
      ['team.azurecr.io/a', 'team.azurecr.cn/a', 'team.azurecr.us/a'],
    ],
    ['acrAdminUser', () => createAcrAdminUser('team.azurecr.io', 'team', secret()), 'team', ['team.azurecr.io/a']],
    [
      'ocirAuthToken',
      () => createOcirAuthToken('ns/jane', secret()),
      'ns/jane',
      ['phx.ocir.io/ns/a', 'ocir.eu-frankfurt-1.oci.oraclecloud.com/ns/a'],
    ],
    [
      'ibmApiKey',
      () => createIbmApiKey(secret()),
      'iamapikey',
      ['icr.io/n/a', 'de.icr.io/n/a', 'private.de.icr.io/n/a'],
    ],
  ] as const)('%s answers for its registries, and for no other', (_, make, username, images) => {
    const keyring = make();
    for (const image of images)
      expect(keyring.lookup(imageNamed(image)).candidates.map(({ entry }) => entry.credential.username)).toEqual([
        username,
      ]);
    for (const image of ['docker.io/library/nginx', `evil.test/${images[0]}`, 'other.example/a'])
      expect(keyring.lookup(imageNamed(image)).candidates).toEqual([]);
  });

  it.each(['', '{', '[]', '{"type":"authorized_user"}', '{"type":"service_account"}'])('refuses the key %j', (text) => {
    expect(() => createGcrServiceAccountKey(createSecret(text))).toThrow('it is not the JSON that Google gives out');
  });
});

describe('createGcrKeyring', () => {
  it('takes no token from somebody who answers in place of the metadata server', async () => {
    const { transport } = createMemoryTransport(() => ({
      body: JSON.stringify({ access_token: canary('bearer-token') }),
    }));
    const { sources } = await createGcrKeyring({ transport }).lookup(parseImageName('gcr.io/p/a'));
    expect(sources[0]?.detail).toContain('it is not from a metadata server');
  });

  it('asks for another account of the machine, by a name that is one', async () => {
    const { transport, requests } = createMemoryTransport(() => ({ status: 404 }));
    await createGcrKeyring({ transport, serviceAccount: 'sa@project.iam.gserviceaccount.com' }).lookup(
      parseImageName('gcr.io/p/a'),
    );
    expect(requests[0]?.url).toContain('/service-accounts/sa@project.iam.gserviceaccount.com/token');
    expect(() => createGcrKeyring({ transport, serviceAccount: '../../x' })).toThrow(
      'Cannot ask for a service account',
    );
  });
});

describe('azureManagedIdentity', () => {
  it('asks the instance for a token of the registry service', async () => {
    const token = canary('bearer-token');
    const { transport, requests } = createMemoryTransport(({ headers }) =>
      headers['metadata'] === 'true'
        ? { body: JSON.stringify({ access_token: token, expires_in: '3599' }) }
        : { status: 400 },
    );
    const source = createAzureManagedIdentity({ transport, clock: createFakeClock(), clientId: 'id' });
    const issued = await source({});
    expect(issued.token.reveal() === token).toBe(true);
    expect(issued.lifetimeMs).toBe(3_599_000);
    const { origin, searchParams } = new URL(requests[0]?.url ?? '');
    expect([origin, searchParams.get('resource'), searchParams.get('client_id')]).toEqual([
      'http://169.254.169.254',
      'https://containerregistry.azure.net',
      'id',
    ]);
  });
});

it.each([0, 0.5, Number.NaN])('refuses a time limit of %d', (timeoutMs) => {
  const { transport } = createMemoryTransport(() => ({}));
  expect(() => createGcrKeyring({ transport, timeoutMs })).toThrow('must be a whole number from 1');
});
