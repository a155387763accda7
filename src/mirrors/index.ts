/**
 * Where an image is pulled from: mirrors, the routes to them that an operator writes, and the registry itself.
 *
 * @packageDocumentation
 */
export { type EndpointCapability, type RegistryEndpoint } from '../internal/index.js';
export { type RegistryEndpoints } from './endpoints.js';
export { checkEndpoints } from './endpoints.js';
export { createMirrorEndpoint, createUpstreamEndpoint } from './endpoints.js';
export { createMirrorEndpoints } from './routes.js';
export { getRegistryOrigin } from './endpoints.js';
export { createMirrorRoutes, type MirrorChoice, type MirrorRoute, type MirrorRoutes } from './routes.js';
