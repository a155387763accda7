// Brings blobs over connections of its own, straight into files, and hashes them. It decides nothing: where to go, what to
// say and what the bytes have to be is decided by its caller. This file is in the worker.
import type { ExchangeLimits } from '../../distribution/inner.js';
import { ANSWER_INVALID, type AnswerHead, createDechunker, findHeadEnd, parseHead } from './answer-head.js';
import { type BlobEnd, type BlobFile, fillFile } from './fill-file.js';
import { createLinks, type Link, type Links, type LinkTarget } from './reader-link.js';
import { codeOf, createWatchdog, faultOf, type Watchdog } from './watchdog.js';

/** One request for a blob, as plain data. */
export interface BlobRequest {
  readonly target: LinkTarget;
  /** The request line and the headers, as they are sent. */
  readonly text: string;
  readonly limits: ExchangeLimits;
  readonly maxHeaderBytes: number;
}

/** What an answer begins with. */
export interface BlobAnswer extends Omit<AnswerHead, 'framing' | 'persistent'> {
  readonly remoteAddress: string | undefined;
  /** Of an answer that is no content, what came of its body. */
  readonly body: Uint8Array;
}

/** One exchange. */
export interface BlobExchange {
  /** What it fails with has a `code`, and its `phase`. */
  readonly answer: Promise<BlobAnswer>;
  /** Puts the content of the answer into a file. It never rejects, and when it resolves the file is left alone. */
  bring(file: BlobFile, onProgress: (size: number) => void): Promise<BlobEnd>;
  /** Gives the rest up. */
  drop(): void;
}

export interface BlobReader {
  send(request: BlobRequest): BlobExchange;
  close(): void | Promise<void>;
}

/** Of an answer that is no content, what is read, and for how long. */
const MAX_REST = 16 * 1024;
const MAX_REST_MS = 500;
const MAX_INTERIM = 32;

/**
 * Makes a reader.
 *
 * @param waits - whether the thread may wait for the disk. A thread that has nothing else to do is faster so
 */
export function createBlobReader({ waits }: { readonly waits: boolean }): BlobReader {
  const links = createLinks();
  return {
    send(request) {
      return startExchange(request, links, waits);
    },
    close: links.close,
  };
}

function startExchange(request: BlobRequest, links: Links, waits: boolean): BlobExchange {
  const { target } = request;
  let link: Link | undefined;
  let head: AnswerHead | undefined;
  let stop: () => void = () => undefined;
  let over = false;
  let dropped = false;

  const give = (isGood: boolean): void => {
    if (over || link === undefined) return;
    over = true;
    link.listen(undefined);
    if (isGood) links.keep(target, link);
    else links.drop(link);
  };
  const ask = async (): Promise<BlobAnswer> => {
    let phase = 'connect';
    let watchdog: Watchdog | undefined;
    try {
      const opening = links.open(target);
      stop = opening.cancel;
      link = await opening.ready;
      if (dropped) throw faultOf('UND_ERR_ABORTED');
      phase = 'headers';
      const expired = new Promise<never>((_, reject) => {
        stop = () => reject(faultOf('UND_ERR_ABORTED'));
        watchdog = createWatchdog(request.limits, reject);
      });
      expired.catch(() => undefined);
      head = await Promise.race([readHead(link, request), expired]);
      watchdog?.stop();
      const { status, headers } = head;
      const isContent = status === 200 || status === 206;
      const rest = isContent ? undefined : await Promise.race([readRest(link, head), expired]);
      const answer = { status, headers, remoteAddress: link.remoteAddress, body: rest?.body ?? new Uint8Array() };
      if (rest !== undefined) give(rest.whole && head.persistent);
      return answer;
    } catch (error) {
      give(false);
      throw Object.assign(faultOf(codeOf(error)), { phase });
    } finally {
      watchdog?.stop();
      stop = () => undefined;
    }
  };
  const answer = ask();
  answer.catch(() => undefined);
  return {
    answer,
    async bring(file, onProgress) {
      if (link === undefined || head === undefined || over)
        return { size: file.offset, hash: undefined, fault: { code: 'UND_ERR_ABORTED', at: 'source' } };
      const body = fillFile({ link, head, limits: request.limits, waits }, file, onProgress);
      stop = body.stop;
      const { end, isGood } = await body.ended;
      give(isGood && head.persistent);
      return end;
    },
    drop() {
      dropped = true;
      stop();
      if (head !== undefined) give(false);
    },
  };
}

/** The head of an answer; those before it that only tell of it are passed over. */
function readHead(link: Link, { text, maxHeaderBytes }: BlobRequest): Promise<AnswerHead> {
  return new Promise((resolve, reject) => {
    let seen = 0;
    let interim = 0;
    const look = (): boolean => {
      for (;;) {
        const bytes = link.peek();
        const end = findHeadEnd(bytes, seen, maxHeaderBytes);
        seen = bytes.length;
        if (end === undefined) return true;
        const head = parseHead(bytes.subarray(0, end));
        for (const { release } of link.take(end)) release();
        seen = 0;
        interim += 1;
        // 100 and 101 answer to what was not asked.
        const isInterim = head.status > 101 && head.status < 200 && interim <= MAX_INTERIM;
        if (head.status < 200 && !isInterim) throw faultOf(ANSWER_INVALID);
        if (isInterim) continue;
        // What came behind it is content, whatever it looks like.
        link.listen(undefined);
        resolve(head);
        return false;
      }
    };
    link.listen({
      arrived() {
        try {
          return look();
        } catch (error) {
          reject(error);
          return false;
        }
      },
      ended: (error) => reject(error ?? faultOf('UND_ERR_SOCKET')),
    });
    if (!link.open || link.waiting > 0) return reject(faultOf('UND_ERR_SOCKET'));
    link.resume();
    link.write(text);
  });
}

/** The body of an answer that is no content, as far as it comes soon, and whether that is all of it. */
function readRest(
  link: Link,
  { framing }: AnswerHead,
): Promise<{ readonly body: Uint8Array; readonly whole: boolean }> {
  const dechunker = framing.kind === 'chunked' ? createDechunker() : undefined;
  const length = framing.kind === 'length' ? framing.bytes : Infinity;
  const parts: Uint8Array[] = [];
  let size = 0;
  return new Promise((resolve) => {
    const settle = (whole: boolean): void => {
      clearTimeout(timer);
      resolve({ body: Buffer.concat(parts).subarray(0, MAX_REST), whole });
    };
    const timer = setTimeout(() => settle(false), MAX_REST_MS);
    const look = (): boolean => {
      try {
        for (const { bytes, release } of link.take(Math.min(link.waiting, length - size))) {
          const copy = Uint8Array.from(bytes);
          release();
          for (const part of dechunker?.push(copy) ?? [copy]) parts.push(part);
          size += copy.length;
        }
      } catch {
        settle(false);
        return false;
      }
      const isOver = size >= length || size >= MAX_REST || dechunker?.done === true;
      if (isOver) settle(size >= length && link.waiting === 0);
      return !isOver;
    };
    link.listen({ arrived: look, ended: () => settle(false) });
    if (look()) link.resume();
    if (!link.open) settle(false);
  });
}
