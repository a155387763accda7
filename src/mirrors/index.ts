/**
 * Where an image is pulled from: mirrors, the routes to them that an operator writes, and the registry itself.
 *
 * @packageDocumentation
 */
export { type EndpointCapability, type RegistryEndpoint } from '../internal/index.js';
export { type RegistryEndpoints } from './endpoints.js';
export { checkEndpoints } from './endpoints.js';
export { mirrorEndpoint, upstreamEndpoint } from './endpoints.js';
export { mirrorEndpoints } from './routes.js';
export { registryOrigin } from './endpoints.js';
export { createMirrorRoutes, type MirrorChoice, type MirrorRoute, type MirrorRoutes } from './routes.js';
