import type { MethodDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';

const string = (id: number): Field => ({ type: 'string', id });
const list = (type: string, id: number): Field => ({ rule: 'repeated', type, id });
const texts = (id: number): Field => ({ keyType: 'string', type: 'string', id });

interface Field {
  readonly rule?: 'repeated';
  readonly keyType?: 'string';
  readonly type: string;
  readonly id: number;
}

/**
 * The messages of CRI v1 that images need, with the fields that are read or written here: names and numbers are those of
 * `runtime.v1`. What a runtime sends beyond them is skipped, as protobuf has it.
 */
const messages = (): Readonly<Record<string, Readonly<Record<string, Field>>>> => ({
  ImageSpec: {
    image: string(1),
    annotations: texts(2),
    userSpecifiedImage: string(18),
    runtimeHandler: string(19),
    imageRef: string(20),
  },
  AuthConfig: { username: string(1), password: string(2) },
  PodSandboxMetadata: { name: string(1), uid: string(2), namespace: string(3), attempt: { type: 'uint32', id: 4 } },
  PodSandboxConfig: { metadata: { type: 'PodSandboxMetadata', id: 1 }, labels: texts(6), annotations: texts(7) },
  Int64Value: { value: { type: 'int64', id: 1 } },
  UInt64Value: { value: { type: 'uint64', id: 1 } },
  Image: {
    id: string(1),
    repoTags: list('string', 2),
    repoDigests: list('string', 3),
    size: { type: 'uint64', id: 4 },
    uid: { type: 'Int64Value', id: 5 },
    username: string(6),
    spec: { type: 'ImageSpec', id: 7 },
    pinned: { type: 'bool', id: 8 },
  },
  ImageFilter: { image: { type: 'ImageSpec', id: 1 } },
  ListImagesRequest: { filter: { type: 'ImageFilter', id: 1 } },
  ListImagesResponse: { images: list('Image', 1) },
  StreamImagesRequest: { filter: { type: 'ImageFilter', id: 1 } },
  StreamImagesResponse: { images: list('Image', 1) },
  ImageStatusRequest: { image: { type: 'ImageSpec', id: 1 }, verbose: { type: 'bool', id: 2 } },
  ImageStatusResponse: { image: { type: 'Image', id: 1 }, info: texts(2) },
  PullImageRequest: {
    image: { type: 'ImageSpec', id: 1 },
    auth: { type: 'AuthConfig', id: 2 },
    sandboxConfig: { type: 'PodSandboxConfig', id: 3 },
  },
  PullImageResponse: { imageRef: string(1) },
  RemoveImageRequest: { image: { type: 'ImageSpec', id: 1 } },
  RemoveImageResponse: {},
  ImageFsInfoRequest: {},
  FilesystemIdentifier: { mountpoint: string(1) },
  FilesystemUsage: {
    timestamp: { type: 'int64', id: 1 },
    fsId: { type: 'FilesystemIdentifier', id: 2 },
    usedBytes: { type: 'UInt64Value', id: 3 },
    inodesUsed: { type: 'UInt64Value', id: 4 },
  },
  ImageFsInfoResponse: {
    imageFilesystems: list('FilesystemUsage', 1),
    containerFilesystems: list('FilesystemUsage', 2),
  },
});

const METHODS = ['ListImages', 'ImageStatus', 'PullImage', 'RemoveImage', 'ImageFsInfo'] as const;

/**
 * The service `runtime.v1.ImageService`, ready for a gRPC client or server. It is made from a value in this file, so that
 * a bundled program needs no `.proto` beside it.
 */
export function loadImageService(): ImageServiceDefinition {
  const unary = METHODS.map((name) => [name, { requestType: `${name}Request`, responseType: `${name}Response` }]);
  const stream = { requestType: 'StreamImagesRequest', responseType: 'StreamImagesResponse', responseStream: true };
  const types = Object.entries(messages()).map(([name, fields]) => [name, { fields }]);
  const ImageService = { methods: { ...Object.fromEntries(unary), StreamImages: stream } };
  const v1 = { nested: { ...Object.fromEntries(types), ImageService } };
  const definitions = fromJSON(
    { nested: { runtime: { nested: { v1 } } } },
    { longs: String, defaults: true, arrays: true, objects: true },
  );
  return definitions['runtime.v1.ImageService'] as unknown as ImageServiceDefinition;
}

/** A 64-bit number: decimal text when read. */
export type WireInteger = string | number;

/** An optional message: `null` when it was not sent. */
export type WireOptional<T> = T | null;

export interface WireImageSpec {
  readonly image: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly userSpecifiedImage: string;
  readonly runtimeHandler: string;
  readonly imageRef: string;
}

export interface WireAuthConfig {
  readonly username: string;
  readonly password: string;
}

export interface WireSandboxConfig {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly namespace: string;
    readonly attempt: number;
  };
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface WireImage {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly size: WireInteger;
  readonly uid: WireOptional<{ readonly value: WireInteger }>;
  readonly username: string;
  readonly spec: WireOptional<WireImageSpec>;
  readonly pinned: boolean;
}

export interface WireFilesystemUsage {
  readonly timestamp: WireInteger;
  readonly fsId: WireOptional<{ readonly mountpoint: string }>;
  readonly usedBytes: WireOptional<{ readonly value: WireInteger }>;
  readonly inodesUsed: WireOptional<{ readonly value: WireInteger }>;
}

export interface WireImageFilter {
  readonly filter?: { readonly image: Partial<WireImageSpec> };
}

export interface WireImages {
  readonly images: readonly WireImage[];
}

export interface WirePull {
  readonly image: Partial<WireImageSpec>;
  readonly auth?: WireAuthConfig;
  readonly sandboxConfig?: Partial<WireSandboxConfig>;
}

export interface WireFilesystems {
  readonly imageFilesystems: readonly WireFilesystemUsage[];
  readonly containerFilesystems: readonly WireFilesystemUsage[];
}

/** The calls of `runtime.v1.ImageService`, with what they send and what comes back. */
export type ImageServiceDefinition = {
  readonly ListImages: MethodDefinition<WireImageFilter, WireImages>;
  readonly StreamImages: MethodDefinition<WireImageFilter, WireImages>;
  readonly ImageStatus: MethodDefinition<
    { readonly image: Partial<WireImageSpec>; readonly verbose?: boolean },
    { readonly image: WireOptional<WireImage>; readonly info: Readonly<Record<string, string>> }
  >;
  readonly PullImage: MethodDefinition<WirePull, { readonly imageRef: string }>;
  readonly RemoveImage: MethodDefinition<{ readonly image: Partial<WireImageSpec> }, object>;
  readonly ImageFsInfo: MethodDefinition<object, WireFilesystems>;
};
