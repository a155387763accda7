import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ContentMismatchError, StoreError } from 'kubepull/errors';
import { nodeHasher } from 'kubepull/node';
import type { Descriptor } from 'kubepull/oci';
import {
  checkClosure,
  checkStoreName,
  createMemoryStore,
  createVerifier,
  type ImageStore,
  type ManagedStore,
} from 'kubepull/store';
import { testManagedStore, testStore } from 'kubepull/testing';
import { sweepOf } from '../support/sweeps.ts';

/** Each is a mistake that a store could make. */
const DEFECTS = [
  'trusts the digest',
  'shows content before its commit',
  'keeps the chunk of the caller',
  'takes a slice of a Buffer for a copy',
  'gives out its own bytes',
  'has content of any size',
  'forgets that it was ended',
  'goes on after a refusal where it was',
  'fails a second abort',
  'loses content when a second writer is given up',
  'takes names for properties',
  'names what is not whole',
  'keeps annotations with a name',
  'takes any name',
  'passes signals over',
  'goes on for ever from bytes that are wrong',
] as const;

type Defect = (typeof DEFECTS)[number];

/** A plain store, with one mistake or none. */
function plainStore(defect?: Defect): ImageStore {
  const blobs = new Map<string, Uint8Array>();
  const kept = new Map<string, readonly Uint8Array[]>();
  const names: Record<string, Descriptor> = defect === 'takes names for properties' ? {} : (Object.create(null) as {});
  const check = (signal: AbortSignal | undefined): void => {
    if (defect !== 'passes signals over') signal?.throwIfAborted();
  };
  const hasSize = (descriptor: Descriptor): boolean => {
    const blob = blobs.get(descriptor.digest);
    return blob !== undefined && (defect === 'has content of any size' || blob.length === descriptor.size);
  };
  const store: ImageStore = {
    async has(descriptor, options) {
      check(options?.signal);
      return hasSize(descriptor);
    },
    async *read(descriptor, options) {
      check(options?.signal);
      const blob = blobs.get(descriptor.digest);
      if (blob === undefined || !hasSize(descriptor)) throw new StoreError('Cannot read', { operation: 'read' });
      yield defect === 'gives out its own bytes' ? blob : blob.slice();
    },
    async ingest(descriptor, options) {
      check(options?.signal);
      createVerifier(descriptor, nodeHasher);
      let parts: Uint8Array[] = [...(kept.get(descriptor.digest) ?? [])];
      let ended = false;
      const open = (): void => {
        if (ended && defect !== 'forgets that it was ended')
          throw new StoreError('Cannot write', { operation: 'write' });
      };
      return {
        get offset() {
          return parts.reduce((sum, { length }) => sum + length, 0);
        },
        write(chunk) {
          open();
          parts.push(keep(chunk, defect));
          if (defect === 'shows content before its commit' && !blobs.has(descriptor.digest))
            blobs.set(descriptor.digest, new Uint8Array(descriptor.size));
        },
        async restart() {
          open();
          parts = [];
        },
        async commit() {
          check(options?.signal);
          open();
          const bytes = new Uint8Array(Buffer.concat(parts));
          verify(descriptor, bytes, defect);
          blobs.set(descriptor.digest, bytes);
          ended = true;
        },
        async abort() {
          if (ended && defect === 'fails a second abort') throw new Error('ended');
          if (!ended && defect === 'goes on for ever from bytes that are wrong') kept.set(descriptor.digest, parts);
          if (!ended && defect === 'loses content when a second writer is given up') blobs.delete(descriptor.digest);
          ended = true;
        },
      };
    },
    async resolve(name, options) {
      check(options?.signal);
      return names[name];
    },
    async tag(name, descriptor, options) {
      check(options?.signal);
      if (defect !== 'takes any name') checkStoreName(name);
      if (defect !== 'names what is not whole') await checkClosure(store, descriptor, options);
      const { annotations: _, ...target } = descriptor;
      names[name] = defect === 'keeps annotations with a name' ? descriptor : target;
    },
  };
  if (defect !== 'goes on after a refusal where it was') return store;
  return {
    ...store,
    async ingest(descriptor, options) {
      const writer = await store.ingest(descriptor, options);
      return { ...writer, restart: async () => undefined };
    },
  };
}

