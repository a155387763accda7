import { describe, expect, it } from 'vitest';
import { createPullSecret } from 'kubepull/pull-secrets';
import { encodeAuth } from 'kubepull/docker-config';
import { canary } from '../support/canary.ts';
import { EXAMPLES } from '../../docs/playground/examples.ts';
import { NO_INPUTS } from '../../docs/playground/inputs.ts';
import { decodeLink, encodeLink, exampleOf } from '../../docs/playground/link.ts';
import { createMasker } from '../../docs/playground/mask.ts';
import { buildView } from '../../docs/playground/model.ts';

const inJson = (value: unknown): string => JSON.stringify(value, null, 2);
const encode = (text: string): string => btoa(text);

/** Texts with a secret in them, as people paste them. */
const TEXTS: Readonly<Record<string, (secret: string) => string>> = {
  'auth in a docker config': (s) => inJson({ auths: { 'r.example': { auth: encodeAuth('user', s) } } }),
  'user name and password': (s) => inJson({ auths: { 'r.example': { username: 'user', password: s } } }),
  'a password in other letters': (s) => `{"auths":{"r.example":{"Password":"${s}"}}}`,
  'an identity token': (s) => `{"auths":{"r.example":{"identitytoken":"${s}","registrytoken":"${s}"}}}`,
  'a value that is not closed yet': (s) => `{"auths":{"r.example":{"auth": "${s}`,
  'a pull secret in JSON': (s) =>
    inJson(createPullSecret({ name: 'creds', server: 'r.example', username: 'u', password: s })),
  'a pull secret in YAML': (s) =>
    `kind: Secret\ndata:\n  .dockerconfigjson: ${encode(`{"auths":{"r.example":{"auth":"${encode(`u:${s}`)}"}}}`)}\ntype: x\n`,
  'a folded block': (s) =>
    `kind: Secret\ndata:\n  .dockerconfigjson: >-\n    ${encode(s).slice(0, 20)}\n    ${encode(s).slice(20)}\ntype: x\n`,
  'a document in a block': (s) =>
    `stringData:\n  .dockerconfigjson: |\n    { "auths": { "r.example": { "auth": "${encode(`u:${s}`)}" } } }\n`,
  'a document in quotes': (s) => `stringData:\n  .dockerconfigjson: '{"auths":{"r.example":{"password":"${s}"}}}'\n`,
  'a document in a text of JSON': (s) =>
    inJson({ stringData: { '.dockerconfigjson': JSON.stringify({ auths: { r: { auth: encode(`u:${s}`) } } }) } }),
  'what kubectl applied last': (s) =>
    inJson({
      metadata: { annotations: { last: JSON.stringify({ kind: 'Secret', data: { '.dockerconfigjson': encode(s) } }) } },
    }),
  'any other value of a secret': (s) => `kind: Secret\nstringData:\n  theme: ${s}\n  "quoted": '${s}'\ntype: Opaque\n`,
  'a document of another kind': (s) => `kind: Secret\nstringData:\n  settings: '{"mine":"${s}"}'\n`,
  'a variable of a container': (s) =>
    `spec:\n  containers:\n    - name: web\n      env:\n        - name: KEY\n          value: ${s}\n`,
  'a variable in braces': (s) => `env: [{ name: KEY, value: ${s} }]\n`,
  'an address': (s) => `Get "https://user:${s}@r.example/v2/": 401`,
  'a signed address': (s) => `Get "https://cdn.example/layer?X-Amz-Signature=${s}&x=1": 403`,
  'a header': (s) => `request had Authorization: Bearer ${s} and failed`,
  'a plain value on the next line': (s) => `password:\n  ${s}\n`,
};

describe('the masker', () => {
  it.each(Object.entries(TEXTS))('has dots for %s, and no trace of it in what is shown or may leave', (_, textOf) => {
    const secret = canary('password');
    const text = textOf(secret);
    const masker = createMasker();
    const masked = masker.mask(text);
    expect(masked.text).toContain('••••••••');
    expect([masked.text, masker.strip(masked.text)]).not.toContain(secret);
    // The hook around each test looks for every encoding of the secret in these.
    expect([masked.text, masker.strip(masked.text)].join('\n')).toMatch(/left-out|bGVmdC1vdXQ|eyJ/u);
    expect(masker.reveal(masked.text) === text).toBe(true);
    expect(masker.mask(masked.text).text).toBe(masked.text);
  });

  it('masks a secret that is typed letter by letter, with the caret behind it', () => {
    const secret = canary('password');
    const masker = createMasker();
    let text = '{"auths":{"r.example":{"auth":""}}}';
    let caret = text.indexOf('""') + 1;
    for (const letter of secret) {
      ({ text, caret } = masker.mask(text.slice(0, caret) + letter + text.slice(caret), caret + 1));
      expect(text).toMatch(/"auth":"•{8}[₀-₉]+"\}\}\}$/u);
      expect(text.slice(caret)).toBe('"}}}');
    }
    expect(masker.reveal(text) === `{"auths":{"r.example":{"auth":"${secret}"}}}`).toBe(true);
  });

  it('forgets a value of which a part of the mark is deleted', () => {
    const masker = createMasker();
    const { text } = masker.mask(`password: ${canary('password')}`);
    expect(masker.mask(text.slice(0, -1))).toEqual({ text: 'password: ', caret: 10 });
  });

  it('leaves a text without secrets as it is', () => {
    const plain = [
      'metadata:\n  name: token\nspec:\n  volumes:\n    - secret:\n        secretName: creds\n  automountServiceAccountToken: false\n',
      'failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized',
      '{"auths":{"r.example":{"username":"user"}}}',
      'image: nginx@sha256:' + 'a'.repeat(64),
    ];
    for (const text of plain) expect(createMasker().mask(text).text).toBe(text);
  });

  it('shows no name of a registry less', () => {
    for (const { inputs } of EXAMPLES) {
      const { text } = createMasker().mask(inputs.objects);
      expect(text.match(/"auths": \{ "[^"]+"/gu)).toEqual(inputs.objects.match(/"auths": \{ "[^"]+"/gu));
    }
  });

  it('hides a copy of a secret that stands where none is looked for', () => {
    const secret = canary('password');
    const masker = createMasker();
    const { text } = masker.mask(`# today it is\npassword: ${secret}\n`);
    expect(masker.strip(text)).toContain('left-out');
    expect(masker.strip(`${text}# ${secret}`)).toContain('[redacted]');
  });

  it('forgets all secrets', () => {
    const masker = createMasker();
    const { text } = masker.mask(`password: ${canary('password')}`);
    masker.forget();
    expect(masker.reveal(text)).toBe(text);
  });

  it('takes time that grows with the text, whatever stands in it', () => {
    const hostile = [
      'auth: '.repeat(20_000),
      '{"data":{'.repeat(10_000),
      '•'.repeat(50_000),
      '//'.repeat(50_000),
      '\\"'.repeat(50_000),
    ];
    for (const text of hostile) expect(createMasker().mask(text).text.length).toBeGreaterThan(0);
  });
});

