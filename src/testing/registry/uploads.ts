import { randomUUID } from 'node:crypto';
import type { Digest } from '../../digest/index.js';
import { isContentOf } from '../build/content.js';

/** A blob on its way in. */
export interface Upload {
  readonly id: string;
  /** Changes with each part, as the state in a real registry's URLs does: who asks with an old one has not read ours. */
  readonly state: string;
  readonly repository: string;
  /** How many bytes are here. */
  readonly size: number;
}

/** The uploads of one registry that are under way. */
export interface UploadTable {
  start(repository: string): Upload;
  find(repository: string, id: string, state: string | null): Upload | undefined;
  append(id: string, part: Uint8Array): Upload | undefined;
  /** Ends an upload, and gives its content if that is what the digest says. */
  finish(id: string, digest: Digest): Uint8Array | undefined;
  cancel(id: string): void;
}

interface Entry {
  upload: Upload;
  readonly parts: Uint8Array[];
}

export function createUploadTable(): UploadTable {
  const entries = new Map<string, Entry>();
  return {
    start(repository) {
      const upload = { id: randomUUID(), state: randomUUID(), repository, size: 0 };
      entries.set(upload.id, { upload, parts: [] });
      return upload;
    },
    find(repository, id, state) {
      const upload = entries.get(id)?.upload;
      return upload?.repository === repository && upload.state === state ? upload : undefined;
    },
    append(id, part) {
      const entry = entries.get(id);
      if (entry === undefined) return undefined;
      entry.parts.push(part);
      entry.upload = { ...entry.upload, state: randomUUID(), size: entry.upload.size + part.length };
      return entry.upload;
    },
    finish(id, digest) {
      const bytes = Buffer.concat(entries.get(id)?.parts ?? []);
      entries.delete(id);
      return isContentOf(digest, bytes) ? bytes : undefined;
    },
    cancel: (id) => void entries.delete(id),
  };
}
