import { createHash } from 'node:crypto';
import { buildImage, type BuiltImage, type BuildImageOptions } from 'kubepull/testing';
import { MEDIA_TYPES } from 'kubepull/oci';

export { MEDIA_TYPES as T } from 'kubepull/oci';

/** What a server sends. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Uint8Array | string;
  /** Ends the connection after so many bytes of the body. */
  readonly cutAfter?: number;
}

/** A request for something of one input. */
export interface Asked {
  readonly method: string;
  /** What stands behind `/v2/<name of the repository>/`, or the whole path of anything else. */
  readonly kind: 'manifests' | 'blobs' | 'other';
  readonly reference: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Which of the three servers was asked. */
  readonly server: 'registry' | 'other' | 'tokens';
  /** How often this was asked for by the tool that is at work. */
  readonly count: number;
}

/** Where the servers are, `host:port` each, and the repository of the input. */
export interface Place {
  readonly registry: string;
  readonly other: string;
  readonly tokens: string;
  readonly repository: string;
}

/** What a registry has for one input. */
export interface Served {
  readonly manifests: ReadonlyMap<string, Answer>;
  readonly blobs: ReadonlyMap<string, Answer>;
  /** What is answered before what the registry has. */
  readonly before?: ((asked: Asked, place: Place) => Answer | undefined) | undefined;
  /** @defaultValue `1`, a tag */
  readonly reference?: string;
  /** Whether the three are given an account. */
  readonly account?: boolean;
}

/** One line of the bench. */
export interface Input {
  readonly id: string;
  readonly what: string;
  serve(): Served;
}

export type Serve = (id: string) => Served;

/** Inputs from a table of small functions. */
export function inputsOf(group: string, table: Readonly<Record<string, Serve>>): readonly Input[] {
  return Object.entries(table).map(([what, serve], place) => {
    const id = `${group}${String(place + 1).padStart(2, '0')}`;
    return { id, what, serve: () => serve(id) };
  });
}

export const sha = (bytes: Uint8Array | string, algorithm = 'sha256'): string =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;

/** An image that no other input has: a runtime that has its layers already would not ask for them. */
export const imageOf = (id: string, options: Partial<BuildImageOptions> = {}): BuiltImage =>
  buildImage({ layers: [{ files: { id } }], ...options });

const typed = (bytes: Uint8Array | string, type: string | undefined, headers: Answer['headers'] = {}): Answer => ({
  body: bytes,
  headers: {
    'content-length': String(Buffer.byteLength(bytes)),
    ...(type === undefined ? {} : { 'content-type': type }),
    ...headers,
  },
});

/** A blob as registries send it. */
const blob = (bytes: Uint8Array | string, headers: Answer['headers'] = {}): Answer =>
  typed(bytes, 'application/octet-stream', headers);

/** A document as registries send it. */
export const document = (
  bytes: Uint8Array | string,
  type: string | undefined,
  headers: Answer['headers'] = {},
): Answer => typed(bytes, type, { 'docker-content-digest': sha(bytes), ...headers });

export interface Change {
  /** The text of the manifest, made of what it is. */
  readonly manifest?: (value: Record<string, unknown>, text: string) => object | string | Uint8Array;
  readonly type?: string | null;
  readonly headers?: Answer['headers'];
  readonly image?: Partial<BuildImageOptions>;
  /** The config, made of what it is; the manifest names it. */
  readonly config?: (value: Record<string, unknown>) => object | string;
  /** The bytes of the layer, made of what they are; the manifest names them. */
  readonly layer?: (bytes: Uint8Array) => Uint8Array;
  readonly layerType?: string;
  readonly configType?: string;
  readonly before?: Served['before'];
  readonly reference?: (digest: string) => string;
  readonly account?: boolean;
}

/** An image under the tag `1`, with what is to be otherwise. */
export function served(id: string, change: Change = {}): Served {
  const built = imageOf(id, change.image);
  const blobs = new Map<string, Answer>();
  const value = structuredClone(built.manifest) as unknown as {
    config: Record<string, unknown>;
    layers: Record<string, unknown>[];
  };
  const bytesOf = (digest: unknown): Uint8Array => built.blobs.get(digest as never) ?? new Uint8Array();
  const put = (descriptor: Record<string, unknown>, bytes: Uint8Array, mediaType: unknown): void => {
    Object.assign(descriptor, { mediaType, digest: sha(bytes), size: bytes.length });
    blobs.set(sha(bytes), blob(bytes));
  };
  const config = bytesOf(value.config['digest']);
  const changed = change.config?.(JSON.parse(Buffer.from(config).toString()) as Record<string, unknown>);
  const text =
    changed === undefined ? config : Buffer.from(typeof changed === 'string' ? changed : JSON.stringify(changed));
  put(value.config, text, change.configType ?? value.config['mediaType']);
  for (const layer of value.layers) {
    const bytes = bytesOf(layer['digest']);
    put(layer, change.layer?.(bytes) ?? bytes, change.layerType ?? layer['mediaType']);
  }
  const plain = JSON.stringify(value);
  const own = change.manifest?.(value, plain) ?? plain;
  const bytes = Buffer.from(typeof own === 'string' || own instanceof Uint8Array ? own : JSON.stringify(own));
  const type = change.type === null ? undefined : (change.type ?? built.manifest.mediaType);
  const answer = document(bytes, type, change.headers);
  const reference = change.reference?.(sha(bytes));
  return {
    manifests: new Map([
      ['1', answer],
      [reference ?? sha(bytes), answer],
    ]),
    blobs,
    before: change.before,
    ...(reference === undefined ? {} : { reference }),
    ...(change.account === undefined ? {} : { account: change.account }),
  };
}

/** The entry of an index for an image. */
export const entryOf = ({ descriptor }: BuiltImage, more: object = {}): Record<string, unknown> => ({
  mediaType: descriptor.mediaType,
  digest: descriptor.digest,
  size: descriptor.size,
  platform: descriptor.platform,
  ...more,
});

/** An index under the tag `1`, of images that are all there. */
export function indexed(
  images: readonly BuiltImage[],
  index: object | string,
  more: { readonly type?: string | null; readonly childType?: string; readonly before?: Served['before'] } = {},
): Served {
  const bytes = Buffer.from(typeof index === 'string' ? index : JSON.stringify(index));
  const answer = document(bytes, more.type === null ? undefined : (more.type ?? MEDIA_TYPES.ociIndex));
  const children = images.map(({ descriptor, manifest, contents }) => {
    const own = contents.find((one) => one.descriptor.digest === descriptor.digest)?.bytes ?? '';
    return [descriptor.digest, document(own, more.childType ?? manifest.mediaType)] as const;
  });
  const blobs = images.flatMap(({ descriptor, blobs }) =>
    [...blobs].filter(([digest]) => digest !== descriptor.digest).map(([digest, one]) => [digest, blob(one)] as const),
  );
  return {
    manifests: new Map<string, Answer>([['1', answer], [sha(bytes), answer], ...children]),
    blobs: new Map<string, Answer>(blobs),
    before: more.before,
  };
}