describe('an answer', () => {
  it('repeats no secret of what the node said', async () => {
    const secret = canary('signed-query');
    const said = `failed to copy: Get "https://user:${secret}@cdn.example/layer?X-Amz-Signature=${secret}": 403 Forbidden`;
    const message = `Failed to pull image "nginx:1": ${said}`;
    const pod = { kind: 'Pod', spec: { containers: [{ name: 'web', image: 'nginx:1' }] } };
    const waiting = { reason: 'ErrImagePull', message: said };
    const status = { containerStatuses: [{ name: 'web', state: { waiting } }] };
    const events = { kind: 'Event', involvedObject: { name: 'web' }, message };
    const views = await Promise.all(
      [
        { message },
        { objects: JSON.stringify([{ ...pod, status }, events]) },
        { objects: JSON.stringify(pod), message: said },
      ].map((inputs) => buildView({ ...NO_INPUTS, ...inputs })),
    );
    for (const { images } of views) {
      const shown = images[0]?.description?.events.map((event) => event.message).join('\n') ?? '';
      expect(shown).toContain('?X-Amz-Signature=••••••••');
    }
    // The hook around each test looks for the secret in all of this.
    expect(JSON.stringify(views)).toContain('forbidden');
  });
});

describe('a link', () => {
  it('gives the same input again, without the secrets', async () => {
    const secret = canary('password');
    const masker = createMasker();
    const manifest = createPullSecret({
      name: 'creds',
      namespace: 'shop',
      server: 'registry.example.com',
      username: 'u',
      password: secret,
    });
    const pod = {
      kind: 'Pod',
      metadata: { name: 'web', namespace: 'shop' },
      spec: {
        imagePullSecrets: [{ name: 'creds' }],
        containers: [{ name: 'web', image: 'registry.example.com/app:1' }],
      },
    };
    const { text } = masker.mask(JSON.stringify([pod, manifest]));
    const fragment = await encodeLink({ ...NO_INPUTS, objects: masker.strip(text), release: '1.37' });
    expect(fragment).toMatch(/^#s=[\w-]+$/u);
    const linked = await decodeLink(fragment);
    expect(linked).toMatchObject({ message: '', node: 'absent', release: '1.37' });
    const [before, after] = await Promise.all([
      buildView({ ...NO_INPUTS, objects: masker.reveal(text) }),
      buildView(linked ?? NO_INPUTS),
    ]);
    expect(after.images[0]?.rungs).toEqual(before.images[0]?.rungs);
    expect(after.images[0]?.rungs).toHaveLength(1);
  });

  it('shows the same answer for every example as the example does', async () => {
    for (const { inputs } of EXAMPLES) {
      const masker = createMasker();
      const strip = (text: string): string => masker.strip(masker.mask(text).text);
      const linked = await decodeLink(
        await encodeLink({ ...inputs, objects: strip(inputs.objects), nodeConfig: strip(inputs.nodeConfig) }),
      );
      const [before, after] = await Promise.all([buildView(inputs), buildView(linked ?? NO_INPUTS)]);
      const shown = (view: typeof before): unknown =>
        view.images.map(({ rungs, rejected, decision, told, failure }) => [
          rungs,
          rejected,
          decision,
          told?.cause,
          failure?.reason.replace(/\d+$/u, ''),
        ]);
      expect(shown(after)).toEqual(shown(before));
    }
  });

  it.each(['', '#', '#s=', '#s=!', '#s=AAAA', '#answer', `#s=${'A'.repeat(300_000)}`])(
    'is none of ours: %.20s',
    async (fragment) => {
      expect(await decodeLink(fragment)).toBeUndefined();
    },
  );

  it('holds no more than a page can show', async () => {
    const bomb = await encodeLink({ ...NO_INPUTS, objects: 'a'.repeat(3_000_000) });
    expect(bomb.length).toBeLessThan(10_000);
    expect(await decodeLink(bomb)).toBeUndefined();
  });

  it('takes values of other kinds for none', async () => {
    const odd = { objects: 1, nodeConfig: null, message: [], node: '__proto__', release: '9.9' };
    expect(await decodeLink(await encodeLink(odd as never))).toEqual(NO_INPUTS);
  });

  it('may name an example', () => {
    expect([exampleOf('#example=never'), exampleOf('#example='), exampleOf('#s=x')]).toEqual([
      'never',
      undefined,
      undefined,
    ]);
  });
});
