// What a Kubernetes API server on loopback speaks of: objects, requests and permissions.
import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface KubeObject {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/** An event as it is stored; what the tests look at. */
export interface StoredEvent extends KubeObject {
  readonly involvedObject: Readonly<Record<string, string>>;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
}

/** A rule of a Role: all requests that no rule allows are forbidden. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** What a request is about: `/api/v1/[namespaces/NS/]RESOURCE[/NAME]`. */
export interface Target {
  readonly namespace: string | undefined;
  readonly resource: string;
  readonly name: string | undefined;
}

export const RESOURCES = new Map([
  ['Pod', 'pods'],
  ['Secret', 'secrets'],
  ['ServiceAccount', 'serviceaccounts'],
  ['Event', 'events'],
]);

export function keyOf({ kind, metadata }: KubeObject): string {
  return `${RESOURCES.get(kind)}/${metadata.namespace}/${metadata.name}`;
}

export function targetOf(path: string): Target | undefined {
  const match = /^\/api\/v1(?:\/namespaces\/([^/]+))?\/(pods|secrets|serviceaccounts|events)(?:\/([^/]+))?$/.exec(path);
  if (match === null) return undefined;
  return { namespace: match[1], resource: match[2] ?? '', name: match[3] };
}

export function verbOf(method: string, target: Target | undefined, query: URLSearchParams): string {
  if (method === 'POST') return 'create';
  if (method !== 'GET') return method.toLowerCase();
  if (target?.name !== undefined) return 'get';
  return query.get('watch') === 'true' ? 'watch' : 'list';
}

export function selects({ namespace }: Target, selector: string | null): (pod: KubeObject) => boolean {
  const node = /^spec\.nodeName=(.+)$/.exec(selector ?? '')?.[1];
  return ({ metadata, spec }) =>
    (namespace === undefined || metadata.namespace === namespace) &&
    (node === undefined || (spec as { nodeName?: string } | undefined)?.nodeName === node);
}

export function allows(rules: readonly PolicyRule[], verb: string, resource: string): boolean {
  return rules.some(
    ({ apiGroups, resources, verbs }) => apiGroups.includes('') && resources.includes(resource) && verbs.includes(verb),
  );
}

export function isBearer(request: IncomingMessage, token: string): boolean {
  const [given, wanted] = [request.headers.authorization ?? '', `Bearer ${token}`].map((text) => Buffer.from(text));
  return given?.length === wanted?.length && timingSafeEqual(given as Buffer, wanted as Buffer);
}

export async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

export function sendLine(response: ServerResponse, type: string, object: unknown): void {
  response.write(`${JSON.stringify({ type, object })}\n`);
}

export function statusObject(code: number, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code };
}

export function kubeconfigOf(server: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    // The client wants this for plain HTTP.
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'node', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'node' } }],
    'current-context': 'test',
  });
}
