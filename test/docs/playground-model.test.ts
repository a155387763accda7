import { describe, expect, it } from 'vitest';
import type { ExplainOutput, LintOutput } from 'kubepull/cli';
import { explainFailure } from 'kubepull/failures';
import { planBackoff } from 'kubepull/backoff';
import { runCli } from '../cli/command.ts';
import { EXAMPLES } from '../../docs/playground/examples.ts';
import { type Inputs, NO_INPUTS } from '../../docs/playground/inputs.ts';
import { buildView, type ImageView, type View } from '../../docs/playground/model.ts';
import { formatShort, formatTime, verdictOf } from '../../docs/playground/words.ts';

const byId = (id: string): Inputs => {
  const found = EXAMPLES.find((example) => example.id === id);
  if (found === undefined) throw new Error(`there is no example ${id}`);
  return found.inputs;
};
const viewOf = (id: string, change: Partial<Inputs> = {}): Promise<View> => buildView({ ...byId(id), ...change });

async function onlyImage(id: string, change: Partial<Inputs> = {}): Promise<ImageView> {
  const { images } = await viewOf(id, change);
  const [image] = images;
  if (image === undefined || images.length !== 1) throw new Error(`${id} has ${images.length} images`);
  return image;
}

/** What the command line answers to the same input. */
async function ask<T>(command: 'explain' | 'lint', { objects, nodeConfig }: Inputs): Promise<T> {
  const config = nodeConfig === '' ? [] : ['--docker-config', '/var/lib/kubelet/config.json'];
  const files = { './objects.yaml': objects, '/var/lib/kubelet/config.json': nodeConfig };
  const { stdout } = await runCli([command, './objects.yaml', '--json', ...config], { files });
  return JSON.parse(stdout) as T;
}

const withObjects = EXAMPLES.filter(({ inputs }) => inputs.objects !== '');
const withMessage = EXAMPLES.filter(({ inputs }) => inputs.message !== '');

describe('the examples of the playground', () => {
  it('are many, each with a name of its own', () => {
    expect(EXAMPLES.length).toBeGreaterThanOrEqual(25);
    expect(new Set(EXAMPLES.map(({ id }) => id)).size).toBe(EXAMPLES.length);
    expect(EXAMPLES.filter(({ id }) => !/^[\w-]+$/u.test(id))).toEqual([]);
  });

  it('tell a fault of each kind that is common', () => {
    const causes = withMessage.map(({ inputs }) => explainFailure(inputs.message).cause);
    expect(new Set(causes)).toEqual(
      new Set([
        'auth-wrong',
        'denied',
        'forbidden',
        'tag',
        'repository',
        'platform',
        'rate-limit',
        'tls-authority',
        'plain-http',
        'dns',
        'timeout',
      ]),
    );
  });

  it.each(withObjects)('$id: name, policy, ladder and secrets are those of the command line', async ({ inputs }) => {
    const { images } = await ask<ExplainOutput>('explain', inputs);
    const view = await buildView(inputs);
    const shown = view.images.map((image) => ({
      container: { name: image.container, kind: image.kind, path: image.path },
      image: image.image,
      policy: image.policy,
      runtimeImage: image.runtimeImage ?? null,
      pullSecrets: {
        listedBy: image.listedBy,
        found: image.secrets.found,
        missing: image.secrets.missing,
        message: image.secrets.message ?? null,
        skipped: image.skipped,
      },
      tried: image.rungs,
      notTried: image.rejected,
      error: image.nameError?.message ?? image.configError ?? null,
    }));
    expect(shown).toEqual(
      images.map(({ container, image, policy, runtimeImage, pullSecrets, credentials, error }) => ({
        container,
        image,
        policy,
        runtimeImage,
        pullSecrets,
        error,
        tried: credentials?.tried ?? [],
        notTried: credentials?.notTried ?? [],
      })),
    );
  });

  it.each(withObjects.filter(({ inputs }) => inputs.node === 'absent'))(
    '$id: what kubelet decides is that of the command line',
    async ({ inputs }) => {
      const { images } = await ask<ExplainOutput>('explain', inputs);
      const view = await buildView(inputs);
      expect(
        view.images.map(({ decision, failure }) => ({ decision: decision ?? null, failure: failure ?? null })),
      ).toEqual(images.map(({ decision, failure }) => ({ decision, failure })));
    },
  );

  it.each(withObjects)(
    '$id: has every finding of the linter, and beside them only those of keys',
    async ({ inputs }) => {
      const { findings } = await ask<LintOutput>('lint', inputs);
      const view = await buildView(inputs);
      const codes = view.findings.filter(({ object }) => !object.startsWith('config.json')).map(({ code }) => code);
      const own = findings.map(({ code }) => code);
      expect(codes.filter((code) => own.includes(code))).toEqual(own);
      expect(codes.filter((code) => !own.includes(code) && !code.startsWith('KEY_'))).toEqual([]);
    },
  );

  it.each(withMessage)('$id: the cause is that of explainFailure', async ({ inputs }) => {
    const { images, told } = await buildView(inputs);
    expect([...images.map((image) => image.told), told].filter((one) => one !== undefined)).toEqual([
      explainFailure(inputs.message),
    ]);
  });
});

