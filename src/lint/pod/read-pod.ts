import type { MetadataLike } from '../../kubernetes/index.js';
import { finding } from '../rules/rules.js';
import {
  type Report,
  readList,
  readMetadata,
  readNames,
  readObject,
  readText,
  readTexts,
} from '../secret/read-object.js';

/** An image of a pod, with the places of its fields. */
export interface PodImage {
  readonly image: string;
  readonly place: string;
  readonly policy: string;
  readonly policyPlace: string;
}

/** What of a pod is linted. */
export interface CleanPod {
  readonly metadata: MetadataLike;
  /** In the order init containers, containers, ephemeral containers, image volumes. */
  readonly images: readonly PodImage[];
  readonly secretNames: readonly string[];
  readonly serviceAccountName: string;
  /** The node that the pod is bound to; empty for none. */
  readonly nodeName: string;
  readonly nodeSelector: Readonly<Record<string, string>>;
}

const CONTAINER_LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

export function readPod(value: unknown, report: Report): CleanPod {
  const pod = readObject(value, '', report);
  const spec = readObject(pod['spec'], 'spec', report);
  const containers = CONTAINER_LISTS.flatMap((field) =>
    readList(spec[field], `spec.${field}`, report).map((item, index) =>
      readImage(item, `spec.${field}[${index}]`, ['image', 'imagePullPolicy'], report),
    ),
  );
  const volumes = readList(spec['volumes'], 'spec.volumes', report).flatMap((item, index) => {
    const place = `spec.volumes[${index}]`;
    const source = readObject(item, place, report)['image'];
    if (source === null || source === undefined) return [];
    return [readImage(source, `${place}.image`, ['reference', 'pullPolicy'], report)];
  });
  return {
    metadata: readMetadata(pod['metadata'], report),
    images: [...containers, ...volumes],
    secretNames: readNames(spec['imagePullSecrets'], 'spec.imagePullSecrets', report),
    serviceAccountName: readText(spec['serviceAccountName'], 'spec.serviceAccountName', report),
    nodeName: readText(spec['nodeName'], 'spec.nodeName', report),
    nodeSelector: readTexts(spec['nodeSelector'], 'spec.nodeSelector', report),
  };
}

function readImage(
  value: unknown,
  at: string,
  [imageField, policyField]: readonly [string, string],
  report: Report,
): PodImage {
  const user = readObject(value, at, report);
  if (user['imagePullSecrets'] !== undefined) {
    report(finding('PULL_SECRETS_MISPLACED', `${at}.imagePullSecrets`, 'The list stands in a container'));
  }
  const [place, policyPlace] = [`${at}.${imageField}`, `${at}.${policyField}`];
  const image = readText(user[imageField], place, report);
  return { image, place, policy: readText(user[policyField], policyPlace, report), policyPlace };
}