function keep(chunk: Uint8Array, defect: Defect | undefined): Uint8Array {
  if (defect === 'keeps the chunk of the caller') return chunk;
  return defect === 'takes a slice of a Buffer for a copy' ? chunk.slice() : new Uint8Array(chunk);
}

function verify(descriptor: Descriptor, bytes: Uint8Array, defect: Defect | undefined): void {
  const algorithm = descriptor.digest.slice(0, descriptor.digest.indexOf(':'));
  const digest = `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Descriptor['digest'];
  const right = (digest === descriptor.digest || defect === 'trusts the digest') && bytes.length === descriptor.size;
  if (right) return;
  throw new ContentMismatchError('Cannot accept', { expected: descriptor, actual: { digest, size: bytes.length } });
}

async function failures(create: () => ImageStore): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const { name, run } of testStore(async () => ({ store: create() }))) {
    await run().catch(() => failed.push(name));
  }
  return failed;
}

/** A memory store that makes one mistake in looking after what it has. */
const MISMANAGED: Readonly<Record<string, (store: ManagedStore) => Partial<ManagedStore>>> = {
  'lists a name twice': (store) => ({
    names: async (call) => [...(await store.names(call)), ...(await store.names(call))],
  }),
  'takes no name away': () => ({ untag: async () => true }),
  'takes away what is not there': (store) => ({
    untag: async (name, call) => {
      await store.untag(name, call);
      return true;
    },
  }),
  'removes nothing': (store) => ({ collectGarbage: (call) => store.collectGarbage({ ...call, dryRun: true }) }),
  'removes in a dry run': (store) => ({ collectGarbage: (call) => store.collectGarbage({ ...call, dryRun: false }) }),
  'knows no grace': (store) => ({ collectGarbage: (call) => store.collectGarbage({ graceMs: 0, ...call }) }),
  'takes any grace': (store) => ({
    collectGarbage: (call) => store.collectGarbage({ ...call, graceMs: Math.max(0, call?.graceMs ?? 0) || 0 }),
  }),
  'counts wrong': (store) => ({
    collectGarbage: async (call) => ({ ...(await store.collectGarbage(call)), removedBytes: 0 }),
  }),
  'passes signals over': (store) => ({ names: () => store.names() }),
  'loses what has a name': (store) => ({
    collectGarbage: async (call) => {
      for (const name of await store.names()) await store.untag(name);
      return store.collectGarbage(call);
    },
  }),
};

describe('managedStoreConformance', () => {
  it.each(sweepOf(Object.entries(MISMANAGED), 4))('finds a store that %s', async (_, spoil) => {
    const failed: string[] = [];
    const create = async (): Promise<{ store: ManagedStore }> => {
      const store = createMemoryStore({ createHasher: nodeHasher });
      return { store: { ...store, ...spoil(store) } };
    };
    for (const { name, run } of testManagedStore(create)) await run().catch(() => failed.push(name));
    expect(failed).not.toEqual([]);
  });
});

describe('storeConformance', () => {
  it('passes a plain store without mistakes', async () => {
    expect(await failures(() => plainStore())).toEqual([]);
  });

  it.each(sweepOf(DEFECTS, 8))('finds a store that %s', async (defect) => {
    expect(await failures(() => plainStore(defect))).not.toEqual([]);
  });

  it('names each check once, and cleans up after each, also when it failed', async () => {
    let open = 0;
    const checks = testStore(async () => {
      open += 1;
      return { store: plainStore('trusts the digest'), cleanup: () => void (open -= 1) };
    });
    for (const { run } of checks) await run().catch(() => undefined);
    expect(open).toBe(0);
    expect(new Set(checks.map(({ name }) => name)).size).toBe(checks.length);
  });
});
