import { describe, expect, it } from 'vitest';
import { createImageCollector } from 'kubepull/image-gc';
import { createImageMetrics, type ImageMetrics } from 'kubepull/metrics';
import { type EnsureTrace } from 'kubepull/tracing';
import { createFakeClock } from 'kubepull/testing';
import { createFakeImages, createKit, IMAGE, podOf, runtimeImage, secretOf } from '../image-manager/fake-images.ts';

/** The samples of counters, and the counts of histograms, as Prometheus prints them. */
function counts(metrics: ImageMetrics): readonly string[] {
  return metrics
    .text()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !/_(?:bucket|sum)\{/.test(line));
}

const ensured = 'kubelet_image_manager_ensure_image_requests_total';
const checked = 'kubelet_imagemanager_image_mustpull_checks_total';

const trace = (facts: Partial<EnsureTrace>): EnsureTrace => ({
  image: 'app:1',
  namespace: 'default',
  pod: 'web',
  uid: 'u1',
  pullPolicy: 'IfNotPresent',
  presentLocally: undefined,
  pullRequired: undefined,
  check: undefined,
  status: undefined,
  reason: undefined,
  size: undefined,
  totalMs: undefined,
  ...facts,
});

describe('createImageMetrics', () => {
  it('counts what an image manager does as kubelet would', async () => {
    const metrics = createImageMetrics();
    const { images, manager } = createKit({ tracing: metrics });
    const pod = podOf(IMAGE, 'IfNotPresent');
    const request = { pod, container: 'app', pullSecrets: [secretOf('A')] };
    await manager.ensureContainerImage(request);
    await manager.ensureContainerImage(request);
    images.present.clear();
    await manager.ensureContainerImage({ pod: podOf(IMAGE, 'Never'), container: 'app' });
    await manager.ensureContainerImage({ pod: podOf('Foo', 'Always'), container: 'app' });
    await manager.ensureContainerImage({ pod: podOf(IMAGE, 'Always'), container: 'app' });
    expect(counts(metrics)).toEqual([
      `${ensured}{present_locally="false",pull_policy="ifnotpresent",pull_required="true"} 1`,
      `${ensured}{present_locally="true",pull_policy="ifnotpresent",pull_required="false"} 1`,
      `${ensured}{present_locally="false",pull_policy="never",pull_required="unknown"} 1`,
      `${ensured}{present_locally="unknown",pull_policy="always",pull_required="unknown"} 1`,
      `${ensured}{present_locally="false",pull_policy="always",pull_required="true"} 1`,
      `${checked}{result="credentialRecordFound"} 1`,
      'kubelet_image_pull_duration_seconds_count{image_size_in_bytes="0-10MB"} 2',
      'kubelet_runtime_operations_total{operation_type="image_status"} 5',
      'kubelet_runtime_operations_total{operation_type="pull_image"} 2',
      'kubelet_runtime_operations_duration_seconds_count{operation_type="image_status"} 5',
      'kubelet_runtime_operations_duration_seconds_count{operation_type="pull_image"} 2',
    ]);
  });

  it('counts an image that is there and must be pulled, and one that failed', async () => {
    const metrics = createImageMetrics();
    const { images, manager } = createKit({
      tracing: metrics,
      imagePullCredentialsVerificationPolicy: 'AlwaysVerify',
    });
    images.present.set(IMAGE, runtimeImage(IMAGE));
    images.onPull = () => {
      throw new Error('refused');
    };
    await manager.ensureContainerImage({ pod: podOf(IMAGE, 'IfNotPresent'), container: 'app' });
    expect(counts(metrics)).toEqual([
      `${ensured}{present_locally="true",pull_policy="ifnotpresent",pull_required="true"} 1`,
      `${checked}{result="mustAuthenticate"} 1`,
      'kubelet_runtime_operations_total{operation_type="image_status"} 1',
      'kubelet_runtime_operations_total{operation_type="pull_image"} 1',
      'kubelet_runtime_operations_errors_total{operation_type="pull_image"} 1',
      'kubelet_runtime_operations_duration_seconds_count{operation_type="image_status"} 1',
      'kubelet_runtime_operations_duration_seconds_count{operation_type="pull_image"} 1',
    ]);
  });

  it.each([
    ['not-required', 'credentialPolicyAllowed'],
    ['node-accessible', 'credentialRecordFound'],
    ['same-credential', 'credentialRecordFound'],
    ['same-secret', 'credentialRecordFound'],
    ['same-service-account', 'credentialRecordFound'],
    ['no-record', 'mustAuthenticate'],
    ['other-repository', 'mustAuthenticate'],
    ['nothing-recorded', 'mustAuthenticate'],
    ['no-match', 'mustAuthenticate'],
    ['record-unreadable', 'error'],
    ['invalid-image', 'error'],
    ['no-image-ref', 'error'],
    ['error', 'error'],
  ])('calls a check that ended with %s %s', async (check, result) => {
    const metrics = createImageMetrics();
    await metrics.trace('ensure', trace({ check }), async () => undefined);
    expect(counts(metrics)).toContain(`${checked}{result="${result}"} 1`);
  });

  it.each([
    [0, 'N/A'],
    [1, '0-10MB'],
    [10 * 1024 ** 2, '0-10MB'],
    [10 * 1024 ** 2 + 1, '10MB-100MB'],
    [100 * 1024 ** 2 + 1, '100MB-500MB'],
    [500 * 1024 ** 2 + 1, '500MB-1GB'],
    [1024 ** 3 + 1, '1GB-5GB'],
    [5 * 1024 ** 3 + 1, '5GB-10GB'],
    [10 * 1024 ** 3 + 1, '10GB-20GB'],
    [20 * 1024 ** 3 + 1, '20GB-30GB'],
    [30 * 1024 ** 3 + 1, '30GB-40GB'],
    [40 * 1024 ** 3 + 1, '40GB-60GB'],
    [60 * 1024 ** 3 + 1, '60GB-100GB'],
    [100 * 1024 ** 3 + 1, 'GT100GB'],
  ])('puts an image of %i bytes under %s', async (size, label) => {
    const metrics = createImageMetrics();
    await metrics.trace('ensure', trace({ status: 'pulled', size, totalMs: 1 }), async () => undefined);
    expect(counts(metrics)).toContain(`kubelet_image_pull_duration_seconds_count{image_size_in_bytes="${label}"} 1`);
  });

  it('prints a histogram as Prometheus reads it', async () => {
    const metrics = createImageMetrics();
    for (const totalMs of [1000.9, 7000, 7_200_000])
      await metrics.trace('ensure', trace({ status: 'pulled', size: 1, totalMs }), async () => undefined);
    const { samples } = metrics.families().find(({ name }) => name === 'kubelet_image_pull_duration_seconds')!;
    expect(samples.filter(({ labels }) => 'le' in labels).map(({ labels, value }) => [labels['le'], value])).toEqual([
      ['1', 1],
      ['5', 1],
      ['10', 2],
      ...[20, 30, 60, 120, 180, 240, 300, 360, 480, 600, 900, 1200, 1800, 2700, 3600].map((le) => [String(le), 2]),
      ['+Inf', 3],
    ]);
    expect(metrics.text()).toContain(
      '# TYPE kubelet_image_pull_duration_seconds histogram\n' +
        'kubelet_image_pull_duration_seconds_bucket{image_size_in_bytes="0-10MB",le="1"} 1\n',
    );
    expect(metrics.text()).toContain('kubelet_image_pull_duration_seconds_sum{image_size_in_bytes="0-10MB"} 7208\n');
  });

  it('escapes what a label must not hold as it is', async () => {
    const metrics = createImageMetrics();
    await metrics.trace('plugin', { plugin: 'a"b\\c\nd', image: 'app' }, async () => undefined);
    expect(counts(metrics)).toEqual([
      String.raw`kubelet_credential_provider_plugin_duration_count{plugin_name="a\"b\\c\nd"} 1`,
    ]);
  });

  it('takes the time of a plugin, and counts the runs that failed', async () => {
    const clock = createFakeClock();
    const metrics = createImageMetrics({ clock });
    const run = metrics.trace('plugin', { plugin: 'ecr', image: 'app' }, async () => {
      await clock.sleep(300);
      throw new Error('no');
    });
    run.catch(() => undefined);
    await clock.advance(300);
    await expect(run).rejects.toThrow('no');
    expect(counts(metrics)).toEqual([
      'kubelet_credential_provider_plugin_duration_count{plugin_name="ecr"} 1',
      'kubelet_credential_provider_plugin_errors_total{plugin_name="ecr"} 1',
    ]);
    expect(metrics.text()).toContain('kubelet_credential_provider_plugin_duration_sum{plugin_name="ecr"} 0.3\n');
  });

  it('counts what a collector removed, and not what it could not', async () => {
    const metrics = createImageMetrics();
    const images = createFakeImages();
    const clock = createFakeClock();
    for (const name of ['a', 'b']) images.present.set(name, runtimeImage(name, `sha256:${name.repeat(64)}`));
    const { removeImage } = images;
    images.removeImage = (image, call) =>
      image.image.includes('aa') ? Promise.reject(new Error('in use')) : removeImage(image, call);
    const collector = createImageCollector({
      images,
      clock,
      tracing: metrics,
      diskRoom: () => ({ capacityBytes: 100e6, availableBytes: 1e6 }),
      imagesInUse: () => [],
    });
    await collector.collect(); // too young to go
    await clock.advance(180_000);
    await collector.collect();
    expect(counts(metrics)).toEqual([
      'kubelet_image_garbage_collected_total{reason="space"} 1',
      'kubelet_runtime_operations_total{operation_type="list_images"} 2',
      'kubelet_runtime_operations_total{operation_type="remove_image"} 2',
      'kubelet_runtime_operations_errors_total{operation_type="remove_image"} 1',
      'kubelet_runtime_operations_duration_seconds_count{operation_type="list_images"} 2',
      'kubelet_runtime_operations_duration_seconds_count{operation_type="remove_image"} 2',
    ]);
  });
});
