import { checkedLimits } from '../../src/cri/options.ts';
import { inspect } from 'node:util';
import { status } from '@grpc/grpc-js';
import { CriError, createCriImageService, type CriImageService, type CriImageServiceOptions } from 'kubepull/cri';
import { createSecret, type DockerConfigEntry } from 'kubepull/docker-config';
import { isImageError } from 'kubepull/errors';
import type { ImageSpec } from 'kubepull/image-service';
import { describe, expect, it, onTestFinished } from 'vitest';
import { canary } from '../support/canary.ts';
import { type CriScript, fails, wireImage } from '../support/cri-runtime.ts';
import { type CriServer, startCriServer } from '../support/cri-server.ts';
import { assertInvariants, countingSignal, startWatch } from '../support/invariants.ts';
import { tempDir } from '../support/temp-dir.ts';

const spec = (image: string, more: Partial<ImageSpec> = {}): ImageSpec => ({
  image,
  annotations: {},
  runtimeHandler: '',
  ...more,
});

const entry = (username: string, password: string): DockerConfigEntry => ({
  pattern: 'registry.example.com',
  credential: {
    username,
    password: createSecret(password),
    identityToken: createSecret('identity'),
    registryToken: createSecret('registry'),
    email: 'a@example.com',
  },
  source: { kind: 'inline' },
});

async function connect(
  script: CriScript,
  options: Partial<CriImageServiceOptions> = {},
): Promise<{ readonly server: CriServer; readonly service: CriImageService }> {
  const server = await startCriServer(script);
  const service = createCriImageService({ endpoint: server.endpoint, ...options });
  onTestFinished(() => service.close());
  return { server, service };
}

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.unreachable('it must fail'),
    (error: unknown) => error,
  );

const pull = (service: CriImageService, image = 'app:1', signal?: AbortSignal): Promise<string> =>
  service.pullImage({ image: spec(image), auth: undefined, sandbox: undefined }, { signal });

describe('imageStatus', () => {
  it('interface, ImageSpec: has the annotations of the pod and the handler of its RuntimeClass, and no more', async () => {
    const { server, service } = await connect({ ImageStatus: () => ({ message: { image: wireImage('sha256:a') } }) });
    await service.imageStatus(spec('app:1', { annotations: { a: 'b', __proto__x: 'c' }, runtimeHandler: 'kata' }));
    expect(server.calls[0]?.request).toEqual({
      image: { image: 'app:1', annotations: { a: 'b', __proto__x: 'c' }, runtime_handler: 'kata' },
    });
  });

  it('interface, Image: gives what the runtime knows', async () => {
    const image = wireImage('sha256:a', {
      repo_digests: ['registry.example.com/app@sha256:b'],
      size: '10485760',
      uid: { value: '1000' },
      username: 'somebody',
      spec: { image: 'x', annotations: { a: 'b' }, runtime_handler: 'kata' },
      pinned: true,
      unheard_of: 'of a later version',
    });
    const { service } = await connect({ ImageStatus: () => ({ message: { image, info: { a: '{}' } } }) });
    await expect(service.imageStatus(spec('app:1'))).resolves.toEqual({
      id: 'sha256:a',
      repoTags: ['registry.example.com/sha256:a:1'],
      repoDigests: ['registry.example.com/app@sha256:b'],
      size: 10_485_760,
      pinned: true,
      runtimeHandler: 'kata',
    });
  });

  it('interface, ImageStatus: gives undefined for an image that is not there', async () => {
    const { service } = await connect({ ImageStatus: () => ({ message: {} }) });
    await expect(service.imageStatus(spec('app:1'))).resolves.toBeUndefined();
  });

  it('leaves an image without id and size to the manager, as kubelet complains of it in its own words', async () => {
    const { service } = await connect({ ImageStatus: () => ({ message: { image: {} } }) });
    await expect(service.imageStatus(spec('app:1'))).resolves.toMatchObject({ id: '', size: 0, repoTags: [] });
  });

  it('holds a size that no integer can hold at the largest safe one', async () => {
    const image = wireImage('sha256:a', { size: '18446744073709551615' });
    const { service } = await connect({ ImageStatus: () => ({ message: { image } }) });
    await expect(service.imageStatus(spec('app:1'))).resolves.toMatchObject({ size: Number.MAX_SAFE_INTEGER });
  });
});

