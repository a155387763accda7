import type { MethodDefinition } from '@grpc/grpc-js';

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
