/**
 * How much of a document in a store is read: what is there was admitted when it came, by limits that may have been wider
 * than those that hold unless somebody widens them.
 */
export const STORED_LIMITS = { maxLayers: 16_384, maxManifests: 16_384, maxValues: 131_072 } as const;

/** What one name may hold together, over all levels: the largest image that is read, and as much beside it. */
export const MAX_CONTENTS: number = 2 * STORED_LIMITS.maxLayers;
