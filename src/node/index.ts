/**
 * The adapters for Node: files, hashes, and what a pull needs from the machine.
 *
 * @packageDocumentation
 */
export { type LayoutFile, type LayoutFileSystem, type LayoutStat, nodeFileSystem } from './files/file-system.js';
export { nodeHasher } from './hasher.js';
export { type LayoutOwner, type OwnerState } from './layout/owner.js';
export {
  DEFAULT_LOCK_TIMEOUT_MS,
  DEFAULT_PARTIAL_AGE_MS,
  DEFAULT_PARTIAL_BYTES,
  type OciLayout,
  type OciLayoutOptions,
  openOciLayout,
} from './layout/layout.js';
export { type LayoutValidation, validateLayout, type ValidateLayoutOptions } from './layout/validate.js';
export { type LayoutFinding, type LayoutFindingCode } from './layout/findings.js';
export {
  type CarrierOptions,
  createUndiciTransport,
  type ProxyOption,
  type ProxySettings,
  type RegistryTls,
  type UndiciTransport,
  type UndiciTransportOptions,
} from './transport/undici-transport.js';
export { createDiagnosticsTracing } from './diagnostics.js';
export { createNodeRuntime, type NodeRuntime, type NodeRuntimeOptions } from './runtime.js';
export { readHostPlatform } from './host-platform.js';
export {
  loadNodeKeyring,
  type NodeConfigPlace,
  type NodeConfigPlaces,
  type NodeDockerConfig,
  readNodeDockerConfig,
} from './kubelet/config-files.js';
export {
  type ArchiveFileOptions,
  type ArchiveImage,
  type ArchiveOptions,
  type ArchiveSink,
  type ArchiveSource,
  DEFAULT_MAX_UNPACKED_BYTES,
  type DockerArchiveOptions,
} from './archive/types.js';
export { loadImageArchive } from './archive/load.js';
export { type ImageArchive, type LoadArchiveOptions, type LoadedImage } from './archive/load-types.js';
export { streamOciArchive, writeOciArchive } from './archive/oci.js';
export { streamDockerArchive, writeDockerArchive } from './archive/docker.js';
export { createExecPlugin, DEFAULT_MAX_PARALLEL_PLUGINS, type ExecPluginOptions } from './kubelet/exec-plugin.js';
export {
  type CredentialProviderConfigFiles,
  readCredentialProviderConfig,
} from './kubelet/credential-provider-files.js';
export {
  openNodeKeyring,
  type NodeKeyring,
  type NodeKeyringOptions,
  type NodePluginOptions,
} from './kubelet/keyring.js';
export { type IgnoredSetting, type MirrorConfig } from './mirrors/toml.js';
export { type HostsTomlOptions, readHostsToml } from './mirrors/hosts-toml.js';
export { readRegistriesConf, type RegistriesConf, type RegistriesConfOptions } from './mirrors/registries-conf.js';
export { createDockerHelper, type DockerHelperOptions } from './docker/helper.js';
export { type DockerKeyringOptions, loadDockerKeyring } from './docker/keyring.js';
export { logInToDocker, type DockerLoginOptions, type DockerLoginResult, logOutOfDocker } from './docker/login.js';
export { openPulledRecords } from './kubelet/records.js';
