// A Kubernetes API server on loopback, as far as a small controller can tell: pods, secrets, service accounts and events,
// with versions, watches, bookmarks and a history that can be forgotten.
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  isBearer,
  allows,
  keyOf,
  kubeconfigOf,
  readText,
  RESOURCES,
  selects,
  sendJson,
  sendLine,
  statusObject,
  targetOf,
  verbOf,
  type KubeObject,
  type PolicyRule,
  type StoredEvent,
} from './api-objects.ts';
import { canary, observeRequests, type LoggedRequest } from './canary.ts';
import { serve } from './servers.ts';

export interface ApiRequest extends LoggedRequest {
  readonly verb: string;
  readonly resource: string;
  readonly query: URLSearchParams;
  readonly status: number;
}

export interface ApiServerOptions {
  /** @defaultValue everything is allowed */
  readonly rules?: readonly PolicyRule[];
}

export interface ApiServer {
  readonly origin: string;
  /** A kubeconfig for it, as JSON, which is YAML too. It has the bearer token that opens the server. */
  readonly kubeconfig: string;
  readonly requests: readonly ApiRequest[];
  /** In the order in which they were made. */
  readonly events: readonly StoredEvent[];
  /** Watches that are open. */
  readonly watches: number;
  /** Makes or replaces an object; watches are told of pods. */
  apply(object: KubeObject): void;
  remove(kind: string, namespace: string, name: string): void;
  /** Tells the watches that want it how far they are. */
  bookmark(): void;
  /** Ends all watches, as a server does when their time is over, or breaks their connections. */
  endWatches(how: 'end' | 'cut' | 'cut-within-a-line'): void;
  /** Forgets the history: a watch from before has to begin anew. The server says so with a status, or in the stream. */
  forgetHistory(how: 'status' | 'event'): void;
  /** The next requests for a resource, such as `events` or `secrets/creds`, fail with a status, or get no answer. */
  fail(verb: string, resource: string, status: number | 'silence', times?: number): void;
}

interface Change {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly pod: KubeObject;
}

interface OpenWatch {
  readonly response: ServerResponse;
  readonly sees: (pod: KubeObject) => boolean;
  readonly bookmarks: boolean;
}

