/**
 * The adapters for Node: files, hashes, and what a pull needs from the machine.
 *
 * @packageDocumentation
 */
export { type LayoutFile, type LayoutFileSystem, type LayoutStat, nodeFileSystem } from './file-system.js';
export { nodeHasher } from './hasher.js';
export { type LayoutOwner } from './layout-owner.js';
export { DEFAULT_LOCK_TIMEOUT_MS, type OciLayout, type OciLayoutOptions, openOciLayout } from './oci-layout.js';
export { createUndiciTransport, type UndiciTransport, type UndiciTransportOptions } from './undici-transport.js';
export { createNodeRuntime, type NodeRuntime, type NodeRuntimeOptions } from './runtime.js';
export { hostPlatform } from './host-platform.js';
export {
  loadNodeKeyring,
  type NodeConfigPlace,
  type NodeConfigPlaces,
  type NodeDockerConfig,
  readNodeDockerConfig,
} from './node-config-files.js';