describe('buildView', () => {
  it('finds the key that misses the image by its port, by the image of the pod', async () => {
    const { findings } = await viewOf('port-differs');
    expect(findings.map(({ code, suggestion }) => [code, suggestion])).toContainEqual([
      'KEY_PORT_DIFFERS',
      'registry.example.com:5000',
    ]);
  });

  it('says what has to be shown of an image that is there, by the record of its pull', async () => {
    const decisions = await Promise.all(
      ['own-record', 'foreign-record', 'always', 'latest'].map(async (id) => {
        const { decision, mustPull } = await onlyImage(id);
        return [id, decision?.action, decision?.reason, mustPull?.reason];
      }),
    );
    expect(decisions).toEqual([
      ['own-record', 'use', 'verified', 'same-credential'],
      ['foreign-record', 'pull', 'must-verify', 'no-match'],
      ['always', 'pull', 'always', undefined],
      ['latest', 'pull', 'always', undefined],
    ]);
  });

  it('draws a short name with what is filled in', async () => {
    const { nameParts } = await onlyImage('latest');
    expect(nameParts.map(({ text, isImplied }) => [text, isImplied])).toEqual([
      ['docker.io', true],
      ['library/', true],
      ['nginx', false],
      ['latest', true],
    ]);
  });

  it('shows the events of a pull that fails, and those of the wait after it', async () => {
    const { description } = await onlyImage('tag-missing');
    expect(description?.events.map(({ type, reason, message }) => `${type} ${reason} ${message.slice(0, 40)}`)).toEqual(
      [
        'Normal Pulling Pulling image "registry.example.com/team',
        'Warning Failed Failed to pull image "registry.example.c',
        'Warning Failed Error: ErrImagePull',
        'Normal BackOff Back-off pulling image "registry.example',
        'Warning Failed Error: ImagePullBackOff',
      ],
    );
    expect(description?.states.map(({ reason }) => reason)).toEqual(['ErrImagePull', 'ImagePullBackOff']);
  });

  it('ends the events at a pull of which nothing is known', async () => {
    const { description } = await onlyImage('several-secrets');
    expect(description).toMatchObject({ isOpen: true, events: [{ reason: 'Pulling' }], states: [] });
  });

  it('shows the events of an image that is used as it is', async () => {
    const { description } = await onlyImage('own-record');
    expect(description?.events.map(({ message }) => message)).toEqual([
      'Container image "registry.example.com/team/web:1.4" already present on machine and can be accessed by the pod',
    ]);
  });

  it('takes the words of the runtime from the status of a pod', async () => {
    const objects = byId('missing-secret').objects.split('---')[0] ?? '';
    const message =
      'Back-off pulling image "registry.example.com/team/web:1.4": ErrImagePull: dial tcp: lookup registry.example.com: no such host';
    const status = {
      containerStatuses: [{ name: 'web', state: { waiting: { reason: 'ImagePullBackOff', message } } }],
    };
    const image = await onlyImage('missing-secret', { objects: `${objects}\nstatus: ${JSON.stringify(status)}\n` });
    expect(image.told?.cause).toBe('dns');
    expect(image.description?.events.map((event) => event.message)).toContain(
      'Failed to pull image "registry.example.com/team/web:1.4": dial tcp: lookup registry.example.com: no such host',
    );
  });

  it('differs between the releases where kubelet does: 1.37 tells of a missing secret when the pull has failed', async () => {
    const message = 'Failed to pull image "registry.example.com/team/web:1.4": 401 Unauthorized';
    const { releases } = await onlyImage('missing-secret', { message });
    const rest = 'Pulling, Failed, Failed';
    expect(
      releases.map(({ release, events }) => [release, events.includes(`FailedToRetrieveImagePullSecret, ${rest}`)]),
    ).toEqual([
      ['1.35', true],
      ['1.36', true],
      ['1.37', false],
    ]);
    expect(releases[2]?.events).toContain('FailedToRetrieveImagePullSecret');
    expect((await onlyImage('missing-secret')).releases[2]?.events).toBe('Pulling');
  });

  it('shows where the documentation disagrees with kubelet', async () => {
    const { dialects } = await onlyImage('glob-host');
    expect(dialects).toEqual([
      { key: '*.example.com', kubelet: 'not tried, label-count', documented: 'tried, glob', differs: true },
    ]);
  });

  it('gives a message to the image that it names in another spelling', async () => {
    const { images, told } = await viewOf('latest', {
      message:
        'failed to resolve reference "docker.io/library/nginx:latest": docker.io/library/nginx:latest: not found',
    });
    expect([images[0]?.told?.cause, told]).toEqual(['tag', undefined]);
  });

  it('keeps a message apart that is about another image', async () => {
    const { images, told } = await viewOf('latest', { message: byId('dns').message });
    expect([images[0]?.told, told?.cause]).toEqual([undefined, 'dns']);
    expect(images[0]?.description?.isOpen).toBe(true);
  });

  it('draws the image that a message names where there is no pod, and what its pull has shown', async () => {
    const image = await onlyImage('back-off');
    expect(image.isBare).toBe(true);
    expect(image.nameParts.map(({ text }) => text)).toEqual(['registry.example.com', 'team/web', '1.4']);
    expect(image.description?.events.map(({ reason }) => reason)).toEqual([
      'Pulling',
      'Failed',
      'Failed',
      'BackOff',
      'Failed',
    ]);
    expect(verdictOf(image, []).title).toBe(explainFailure(byId('back-off').message).title);
  });

  it('reads JSON, Lists and several documents', async () => {
    const pod = { kind: 'Pod', metadata: { name: 'one' }, spec: { containers: [{ name: 'a', image: 'nginx:1' }] } };
    const list = JSON.stringify({ kind: 'List', items: [pod, { ...pod, metadata: { name: 'two' } }] });
    const { images } = await buildView({ ...NO_INPUTS, objects: list });
    expect(images.map(({ object }) => object)).toEqual(['Pod default/one', 'Pod default/two']);
  });

  it('tells what cannot be read, and where, and answers with the rest', async () => {
    const { problems, images } = await viewOf('dns', { objects: 'kind: Pod\n  name: [', nodeConfig: '{' });
    expect(problems.map(({ field }) => field)).toEqual(['objects', 'nodeConfig']);
    expect(problems[0]?.message).toMatch(/^The text is neither JSON nor YAML: line \d/u);
    expect(images.map(({ told }) => told?.cause)).toEqual(['dns']);
  });

  it('has kubelet’s waits', async () => {
    const { backoff } = await buildView(NO_INPUTS);
    const steps = planBackoff();
    expect(backoff).toEqual(backoff.map(() => steps.next().value));
    expect(backoff.map(({ delayMs }) => formatShort(delayMs))).toEqual([
      '10 s',
      '20 s',
      '40 s',
      '1:20',
      '2:40',
      '5:00',
      '5:00',
    ]);
    expect(backoff.map(({ elapsedMs }) => formatTime(elapsedMs))[3]).toBe('1 min 10 s');
  });
});

describe('the verdict', () => {
  it.each([
    ['dns', 'bad', 'The name of the server does not resolve on the node'],
    ['never', 'bad', 'The policy is Never, and the image is not on the node or may not be used by this pod'],
    ['several-secrets', 'good', 'Kubelet pulls the image with up to 3 credentials, one after the other'],
    ['own-record', 'good', 'Kubelet uses the image that is on the node'],
    ['wrong-namespace', 'bad', 'Kubelet pulls the image without a credential'],
    ['latest', 'open', 'Kubelet pulls the image without a credential'],
  ])('of %s is %s', async (id, tone, title) => {
    const { images, findings } = await viewOf(id);
    const [image] = images;
    expect(image && verdictOf(image, findings)).toMatchObject({ tone, title });
  });

  it('has the cure of the finding that explains a pull without a credential', async () => {
    const { images, findings } = await viewOf('wrong-namespace');
    const [image] = images;
    expect(image && verdictOf(image, findings).cure).toBe('Create the secret once in each namespace that needs it');
  });
});
