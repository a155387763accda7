import type { Clock } from '../clock/index.js';
import type { RegistrySession } from '../distribution/index.js';
import type { BlobFailure } from '../errors/index.js';
import type { ImageReference } from '../reference/index.js';
import type { ImageStore } from '../store/index.js';
import type { Tracing } from '../tracing/index.js';
import type { SharedDownloads } from './download-pool.js';
import type { PullStep } from './events.js';

/** Which blobs are downloaded in ranges, and how. */
export interface RangePlan {
  readonly parallel: number;
  readonly minBytes: number;
  readonly rangeBytes: number;
}

/** What the steps of one pull with one credential share. */
export interface PullContext {
  readonly ref: ImageReference;
  readonly session: RegistrySession;
  readonly origin: string;
  /** Origin and repository: who gave the manifest out gives its blobs out as well. */
  readonly from: string;
  readonly store: ImageStore;
  readonly clock: Clock;
  readonly tracing: Tracing | undefined;
  readonly downloads: SharedDownloads;
  /** Whether blobs are brought by the runtime's carrier, where it and the store can do that. */
  readonly carries: boolean;
  /** How large layers are downloaded, if not as one stream. */
  readonly ranges: RangePlan | undefined;
  readonly emit: (event: PullStep) => void;
  readonly onBlobFailed: (failure: BlobFailure) => void;
}
