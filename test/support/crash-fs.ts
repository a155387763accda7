// A disk in memory that can lose power: what was not synced may be lost, in part, in any order.
import type { LayoutFile, LayoutFileSystem, LayoutStat } from 'kubepull/node';
import type { LayoutFiles } from './layout-check.ts';

/** One call to the file system. */
export interface Call {
  /** From 1, over all calls of this mount. */
  readonly n: number;
  readonly operation: string;
  readonly path: string;
}

/**
 * What becomes of a call: an errno fails it; `kill` lets it happen (a write by half) and ends the process, so that
 * neither it nor any later call returns; a number is the most that a write takes.
 */
export type Fault = { readonly errno: string } | 'kill' | number | undefined;

/** How much of what is not synced outlasts the power cut. */
export type PowerLoss = 'nothing' | 'everything' | 'prefixes' | 'subsets';

interface FileNode {
  readonly kind: 'file';
  readonly id: number;
  data: Uint8Array;
  synced: Uint8Array;
  pending: { readonly at: number; readonly bytes: Uint8Array }[];
  changed: number;
}

interface DirectoryNode {
  readonly kind: 'directory';
  readonly id: number;
  entries: Map<string, Node>;
  synced: Map<string, Node>;
  pending: { readonly name: string; readonly node: Node | undefined }[];
}

type Node = FileNode | DirectoryNode;

export interface CrashDisk {
  /** The disk as one process sees it. Several may be mounted at once. */
  mount(fault?: (call: Call) => Fault): LayoutFileSystem & { readonly calls: readonly Call[] };
  /** Cuts the power, and boots again. Gives which of the changes that were not synced outlasted, in order. */
  losePower(how: PowerLoss, random: () => number): readonly boolean[];
  /** Another disk that is now as this one, with what is not synced. */
  copy(): CrashDisk;
  /** What stands below a path, for the checker. */
  files(path: string): LayoutFiles;
}

export function createCrashDisk(): CrashDisk {
  const make = createMaker(0);
  return diskOf(make.directory(), make);
}

function createMaker(from: number): Maker {
  let ids = from;
  return {
    directory: () => ({ kind: 'directory', id: (ids += 1), entries: new Map(), synced: new Map(), pending: [] }),
    newFile: () => ({
      kind: 'file',
      id: (ids += 1),
      data: new Uint8Array(),
      synced: new Uint8Array(),
      pending: [],
      changed: ids,
    }),
    touch: () => (ids += 1),
  };
}

function diskOf(root: DirectoryNode, make: Maker): CrashDisk {
  return {
    mount: (fault = () => undefined) => mount(root, make, fault),
    losePower(how, random) {
      const outlasted: boolean[] = [];
      const count = (length: number): readonly boolean[] => {
        const kept = survivors(how, length, random);
        outlasted.push(...kept);
        return kept;
      };
      restore(root, count);
      return outlasted;
    },
    copy: () => diskOf(copyNode(root, new Map()) as DirectoryNode, createMaker(make.touch())),
    files: (path) => ({
      list: (below) => [...directoryAt(root, `${path}/${below}`).entries].map(([name, { kind }]) => ({ name, kind })),
      read: (below) => fileAt(root, `${path}/${below}`).data,
    }),
  };
}

/** With one copy of a node that is in several places, such as one that was renamed. Bytes are never changed in place. */
function copyNode(node: Node, copied: Map<Node, Node>): Node {
  const before = copied.get(node);
  if (before !== undefined) return before;
  if (node.kind === 'file') {
    const file = { ...node, pending: [...node.pending] };
    copied.set(node, file);
    return file;
  }
  const directory: DirectoryNode = { ...node, entries: new Map(), synced: new Map(), pending: [] };
  copied.set(node, directory);
  for (const key of ['entries', 'synced'] as const)
    for (const [name, child] of node[key]) directory[key].set(name, copyNode(child, copied));
  directory.pending = node.pending.map(({ name, node: child }) => ({
    name,
    node: child === undefined ? undefined : copyNode(child, copied),
  }));
  return directory;
}

