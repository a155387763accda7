/**
 * What tests of programs that pull images need: an OCI registry on loopback, images built in memory, and a clock that
 * stands still. For Node only.
 *
 * @packageDocumentation
 */
export { type BuildArtifactOptions, type BuiltArtifact, buildArtifact } from './build/artifact-builder.js';
export {
  type AccountAuth,
  type AnonymousAuth,
  type LoopbackAccount,
  type RepositoryAuth,
} from './registry/auth/auth-options.js';
export { type BuiltContent } from './build/content.js';
export { createFakeClock, type FakeClock, type FakeClockOptions } from './fake-clock.js';
export {
  type AnswerFault,
  type DeliveryFault,
  type FaultAction,
  type FaultFraming,
  type RangeLie,
} from './registry/faults/fault-action.js';
export { type ActiveFault, type Fault } from './registry/faults/fault-script.js';
export { buildImage, type BuildImageOptions, type BuiltImage } from './build/image-builder.js';
export { buildIndex, type BuildIndexOptions, type BuiltIndex } from './build/index-builder.js';
export { type FilesLayer, type LayerOptions, type RandomLayer } from './build/layer.js';
export {
  createLoopbackRegistry,
  DEFAULT_TOKEN_LIFETIME_SECONDS,
  type LoopbackRegistry,
  type LoopbackRegistryOptions,
} from './registry/loopback-registry.js';
export { type MediaTypeFamily } from './build/media-types.js';
export { type PushedContent } from './registry/repositories.js';
export { type LoopbackRequest } from './registry/request-log.js';
export {
  testManagedStore,
  type ManagedStoreUnderTest,
  type StoreCheck,
  testStore,
  type StoreUnderTest,
} from './conformance/store-conformance.js';