describe('pullImage', () => {
  it('interface, PullImage: sends user name and password alone, the pod and its annotations', async () => {
    const [username, password] = [canary('username'), canary('password')];
    const { server, service } = await connect({ PullImage: () => ({ message: { image_ref: 'sha256:a' } }) });
    const sandbox = { namespace: 'default', name: 'web', uid: 'u1', annotations: { a: 'b' } };
    const image = spec('registry.example.com/app:1', { annotations: { a: 'b' } });
    await expect(service.pullImage({ image, auth: entry(username, password), sandbox })).resolves.toBe('sha256:a');
    const [call] = server.calls;
    expect(call?.request['auth']).toSatisfy((auth) => JSON.stringify(auth) === JSON.stringify({ username, password }));
    expect(call?.request['image']).toEqual({
      image: 'registry.example.com/app:1',
      annotations: { a: 'b' },
      runtime_handler: '',
    });
    expect(call?.request['sandbox_config']).toEqual({
      metadata: { name: 'web', uid: 'u1', namespace: 'default', attempt: 0 },
      labels: {
        'io.kubernetes.pod.name': 'web',
        'io.kubernetes.pod.namespace': 'default',
        'io.kubernetes.pod.uid': 'u1',
      },
      annotations: { a: 'b' },
    });
  });

  it('interface, PullImage: sends no auth and no sandbox when it has none', async () => {
    const { server, service } = await connect({ PullImage: () => ({ message: { image_ref: 'sha256:a' } }) });
    await pull(service);
    expect(Object.keys(server.calls[0]?.request ?? {})).toEqual(['image']);
  });

  it('interface, PullImage: sends an empty credential as such, and not as none', async () => {
    const { server, service } = await connect({ PullImage: () => ({ message: { image_ref: 'sha256:a' } }) });
    await service.pullImage({ image: spec('app:1'), auth: entry('', ''), sandbox: undefined });
    expect(Object.keys(server.calls[0]?.request ?? {})).toEqual(['image', 'auth']);
  });

  it('runtime, no time limit: a pull has no deadline; other calls have one', async () => {
    const { server, service } = await connect(
      {
        PullImage: () => ({ message: { image_ref: 'x' } }),
        ImageStatus: () => ({ message: {} }),
      },
      { runtimeRequestTimeoutMs: 100_000 },
    );
    await pull(service);
    await service.imageStatus(spec('app:1'));
    expect(server.calls[0]?.timeoutMs).toBeUndefined();
    expect(server.calls[1]?.timeoutMs).toBeGreaterThan(50_000);
    expect(server.calls[1]?.timeoutMs).toBeLessThanOrEqual(100_000);
  });

  it('runtime, no time limit: of other calls it is two minutes by default', async () => {
    const { server, service } = await connect({ ImageStatus: () => ({ message: {} }) });
    await service.imageStatus(spec('app:1'));
    expect(server.calls[0]?.timeoutMs).toBeGreaterThan(60_000);
    expect(server.calls[0]?.timeoutMs).toBeLessThanOrEqual(120_000);
  });

  it.each(['sha256:a', 'registry.example.com/app@sha256:b', ''])(
    'interface, image_ref: gives %j as it comes',
    async (image_ref) => {
      const { service } = await connect({ PullImage: () => ({ message: { image_ref } }) });
      await expect(pull(service)).resolves.toBe(image_ref);
    },
  );

  it('runtime, gRPC: a pull keeps every other code', async () => {
    const { service } = await connect({ PullImage: () => fails('NOT_FOUND', 'x') });
    expect(await failureOf(pull(service))).toMatchObject({ message: 'rpc error: code = NotFound desc = x' });
  });

  it('runtime, gRPC, Unknown: a pull takes the code off', async () => {
    const { service } = await connect({ PullImage: () => fails('UNKNOWN', 'RegistryUnavailable: connection refused') });
    const error = await failureOf(pull(service));
    expect(error).toMatchObject({ message: 'RegistryUnavailable: connection refused', status: 'Unknown' });
  });

  it('refuses text that has no UTF-8 in the words of Go', async () => {
    const { server, service } = await connect({ PullImage: () => ({ message: { image_ref: 'x' } }) });
    const auth = entry('user', 'pass\udce9word');
    await expect(service.pullImage({ image: spec('app:1'), auth, sandbox: undefined })).rejects.toMatchObject({
      message: 'rpc error: code = Internal desc = grpc: error while marshaling: string field contains invalid UTF-8',
    });
    expect(server.calls).toEqual([]);
  });

  it('leaves the name of the image as it is, though a short password occurs in it', async () => {
    const image = 'registry.example.com/s-same-twice/app:1';
    const answer = (text: string): CriScript => ({ PullImage: () => fails('UNKNOWN', text) });
    const messageOf = async (text: string): Promise<string> => {
      const { service } = await connect(answer(text));
      const request = { image: spec(image), auth: entry('u', 'same'), sandbox: undefined };
      return ((await failureOf(service.pullImage(request))) as Error).message;
    };
    expect(await messageOf(`pull "${image}": /v2/s-same-twice/app: denied`)).toBe(
      `pull "${image}": /v2/s-same-twice/app: denied`,
    );
    expect(await messageOf('login with same: xs-same-twice')).toBe('login with [redacted]: xs-[redacted]-twice');
  });

  it('masks what the runtime echoes, in every form [L06]', async () => {
    const [username, password] = [canary('username'), `${canary('password')}+/"&`];
    const basic = Buffer.from(`${username}:${password}`).toString('base64');
    const forms = [
      password,
      basic,
      basic.replaceAll('=', ''),
      Buffer.from(password).toString('base64'),
      Buffer.from(password).toString('base64url'),
      encodeURIComponent(password),
      JSON.stringify(password),
      `https://user:${encodeURIComponent(password)}@registry.example.com/v2/`,
    ];
    const { service } = await connect({ PullImage: () => fails('UNKNOWN', `no: ${forms.join(' ')}\n\u001b[31m`) });
    const auth = entry(username, password);
    const error = await failureOf(service.pullImage({ image: spec('app:1'), auth, sandbox: undefined }));
    expect((error as Error).message).toMatch(/^no: \[redacted\] /);
    expect((error as Error).message).toMatch(/\\x0a\\x1b\[31m$/);
    expect((error as Error).message).not.toContain(password);
  });

  it.each([
    ['in lower case', (password: string) => password.toLowerCase()],
    ['in upper case', (password: string) => password.toUpperCase()],
    ['decoded as Latin-1', (password: string) => Buffer.from(password).toString('latin1')],
    [
      'percent-encoded byte by byte',
      (password: string) => Buffer.from(password).toString('hex').replaceAll(/../g, '%$&'),
    ],
    ['escaped for ASCII', (password: string) => password.replaceAll('\u00fc', String.raw`\u00fc`)],
  ])('masks what the runtime echoes %s [L06]', async (_, echo) => {
    const password = `${canary('password')}Ab\u00fc`;
    const { service } = await connect({ PullImage: () => fails('UNKNOWN', `no ${echo(password)} for app:1`) });
    const call = { image: spec('app:1'), auth: entry(canary('username'), password), sandbox: undefined };
    expect(await failureOf(service.pullImage(call))).toMatchObject({ message: 'no [redacted] for app:1' });
  });

  it('shows no credential to whoever prints the service or the call, also while it pulls [L07]', async () => {
    const { server, service } = await connect({ PullImage: () => 'never' });
    const [username, password] = [canary('username'), canary('password')];
    const controller = new AbortController();
    const request = { image: spec('app:1'), auth: entry(username, password), sandbox: undefined };
    const pulling = service.pullImage(request, { signal: controller.signal });
    await expect.poll(() => server.calls.length, { timeout: 30_000 }).toBe(1);
    const options = { depth: 30, showHidden: true, getters: true } as const;
    const shown = [service, request, pulling, controller].map((value) => inspect(value, options)).join('\n');
    expect(shown.includes(password)).toBe(false);
    expect(JSON.stringify(request).includes(password)).toBe(false);
    controller.abort();
    await failureOf(pulling);
  });

  it('takes out of URLs what signs them, and leaves the rest to the letter [L05]', async () => {
    const signature = canary('signed-query');
    const said = `Get "https://cdn.example.com/blob?X-Amz-Date=1&X-Amz-Signature=${signature}&sig=${signature}": EOF; token?scope=repository%3Aa%3Apull&service=s`;
    const { service } = await connect({ PullImage: () => fails('UNKNOWN', said) });
    const error = await failureOf(pull(service));
    expect((error as Error).message).toBe(
      'Get "https://cdn.example.com/blob?X-Amz-Date=1&X-Amz-Signature=[redacted]&sig=[redacted]": EOF; token?scope=repository%3Aa%3Apull&service=s',
    );
  });

  it('cuts an endless text [L06]', async () => {
    const { service } = await connect({ PullImage: () => fails('UNKNOWN', 'x'.repeat(5_000)) });
    const error = await failureOf(pull(service));
    expect((error as Error).message).toBe(`${'x'.repeat(2_048)}…`);
  });
});

describe('listImages', () => {
  const page = (from: number, count: number): object => ({
    images: Array.from({ length: count }, (_, index) => wireImage(`sha256:${from + index}`)),
  });

  it('interface, StreamImages: streams where the runtime does', async () => {
    const { server, service } = await connect({ StreamImages: () => ({ messages: [page(0, 2), page(2, 3)] }) });
    const images = await service.listImages();
    expect(images.map(({ id }) => id)).toEqual(['sha256:0', 'sha256:1', 'sha256:2', 'sha256:3', 'sha256:4']);
    expect(server.calls.map(({ method }) => method)).toEqual(['StreamImages']);
  });

  it('interface, StreamImages: falls back to ListImages, and does not ask for a stream again', async () => {
    const { server, service } = await connect({
      StreamImages: () => fails('UNIMPLEMENTED', 'unknown method StreamImages'),
      ListImages: () => ({ message: page(0, 2) }),
    });
    await expect(service.listImages()).resolves.toHaveLength(2);
    await expect(service.listImages()).resolves.toHaveLength(2);
    expect(server.calls.map(({ method }) => method)).toEqual(['StreamImages', 'ListImages', 'ListImages']);
  });

  it('falls back also for a runtime that has never heard of the method', async () => {
    const { service } = await connect({ ListImages: () => ({ message: page(0, 1) }) });
    await expect(service.listImages()).resolves.toHaveLength(1);
  });

  it('interface, ListImages: does not stream when told not to', async () => {
    const { server, service } = await connect({ ListImages: () => ({ message: {} }) }, { listStreaming: false });
    await expect(service.listImages()).resolves.toEqual([]);
    expect(server.calls.map(({ method }) => method)).toEqual(['ListImages']);
  });

  it('gives nothing of a stream that breaks off', async () => {
    const broken = { messages: [page(0, 2)], ending: { code: status.INTERNAL, details: 'disk' } };
    const { service } = await connect({ StreamImages: () => broken });
    await expect(service.listImages()).rejects.toMatchObject({
      message: 'rpc error: code = Internal desc = disk',
      operation: 'StreamImages',
    });
  });

  it('takes 50,000 images, of which one message holds too many', async () => {
    const tag = `registry.example.com/${'x'.repeat(300)}`;
    const long = { images: Array.from({ length: 50_000 }, (_, id) => wireImage(`${id}`, { repo_tags: [tag] })) };
    const parts = Array.from({ length: 50 }, (_, part) => page(part * 1_000, 1_000));
    const { service } = await connect({
      StreamImages: () => ({ messages: parts }),
      ListImages: () => ({ message: long }),
    });
    await expect(service.listImages()).resolves.toHaveLength(50_000);
    const { service: unary } = await connect({ ListImages: () => ({ message: long }) }, { listStreaming: false });
    await expect(unary.listImages()).rejects.toThrow(
      /^rpc error: code = ResourceExhausted desc = grpc: received message larger than max \(\d+ vs\.? 16777216\)$/,
    );
  });

  it('ends a stream that does not end', async () => {
    const parts = Array.from({ length: 21 }, (_, part) => page(part * 5_000, 5_000));
    const { service } = await connect({ StreamImages: () => ({ messages: parts }) });
    await expect(service.listImages()).rejects.toMatchObject({
      message: 'rpc error: code = ResourceExhausted desc = the runtime streams more than 100000 images',
    });
  });
});

describe('removeImage', () => {
  it('interface, RemoveImage: names the image', async () => {
    const { server, service } = await connect({ RemoveImage: () => ({ message: {} }) });
    await expect(service.removeImage(spec('sha256:a', { runtimeHandler: 'kata' }))).resolves.toBeUndefined();
    expect(server.calls[0]?.request).toEqual({ image: { image: 'sha256:a', runtime_handler: 'kata' } });
  });
});

describe('imageFsInfo', () => {
  it('interface, ImageFsInfo: gives every file system of images', async () => {
    const image_filesystems = [
      { timestamp: '1', fs_id: { mountpoint: '/a' }, used_bytes: { value: '4096' }, inodes_used: { value: '7' } },
      { timestamp: '1', used_bytes: { value: '1' } },
      {},
    ];
    const container_filesystems = [{ fs_id: { mountpoint: '/c' } }];
    const { service } = await connect({
      ImageFsInfo: () => ({ message: { image_filesystems, container_filesystems } }),
    });
    await expect(service.imageFsInfo()).resolves.toEqual([
      { mountpoint: '/a', usedBytes: 4096, inodesUsed: 7 },
      { mountpoint: '', usedBytes: 1, inodesUsed: undefined },
      { mountpoint: '', usedBytes: 0, inodesUsed: undefined },
    ]);
  });
});

describe('CriError', () => {
  const names = [
    'CANCELLED Canceled',
    'UNKNOWN Unknown',
    'INVALID_ARGUMENT InvalidArgument',
    'DEADLINE_EXCEEDED DeadlineExceeded',
    'NOT_FOUND NotFound',
    'ALREADY_EXISTS AlreadyExists',
    'PERMISSION_DENIED PermissionDenied',
    'RESOURCE_EXHAUSTED ResourceExhausted',
    'FAILED_PRECONDITION FailedPrecondition',
    'ABORTED Aborted',
    'OUT_OF_RANGE OutOfRange',
    'UNIMPLEMENTED Unimplemented',
    'INTERNAL Internal',
    'UNAVAILABLE Unavailable',
    'DATA_LOSS DataLoss',
    'UNAUTHENTICATED Unauthenticated',
  ].map((pair) => pair.split(' ') as [keyof typeof status, string]);

  it.each(names)('runtime, gRPC: prints %s as Go does', async (code, name) => {
    const { service } = await connect({ ImageStatus: () => fails(code, `said "x" über`) });
    const error = await failureOf(service.imageStatus(spec('app:1')));
    expect(error).toBeInstanceOf(CriError);
    expect(isImageError(error)).toBe(true);
    expect(error).toMatchObject({
      code: 'ERR_RUNTIME',
      status: name,
      operation: 'ImageStatus',
      message: `rpc error: code = ${name} desc = said "x" über`,
    });
  });

  it('prints a code that nobody knows by its number', async () => {
    const { service } = await connect({ ImageStatus: () => ({ failure: { code: 99, details: 'x' } }) });
    const error = await failureOf(service.imageStatus(spec('app:1')));
    expect((error as Error).message).toMatch(/^rpc error: code = (Code\(99\)|Unknown) desc = x$/);
  });
});

describe('a runtime that is not there', () => {
  it('is told of in the words of Go', async () => {
    const socket = `${tempDir().path}/none.sock`;
    const service = createCriImageService({ endpoint: socket });
    onTestFinished(() => service.close());
    await expect(pull(service)).rejects.toMatchObject({
      status: 'Unavailable',
      message: `rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix ${socket}: connect: no such file or directory"`,
    });
  });

  it('is told of when it dies in the middle of a call', async () => {
    const { server, service } = await connect({ PullImage: () => 'never' });
    const pulling = failureOf(pull(service));
    await expect.poll(() => server.calls.length, { timeout: 30_000 }).toBe(1);
    server.kill();
    expect(await pulling).toMatchObject({
      status: 'Unavailable',
      message: 'rpc error: code = Unavailable desc = error reading from server: EOF',
    });
  });

  it('is found again when it comes back', async () => {
    const { server, service } = await connect({ ImageStatus: () => ({ message: {} }) });
    await expect(service.imageStatus(spec('app:1'))).resolves.toBeUndefined();
    server.kill();
    await expect(service.imageStatus(spec('app:1'))).rejects.toMatchObject({ status: 'Unavailable' });
    await server.restart();
    await expect
      .poll(
        () =>
          service.imageStatus(spec('app:1')).then(
            () => 'there',
            () => 'gone',
          ),
        { timeout: 60_000 },
      )
      .toBe('there');
  });
});

describe('a deadline', () => {
  it.each([
    ['ImageStatus', (service: CriImageService) => service.imageStatus(spec('app:1'))],
    ['StreamImages', (service: CriImageService) => service.listImages()],
    ['RemoveImage', (service: CriImageService) => service.removeImage(spec('app:1'))],
    ['ImageFsInfo', (service: CriImageService) => service.imageFsInfo()],
  ] as const)('ends %s, also at the runtime', async (method, call) => {
    const { server, service } = await connect({ [method]: () => 'never' }, { runtimeRequestTimeoutMs: 100 });
    await expect(call(service)).rejects.toMatchObject({
      status: 'DeadlineExceeded',
      operation: method,
      message: 'rpc error: code = DeadlineExceeded desc = context deadline exceeded',
    });
    await server.calls[0]?.cancelled;
  });
});

describe('a signal', () => {
  it('is heeded before anything is sent', async () => {
    const { server, service } = await connect({ PullImage: () => ({ message: { image_ref: 'x' } }) });
    const reason = new Error('enough');
    await expect(pull(service, 'app:1', AbortSignal.abort(reason))).rejects.toBe(reason);
    await expect(service.listImages({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(server.calls).toEqual([]);
  });

  it.each(['PullImage', 'StreamImages'])('ends %s with its own reason, also at the runtime', async (method) => {
    const { server, service } = await connect({ [method]: () => 'never' });
    const controller = new AbortController();
    const { signal } = controller;
    const failure = failureOf(method === 'PullImage' ? pull(service, 'app:1', signal) : service.listImages({ signal }));
    await expect.poll(() => server.calls.length, { timeout: 30_000 }).toBe(1);
    const reason = { not: 'an error' };
    controller.abort(reason);
    expect(await failure).toBe(reason);
    await server.calls[0]?.cancelled;
  });
});

describe('close', () => {
  it('ends the calls under way, and refuses later ones', async () => {
    const { server, service } = await connect({ PullImage: () => 'never' });
    const failure = failureOf(pull(service));
    await expect.poll(() => server.calls.length, { timeout: 30_000 }).toBe(1);
    await service.close();
    const message = 'rpc error: code = Canceled desc = grpc: the client connection is closing';
    expect(await failure).toMatchObject({ message });
    await expect(service.imageFsInfo()).rejects.toMatchObject({ message });
    await service.close();
  });

  it('leaves nothing behind [I5]', async () => {
    const server = await startCriServer({
      StreamImages: () => ({ messages: [] }),
      PullImage: () => fails('NOT_FOUND', 'x'),
      ImageStatus: () => 'never',
    });
    const watch = startWatch();
    const counting = countingSignal();
    const { signal } = counting;
    const service = createCriImageService({ endpoint: server.endpoint, runtimeRequestTimeoutMs: 60_000 });
    await service.listImages({ signal });
    await expect(pull(service, 'app:1', signal)).rejects.toThrow('NotFound');
    const hanging = failureOf(service.imageStatus(spec('app:1'), { signal }));
    await service[Symbol.asyncDispose]();
    await hanging;
    server.kill();
    await assertInvariants({ signals: [counting], watch });
  });
});

describe('options', () => {
  it.each(['relative.sock', '', 'unix:relative.sock', 'tcp://127.0.0.1:1', 'http://x', `/${'x'.repeat(200)}`, '/a\0b'])(
    'refuses the endpoint %j',
    (endpoint) => {
      expect(() => createCriImageService({ endpoint })).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
      );
    },
  );

  it.each([-1, 1.5, Number.NaN, 2 ** 31])('refuses %s as a limit', (limit) => {
    for (const [name, least] of [
      ['runtimeRequestTimeoutMs', 0],
      ['maxMessageBytes', 1],
    ])
      expect(() => createCriImageService({ endpoint: '/x', [String(name)]: limit })).toThrow(
        `Cannot call the runtime: ${name} must be a whole number from ${least} to 2147483647, not ${limit}`,
      );
    expect(() => createCriImageService({ endpoint: '/x', maxMessageBytes: 0 })).toThrow('from 1 to 2147483647, not 0');
  });

  it('takes a request timeout of 0 for the default, as kubelet does', () => {
    expect(checkedLimits({ endpoint: '/x', runtimeRequestTimeoutMs: 0 }).timeoutMs).toBe(120_000);
  });

  it('takes the path of a socket, unix:/path and unix:///path', async () => {
    const { server } = await connect({ ImageStatus: () => ({ message: {} }) });
    for (const endpoint of [server.socketPath, `unix:${server.socketPath}`, `unix://${server.socketPath}`]) {
      await using service = createCriImageService({ endpoint });
      await expect(service.imageStatus(spec('app:1'))).resolves.toBeUndefined();
    }
  });
});
