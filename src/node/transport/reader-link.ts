// One connection whose bytes stay in a few buffers of its own, from the socket to the file. This file is in the worker.
import { connect as connectTcp, isIP, type LookupFunction, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import { faultOf } from './watchdog.js';

/** What is read at once at most. */
const SLAB_BYTES = 256 * 1024;
/** With less room than this, the next bytes go elsewhere. */
const LEAST_ROOM = 64 * 1024;
/** How long an idle connection is kept: shorter than servers keep theirs, or a request may meet its end. */
const IDLE_MS = 4_000;

/** Where a connection goes, as plain data. */
export interface LinkTarget {
  readonly secure: boolean;
  /** A name, or an address without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** The addresses that may be dialled; the name is looked up no more. */
  readonly addresses: readonly string[];
  readonly tls: { readonly ca?: string | readonly string[]; readonly anyCertificate?: boolean };
  /** What to share connections under. */
  readonly key: string;
  readonly connectTimeoutMs: number;
}

/** Bytes that have come. They stay until they are released. */
export interface Piece {
  readonly bytes: Uint8Array;
  release(): void;
}

/** Hears of one connection. */
export interface LinkListener {
  /** Bytes have come; false for no more of them until `resume`. TLS may bring a few all the same. */
  arrived(bytes: number): boolean;
  /** The server has ended the connection, or it failed. */
  ended(error: Error | undefined): void;
}

/** One connection, which serves one exchange at a time. */
export interface Link {
  readonly remoteAddress: string | undefined;
  readonly open: boolean;
  /** Bytes that came and were not taken. */
  readonly waiting: number;
  /** All that waits, as one. It is not taken by that. */
  peek(): Uint8Array;
  take(bytes: number): readonly Piece[];
  write(text: string): void;
  pause(): void;
  resume(): void;
  listen(listener: LinkListener | undefined): void;
  /** Whether it keeps the process alive. */
  hold(held: boolean): void;
  destroy(): void;
}

interface Slab {
  readonly bytes: Buffer;
  /** Bytes in it that somebody still needs. */
  used: number;
}

interface View {
  readonly slab: Slab;
  readonly from: number;
  readonly to: number;
}

/** A connection in the making. */
interface OpeningLink {
  readonly ready: Promise<Link>;
  cancel(): void;
}

/** Connects, within the addresses of the target. */
function openLink(target: LinkTarget, context: SecureContext | undefined): OpeningLink {
  const buffers = createBuffers();
  let listener: LinkListener | undefined;
  const onread: OnReadOpts = {
    buffer: buffers.next,
    callback(length) {
      buffers.add(length);
      return listener?.arrived(length) ?? false;
    },
  };
  const socket = connect(target, context, onread);
  const makeLink = (): Link => {
    let open = true;
    let failure: Error | undefined;
    const end = (): void => {
      if (!open) return;
      open = false;
      socket.destroy();
      listener?.ended(failure);
    };
    socket.on('error', (error) => void (failure = error));
    socket.on('end', end);
    socket.on('close', end);
    socket.setNoDelay(true);
    return {
      remoteAddress: socket.remoteAddress,
      get open() {
        return open;
      },
      get waiting() {
        return buffers.waiting;
      },
      peek: buffers.peek,
      take: buffers.take,
      write: (text) => void socket.write(text, 'latin1'),
      pause: () => void socket.pause(),
      resume: () => void socket.resume(),
      listen: (next) => void (listener = next),
      hold: (held) => void (held ? socket.ref() : socket.unref()),
      destroy() {
        open = false;
        listener = undefined;
        socket.destroy();
      },
    };
  };
  let cancel: (error: Error) => void = () => undefined;
  const ready = new Promise<Link>((resolve, reject) => {
    const leave = (): void => {
      clearTimeout(timer);
      socket.off('error', fail);
      socket.off('close', onClose);
      socket.off(event, onReady);
      cancel = () => undefined;
    };
    const fail = (error: Error): void => {
      leave();
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const onClose = (): void => fail(faultOf('ECONNRESET'));
    const onReady = (): void => {
      leave();
      resolve(makeLink());
    };
    const timer = setTimeout(() => fail(faultOf('UND_ERR_CONNECT_TIMEOUT')), target.connectTimeoutMs);
    const event = target.secure ? 'secureConnect' : 'connect';
    cancel = fail;
    socket.on('error', fail);
    socket.on('close', onClose);
    socket.on(event, onReady);
  });
  return { ready, cancel: () => cancel(faultOf('UND_ERR_ABORTED')) };
}

function connect(target: LinkTarget, secureContext: SecureContext | undefined, onread: OnReadOpts): Socket {
  const { secure, hostname: host, port, addresses, tls } = target;
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  const lookup: LookupFunction = (_, { all = false }, callback) => {
    const [first] = found;
    if (first === undefined) callback(faultOf('ENOTFOUND'), '', 0);
    else if (all) callback(null, found);
    else callback(null, first.address, first.family);
  };
  const options = { host, port, onread, lookup };
  if (!secure) return connectTcp(options);
  return connectTls({
    ...options,
    servername: isIP(host) === 0 ? host : '',
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: tls.anyCertificate !== true,
    ...(secureContext === undefined ? {} : { secureContext }),
  });
}

/** The buffers of one connection: as few as its reader lets free in time. */
function createBuffers(): {
  readonly waiting: number;
  /** Where the next bytes are put. */
  next(): Uint8Array;
  /** So many have been put there. */
  add(length: number): void;
  peek(): Uint8Array;
  take(bytes: number): readonly Piece[];
} {
  const slabs: Slab[] = [];
  let views: View[] = [];
  let waiting = 0;
  /** Where the next bytes go. */
  let current = newSlab(slabs);
  let at = 0;

  const bytesOf = ({ slab, from, to }: View): Uint8Array => slab.bytes.subarray(from, to);
  return {
    get waiting() {
      return waiting;
    },
    next() {
      if (current.used === 0) at = 0;
      else if (current.bytes.length - at < LEAST_ROOM) {
        current = slabs.find(({ used }) => used === 0) ?? newSlab(slabs);
        at = 0;
      }
      return current.bytes.subarray(at);
    },
    add(length) {
      const last = views.at(-1);
      const to = at + length;
      if (last?.slab === current && last.to === at) views[views.length - 1] = { ...last, to };
      else views.push({ slab: current, from: at, to });
      at = to;
      current.used += length;
      waiting += length;
    },
    peek() {
      const [first] = views;
      if (first === undefined) return new Uint8Array();
      return views.length === 1 ? bytesOf(first) : Buffer.concat(views.map(bytesOf));
    },
    take(bytes) {
      const taken: Piece[] = [];
      for (let left = bytes; left > 0;) {
        const [first] = views;
        if (first === undefined) break;
        const { slab, from, to } = first;
        const length = Math.min(left, to - from);
        if (length === to - from) views = views.slice(1);
        else views[0] = { slab, from: from + length, to };
        left -= length;
        waiting -= length;
        taken.push({
          bytes: slab.bytes.subarray(from, from + length),
          release: () => void (slab.used -= length),
        });
      }
      return taken;
    },
  };
}

function newSlab(slabs: Slab[]): Slab {
  const slab = { bytes: Buffer.allocUnsafeSlow(SLAB_BYTES), used: 0 };
  slabs.push(slab);
  return slab;
}

/** The connections of a reader. */
export interface Links {
  /** One that is idle, or a new one. */
  open(target: LinkTarget): OpeningLink;
  /** Takes back a connection that is in good order. */
  keep(target: LinkTarget, link: Link): void;
  drop(link: Link): void;
  close(): void;
}

export function createLinks(): Links {
  const all = new Set<Link>();
  const opening = new Set<OpeningLink>();
  const idle = new Map<string, Map<Link, NodeJS.Timeout>>();
  const contexts = new Map<string, SecureContext>();
  let closed = false;
  const contextOf = ({ key, tls: { ca } }: LinkTarget): SecureContext => {
    const context = contexts.get(key) ?? createSecureContext(ca === undefined ? {} : { ca: ca as string | string[] });
    contexts.set(key, context);
    return context;
  };
  const drop = (link: Link): void => {
    all.delete(link);
    link.destroy();
  };
  const leaveIdle = (key: string, link: Link): void => {
    clearTimeout(idle.get(key)?.get(link));
    idle.get(key)?.delete(link);
    link.listen(undefined);
  };
  const takeIdle = ({ key, addresses }: LinkTarget): Link | undefined => {
    for (const link of idle.get(key)?.keys() ?? []) {
      // What may be dialled may have changed since.
      if (!addresses.includes(link.remoteAddress ?? '')) continue;
      leaveIdle(key, link);
      link.hold(true);
      return link;
    }
    return undefined;
  };
  return {
    open(target) {
      if (closed) return { ready: Promise.reject(faultOf('UND_ERR_CLOSED')), cancel: () => undefined };
      const link = takeIdle(target);
      if (link !== undefined) return { ready: Promise.resolve(link), cancel: () => undefined };
      const begun = openLink(target, target.secure ? contextOf(target) : undefined);
      opening.add(begun);
      const ready = begun.ready
        .then((opened) => {
          all.add(opened);
          if (closed) drop(opened);
          return opened;
        })
        .finally(() => void opening.delete(begun));
      return { ready, cancel: begun.cancel };
    },
    keep({ key }, link) {
      if (closed || !link.open || link.waiting > 0) return drop(link);
      const forget = (): void => {
        leaveIdle(key, link);
        drop(link);
      };
      const timer = setTimeout(forget, IDLE_MS);
      timer.unref();
      idle.set(key, (idle.get(key) ?? new Map<Link, NodeJS.Timeout>()).set(link, timer));
      // Whatever comes now was not asked for.
      link.listen({ arrived: () => (forget(), false), ended: forget });
      link.hold(false);
      link.resume();
    },
    drop,
    close() {
      closed = true;
      for (const [key, links] of idle) for (const link of links.keys()) leaveIdle(key, link);
      for (const { cancel } of opening) cancel();
      for (const link of all) drop(link);
    },
  };
}
