import {
  type AnyImageError,
  type ContentMismatchError,
  type ImageError,
  type ImageErrorCode,
  type ImageRefusedError,
  type InvalidConfigError,
  type InvalidReferenceError,
  isImageError,
  type PlatformNotFoundError,
  type PullFailedError,
  type RegistryError,
  type RequestRefusedError,
  type Result,
  type StoreError,
  type TransportError,
} from 'kubepull/errors';
import { expectTypeOf } from 'vitest';

// switch (error.code) narrows to the class that has the data, and covers every code.
export function narrow(error: AnyImageError): void {
  switch (error.code) {
    case 'ERR_REFERENCE_INVALID':
      expectTypeOf(error).toEqualTypeOf<InvalidReferenceError>();
      return;
    case 'ERR_CONFIG_INVALID':
      expectTypeOf(error).toEqualTypeOf<InvalidConfigError>();
      return;
    case 'ERR_REGISTRY_RESPONSE':
      expectTypeOf(error).toEqualTypeOf<RegistryError>();
      return;
    case 'ERR_TRANSPORT':
      expectTypeOf(error).toEqualTypeOf<TransportError>();
      return;
    case 'ERR_REQUEST_REFUSED':
      expectTypeOf(error).toEqualTypeOf<RequestRefusedError>();
      return;
    case 'ERR_CONTENT_MISMATCH':
      expectTypeOf(error).toEqualTypeOf<ContentMismatchError>();
      return;
    case 'ERR_PLATFORM_NOT_FOUND':
      expectTypeOf(error).toEqualTypeOf<PlatformNotFoundError>();
      return;
    case 'ERR_STORE':
      expectTypeOf(error).toEqualTypeOf<StoreError>();
      return;
    case 'ERR_IMAGE_REFUSED':
      expectTypeOf(error).toEqualTypeOf<ImageRefusedError>();
      return;
    case 'ERR_PULL_FAILED':
      expectTypeOf(error).toEqualTypeOf<PullFailedError>();
      return;
    default:
      expectTypeOf(error).toExtend<ImageError>();
      expectTypeOf(error).not.toHaveProperty('attempts');
  }
}

expectTypeOf<AnyImageError['code']>().toEqualTypeOf<ImageErrorCode>();

// A caught value is narrowed by the guard.
export function caught(value: unknown): void {
  if (isImageError(value)) expectTypeOf(value).toEqualTypeOf<AnyImageError>();
}

// A result is one or the other.
export function either(result: Result<string, InvalidReferenceError>): void {
  if (result.ok) expectTypeOf(result.value).toBeString();
  else expectTypeOf(result.error).toEqualTypeOf<InvalidReferenceError>();
  // @ts-expect-error There is no value before `ok` is looked at.
  expectTypeOf(result.value).toBeString();
}

// An error's data cannot be changed.
export function frozen(error: InvalidReferenceError): void {
  // @ts-expect-error The code is read-only.
  error.code = 'ERR_REFERENCE_INVALID';
  // @ts-expect-error The reason is read-only.
  error.reason = 'tag';
}
