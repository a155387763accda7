import { applyPatch, type Patch } from 'rfc6902';
import type { AdmissionAnswer, AdmissionReviewLike } from 'kubepull/admission';

const RESOURCES: Readonly<Record<string, readonly [group: string, resource: string]>> = {
  Pod: ['', 'pods'],
  PodTemplate: ['', 'podtemplates'],
  ReplicationController: ['', 'replicationcontrollers'],
  ReplicaSet: ['apps', 'replicasets'],
  Deployment: ['apps', 'deployments'],
  StatefulSet: ['apps', 'statefulsets'],
  DaemonSet: ['apps', 'daemonsets'],
  Job: ['batch', 'jobs'],
  CronJob: ['batch', 'cronjobs'],
  Service: ['', 'services'],
};

/** A request of the API server to create an object, or to update it where there is an old one. */
export function reviewOf(object: object, change: object = {}): AdmissionReviewLike {
  const { kind = 'Pod', metadata } = object as {
    readonly kind?: string;
    readonly metadata?: { readonly name?: string };
  };
  const [group = '', resource = ''] = RESOURCES[kind] ?? [];
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group, version: 'v1', kind },
      resource: { group, version: 'v1', resource },
      name: metadata?.name ?? '',
      namespace: 'adm',
      operation: 'CREATE',
      object: { kind, ...object },
      oldObject: null,
      ...change,
    },
  };
}

export function updateOf(oldObject: object, object: object, change: object = {}): AdmissionReviewLike {
  return reviewOf(object, { operation: 'UPDATE', oldObject, ...change });
}

export function patchOf({ response }: AdmissionAnswer): Patch {
  return response.patch === undefined ? [] : (JSON.parse(Buffer.from(response.patch, 'base64').toString()) as Patch);
}

/** The object of a request with the patch of the answer, as the API server goes on with it. */
export function patchedBy(request: AdmissionReviewLike, answer: AdmissionAnswer): object {
  const object = structuredClone(request.request?.object ?? {});
  for (const failure of applyPatch(object, patchOf(answer))) if (failure !== null) throw failure;
  return object;
}
