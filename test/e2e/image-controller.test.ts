import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { listPodImages } from 'kubepull/kubernetes';
import { openPulledRecords } from 'kubepull/node';
import { buildImage } from 'kubepull/testing';
import { parseOptions } from '../../docs/examples/image-controller/arguments.ts';
import { canary } from '../support/canary.ts';
import {
  eventsOf,
  guide,
  hasEvent,
  manifests,
  NAMESPACE,
  rules,
  start,
  startCluster,
  until,
} from '../support/image-controller.ts';
import { root } from '../packaging/entries.mjs';
import { tempDir } from '../support/temp-dir.ts';

/** What keeps this process alive that did not do so before. */
function openedSince(before: readonly string[]): readonly string[] {
  const known = [...before];
  return process.getActiveResourcesInfo().filter((kind) => {
    const at = known.indexOf(kind);
    if (at >= 0) known.splice(at, 1);
    return at < 0;
  });
}

beforeEach(() => {
  // No docker config of whoever runs the tests.
  vi.stubEnv('HOME', tempDir().path);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe('the image controller', () => {
  it('backs off an image that is not there, counts what happens again, and tries again in time', async () => {
    const cluster = await startCluster();
    const { server, registry } = cluster;
    cluster.secret('right');
    const image = `${registry.host}/team/wbe:1`;
    cluster.pod('web', { image });
    const { clock, advance } = start(cluster);
    const failure = ['Pulling × 1', 'Failed to pull × 1', 'Error: ErrImag × 1'];
    await until(() => eventsOf(server, 'web').length === 3);
    expect(eventsOf(server, 'web')).toEqual(failure);

    for (const count of [1, 2, 3]) {
      cluster.pod('web', { image, metadata: { annotations: { edit: String(count) } } });
      await until(() => hasEvent(server, 'web', `Error: ImagePu × ${count}`));
      expect(eventsOf(server, 'web')).toEqual([...failure, `BackOff × ${count}`, `Error: ImagePu × ${count}`]);
    }
    const backOff = server.events.find(({ reason }) => reason === 'BackOff');
    expect(backOff).toMatchObject({ type: 'Normal', message: `Back-off pulling image "${image}"` });

    const firstAt = Date.parse(backOff?.firstTimestamp ?? '');
    await advance(10_000);
    expect(clock.pending).toBe(1);
    await clock.advance(10);
    await until(() => hasEvent(server, 'web', 'Error: ErrImag × 2'));
    const counts = ['Pulling × 2', 'Failed to pull × 2', 'Error: ErrImag × 2', 'BackOff × 3', 'Error: ImagePu × 3'];
    expect(eventsOf(server, 'web')).toEqual(counts);
    const again = server.events.find(({ reason }) => reason === 'Pulling');
    expect(Date.parse(again?.firstTimestamp ?? '')).toBe(firstAt);
    expect(Date.parse(again?.lastTimestamp ?? '')).toBe(firstAt + 10_010);

    // The second back-off is of 20 s; the pod is looked at in the midst of it, and says so.
    await advance(10_010);
    await until(() => hasEvent(server, 'web', 'Error: ImagePu × 4'));
    expect(eventsOf(server, 'web')).toEqual([...counts.slice(0, 3), 'BackOff × 4', 'Error: ImagePu × 4']);

    registry.push('team/wbe', '1', buildImage({ layers: [{ files: { found: 'at last' } }] }));
    await advance(10_000);
    await until(() => hasEvent(server, 'web', 'Pulled × 1'));
    expect(eventsOf(server, 'web').at(0)).toBe('Pulling × 3');
    expect(server.requests.filter(({ resource }) => resource === 'events').map(({ verb }) => verb)).toContain('patch');
  });

  it('publishes an event anew, with its count, when the server has forgotten it', async () => {
    const cluster = await startCluster();
    const { server } = cluster;
    cluster.secret('right');
    const image = `${cluster.registry.host}/team/wbe:1`;
    cluster.pod('web', { image });
    const { advance, warnings } = start(cluster);
    await until(() => hasEvent(server, 'web', 'Error: ErrImag × 1'));
    for (const { metadata } of server.events) server.remove('Event', NAMESPACE, metadata.name);
    await advance(10_010);
    await until(() => hasEvent(server, 'web', 'Error: ErrImag × 2'));
    expect(eventsOf(server, 'web')).toEqual(['Pulling × 2', 'Failed to pull × 2', 'Error: ErrImag × 2']);
    expect(warnings).toEqual([]);
  });

  it.each(['status', 'event'] as const)('loses and doubles nothing when a watch breaks or is 410 (%s)', async (how) => {
    const cluster = await startCluster();
    const { server } = cluster;
    cluster.secret('right');
    cluster.pod('a');
    const { clock, warnings, passTime } = start(cluster);
    const pulled = (pod: string): boolean => hasEvent(server, pod, 'Pulled × 1');
    const count = (verb: string): number =>
      server.requests.filter((request) => request.verb === verb && request.resource === 'pods').length;
    await until(() => pulled('a') && server.watches === 1);

    // What happens between two watches is told by the next one.
    for (const [pod, end] of [
      ['b', 'end'],
      ['c', 'cut'],
      ['d', 'cut-within-a-line'],
    ] as const) {
      server.endWatches(end);
      cluster.pod(pod);
      await passTime(() => pulled(pod) && server.watches === 1);
    }
    expect([count('list'), count('watch')]).toEqual([1, 4]);

    // A bookmark is as good as a change: what came before it may be forgotten.
    cluster.pod('elsewhere', { spec: { nodeName: 'worker-2' } });
    server.bookmark();
    server.forgetHistory(how);
    server.endWatches('end');
    await passTime(() => server.watches === 1);
    expect([count('list'), count('watch')]).toEqual([1, 5]);

    // What happens before the history is forgotten is seen in a new list.
    server.endWatches('cut');
    cluster.pod('e');
    server.remove('Pod', NAMESPACE, 'a');
    server.forgetHistory(how);
    await passTime(() => pulled('e') && server.watches === 1);
    expect(count('list')).toBe(2);
    cluster.pod('f');
    await until(() => pulled('f'));

    for (const pod of ['a', 'b', 'c', 'd', 'e', 'f']) expect(eventsOf(server, pod)).toHaveLength(pod === 'a' ? 2 : 1);
    expect(server.events.every((event) => event.count === 1)).toBe(true);
    expect(eventsOf(server, 'elsewhere')).toEqual([]);
    // The five that are still there wait for a change; of the breaks three were none that a server makes in good order.
    await until(() => clock.pending === 5);
    expect(warnings.map((line) => line.split(':')[0])).toEqual(Array(3).fill('Cannot watch pods'));
    expect(warnings.join()).not.toContain('410');
  });

  it('does not look again at a pod that is the same in a new list', async () => {
    const cluster = await startCluster();
    const { server, registry } = cluster;
    cluster.secret('right');
    cluster.pod('web', { image: `${registry.host}/team/wbe:1` });
    const { clock } = start(cluster);
    await until(() => hasEvent(server, 'web', 'Error: ErrImag × 1') && server.watches === 1 && clock.pending === 1);
    cluster.pod('elsewhere', { spec: { nodeName: 'worker-2' } });
    server.forgetHistory('event');
    server.endWatches('end');
    for (const pauseMs of [1_000, 2_000]) {
      await until(() => clock.pending === 2);
      await clock.advance(pauseMs);
    }
    await until(() => server.watches === 1);
    expect(server.requests.filter(({ verb }) => verb === 'list').length).toBe(2);
    cluster.pod('other');
    await until(() => hasEvent(server, 'other', 'Pulled × 1'));
    expect(eventsOf(server, 'web')).toEqual(['Pulling × 1', 'Failed to pull × 1', 'Error: ErrImag × 1']);
  });

  it('names the pull secrets that it cannot read, and pulls with the others', async () => {
    const cluster = await startCluster();
    const { server } = cluster;
    cluster.secret('right');
    cluster.secret('broken');
    cluster.pod('web', { pullSecrets: ['gone', '', 'broken', 'right', 'gone'] });
    server.fail('get', 'secrets/broken', 500);
    const { warnings, printed } = start(cluster);
    await until(() => hasEvent(server, 'web', 'Pulled × 1'));
    expect(eventsOf(server, 'web')).toEqual(['FailedToRetrieveImagePullSecret × 1', 'Pulling × 1', 'Pulled × 1']);
    const [event] = server.events;
    const message =
      'Unable to retrieve some image pull secrets (gone, broken, gone); attempting to pull the image may not succeed.';
    expect(event).toMatchObject({ type: 'Warning', message, involvedObject: { name: 'web', uid: 'uid-web' } });
    expect(event?.involvedObject).not.toHaveProperty('fieldPath');
    expect(printed[0]).toBe(`shop/web Warning FailedToRetrieveImagePullSecret: ${message}`);
    const verbs = server.requests.filter(({ resource }) => resource === 'events').map(({ verb }) => verb);
    expect(verbs).toEqual(['create', 'create', 'create']);
    expect(warnings).toEqual([
      'Cannot read secret shop/gone: HTTP status 404',
      'Cannot read secret shop/broken: HTTP status 500',
    ]);
  });

  it('reads a secret anew for each try', async () => {
    const cluster = await startCluster();
    const { server } = cluster;
    cluster.secret('right', canary('password'));
    cluster.pod('web');
    const { advance } = start(cluster);
    await until(() => hasEvent(server, 'web', 'Error: ErrImag × 1'));
    cluster.secret('right');
    await advance(10_010);
    await until(() => hasEvent(server, 'web', 'Pulled × 1'));
    expect(eventsOf(server, 'web')[0]).toBe('Pulling × 2');
  });

  it.each([
    [true, 'Pulled × 1', 'uses'],
    [false, 'Error: ErrImag × 1', 'does not look at'],
  ])('with serviceAccounts %s: %s, since it %s those of the service account', async (serviceAccounts, event) => {
    const cluster = await startCluster();
    const { server } = cluster;
    cluster.secret('right');
    const metadata = { name: 'builder', namespace: NAMESPACE };
    server.apply({ kind: 'ServiceAccount', metadata, imagePullSecrets: [{ name: 'right' }] });
    cluster.pod('web', { pullSecrets: [], spec: { imagePullSecrets: undefined, serviceAccountName: 'builder' } });
    start(cluster, { serviceAccounts });
    await until(() => hasEvent(server, 'web', event));
    const asked = server.requests.some(({ resource }) => resource === 'serviceaccounts');
    expect(asked).toBe(serviceAccounts);
  });

  it('goes on without a service account that is not there', async () => {
    const cluster = await startCluster();
    cluster.secret('right');
    cluster.pod('web');
    const { warnings } = start(cluster, { serviceAccounts: true });
    await until(() => hasEvent(cluster.server, 'web', 'Pulled × 1'));
    expect(warnings).toEqual(['Cannot read service account shop/default: HTTP status 404']);
  });

  it('brings the images of containers of all kinds and of volumes, and keeps back who mounts what is lost', async () => {
    const cluster = await startCluster();
    const { server, registry } = cluster;
    const image = (name: string): string => `${registry.host}/team/${name}:1`;
    for (const name of ['debug', 'setup', 'data', 'app'])
      registry.push(`team/${name}`, '1', buildImage({ layers: [{ files: { name } }] }));
    cluster.secret('right');
    cluster.pod('web', {
      spec: {
        ephemeralContainers: [{ name: 'debug', image: image('debug') }],
        initContainers: [{ name: 'setup', image: image('setup') }],
        containers: [
          { name: 'bad', image: 'Bad:Image' },
          { name: 'never', image: image('never'), imagePullPolicy: 'Never' },
          { name: 'held', image: image('app'), volumeMounts: [{ name: 'lost', mountPath: '/lost' }] },
          { name: 'app', image: image('app'), volumeMounts: [{ name: 'data', mountPath: '/data' }] },
        ],
        volumes: [
          { name: 'data', image: { reference: image('data') } },
          { name: 'lost', image: { reference: image('lost') } },
        ],
      },
    });
    const { advance } = start(cluster);
    const happened = (): readonly string[] =>
      server.events.map(({ reason, involvedObject }) => `${involvedObject['fieldPath'] ?? 'pod'} ${reason}`);
    const expected = [
      'pod Pulling',
      'pod Pulled',
      'pod Pulling',
      'pod Failed',
      'spec.ephemeralContainers{debug} Pulling',
      'spec.ephemeralContainers{debug} Pulled',
      'spec.initContainers{setup} Pulling',
      'spec.initContainers{setup} Pulled',
      'spec.containers{bad} InspectFailed',
      'spec.containers{bad} Failed',
      'spec.containers{never} ErrImageNeverPull',
      'spec.containers{never} Failed',
      'spec.containers{held} Failed',
      'spec.containers{app} Pulling',
      'spec.containers{app} Pulled',
    ];
    await until(() => happened().length === expected.length);
    expect(happened()).toEqual(expected);
    // What does not back off by itself is looked at again, and what is there is not.
    await advance(10_000);
    await until(() => server.events.some(({ reason, count }) => reason === 'ErrImageNeverPull' && count === 2));
    const pulled = server.events.filter(({ involvedObject }) => involvedObject['fieldPath'] === 'spec.containers{app}');
    expect(pulled.map(({ count }) => count)).toEqual([1, 1]);
  });

  it('asks for an image once for each container, and again when the container has another', async () => {
    const cluster = await startCluster();
    const { server, registry } = cluster;
    registry.push('team/web', '2', buildImage({ layers: [{ files: { version: '2' } }] }));
    cluster.secret('right');
    cluster.pod('web');
    start(cluster);
    await until(() => hasEvent(server, 'web', 'Pulled × 1') && server.watches === 1);
    cluster.pod('web', { status: { phase: 'Running' } });
    cluster.pod('other');
    await until(() => hasEvent(server, 'other', 'Pulled × 1'));
    cluster.pod('web', { image: `${registry.host}/team/web:2`, status: { phase: 'Running' } });
    await until(() => eventsOf(server, 'web').length === 4);
    expect(eventsOf(server, 'web')).toEqual(['Pulling × 1', 'Pulled × 1', 'Pulling × 1', 'Pulled × 1']);
    expect(server.requests.filter(({ resource }) => resource === 'secrets').length).toBe(3);
  });

  it('stops the pull of a pod that goes, and begins anew for another pod of that name', async () => {
    const cluster = await startCluster();
    const { server, registry } = cluster;
    const stall = registry.fault({ path: /\/blobs\//, action: { kind: 'stall' } });
    cluster.secret('right');
    cluster.pod('web');
    const { warnings } = start(cluster);
    await until(() => stall.hits > 0 && server.watches === 1);
    server.remove('Pod', NAMESPACE, 'web');
    await until(() => registry.connections === 0);
    stall.remove();
    cluster.pod('web', { uid: 'uid-of-the-next' });
    await until(() => hasEvent(server, 'web', 'Pulled × 1'));
    expect(eventsOf(server, 'web')).toEqual(['Pulling × 1', 'Pulling × 1', 'Pulled × 1']);
    expect(warnings).toEqual([]);
  });

  it('forgets what it has counted of a pod that is gone', async () => {
    const cluster = await startCluster();
    const { server } = cluster;
    const publishedTwice = (): boolean => {
      const events = eventsOf(server, 'web').filter((event) => event === 'FailedToRetrieveImagePullSecret × 1');
      return events.length === 2;
    };
    cluster.pod('web', { pullSecrets: ['gone'] });
    const { clock } = start(cluster);
    await until(() => hasEvent(server, 'web', 'Error: ErrImag × 1') && server.watches === 1 && clock.pending === 1);
    server.remove('Pod', NAMESPACE, 'web');
    await until(() => clock.pending === 0);
    cluster.pod('web', { pullSecrets: ['gone'] });
    await until(publishedTwice);
  });

  it('leaves pods alone that are over or on their way out', async () => {
    const cluster = await startCluster();
    cluster.secret('right');
    cluster.pod('done', { status: { phase: 'Succeeded' } });
    cluster.pod('broken', { status: { phase: 'Failed' } });
    cluster.pod('going', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } });
    cluster.pod('web');
    start(cluster);
    await until(() => hasEvent(cluster.server, 'web', 'Pulled × 1'));
    expect(cluster.server.events.map(({ involvedObject }) => involvedObject['name'])).toEqual(['web', 'web']);
    expect(cluster.server.requests.filter(({ resource }) => resource === 'secrets').length).toBe(1);
  });

  it('waits for an API server that does not answer yet, longer each time', async () => {
    const cluster = await startCluster();
    const { server } = cluster;
    server.fail('list', 'pods', 503, 2);
    server.fail('watch', 'pods', 500);
    cluster.secret('right');
    cluster.pod('web');
    const { clock, warnings } = start(cluster);
    const listed = (): number => server.requests.filter(({ verb }) => verb === 'list').length;
    await until(() => warnings.length === 1);
    await clock.advance(1_000);
    await until(() => warnings.length === 2);
    await clock.advance(1_999);
    expect([listed(), clock.pending]).toEqual([2, 1]);
    await clock.advance(1);
    await until(() => warnings.length === 3);
    await clock.advance(4_000);
    await until(() => server.watches === 1);
    expect(warnings).toEqual([503, 503, 500].map((status) => `Cannot watch pods: HTTP status ${status}`));
    expect(listed()).toBe(4);
    await until(() => hasEvent(server, 'web', 'Pulled × 1'));
  });

  it('gives up an event that cannot be published, and goes on with the next', async () => {
    const cluster = await startCluster();
    const { server } = cluster;
    server.fail('create', 'events', 500);
    cluster.secret('right');
    cluster.pod('web');
    const { warnings, printed } = start(cluster);
    await until(() => hasEvent(server, 'web', 'Pulled × 1'));
    expect(eventsOf(server, 'web')).toEqual(['Pulled × 1']);
    expect(warnings).toEqual(['Cannot publish an event: HTTP status 500']);
    expect(printed).toHaveLength(2);
  });

  it('keeps to one namespace, if told so', async () => {
    const cluster = await startCluster();
    const { server } = cluster;
    cluster.secret('right');
    cluster.pod('web');
    cluster.pod('other', { metadata: { namespace: 'elsewhere' } });
    start(cluster, { namespace: NAMESPACE });
    await until(() => hasEvent(server, 'web', 'Pulled × 1') && server.watches === 1);
    const paths = server.requests.filter(({ resource }) => resource === 'pods').map(({ url }) => new URL(url).pathname);
    expect(paths).toEqual(['/api/v1/namespaces/shop/pods', '/api/v1/namespaces/shop/pods']);
    expect(eventsOf(server, 'other')).toEqual([]);
  });

  it('goes on without what the API server does not answer in ten seconds', async () => {
    const cluster = await startCluster();
    const { server } = cluster;
    const limits: AbortController[] = [];
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    const spy = vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
      if (ms !== 10_000) return timeout(ms);
      limits.push(new AbortController());
      return limits.at(-1)?.signal ?? timeout(ms);
    });
    onTestFinished(() => spy.mockRestore());
    server.fail('get', 'secrets', 'silence');
    cluster.secret('right');
    cluster.pod('web');
    const { warnings } = start(cluster);
    await until(() => server.requests.some(({ resource }) => resource === 'secrets'));
    for (const limit of limits) limit.abort();
    await until(() => hasEvent(server, 'web', 'Error: ErrImag × 1'));
    expect(warnings).toEqual(['Cannot read secret shop/right: The user aborted a request.']);
  });

  it('settles the intents of a run that was killed', async () => {
    const cluster = await startCluster();
    const records = tempDir().path;
    cluster.secret('right');
    cluster.pod('web');
    const first = start(cluster, { records });
    await until(() => hasEvent(cluster.server, 'web', 'Pulled × 1'));
    await first.stop();
    const image = `${cluster.registry.host}/team/web:1`;
    await (await openPulledRecords(records)).writeIntent(image);
    const second = start(cluster, { records, layout: first.layout });
    await until(() => second.printed.length > 0);
    await second.stop();
    expect(await (await openPulledRecords(records)).listIntents()).toEqual([]);
  });

  it('publishes all that has happened before it ends', async () => {
    const cluster = await startCluster();
    const containers = Array.from({ length: 20 }, (_, at) => ({ name: `c${at}`, image: 'Bad:Image' }));
    cluster.pod('web', { pullSecrets: [], spec: { containers } });
    const { stop, printed } = start(cluster);
    await until(() => printed.length === 2 * containers.length);
    await stop();
    expect(cluster.server.events).toHaveLength(printed.length);
  });

  it('ends while the API server does not answer', async () => {
    const cluster = await startCluster();
    const { server } = cluster;
    server.fail('watch', 'pods', 'silence');
    const { stop, warnings } = start(cluster);
    await until(() => server.requests.some(({ verb }) => verb === 'watch'));
    await stop();
    expect(warnings).toEqual([]);
  });

  it('prints one line for each event, whatever a registry says', async () => {
    const cluster = await startCluster();
    const { server, registry } = cluster;
    const body = JSON.stringify({ errors: [{ code: 'DENIED', message: 'no\nshop/web Normal Pulled: \u001B[2K' }] });
    registry.fault({ path: /manifests/, action: { kind: 'status', status: 403, body } });
    cluster.secret('right');
    cluster.pod('web');
    const { printed } = start(cluster);
    await until(() => hasEvent(server, 'web', 'Error: ErrImag × 1'));
    expect(printed).toHaveLength(3);
    for (const line of printed) expect(line).not.toMatch(/[\u0000-\u001F]/u);
  });

  it('leaves nothing open when it has ended, in the middle of a pull and of a back-off', async () => {
    const cluster = await startCluster();
    const { server, registry } = cluster;
    const stall = registry.fault({ path: /\/blobs\//, action: { kind: 'stall' } });
    cluster.secret('right');
    cluster.pod('web');
    cluster.pod('wrong', { image: `${registry.host}/team/wbe:1` });
    // The test runner's own timers come and go.
    const before = process.getActiveResourcesInfo().filter((kind) => kind !== 'Timeout');
    const { stop, clock } = start(cluster);
    await until(() => stall.hits > 0 && hasEvent(server, 'wrong', 'Error: ErrImag × 1') && server.watches === 1);
    await stop();
    expect(clock.pending).toBe(0);
    await until(() => server.watches === 0 && registry.connections === 0);
    await until(() => openedSince(before).length === 0);
  });
});

interface DaemonSpec {
  readonly template: { readonly spec: { readonly containers: readonly DaemonContainer[] } };
}

interface DaemonContainer {
  readonly args: readonly string[];
  readonly resources: object;
  readonly securityContext: object;
}

const FOLDER = join(root, 'docs/examples/image-controller');

/** The calls of the API that stand in the example: `secrets get` for `readNamespacedSecret`. */
function callsOfExample(): readonly string[] {
  const text = readdirSync(FOLDER)
    .map((name) => readFileSync(join(FOLDER, name), 'utf8'))
    .join('\n');
  const calls = Array.from(
    text.matchAll(/\.(read|list|create|patch|replace|delete)(?:Namespaced)?([A-Z]\w+?)(?:ForAllNamespaces)?\(/g),
    ([, verb = '', kind = '']) => `${kind.toLowerCase()}s ${verb === 'read' ? 'get' : verb}`,
  );
  const watches = Array.from(text.matchAll(/'\/api\/v1\/(\w+)'/g), ([, resource = '']) => `${resource} watch`);
  return [...new Set([...calls, ...watches])].toSorted();
}

describe('the guide to the controller', () => {
  it('has manifests that the program understands', () => {
    const kinds = ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'DaemonSet'];
    expect(manifests.map(({ kind }) => kind)).toEqual(kinds);
    const { spec } = manifests[3] as unknown as { readonly spec: DaemonSpec };
    const [container] = spec.template.spec.containers;
    expect(parseOptions(container?.args ?? [])).toMatchObject({ node: '$(NODE_NAME)', layout: '/images/layout' });
    expect(container?.resources).toMatchObject({ requests: {}, limits: {} });
    expect(container?.securityContext).toMatchObject({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true });
    expect(listPodImages(manifests).map(({ image }) => image)).toEqual(['registry.example.com/image-controller:1.0']);
  });

  it('allows all that the controller does, and no more', () => {
    const allowed = rules.flatMap(({ resources, verbs }) =>
      resources.flatMap((resource) => verbs.map((verb) => `${resource} ${verb}`)),
    );
    expect(allowed).toHaveLength(6);
    expect(allowed.toSorted()).toEqual(callsOfExample());
  });

  it('lists the files of the example', () => {
    const files = readdirSync(FOLDER).toSorted();
    const named = [...guide.matchAll(/^\| `([\w-]+\.ts)`/gm)].map(([, file = '']) => file);
    expect(named.toSorted()).toEqual(files);
  });
});
