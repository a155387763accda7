import { StoreError } from '../../errors/index.js';

const BLOCK = 512;

/** A place in an archive, that goes forward only. */
export interface TarCursor {
  /** Bytes before it. */
  readonly offset: number;
  /** The next 512 bytes, which are good until the next call; `undefined` when there is not one more byte. */
  block(): Promise<Uint8Array | undefined>;
  /** Hands on so many bytes, and passes over the padding behind them. */
  pass(size: number, take: (chunk: Uint8Array) => void | Promise<void>): Promise<void>;
  /** Takes what is left, up to a number of bytes. */
  skipRest(most: number): Promise<void>;
  /** Lets go of the source. */
  close(): Promise<void>;
}

/** Reads chunks of any size in the pieces that a tar archive is made of. */
export function createTarCursor(chunks: AsyncIterable<Uint8Array>): TarCursor {
  const source = chunks[Symbol.asyncIterator]();
  const partial = new Uint8Array(BLOCK);
  let rest: Uint8Array = new Uint8Array();
  let offset = 0;

  const fill = async (): Promise<boolean> => {
    while (rest.length === 0) {
      const { done, value } = await source.next();
      if (done === true) return false;
      rest = value;
    }
    return true;
  };
  const take = (most: number): Uint8Array => {
    const part = rest.subarray(0, most);
    rest = rest.subarray(part.length);
    offset += part.length;
    return part;
  };
  const passBytes = async (size: number, to: (chunk: Uint8Array) => void | Promise<void>): Promise<void> => {
    for (let left = size; left > 0;) {
      if (!(await fill())) throw badArchive(`it is cut after ${offset} bytes`);
      const part = take(left);
      left -= part.length;
      await to(part);
    }
  };
  return {
    get offset() {
      return offset;
    },
    async block() {
      if (!(await fill())) return undefined;
      if (rest.length >= BLOCK) return take(BLOCK);
      let length = 0;
      await passBytes(BLOCK, (part) => {
        partial.set(part, length);
        length += part.length;
      });
      return partial;
    },
    async pass(size, to) {
      await passBytes(size, to);
      await passBytes((BLOCK - (size % BLOCK)) % BLOCK, () => undefined);
    },
    async skipRest(most) {
      for (let left = most; left > 0 && (await fill());) left -= take(left).length;
    },
    async close() {
      await source.return?.();
    },
  };
}

/** The error for an archive that is none, or not a fit one. */
export function badArchive(reason: string, cause?: unknown): StoreError {
  return new StoreError(`Cannot load the archive: ${reason}`, { operation: 'load', cause });
}
