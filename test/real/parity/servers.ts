import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Answer, Asked, Input, Place, Served } from './kit.ts';

/** An input under an address of its own, so that also what has no path of its own is known to be for it. */
export interface Scripted {
  readonly input: Input;
  readonly served: Served;
  readonly place: Place;
}

export interface ScriptedRegistry {
  readonly inputs: readonly Scripted[];
  close(): void;
}

type Role = Asked['server'];

/** Serves all inputs: one registry, one other host and one token server, at an address of loopback for each input. */
export async function startScriptedRegistry(inputs: readonly Input[]): Promise<ScriptedRegistry> {
  const byAddress = new Map<string, Scripted>();
  const counts = new Map<string, number>();
  const start = async (role: Role): Promise<{ readonly server: Server; readonly port: number }> => {
    const server = createServer((request, response) => {
      // Nobody waits for what a tool has given up.
      request.on('error', () => undefined).resume();
      response.on('error', () => undefined);
      const found = byAddress.get(request.socket.localAddress ?? '');
      if (found === undefined) response.writeHead(404).end();
      else respond(request, response, role, found, counts);
    });
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    return { server, port: (server.address() as { readonly port: number }).port };
  };
  const [registry, other, tokens] = [await start('registry'), await start('other'), await start('tokens')];
  const scripted = inputs.map((input, at): Scripted => {
    const address = `127.77.${Math.floor(at / 250)}.${(at % 250) + 1}`;
    const place = {
      registry: `${address}:${registry.port}`,
      other: `${address}:${other.port}`,
      tokens: `${address}:${tokens.port}`,
      repository: `p/${input.id.toLowerCase()}`,
    };
    const one = { input, place, served: input.serve() };
    byAddress.set(address, one);
    return one;
  });
  return {
    inputs: scripted,
    close() {
      for (const { server } of [registry, other, tokens]) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}

function respond(
  request: IncomingMessage,
  response: ServerResponse,
  server: Role,
  { served, place }: Scripted,
  counts: Map<string, number>,
): void {
  const { method = 'GET', url = '/', headers } = request;
  const { pathname, searchParams } = new URL(url, 'http://x');
  const [, repository = '', kind = '', reference = ''] =
    /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(pathname) ?? [];
  const tool = /^(?:containers|skopeo|containerd|kubepull)/.exec(headers['user-agent'] ?? '')?.[0] ?? 'other';
  const key = `${tool} ${server} ${request.socket.localAddress} ${method} ${url}`;
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  const asked: Asked = {
    method,
    kind: server === 'registry' && repository === place.repository ? (kind as 'manifests' | 'blobs') : 'other',
    reference: decodeURIComponent(reference),
    path: pathname,
    query: searchParams,
    headers,
    server,
    count,
  };
  send(response, method, served.before?.(asked, place) ?? usual(served, asked));
}

function usual({ manifests, blobs }: Served, { kind, reference, path, server }: Asked): Answer {
  if (server === 'registry' && path === '/v2/') return { headers: { 'content-type': 'application/json' }, body: '{}' };
  const found = kind === 'manifests' ? manifests.get(reference) : kind === 'blobs' ? blobs.get(reference) : undefined;
  return found ?? { status: 404, headers: { 'content-type': 'application/json' }, body: '{"errors":[]}' };
}

function send(response: ServerResponse, method: string, answer: Answer): void {
  const { status = 200, headers = {}, body = '', cutAfter } = answer;
  for (const [name, value] of Object.entries(headers)) {
    // A header that is empty is one that is not sent, except where it is the point.
    if (value === '' && name === 'docker-content-digest') continue;
    response.setHeader(name, typeof value === 'string' ? value : [...value]);
  }
  response.writeHead(status);
  if (method === 'HEAD') response.end();
  else if (cutAfter === undefined) response.end(body);
  else response.write(Buffer.from(body).subarray(0, cutAfter), () => response.destroy());
}