interface Maker {
  directory(this: void): DirectoryNode;
  newFile(this: void): FileNode;
  touch(this: void): number;
}

function mount(
  root: DirectoryNode,
  make: Maker,
  faultOf: (call: Call) => Fault,
): LayoutFileSystem & { readonly calls: readonly Call[] } {
  const calls: Call[] = [];
  let killed = false;
  /** Counts the call, and lets it happen or not. */
  const run = async <T>(operation: string, path: string, act: (limit: number) => T): Promise<T> => {
    // As with real calls, the caller goes on before anything happens.
    await Promise.resolve();
    if (killed) throw failure('EKILLED');
    const call = { n: calls.length + 1, operation, path };
    calls.push(call);
    const fault = faultOf(call);
    if (typeof fault === 'object') throw failure(fault.errno);
    if (fault !== 'kill') return act(fault ?? Number.POSITIVE_INFINITY);
    killed = true;
    try {
      act(operation === 'write' ? 0.5 : Number.POSITIVE_INFINITY);
    } catch {
      // It would have failed; now nobody hears of it.
    }
    throw failure('EKILLED');
  };
  const openFile = (node: Node, path: string): LayoutFile => ({
    read: (into, position) =>
      run('read', path, () => {
        if (node.kind === 'directory') throw failure('EISDIR');
        const part = node.data.subarray(position, position + into.length);
        into.set(part);
        return part.length;
      }),
    write: (parts, position) =>
      run('write', path, (limit) => {
        const bytes = Buffer.concat(parts);
        const length = limit < 1 ? Math.floor(bytes.length * limit) : Math.min(bytes.length, limit);
        if (node.kind === 'file') writeInto(node, new Uint8Array(bytes.subarray(0, length)), position, make.touch());
        return length;
      }),
    stat: () => run('fstat', path, () => statOf(node)),
    chmod: () => run('chmod', path, () => undefined),
    sync: () => run('fsync', path, () => syncNode(node)),
    close: () => run('close', path, () => undefined),
  });
  return {
    calls,
    realpath: (path) => run('realpath', path, () => (nodeAt(root, path), path)),
    open: (path) => run('open', path, () => openFile(nodeAt(root, path), path)),
    create: (path) =>
      run('create', path, () => {
        const { parent, name } = placeOf(root, path);
        if (parent.entries.has(name)) throw failure('EEXIST');
        const node = make.newFile();
        setEntry(parent, name, node);
        return openFile(node, path);
      }),
    lstat: (path) => run('lstat', path, () => statOf(nodeAt(root, path))),
    mkdir: (path) =>
      run('mkdir', path, () => {
        const { parent, name } = placeOf(root, path);
        if (parent.entries.has(name)) throw failure('EEXIST');
        setEntry(parent, name, make.directory());
      }),
    readdir: (path) => run('readdir', path, () => [...directoryAt(root, path).entries.keys()]),
    rename: (from, to) => run('rename', from, () => rename(root, from, to)),
    unlink: (path) =>
      run('unlink', path, () => {
        if (nodeAt(root, path).kind === 'directory') throw failure('EISDIR');
        removeEntry(root, path);
      }),
    rmdir: (path) =>
      run('rmdir', path, () => {
        if (directoryAt(root, path).entries.size > 0) throw failure('ENOTEMPTY');
        removeEntry(root, path);
      }),
    syncDirectory: (path) => run('fsync', path, () => syncNode(directoryAt(root, path))),
  };
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

function partsOf(path: string): readonly string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

function nodeAt(root: DirectoryNode, path: string): Node {
  let node: Node = root;
  for (const part of partsOf(path)) {
    if (node.kind !== 'directory') throw failure('ENOTDIR');
    const next: Node | undefined = node.entries.get(part);
    if (next === undefined) throw failure('ENOENT');
    node = next;
  }
  return node;
}

function directoryAt(root: DirectoryNode, path: string): DirectoryNode {
  const node = nodeAt(root, path);
  if (node.kind !== 'directory') throw failure('ENOTDIR');
  return node;
}

function fileAt(root: DirectoryNode, path: string): FileNode {
  const node = nodeAt(root, path);
  if (node.kind !== 'file') throw failure('EISDIR');
  return node;
}

function placeOf(root: DirectoryNode, path: string): { readonly parent: DirectoryNode; readonly name: string } {
  const parts = partsOf(path);
  // The root itself has no place; whoever makes it finds it there.
  const name = parts.at(-1);
  if (name === undefined) throw failure('EEXIST');
  return { parent: directoryAt(root, parts.slice(0, -1).join('/')), name };
}

function setEntry(parent: DirectoryNode, name: string, node: Node | undefined): void {
  apply(parent.entries, { name, node });
  parent.pending.push({ name, node });
}

function removeEntry(root: DirectoryNode, path: string): void {
  const { parent, name } = placeOf(root, path);
  setEntry(parent, name, undefined);
}

function rename(root: DirectoryNode, from: string, to: string): void {
  const moved = nodeAt(root, from);
  const { parent, name } = placeOf(root, to);
  const old = parent.entries.get(name);
  if (old?.kind === 'directory') {
    if (moved.kind !== 'directory') throw failure('EISDIR');
    if (old.entries.size > 0) throw failure('ENOTEMPTY');
  } else if (old !== undefined && moved.kind === 'directory') throw failure('ENOTDIR');
  setEntry(parent, name, moved);
  removeEntry(root, from);
}

function apply(
  entries: Map<string, Node>,
  { name, node }: { readonly name: string; readonly node: Node | undefined },
): void {
  if (node === undefined) entries.delete(name);
  else entries.set(name, node);
}

function writeInto(node: FileNode, bytes: Uint8Array, at: number, changed: number): void {
  node.data = written(node.data, bytes, at);
  node.pending.push({ at, bytes });
  node.changed = changed;
}

function written(data: Uint8Array, bytes: Uint8Array, at: number): Uint8Array {
  const result = new Uint8Array(Math.max(data.length, at + bytes.length));
  result.set(data);
  result.set(bytes, at);
  return result;
}

function statOf(node: Node): LayoutStat {
  return {
    kind: node.kind,
    size: node.kind === 'file' ? node.data.length : 0,
    inode: `1:${node.id}`,
    changed: node.kind === 'file' ? BigInt(node.changed) : 0n,
    touched: BigInt(Date.now()) * 1_000_000n,
  };
}

function syncNode(node: Node): void {
  if (node.kind === 'file') node.synced = node.data;
  else node.synced = new Map(node.entries);
  node.pending = [];
}

function survivors(how: PowerLoss, length: number, random: () => number): readonly boolean[] {
  const prefix = Math.floor(random() * (length + 1));
  return Array.from({ length }, (_, place) => {
    if (how === 'nothing') return false;
    if (how === 'everything') return true;
    return how === 'prefixes' ? place < prefix : random() < 0.5;
  });
}

/** Goes back to what was synced, and then through the changes that outlast. */
function restore(node: Node, choose: (length: number) => readonly boolean[]): void {
  const kept = choose(node.pending.length);
  if (node.kind === 'file') {
    node.data = node.synced;
    for (const [place, { at, bytes }] of node.pending.entries()) {
      if (kept[place] === true) node.data = written(node.data, bytes, at);
    }
  } else {
    node.entries = new Map(node.synced);
    for (const [place, change] of node.pending.entries()) if (kept[place] === true) apply(node.entries, change);
    for (const child of node.entries.values()) restore(child, choose);
  }
  syncNode(node);
}
