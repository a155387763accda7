import { type LayoutFileSystem, nodeFileSystem } from 'kubepull/node';

/** A disk that does not force anything: for tests in which no power is cut, and which would wait for the disk most of the time. */
export const lazyDisk: LayoutFileSystem = {
  ...nodeFileSystem,
  create: async (path) => ({ ...(await nodeFileSystem.create(path)), sync: async () => undefined }),
  syncDirectory: async () => undefined,
};
