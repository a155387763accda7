/**
 * The adapters for Node: files, hashes, and what a pull needs from the machine.
 *
 * @packageDocumentation
 */
export { type LayoutFile, type LayoutFileSystem, type LayoutStat, nodeFileSystem } from './file-system.js';
export { nodeHasher } from './hasher.js';
export { type LayoutOwner } from './layout-owner.js';
export {
  DEFAULT_LOCK_TIMEOUT_MS,
  DEFAULT_PARTIAL_AGE_MS,
  DEFAULT_PARTIAL_BYTES,
  type OciLayoutOptions,
} from './layout-options.js';
export { type OciLayout, openOciLayout } from './oci-layout.js';
export { type LayoutValidation, validateLayout, type ValidateLayoutOptions } from './layout-validate.js';
export { type LayoutFinding, type LayoutFindingCode } from './layout-findings.js';
export {
  createUndiciTransport,
  type ProxyOption,
  type ProxySettings,
  type RegistryTls,
  type UndiciTransport,
  type UndiciTransportOptions,
} from './undici-transport.js';
export { createDiagnosticsTracing } from './diagnostics.js';
export { createNodeRuntime, type NodeRuntime, type NodeRuntimeOptions } from './runtime.js';
export { hostPlatform } from './host-platform.js';
export type { NodeConfigPlace } from './config-place.js';
export {
  loadNodeKeyring,
  type NodeConfigPlaces,
  type NodeDockerConfig,
  readNodeDockerConfig,
} from './node-config-files.js';
export {
  type ArchiveFileOptions,
  type ArchiveImage,
  type ArchiveOptions,
  type ArchiveSink,
  type ArchiveSource,
} from './archive-types.js';
export { streamOciArchive, writeOciArchive } from './oci-archive.js';
export { streamDockerArchive, writeDockerArchive } from './docker-archive.js';
export { DEFAULT_MAX_UNPACKED_BYTES, type DockerArchiveOptions } from './docker-archive-options.js';
export { createExecPlugin, DEFAULT_MAX_PLUGIN_PROCESSES, type ExecPluginOptions } from './exec-plugin.js';
export { type CredentialProviderConfigFiles, readCredentialProviderConfig } from './credential-provider-files.js';
export {
  createNodeKeyring,
  type NodeKeyring,
  type NodeKeyringOptions,
  type NodePluginOptions,
} from './node-keyring.js';
export { type IgnoredSetting, type MirrorConfig } from './mirror-config.js';
export { type HostsTomlOptions, readHostsToml } from './hosts-toml.js';
export { readRegistriesConf, type RegistriesConf, type RegistriesConfOptions } from './registries-conf.js';
export { type DockerKeyringOptions, loadDockerKeyring } from './docker-keyring.js';
export { dockerLogin, type DockerLoginOptions, type DockerLoginResult, dockerLogout } from './docker-login.js';
export { openPulledRecords } from './image-records.js';
