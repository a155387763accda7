import { describe, expect, it } from 'vitest';
import { listPodImages } from 'kubepull/kubernetes';

const spec = {
  volumes: [{ name: 'cache' }, { name: 'model', image: { reference: 'r.example/model:1', pullPolicy: 'Never' } }],
  ephemeralContainers: [{ name: 'debug', image: 'busybox' }],
  containers: [{ name: 'web', image: 'nginx:1', imagePullPolicy: 'Always' }, null],
  initContainers: [{ name: 'init', image: 'r.example/init:2' }],
};
const paths = (object: object): readonly string[] => listPodImages(object as never).map(({ path }) => path);

describe('listPodImages', () => {
  it('gives init containers, containers, ephemeral containers and image volumes, each as it is written', () => {
    expect(listPodImages({ spec } as never)).toEqual([
      { kind: 'init', name: 'init', image: 'r.example/init:2', policy: '', path: 'spec.initContainers[0]' },
      { kind: 'regular', name: 'web', image: 'nginx:1', policy: 'Always', path: 'spec.containers[0]' },
      { kind: 'regular', name: '', image: '', policy: '', path: 'spec.containers[1]' },
      { kind: 'ephemeral', name: 'debug', image: 'busybox', policy: '', path: 'spec.ephemeralContainers[0]' },
      { kind: 'volume', name: 'model', image: 'r.example/model:1', policy: 'Never', path: 'spec.volumes[1].image' },
    ]);
  });

  it('finds the pods in workloads, Lists and documents, and leaves other objects out', () => {
    const one = { containers: [{ name: 'web', image: 'nginx' }] };
    const cronJob = { kind: 'CronJob', spec: { jobTemplate: { spec: { template: { spec: one } } } } };
    const list = {
      kind: 'List',
      items: [{ kind: 'Secret' }, { kind: 'Deployment', spec: { template: { spec: one } } }],
    };
    expect(paths(cronJob)).toEqual(['spec.jobTemplate.spec.template.spec.containers[0]']);
    expect(paths([{ kind: 'Service' }, list, { kind: 'Pod', spec: one }])).toEqual([
      '[1].items[1].spec.template.spec.containers[0]',
      '[2].spec.containers[0]',
    ]);
    expect(paths({ kind: 'Pod' })).toEqual([]);
  });

  it('refuses what holds no pod, and a pod with a wrong type in it', () => {
    expect(() => listPodImages({ kind: 'Service', spec: {} })).toThrow(
      'Cannot list the images of pods: a "Service" holds no pod; pass a Pod, a workload',
    );
    expect(() => listPodImages({ spec: { containers: 'web' } } as never)).toThrow(
      'Cannot list the images of pods: pod.spec.containers must be a list',
    );
  });
});
