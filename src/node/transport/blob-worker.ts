// The program of a thread that brings blobs. What it imports is all that the thread loads.
import { parentPort } from 'node:worker_threads';
import { createBlobReader } from './blob-reader.js';
import { obeyOrders } from './worker-orders.js';

const reader = createBlobReader({ waits: true });
parentPort?.on(
  'message',
  obeyOrders(reader, (report) => parentPort?.postMessage(report)),
);