/** Starts an API server that ends with the test. Nobody else may see its token. */
export async function startApiServer({ rules }: ApiServerOptions = {}): Promise<ApiServer> {
  const objects = new Map<string, KubeObject>();
  const history: Change[] = [];
  const watches = new Set<OpenWatch>();
  const requests: ApiRequest[] = [];
  const failures: { readonly verb: string; readonly resource: string; readonly status: number | 'silence' }[] = [];
  let version = 1000;
  let forgottenUpTo = 0;
  let goneBy: 'status' | 'event' = 'event';

  const store = (object: KubeObject): KubeObject => {
    version += 1;
    const key = keyOf(object);
    const type = objects.has(key) ? 'MODIFIED' : 'ADDED';
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    objects.set(key, stored);
    if (object.kind === 'Pod') publish({ version, type, pod: stored });
    return stored;
  };
  const publish = (change: Change): void => {
    history.push(change);
    for (const watch of watches) sendChange(watch, change);
  };
  const listOf = (resource: string): readonly KubeObject[] =>
    [...objects.values()].filter(({ kind }) => RESOURCES.get(kind) === resource);

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://any');
    const target = targetOf(url.pathname);
    const verb = verbOf(request.method ?? '', target, url.searchParams);
    const body = await readText(request);
    const send = (status: number, value: unknown): void => {
      const log = { method: request.method ?? '', url: url.href, headers: request.headers, body: Buffer.from(body) };
      requests.push({ ...log, verb, resource: target?.resource ?? '', query: url.searchParams, status });
      if (value !== undefined) sendJson(response, status, value);
    };
    const refuse = (status: number, message: string): void => send(status, statusObject(status, message));

    if (!isBearer(request, token)) return refuse(401, 'Unauthorized');
    if (target === undefined) return refuse(404, 'no such path');
    const { resource, name, namespace = '' } = target;
    if (rules !== undefined && !allows(rules, verb, resource)) return refuse(403, `cannot ${verb} ${resource}`);
    const failure = failures.findIndex(
      (planned) => planned.verb === verb && [resource, `${resource}/${name}`].includes(planned.resource),
    );
    const [planned] = failure >= 0 ? failures.splice(failure, 1) : [];
    if (planned?.status === 'silence') return send(0, undefined);
    if (planned !== undefined) return refuse(planned.status, 'as planned');

    const sees = selects(target, url.searchParams.get('fieldSelector'));
    if (verb === 'watch') {
      const from = Number(url.searchParams.get('resourceVersion') || version);
      if (from < forgottenUpTo && goneBy === 'status') return refuse(410, `too old resource version: ${from}`);
      send(200, undefined);
      return openWatch({ response, sees, bookmarks: url.searchParams.get('allowWatchBookmarks') === 'true' }, from);
    }
    if (verb === 'list') {
      const items = listOf(resource).filter(sees);
      return send(200, { kind: 'List', apiVersion: 'v1', metadata: { resourceVersion: String(version) }, items });
    }
    if (verb === 'create') {
      const created = JSON.parse(body) as KubeObject;
      const object = { ...created, kind: created.kind ?? 'Event', metadata: { ...created.metadata, namespace } };
      if (objects.has(keyOf(object))) return refuse(409, 'already exists');
      return send(201, store(object));
    }
    const found = objects.get(`${resource}/${namespace}/${name}`);
    if (found === undefined) return refuse(404, `${resource} "${name}" not found`);
    if (verb === 'get') return send(200, found);
    if (request.headers['content-type'] !== 'application/strategic-merge-patch+json')
      return refuse(415, 'which patch?');
    return send(200, store({ ...found, ...(JSON.parse(body) as object) }));
  };

  const openWatch = (watch: OpenWatch, from: number): void => {
    watch.response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    if (from < forgottenUpTo) {
      sendLine(watch.response, 'ERROR', statusObject(410, `too old resource version: ${from}`));
      watch.response.end();
      return;
    }
    for (const change of history) if (change.version > from) sendChange(watch, change);
    watches.add(watch);
    watch.response.on('close', () => watches.delete(watch));
  };

  const { origin } = await serve((request, response) => void answer(request, response));
  const token = canary('service-account-token', [origin]);
  observeRequests(origin, () => requests);
  return {
    origin,
    kubeconfig: kubeconfigOf(origin, token),
    requests,
    get events() {
      return listOf('events') as readonly StoredEvent[];
    },
    get watches() {
      return watches.size;
    },
    apply: (object) => void store(object),
    remove(kind, namespace, name) {
      const key = `${RESOURCES.get(kind)}/${namespace}/${name}`;
      const object = objects.get(key);
      if (object === undefined) throw new Error(`There is no ${key}`);
      objects.delete(key);
      version += 1;
      const pod = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
      if (kind === 'Pod') publish({ version, type: 'DELETED', pod });
    },
    bookmark() {
      const object = { kind: 'Pod', apiVersion: 'v1', metadata: { resourceVersion: String(version) } };
      for (const { response, bookmarks } of watches) if (bookmarks) sendLine(response, 'BOOKMARK', object);
    },
    endWatches(how) {
      for (const { response } of watches) {
        if (how === 'cut-within-a-line') response.write('{"type":"MODIFIED","object":{"kind":"Pod","meta');
        if (how === 'end') response.end();
        else setImmediate(() => response.destroy());
      }
      watches.clear();
    },
    forgetHistory(how) {
      forgottenUpTo = version;
      goneBy = how;
      history.length = 0;
    },
    fail(verb, resource, status, times = 1) {
      for (let time = 0; time < times; time += 1) failures.push({ verb, resource, status });
    },
  };
}

function sendChange(watch: OpenWatch, { type, pod }: Change): void {
  if (watch.sees(pod)) sendLine(watch.response, type, pod);
}
