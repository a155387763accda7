/**
 * Where an image is pulled from: mirrors, the routes to them that an operator writes, and the registry itself.
 *
 * @packageDocumentation
 */
export { type EndpointCapability, type RegistryEndpoint } from '../internal/index.js';
export { type RegistryEndpoints } from './endpoint.js';
export { checkEndpoints } from './check.js';
export { mirrorEndpoint, upstreamEndpoint } from './make.js';
export { mirrorEndpoints } from './mirror-endpoints.js';
export { registryOrigin } from './registry-origin.js';
export { createMirrorRoutes, type MirrorChoice, type MirrorRoute, type MirrorRoutes } from './routes.js';
