import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { type Answer, type Asked, type Input, inputsOf, type Place, type Serve, type Served, served } from './kit.ts';

const TOKEN = 'a-token-of-the-other';

/** What is asked for again at another place. */
const moved =
  (
    kind: Asked['kind'],
    location: (asked: Asked, place: Place) => string,
    status = 307,
    more: Served['before'] = () => undefined,
  ): Serve =>
  (id) => {
    const own = served(id);
    return {
      ...own,
      before(asked, place) {
        const answer = more(asked, place);
        if (answer !== undefined) return answer;
        if (asked.server !== 'registry' || asked.path.startsWith('/moved')) return contentOf(own, asked);
        if (asked.kind !== kind) return undefined;
        const to = location(asked, place);
        return { status, headers: to === '' ? {} : { location: to } };
      },
    };
  };

/** What a path that ends in a digest or tag stands for, at any server. */
function contentOf({ manifests, blobs }: Served, { path, method }: Asked): Answer | undefined {
  const name = decodeURIComponent(path.split('/').at(-1) ?? '');
  const found = blobs.get(name) ?? manifests.get(name);
  return found === undefined ? { status: 404 } : method === 'HEAD' ? { ...found, body: '' } : found;
}

const elsewhere = ({ reference }: Asked, { other }: Place): string => `http://${other}/storage/${reference}`;
const here = ({ reference }: Asked): string => `/moved/${reference}`;
/** A way of so many redirects. */
const hops = (count: number): Serve =>
  moved(
    'blobs',
    ({ reference }, { other }) => `http://${other}/hop/1/${reference}`,
    307,
    ({ server, path }, { other }) => {
      const [, at = '', reference = ''] = /^\/hop\/(\d+)\/(.+)$/.exec(path) ?? [];
      if (server !== 'other' || at === '' || Number(at) >= count) return undefined;
      return { status: 307, headers: { location: `http://${other}/hop/${Number(at) + 1}/${reference}` } };
    },
  );

export const REDIRECTS: readonly Input[] = inputsOf('R', {
  'a blob, 307': moved('blobs', elsewhere),
  'a blob, 301': moved('blobs', elsewhere, 301),
  'a blob, 302': moved('blobs', elsewhere, 302),
  'a blob, 303': moved('blobs', elsewhere, 303),
  'a blob, 308': moved('blobs', elsewhere, 308),
  'a blob, 300': moved('blobs', elsewhere, 300),
  'a blob, 304': moved('blobs', elsewhere, 304),
  'a manifest, 307': moved('manifests', elsewhere),
  'a manifest, 301': moved('manifests', elsewhere, 301),
  'a blob, to a path of the same host': moved('blobs', here),
  'a manifest, to a path of the same host': moved('manifests', here),
  'to a relative path': moved('blobs', ({ reference }) => `../../../../moved/${reference}`),
  'to another host without scheme': moved('blobs', ({ reference }, { other }) => `//${other}/storage/${reference}`),
  'to nowhere': moved('blobs', () => ''),
  'to another scheme': moved('blobs', ({ reference }, { other }) => `ftp://${other}/${reference}`),
  'to a file': moved('blobs', () => 'file:///etc/passwd'),
  'to what is no URL': moved('blobs', () => 'http://[/'),
  'with an account in the URL': moved(
    'blobs',
    ({ reference }, { other }) => `http://user:pass@${other}/storage/${reference}`,
  ),
  'with a query and a signature': moved(
    'blobs',
    ({ reference }, { other }) => `http://${other}/storage/${reference}?X-Amz-Signature=abc%2Fdef&a=b+c`,
  ),
  'with a fragment': moved('blobs', ({ reference }, { other }) => `http://${other}/storage/${reference}#x`),
  'with a space in the URL': moved('blobs', ({ reference }, { other }) => `http://${other}/a b/${reference}`),
  'with the digest percent-encoded': moved(
    'blobs',
    ({ reference }, { other }) => `http://${other}/storage/${reference.replace(':', '%3A')}`,
  ),
  'to https, where there is none': moved(
    'blobs',
    ({ reference }, { other }) => `https://${other}/storage/${reference}`,
  ),
  'in a circle': moved('blobs', ({ path }) => path),
  'over 5 redirects': hops(5),
  'over 10 redirects': hops(10),
  'over 11 redirects': hops(11),
  'over 20 redirects': hops(20),
  'to a host that answers 401': moved('blobs', elsewhere, 307, ({ server }) =>
    server === 'other' ? { status: 401 } : undefined,
  ),
  'to a host that answers 403': moved('blobs', elsewhere, 307, ({ server }) =>
    server === 'other' ? { status: 403 } : undefined,
  ),
  'to a registry that gives anonymous tokens': moved('blobs', elsewhere, 307, (asked, { tokens }) => {
    if (asked.server === 'tokens')
      return { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token: TOKEN }) };
    if (asked.server !== 'other' || asked.headers['authorization'] === `Bearer ${TOKEN}`) return undefined;
    return {
      status: 401,
      headers: {
        'www-authenticate': `Bearer realm="http://${tokens}/token",service="other",scope="repository:x:pull"`,
      },
    };
  }),
  'a manifest, to a registry that gives anonymous tokens': moved('manifests', elsewhere, 307, (asked, { tokens }) => {
    if (asked.server === 'tokens')
      return { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token: TOKEN }) };
    if (asked.server !== 'other' || asked.headers['authorization'] === `Bearer ${TOKEN}`) return undefined;
    return {
      status: 401,
      headers: {
        'www-authenticate': `Bearer realm="http://${tokens}/token",service="other",scope="repository:x:pull"`,
      },
    };
  }),
  'to a host that refuses what has a token': moved('blobs', elsewhere, 307, ({ server, headers }) =>
    server === 'other' && headers['authorization'] !== undefined ? { status: 400 } : undefined,
  ),
  'over 6 redirects': hops(6),
  'over 9 redirects': hops(9),
});

