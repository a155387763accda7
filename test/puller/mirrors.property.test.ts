import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock } from 'kubepull/clock';
import type { EndpointCapability, RegistryEndpoint } from 'kubepull/mirrors';
import type { TransportRequest } from 'kubepull/distribution';
import { isImageError } from 'kubepull/errors';
import { createKeyring } from 'kubepull/keyring';
import { nodeHasher } from 'kubepull/node';
import { pullImage, type PulledImage } from 'kubepull/puller';
import { createMemoryStore } from 'kubepull/store';
import { createMemoryTransport, type Reply } from '../support/memory-transport.ts';
import { runsOf } from '../support/property-runs.ts';
import { amd64, entryFor, imageOf } from './mirrors-support.ts';

/** How one endpoint behaves. */
interface Behaviour {
  /** The status of all its answers, when it is broken. */
  readonly broken: number | undefined;
  /** Whether it asks for its password. */
  readonly guarded: boolean;
  /** Whether the keyring has that password. */
  readonly known: boolean;
  readonly capabilities: readonly EndpointCapability[];
}

const image = imageOf('same');
const contents = new Map(image.contents.map(({ descriptor, bytes }) => [descriptor.digest as string, bytes]));

const behaviours = fc.array(
  fc.record<Behaviour>({
    broken: fc.option(fc.constantFrom(400, 401, 403, 404, 429, 500, 503), { nil: undefined }),
    guarded: fc.boolean(),
    known: fc.boolean(),
    capabilities: fc.constantFrom<Behaviour['capabilities']>(
      ['pull', 'resolve'],
      ['pull', 'resolve'],
      ['pull'],
      ['resolve'],
    ),
  }),
  { minLength: 1, maxLength: 5 },
);

const hostOf = (at: number): string => `m${at}.test`;
/** Too short for the canary hook, which would search thousands of results for it; what was sent is judged here. */
const passwordOf = (at: number): string => `pw-${at}`;
const basic = (at: number): string => `Basic ${btoa(`u:${passwordOf(at)}`)}`;
const serves = ({ broken, guarded, known }: Behaviour): boolean => broken === undefined && (!guarded || known);

function answer({ url, headers }: TransportRequest, at: number, { broken, guarded }: Behaviour): Reply {
  if (broken !== undefined) return { status: broken };
  if (guarded && headers['authorization'] !== basic(at))
    return { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } };
  const name = new URL(url).pathname.split('/').at(-1) ?? '';
  const digest = name.startsWith('sha256:') ? name : image.descriptor.digest;
  const bytes = contents.get(digest) ?? new Uint8Array();
  const common = { 'content-length': String(bytes.length), 'docker-content-digest': digest };
  return { headers: { ...common, 'content-type': image.descriptor.mediaType }, body: bytes };
}

/** Where the law says that an image comes from; `undefined` when the pull must fail. */
function expectedServer(all: readonly Behaviour[], byTag: boolean): number | undefined {
  const first = (capability: EndpointCapability): number =>
    all.findIndex((each) => each.capabilities.includes(capability) && serves(each));
  const mixed = all.some(({ capabilities }) => capabilities.length === 1);
  const server = byTag && mixed && first('resolve') === -1 ? -1 : first('pull');
  return server === -1 ? undefined : server;
}

describe('pullImage with endpoints', () => {
  it('is served by the first that can, and shows each its own credential or none [A17]', async () => {
    await fc.assert(
      fc.asyncProperty(behaviours, fc.boolean(), async (all, byTag) => {
        const { transport, requests, open } = createMemoryTransport((request) => {
          const at = Number(/^m(\d)\.test$/.exec(new URL(request.url).host)?.[1]);
          const behaviour = all[at];
          return behaviour === undefined ? { status: 404 } : answer(request, at, behaviour);
        });
        const keyring = createKeyring([
          entryFor('r.test', passwordOf(9)),
          ...all.flatMap(({ known }, at) => (known ? [entryFor(hostOf(at), passwordOf(at))] : [])),
        ]);
        const endpoints = all.map<RegistryEndpoint>(({ capabilities }, at) => ({
          origin: `https://${hostOf(at)}`,
          apiPath: '/v2',
          repository: 'team/app',
          namespace: 'r.test',
          capabilities,
          upstream: at % 2 === 0,
          anonymous: false,
        }));
        const runtime = { transport, createHasher: nodeHasher, platform: amd64, clock: { ...systemClock, sleep } };
        const store = createMemoryStore({ createHasher: nodeHasher });
        const name = byTag ? 'r.test/team/app:1' : `r.test/team/app@${image.descriptor.digest}`;
        const result = await pullImage(name, { runtime, store, keyring, endpoints: () => endpoints }).catch(
          (error: unknown) => error,
        );

        const server = expectedServer(all, byTag);
        if (server === undefined) expect(isImageError(result)).toBe(true);
        else expect((result as PulledImage).endpoint).toBe(endpoints[server]);
        for (const { url, headers } of requests) {
          const at = Number(new URL(url).host[1]);
          const sent = headers['authorization'];
          expect(sent === undefined || (all[at]?.known === true && sent === basic(at))).toBe(true);
          if (server !== undefined && at > server) expect(new URL(url).pathname).toMatch(/\/manifests\/1$/);
        }
        expect(open()).toBe(0);
      }),
      runsOf('images'),
    );
  });
});

const sleep = async (): Promise<void> => undefined;
