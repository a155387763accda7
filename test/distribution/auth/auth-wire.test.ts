import { describe, expect, it } from 'vitest';
import { createRegistrySession, createTokenCache, readManifestBytes } from 'kubepull/distribution';
import { type Credential, createSecret } from 'kubepull/docker-config';
import { createKeyring } from 'kubepull/keyring';
import { createNodeRuntime, nodeHasher } from 'kubepull/node';
import { pullImageEvents } from 'kubepull/puller';
import { parseReference } from 'kubepull/reference';
import { createMemoryStore } from 'kubepull/store';
import { buildImage, type LoopbackRegistry } from 'kubepull/testing';
import { canary, observe } from '../../support/canary.ts';
import { assertInvariants, startWatch } from '../../support/invariants.ts';
import { startRegistry } from '../../support/registry.ts';
import { serve } from '../../support/servers.ts';

const platform = { os: 'linux', architecture: 'amd64' } as const;
const GRACE_MS = 15_000;

interface Tenant {
  readonly credential: Credential;
  readonly account: { readonly username: string; readonly password: string };
}

function tenant(username: string): Tenant {
  const password = canary('password');
  return {
    account: { username, password },
    credential: {
      username,
      password: createSecret(password),
      identityToken: undefined,
      registryToken: undefined,
      email: undefined,
    },
  };
}

const image = buildImage({ platform, layers: [{ randomBytes: 400_000 }, { randomBytes: 300_000, seed: 'second' }] });

const tokenRequests = ({ requests }: LoopbackRegistry): number =>
  requests.filter(({ url }) => url.startsWith('/token')).length;

describe('auth over real connections', () => {
  it('fetches one token for 200 requests at once [A24]', async () => {
    const watch = startWatch();
    const { account, credential } = tenant('u');
    const registry = await startRegistry({ auth: { '': { type: 'bearer', accounts: [account] } } });
    registry.push('team/app', '1', image);
    const runtime = createNodeRuntime({ platform });
    const { transport } = runtime;
    const { origin, host } = registry;
    const session = createRegistrySession({ transport, origin, credential, createHasher: nodeHasher });
    const ref = parseReference(`${host}/team/app:1`);
    const pullAll = () => Promise.all(Array.from({ length: 200 }, () => readManifestBytes(session, ref)));
    expect((await pullAll()).length).toBe(200);
    const first = tokenRequests(registry);
    registry.revokeTokens();
    expect((await pullAll()).length).toBe(200);
    expect([first, tokenRequests(registry)]).toEqual([1, 2]);
    await assertInvariants({ registries: [registry], closeables: [runtime], watch, graceMs: GRACE_MS });
  });

  it.each(['cut', 'rst'] as const)(
    'resumes a layer with a new token after a %s, from the same offset [A24]',
    async (kind) => {
      const watch = startWatch();
      const { account, credential } = tenant('u');
      const registry = await startRegistry({ auth: { '': { type: 'bearer', accounts: [account] } } });
      registry.push('team/app', '1', image);
      const [layer] = image.manifest.layers;
      const digest = layer?.digest ?? '';
      registry.fault({ method: 'GET', path: new RegExp(digest), nth: 1, action: { kind, afterBytes: 150_000 } });
      const runtime = createNodeRuntime({ platform });
      const store = createMemoryStore({ createHasher: nodeHasher });
      const keyring = createKeyring([{ pattern: registry.host, credential, source: { kind: 'inline' } }]);
      const name = `${registry.host}/team/app:1`;
      let revoked = false;
      for await (const event of pullImageEvents(name, { runtime, store, keyring, plainHttp: [registry.host] })) {
        if (revoked || event.type !== 'blob' || event.phase !== 'progress' || event.descriptor.digest !== digest)
          continue;
        registry.revokeTokens();
        revoked = true;
      }
      const asked = registry.requests.filter(({ url }) => url.includes(digest));
      expect(revoked).toBe(true);
      expect(asked.some(({ headers }) => /^bytes=[1-9]\d*-/.test(headers['range'] ?? ''))).toBe(true);
      expect(await store.has(layer ?? image.descriptor)).toBe(true);
      await assertInvariants({
        stores: [{ store, names: [name], contents: image.manifest.layers }],
        registries: [registry],
        closeables: [runtime],
        watch,
        graceMs: GRACE_MS,
      });
    },
  );

  it('gives nobody what a token of another would have given [A11]', async () => {
    const watch = startWatch();
    const [a, b] = [tenant('a'), tenant('b')];
    const registry = await startRegistry({
      auth: {
        'team-a/': { type: 'bearer', accounts: [a.account] },
        'team-b/': { type: 'bearer', accounts: [b.account] },
      },
    });
    registry.push('team-a/app', '1', image);
    registry.push('team-b/app', '1', image);
    const runtime = createNodeRuntime({ platform });
    const tokenCache = createTokenCache();
    const clientOf = (credential: Credential | undefined) =>
      createRegistrySession({
        transport: runtime.transport,
        origin: registry.origin,
        credential,
        createHasher: nodeHasher,
        tokenCache,
      });
    const ref = (path: string) => parseReference(`${registry.host}/${path}:1`);
    for (let round = 0; round < 3; round += 1) {
      await readManifestBytes(clientOf(a.credential), ref('team-a/app'));
      await readManifestBytes(clientOf(b.credential), ref('team-b/app'));
      for (const [credential, path] of [
        [a.credential, 'team-b/app'],
        [b.credential, 'team-a/app'],
        [undefined, 'team-a/app'],
        [undefined, 'team-b/app'],
      ] as const) {
        await expect(readManifestBytes(clientOf(credential), ref(path))).rejects.toMatchObject({
          code: 'ERR_REGISTRY_RESPONSE',
        });
      }
    }
    await assertInvariants({ registries: [registry], closeables: [runtime], watch, graceMs: GRACE_MS });
  });

  it('shows no signed query of a redirect or a realm, in errors or events [L05]', async () => {
    const secret = canary('signed-query');
    const storage = await serve((_, response) => void response.writeHead(403).end('<Error/>'));
    const registry = await startRegistry();
    registry.push('team/app', '1', image);
    registry.fault({
      path: /\/blobs\//,
      action: { kind: 'redirect', location: `${storage.origin}/x/${secret}?X-Amz-Signature=${secret}&sig=${secret}` },
    });
    registry.push('team/private', '1', image);
    registry.fault({
      path: /private/,
      action: {
        kind: 'challenge',
        challenge: `Bearer realm="${storage.origin}/token?token=${secret}",service="s"`,
      },
    });
    const runtime = createNodeRuntime({ platform });
    const store = createMemoryStore({ createHasher: nodeHasher });
    for (const name of ['team/app', 'team/private']) {
      const events: unknown[] = [];
      const pull = async (): Promise<void> => {
        const options = { runtime, store, plainHttp: [registry.host] };
        for await (const event of pullImageEvents(`${registry.host}/${name}:1`, options)) events.push(event);
      };
      await expect(pull()).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_/) });
      observe(events);
    }
    await runtime.close();
  });
});
