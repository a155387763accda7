/**
 * What tests of programs that pull images need: an OCI registry on loopback, images built in memory, and a clock that
 * stands still. For Node only.
 *
 * @packageDocumentation
 */
export { type BuildArtifactOptions, type BuiltArtifact, buildArtifact } from './artifact-builder.js';
export { type AccountAuth, type AnonymousAuth, type LoopbackAccount, type RepositoryAuth } from './auth-options.js';
export { type BuiltContent } from './content.js';
export { createFakeClock, type FakeClock, type FakeClockOptions } from './fake-clock.js';
export {
  type AnswerFault,
  type DeliveryFault,
  type FaultAction,
  type FaultFraming,
  type RangeLie,
} from './fault-action.js';
export { type ActiveFault, type Fault } from './fault-script.js';
export { buildImage, type BuildImageOptions, type BuiltImage } from './image-builder.js';
export { buildIndex, type BuildIndexOptions, type BuiltIndex } from './index-builder.js';
export { type FilesLayer, type LayerOptions, type RandomLayer } from './layer.js';
export {
  createLoopbackRegistry,
  DEFAULT_TOKEN_LIFETIME_SECONDS,
  type LoopbackRegistry,
  type LoopbackRegistryOptions,
} from './loopback-registry.js';
export { type MediaTypeFamily } from './media-types.js';
export { type PushedContent } from './repositories.js';
export { type LoopbackRequest } from './request-log.js';
export {
  managedStoreConformance,
  type ManagedStoreUnderTest,
  type StoreCheck,
  storeConformance,
  type StoreUnderTest,
} from './store-conformance.js';
