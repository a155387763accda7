import { Worker } from 'node:worker_threads';
import type { BlobAnswer, BlobExchange, BlobReader, BlobRequest } from './blob-reader.js';
import type { BlobEnd } from './fill-file.js';
import { faultOf } from './watchdog.js';
import { workerEntry } from './worker-entry.js';
import { isContent, type WorkerOrder, type WorkerReport } from './worker-orders.js';

/** Stands as code in the error for what a worker was at when it ended. */
const WORKER_GONE = 'ERR_KUBEPULL_WORKER_GONE';

/** One exchange in a worker. */
interface Waiting {
  onAnswer(answer: BlobAnswer): void;
  onFailed(code: string, phase: string): void;
  onProgress(size: number): void;
  onEnded(end: BlobEnd): void;
  /** The worker has ended, and touches nothing any more. */
  onGone(): void;
}

interface Crew {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
}

/**
 * Makes a reader of blobs that works in threads, each of which takes whole blobs. They start when there is work for them,
 * and keep no process alive.
 *
 * @param own - the reader of this thread, for where threads cannot be started
 */
export function createWorkerReader(count: number, own: BlobReader): BlobReader {
  const crews = new Set<Crew>();
  let isPossible = true;
  let closed = false;
  let ids = 0;

  const start = (): Crew | undefined => {
    try {
      // Neither the environment nor what else the program was started with is for it.
      const worker = new Worker(workerEntry(), { env: {}, execArgv: [], argv: [] });
      const crew: Crew = { worker, waiting: new Map() };
      worker.unref();
      worker.on('message', (report: WorkerReport) => hear(crew, report));
      worker.on('error', () => undefined);
      worker.on('exit', () => {
        // One that ends by itself was not able to do its work, and the next would not be.
        isPossible = false;
        crews.delete(crew);
        for (const { onGone } of crew.waiting.values()) onGone();
        crew.waiting.clear();
      });
      crews.add(crew);
      return crew;
    } catch {
      isPossible = false;
      return undefined;
    }
  };
  /** The one with the least to do; another is started while there may be more. */
  const choose = (): Crew | undefined => {
    const [least] = [...crews].toSorted((one, other) => one.waiting.size - other.waiting.size);
    return least !== undefined && (least.waiting.size === 0 || crews.size === count) ? least : (start() ?? least);
  };
  return {
    send(request) {
      const crew = isPossible && !closed ? choose() : undefined;
      if (crew === undefined) return own.send(request);
      ids += 1;
      return sendOver(crew, ids, request, own);
    },
    async close() {
      closed = true;
      await own.close();
      await Promise.all([...crews].map(({ worker }) => worker.terminate()));
    },
  };
}

function hear({ waiting }: Crew, report: WorkerReport): void {
  const listener = waiting.get(report.id);
  if (report.kind === 'answer') listener?.onAnswer(report.answer);
  else if (report.kind === 'failed') listener?.onFailed(report.code, report.phase);
  else if (report.kind === 'progress') listener?.onProgress(report.size);
  else listener?.onEnded(report.end);
}

function sendOver({ worker, waiting }: Crew, id: number, request: BlobRequest, own: BlobReader): BlobExchange {
  /** The same request in this thread, when the worker ended before it could say anything. */
  let instead: BlobExchange | undefined;
  let state: 'asked' | 'answered' | 'brings' = 'asked';
  let dropped = false;
  let tell: (size: number) => void = () => undefined;
  let end: (end: BlobEnd) => void = () => undefined;
  let offset = 0;

  const order = (order: WorkerOrder): void => worker.postMessage(order);
  const leave = (): void => {
    waiting.delete(id);
    if (waiting.size === 0) worker.unref();
  };
  const answer = new Promise<BlobAnswer>((resolve, reject) => {
    waiting.set(id, {
      onAnswer(given) {
        state = 'answered';
        if (!isContent(given) || dropped) leave();
        resolve(given);
      },
      onFailed(code, phase) {
        leave();
        reject(Object.assign(faultOf(code), { phase }));
      },
      onProgress: (size) => tell(size),
      onEnded(ended) {
        leave();
        end(ended);
      },
      onGone() {
        if (state === 'asked' && !dropped) {
          instead = own.send(request);
          instead.answer.then(resolve, reject);
        } else {
          reject(Object.assign(faultOf(WORKER_GONE), { phase: 'connect' }));
          end({ size: offset, hash: undefined, fault: { code: WORKER_GONE, at: 'source' } });
        }
      },
    });
  });
  answer.catch(() => undefined);
  worker.ref();
  order({ kind: 'send', id, request });
  return {
    answer,
    bring(file, onProgress) {
      if (instead !== undefined) return instead.bring(file, onProgress);
      return new Promise((resolve) => {
        end = resolve;
        tell = onProgress;
        offset = file.offset;
        if (waiting.has(id)) {
          state = 'brings';
          order({ kind: 'bring', id, file });
        } else end({ size: offset, hash: undefined, fault: { code: WORKER_GONE, at: 'source' } });
      });
    },
    drop() {
      dropped = true;
      instead?.drop();
      if (!waiting.has(id)) return;
      order({ kind: 'drop', id });
      if (state === 'answered') leave();
    },
  };
}
