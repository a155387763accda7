// What a thread that brings blobs is told, what it tells, and what it does. This file is in the worker.
import type { BlobAnswer, BlobExchange, BlobReader, BlobRequest } from './blob-reader.js';
import type { BlobEnd, BlobFile } from './fill-file.js';
import { codeOf } from './watchdog.js';

/** What a worker is told. */
export type WorkerOrder =
  | { readonly kind: 'send'; readonly id: number; readonly request: BlobRequest }
  | { readonly kind: 'bring'; readonly id: number; readonly file: BlobFile }
  | { readonly kind: 'drop'; readonly id: number };

/** What a worker tells. */
export type WorkerReport =
  | { readonly kind: 'answer'; readonly id: number; readonly answer: BlobAnswer }
  | { readonly kind: 'failed'; readonly id: number; readonly code: string; readonly phase: string }
  | { readonly kind: 'progress'; readonly id: number; readonly size: number }
  | { readonly kind: 'ended'; readonly id: number; readonly end: BlobEnd };

/** Whether an answer can be put into a file. */
export function isContent({ status }: Pick<BlobAnswer, 'status'>): boolean {
  return status === 200 || status === 206;
}

/** What a worker does with its orders. */
export function obeyOrders(reader: BlobReader, report: (report: WorkerReport) => void): (order: WorkerOrder) => void {
  const exchanges = new Map<number, BlobExchange>();
  /** Those that wait for a file, or for nobody any more. */
  const answered = new Set<number>();

  const send = async (id: number, request: BlobRequest): Promise<void> => {
    const exchange = reader.send(request);
    exchanges.set(id, exchange);
    try {
      const answer = await exchange.answer;
      if (isContent(answer)) answered.add(id);
      else exchanges.delete(id);
      report({ kind: 'answer', id, answer });
    } catch (error) {
      exchanges.delete(id);
      const { phase = 'headers' } = error as { readonly phase?: string };
      report({ kind: 'failed', id, code: codeOf(error), phase });
    }
  };
  const bring = async (id: number, file: BlobFile): Promise<void> => {
    const gone: BlobEnd = { size: file.offset, hash: undefined, fault: { code: 'UND_ERR_ABORTED', at: 'source' } };
    answered.delete(id);
    const end = await exchanges.get(id)?.bring(file, (size) => report({ kind: 'progress', id, size }));
    exchanges.delete(id);
    report({ kind: 'ended', id, end: end ?? gone });
  };
  return (order) => {
    if (order.kind === 'send') void send(order.id, order.request);
    else if (order.kind === 'bring') void bring(order.id, order.file);
    else {
      exchanges.get(order.id)?.drop();
      if (answered.delete(order.id)) exchanges.delete(order.id);
    }
  };
}