/** What is sent of a layer, or of all of a kind. */
const changed =
  (change: (answer: Answer, asked: Asked) => Answer, which: 'layers' | 'blobs' | 'manifests' = 'layers'): Serve =>
  (id) => {
    const own = served(id);
    const layer = [...own.blobs.keys()].at(-1);
    return {
      ...own,
      before(asked) {
        if (asked.kind === 'other' || asked.method === 'HEAD') return undefined;
        const isIt =
          which === 'manifests'
            ? asked.kind === 'manifests'
            : asked.kind === 'blobs' && (which === 'blobs' || asked.reference === layer);
        const answer = own.blobs.get(asked.reference) ?? own.manifests.get(asked.reference);
        return isIt && answer !== undefined ? change(answer, asked) : undefined;
      },
    };
  };
const header = (name: string, value: string, which?: 'layers' | 'blobs' | 'manifests'): Serve =>
  changed((answer) => ({ ...answer, headers: { ...answer.headers, [name]: value } }), which);
const bytesOf = ({ body = '' }: Answer): Buffer => Buffer.from(body);
const packed = (encoding: string, pack: (bytes: Buffer) => Buffer, which?: 'layers' | 'blobs' | 'manifests'): Serve =>
  changed((answer) => {
    const body = pack(bytesOf(answer));
    return {
      body,
      headers: { ...answer.headers, 'content-encoding': encoding, 'content-length': String(body.length) },
    };
  }, which);
const bodyOf = (change: (bytes: Buffer) => Buffer, length: 'right' | 'none' = 'right'): Serve =>
  changed(({ headers, ...answer }) => {
    const body = change(bytesOf(answer));
    const { 'content-length': _, ...others } = headers ?? {};
    return { body, headers: length === 'right' ? { ...others, 'content-length': String(body.length) } : others };
  });
/** The first answer is cut in the middle; what asks for the rest gets this. */
const cut = (rest: (answer: Answer, from: number) => Answer): Serve =>
  changed((answer, { count, headers }) => {
    const [, from = '0'] = /^bytes=(\d+)-/.exec(String(headers['range'] ?? '')) ?? [];
    if (headers['range'] !== undefined) return rest(answer, Number(from));
    return count > 1 ? answer : { ...answer, cutAfter: Math.floor(bytesOf(answer).length / 2) };
  });
const range = (answer: Answer, from: number): Answer => {
  const bytes = bytesOf(answer);
  const part = bytes.subarray(from);
  return {
    status: 206,
    body: part,
    headers: {
      ...answer.headers,
      'content-length': String(part.length),
      'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
    },
  };
};

