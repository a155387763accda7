import { env } from 'node:process';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createPullSecret } from 'kubepull/pull-secrets';
import { canary } from '../support/canary.ts';
import { tempDir } from '../support/temp-dir.ts';
import { runCli, runJson } from './command.ts';

const server = 'registry.example.com';

function secretOf(name: string, password = canary('password'), namespace = 'shop'): object {
  return { ...createPullSecret({ name, namespace, server, username: canary('username'), password }) };
}

const pod = (more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop' },
  spec: {
    imagePullSecrets: [{ name: 'creds' }, { name: 'gone' }],
    initContainers: [{ name: 'init', image: `${server}/team/init` }],
    containers: [{ name: 'app', image: `${server}/team/app:1`, imagePullPolicy: 'IfNotPresent' }],
    volumes: [{ name: 'data', image: { reference: 'other.example/data:2' } }],
    ...more,
  },
});

describe('kubepull explain', () => {
  it('tells of every image of a pod what kubelet decides, with the secrets of its namespace', async () => {
    const stdin = { kind: 'List', items: [secretOf('creds'), pod(), secretOf('gone', canary('password'), 'other')] };
    const { code, value } = await runJson(['explain', '-'], { stdin });
    expect(code).toBe(0);
    expect(value.images.map(({ container, decision }) => [container.kind, container.name, decision?.reason])).toEqual([
      ['init', 'init', 'always'],
      ['regular', 'app', 'absent'],
      ['volume', 'data', 'absent'],
    ]);
    expect(value.images[1]).toEqual({
      object: { kind: 'Pod', namespace: 'shop', name: 'web', place: 'standard input items[1]' },
      container: { name: 'app', kind: 'regular', path: 'spec.containers[0]' },
      image: `${server}/team/app:1`,
      state: null,
      reason: null,
      told: null,
      policy: { policy: 'IfNotPresent', reason: 'explicit' },
      name: `${server}/team/app`,
      runtimeImage: `${server}/team/app:1`,
      pullSecrets: {
        listedBy: 'pod',
        found: ['creds'],
        missing: ['gone'],
        message: 'Unable to retrieve some image pull secrets (gone); attempting to pull the image may not succeed.',
        skipped: [],
      },
      credentials: {
        tried: [{ rank: 1, key: server, source: 'secret shop/creds', rule: 'literal', cutsSegment: false }],
        notTried: [],
        asked: [],
      },
      decision: { action: 'pull', reason: 'absent' },
      failure: null,
      error: null,
    });
    expect(value.images[2]?.credentials?.notTried).toEqual([
      { key: server, source: 'secret shop/creds', reason: 'label-count' },
    ]);
  });

  it('says the same to people, an image a paragraph', async () => {
    const { stdout } = await runCli(['explain', './pod', '-c', 'app'], {
      files: { './pod': [pod(), secretOf('creds')] },
    });
    expect(stdout).toBe(
      [
        `Pod shop/web, container app (regular): image ${server}/team/app:1`,
        `  name: ${server}/team/app; the runtime is asked for ${server}/team/app:1`,
        '  policy: IfNotPresent, because of explicit',
        "  pull secrets: creds (the pod's own list)",
        '    Unable to retrieve some image pull secrets (gone); attempting to pull the image may not succeed.',
        `  credentials: ${server}/team/app: 1 to try, in this order`,
        `    1. ${server} (secret shop/creds): literal`,
        '  decision: pull, because absent',
        '',
      ].join('\n'),
    );
  });

  it('gives a workload the secrets of its service account', async () => {
    const stdin = [
      secretOf('creds'),
      {
        kind: 'ServiceAccount',
        metadata: { name: 'builder', namespace: 'shop' },
        imagePullSecrets: [{ name: 'creds' }],
      },
      { kind: 'ServiceAccount', metadata: { name: 'builder', namespace: 'other' } },
      {
        kind: 'Deployment',
        metadata: { name: 'build', namespace: 'shop' },
        spec: {
          template: { spec: { serviceAccountName: 'builder', containers: [{ name: 'a', image: `${server}/a` }] } },
        },
      },
    ];
    const { value } = await runJson(['explain', '-'], { stdin });
    expect(value.images).toHaveLength(1);
    expect(value.images[0]).toMatchObject({
      object: { kind: 'Deployment', name: 'build' },
      container: { path: 'spec.template.spec.containers[0]' },
      pullSecrets: { listedBy: 'service-account', found: ['creds'] },
      credentials: { tried: [{ source: 'secret shop/creds' }] },
    });
  });

  it.each<readonly [string, object, object, string]>([
    [
      'an image that is no name',
      pod({ containers: [{ name: 'app', image: 'Registry.example.com/App' }] }),
      secretOf('creds'),
      'InvalidImageName',
    ],
    [
      'a policy that never pulls',
      pod({ containers: [{ name: 'app', image: 'a:1', imagePullPolicy: 'Never' }] }),
      secretOf('creds'),
      'ErrImageNeverPull',
    ],
    ['a secret that cannot be read', pod(), brokenSecret(), 'invalid character'],
  ])('ends with 1 for %s, and says how the container waits', async (_, object, secret, reason) => {
    const around = { files: { 'all.json': [object, secret] } };
    const { code, value } = await runJson(['explain', 'all.json', '-c', 'app'], around);
    expect(code).toBe(1);
    expect(value.images[0]?.failure?.reason).toContain(reason);
    const text = await runCli(['explain', 'all.json', '-c', 'app'], { ...around, colors: true });
    expect([text.code, text.stderr]).toEqual([1, '']);
    expect(text.stdout).toMatch(/\u001b\[31mthe container waits: /u);
  });

  it('asks the credentials that an option names, after those of the input', async () => {
    const { path, secretFile } = tempDir();
    const password = canary('password');
    const config = { auths: { [`${server}/team`]: { username: 'node', password } } };
    secretFile('config.json', JSON.stringify(config));
    const files = { './pod': [pod(), secretOf('creds')], 'config.json': config };
    const before = env['DOCKER_CONFIG'];
    onTestFinished(() => {
      if (before === undefined) delete env['DOCKER_CONFIG'];
      else env['DOCKER_CONFIG'] = before;
    });
    env['DOCKER_CONFIG'] = path;
    const fromFile = await runJson(['explain', './pod', '-c', 'app', '--docker-config', 'config.json'], { files });
    expect(fromFile.value.images[0]?.credentials?.tried.map(({ source }) => source)).toEqual([
      'secret shop/creds',
      'file config.json',
    ]);
    const { value } = await runJson(['explain', `${server}/team/app`, '--docker'], { files });
    expect(value.images[0]).toMatchObject({
      object: null,
      credentials: {
        tried: [{ source: `file ${path}/config.json` }],
        asked: expect.arrayContaining([
          { source: `file ${path}/config.json`, outcome: 'fetched', detail: '1 entries' },
        ]) as unknown,
      },
    });
  });

  it('tells what the status and the latest event of a pod say of a pull that has failed', async () => {
    const image = `${server}/team/app:1`;
    const waiting = { reason: 'ImagePullBackOff', message: `Back-off pulling image "${image}"` };
    const failing = { ...pod(), status: { containerStatuses: [{ name: 'app', state: { waiting } }] } };
    const event = (name: string, lastTimestamp: string, words: string): object => ({
      kind: 'Event',
      metadata: { name, namespace: 'shop' },
      lastTimestamp,
      reason: 'Failed',
      message: `Failed to pull image "${image}": rpc error: code = Unknown desc = failed to pull and unpack image "${image}": ${words}`,
      involvedObject: { kind: 'Pod', namespace: 'shop', name: 'web', fieldPath: 'spec.containers{app}' },
    });
    const events = [
      event('a', '2026-01-01T10:00:00Z', 'failed to resolve reference: unexpected status: 401 Unauthorized'),
      event('b', '2026-01-01T09:00:00Z', 'dial tcp: lookup registry.example.com: no such host'),
    ];
    const around = { stdin: { kind: 'List', items: [...events, failing, secretOf('creds')] } };
    const { code, value } = await runJson(['explain', '-', '-c', 'app'], around);
    expect(code).toBe(1);
    expect(value.images[0]).toMatchObject({
      state: 'waiting',
      reason: 'ImagePullBackOff',
      told: { image, registry: server, status: 401 },
      failure: null,
    });
    const { stdout } = await runCli(['explain', '-', '-c', 'app'], around);
    expect(stdout).toContain('\n  state: waiting, ImagePullBackOff\n');
    expect(stdout).toMatch(/\n {2}cause: \S+, by the words .*\n(?:.*\n)* {2}cure: /u);
  });

  it('tells the cause of a message, also out of standard input', async () => {
    const message = `Failed to pull image "${server}/app:1": dial tcp: lookup ${server}: no such host`;
    const { code, value } = await runJson(['explain', '-m', message]);
    expect(code).toBe(0);
    expect(value).toMatchObject({ images: [], message: { cause: 'dns', registry: server, image: `${server}/app:1` } });
    const { stdout } = await runCli(['explain', '--message', '-'], { stdin: message });
    expect(stdout).toMatch(/^cause: dns, .*\n(?: {2}.*\n)*cure: .*\n$/u);
    const unknown = await runJson(['explain', '--message', 'it rains']);
    expect([unknown.code, unknown.value.message?.cause]).toEqual([1, 'unknown']);
    expect((await runCli(['explain', 'nginx', '--message', 'x'])).stderr).toContain('--message stands alone');
  });

  it('takes an image by itself', async () => {
    const { code, stdout } = await runCli(['explain', 'nginx']);
    expect(code).toBe(0);
    expect(stdout.split('\n')[0]).toBe('image nginx');
    expect(stdout).toContain('policy: Always, because of no-tag');
  });

  it.each([
    [['explain', 'nginx', '-c', 'app'], 'there is no container or image volume "app"'],
    [['explain', 'config.json'], '"config.json" is a docker config: name it by --docker-config'],
  ])('refuses %j', async (args, text) => {
    const { code, stderr } = await runCli(args, { files: { 'config.json': { auths: {} } } });
    expect(code).toBe(2);
    expect(stderr).toContain(text);
  });

  it('shows neither what stands before a host nor what would forge a line', async () => {
    const password = canary('password');
    const image = `https://user:${password}@${server}/app`;
    const name = 'a\nkubepull: forged\u001b[31m';
    const stdin = { kind: 'Pod', metadata: { name }, spec: { containers: [{ name, image }] } };
    for (const args of [
      ['explain', '-'],
      ['explain', '-', '--json'],
      ['explain', image],
      ['lint', '-'],
      ['lint', image],
    ]) {
      const { stdout, stderr } = await runCli(args, { stdin });
      expect(stdout + stderr).not.toContain(password);
      expect(stdout + stderr).not.toMatch(/^kubepull: forged|\u001b/mu);
    }
  });
});

/** A docker config that ends too early. */
function brokenSecret(): object {
  const data = { '.dockerconfigjson': Buffer.from(`{"auths":{"${server}":x`).toString('base64') };
  return {
    kind: 'Secret',
    type: 'kubernetes.io/dockerconfigjson',
    metadata: { name: 'creds', namespace: 'shop' },
    data,
  };
}
