import type { Clock } from '../clock/index.js';
import type { CreateHasher } from '../digest/index.js';
import type { KubernetesRelease } from '../kubernetes/index.js';
import type { LazyCredentials, NodeKeyring } from './credentials.js';
import type { PodEvent } from './events.js';
import type { ImagePuller } from './image-puller.js';
import type { PullLedger } from '../image-access/inner.js';
import type { InvolvedObject } from './manager-types.js';
import type { PullFailures } from './pull-failures.js';
import type { ImageRules } from '../rules/index.js';
import type { EnsureTrace, Tracing } from '../tracing/index.js';
import type { ImageService, ImageSpec, PodSandbox } from '../image-service/index.js';

/** What all images of a manager share. */
export interface ManagerContext {
  readonly images: ImageService;
  readonly clock: Clock;
  readonly createHasher: CreateHasher;
  readonly keyring: NodeKeyring | undefined;
  readonly puller: ImagePuller;
  readonly failures: PullFailures;
  /** `undefined` while the gate is off: then nothing is recorded, and presence is enough. */
  readonly ledger: PullLedger | undefined;
  readonly recheckPresence: boolean;
  readonly rules: ImageRules | undefined;
  readonly release: KubernetesRelease | undefined;
  readonly tracing: Tracing | undefined;
  emit(about: InvolvedObject, event: PodEvent): void;
}

/** One image of one pod, on its way through the steps. */
export interface ImageStep {
  /** As the pod has it: what texts quote. */
  readonly image: string;
  /** The name under which its pulls are recorded. */
  readonly name: string;
  /** As the runtime gets it. */
  readonly spec: ImageSpec;
  readonly policy: string;
  readonly about: InvolvedObject;
  readonly sandbox: PodSandbox;
  readonly credentials: LazyCredentials;
  /** Whether it is an event that the image is present. */
  readonly tellsPresence: boolean;
  /** What whoever watches is told. */
  readonly trace: EnsureTrace;
  readonly signal: AbortSignal | undefined;
}