export const TRANSFERS: readonly Input[] = inputsOf('E', {
  'Content-Encoding: gzip of stored bytes': header('content-encoding', 'gzip'),
  'Content-Encoding: x-gzip of stored bytes': header('content-encoding', 'x-gzip'),
  'Content-Encoding: identity': header('content-encoding', 'identity'),
  'Content-Encoding: identity, identity': header('content-encoding', 'identity, identity'),
  'Content-Encoding: aws-chunked': header('content-encoding', 'aws-chunked'),
  'Content-Encoding: utf-8': header('content-encoding', 'utf-8'),
  'Content-Encoding: br of stored bytes': header('content-encoding', 'br'),
  'Content-Encoding: zstd of stored bytes': header('content-encoding', 'zstd'),
  'Content-Encoding: deflate of stored bytes': header('content-encoding', 'deflate'),
  'Content-Encoding: GZIP of stored bytes': header('content-encoding', 'GZIP'),
  'Content-Encoding empty': header('content-encoding', ''),
  'Content-Encoding: gzip of all blobs': header('content-encoding', 'gzip', 'blobs'),
  'a layer packed in gzip on the way': packed('gzip', (bytes) => gzipSync(bytes)),
  'a layer packed in x-gzip on the way': packed('x-gzip', (bytes) => gzipSync(bytes)),
  'a layer packed in br on the way': packed('br', (bytes) => brotliCompressSync(bytes)),
  'a layer packed in deflate on the way': packed('deflate', (bytes) => deflateSync(bytes)),
  'a manifest packed in gzip on the way': packed('gzip', (bytes) => gzipSync(bytes), 'manifests'),
  'a manifest packed in br on the way': packed('br', (bytes) => brotliCompressSync(bytes), 'manifests'),
  'a manifest labelled gzip': header('content-encoding', 'gzip', 'manifests'),
  'a manifest labelled identity': header('content-encoding', 'identity', 'manifests'),
  'a manifest labelled utf-8': header('content-encoding', 'utf-8', 'manifests'),
  'Content-Type text/html of a layer': header('content-type', 'text/html'),
  'Content-Type of a layer that is no type': header('content-type', 'x'),
  'no Content-Length': bodyOf((bytes) => bytes, 'none'),
  'a layer with a byte more': bodyOf((bytes) => Buffer.concat([bytes, Buffer.from('x')])),
  'a layer with a byte more, no Content-Length': bodyOf((bytes) => Buffer.concat([bytes, Buffer.from('x')]), 'none'),
  'a layer with a byte less': bodyOf((bytes) => bytes.subarray(0, -1)),
  'a layer with a byte less, no Content-Length': bodyOf((bytes) => bytes.subarray(0, -1), 'none'),
  'a layer that is empty': bodyOf(() => Buffer.alloc(0)),
  'a layer with one bit turned': bodyOf((bytes) => Buffer.from(bytes.map((byte, at) => (at === 40 ? byte ^ 1 : byte)))),
  'Connection: close': header('connection', 'close'),
  'Accept-Ranges: none': header('accept-ranges', 'none'),
  'an ETag and a Date': header('etag', '"x"'),
  'Docker-Content-Digest of another at a layer': header('docker-content-digest', `sha256:${'0'.repeat(64)}`),
  'a layer by 206 that nobody asked for': changed((answer) => range(answer, 0)),
  'a layer by 203': changed((answer) => ({ ...answer, status: 203 })),
  'a layer by 201': changed((answer) => ({ ...answer, status: 201 })),
  'a layer by 204': changed(() => ({ status: 204 })),
  'a cut, and the rest by 206': cut(range),
  'a cut, and all of it by 200': cut((answer) => answer),
  'a cut, and 400 for the rest': cut(() => ({ status: 400 })),
  'a cut, and 403 for the rest': cut(() => ({ status: 403 })),
  'a cut, and 416 for the rest': cut(() => ({ status: 416 })),
  'a cut, and 501 for the rest': cut(() => ({ status: 501 })),
  'a cut, and another part by 206': cut((answer) => range(answer, 0)),
  'a cut, and 206 without Content-Range': cut((answer, from) => {
    const { 'content-range': _, ...headers } = range(answer, from).headers ?? {};
    return { ...range(answer, from), headers };
  }),
  'a layer that is not there': changed(() => ({ status: 404 })),
  'a layer that is forbidden': changed(() => ({ status: 403 })),
  'a layer that is unauthorized, without a challenge': changed(() => ({ status: 401 })),
  '500 once, then the layer': changed((answer, { count }) => (count > 1 ? answer : { status: 500 })),
  '503 once, then the layer': changed((answer, { count }) => (count > 1 ? answer : { status: 503 })),
  '500 once, then the manifest': changed((answer, { count }) => (count > 1 ? answer : { status: 500 }), 'manifests'),
});
