import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSecret } from 'kubepull/docker-config';
import { ImageError } from 'kubepull/errors';
import {
  createPullSecret,
  type CreatePullSecretOptions,
  mergePullSecrets,
  validateSecret,
} from 'kubepull/pull-secrets';
import { triples } from '../docker-config/support.ts';
import { anyText } from '../support/any-text.ts';

const written = (options: Omit<CreatePullSecretOptions, 'name'>): string =>
  Buffer.from(createPullSecret({ name: 's', ...options }).data['.dockerconfigjson'], 'base64').toString();

describe('createPullSecret', () => {
  it.each([
    [
      { username: 'u', password: 'p', email: 'e@x' },
      '{"auths":{"https://index.docker.io/v1/":{"username":"u","password":"p","email":"e@x","auth":"dTpw"}}}',
    ],
    [
      { username: 'u', password: 'p' },
      '{"auths":{"https://index.docker.io/v1/":{"username":"u","password":"p","auth":"dTpw"}}}',
    ],
    [
      { username: 'u', password: 'p', email: '' },
      '{"auths":{"https://index.docker.io/v1/":{"username":"u","password":"p","auth":"dTpw"}}}',
    ],
    [
      { server: 'my-registry.example:5000', username: 'tiger', password: 'pass113', email: 'tiger@acme.com' },
      '{"auths":{"my-registry.example:5000":{"username":"tiger","password":"pass113","email":"tiger@acme.com","auth":"dGlnZXI6cGFzczExMw=="}}}',
    ],
    [
      { server: 'r', username: 'a<b>&c', password: 'p"\\\u2028é\u0001\u007f' },
      '{"auths":{"r":{"username":"a\\u003cb\\u003e\\u0026c","password":"p\\"\\\\\\u2028é\\u0001\u007f","auth":"YTxiPiZjOnAiXOKAqMOpAX8="}}}',
    ],
    [
      { server: 'r\b\f\n\r\t\u000b', username: 'u', password: '\udcff' },
      '{"auths":{"r\\b\\f\\n\\r\\t\\u000b":{"username":"u","password":"\\ufffd","auth":"dTr/"}}}',
    ],
  ])('writes for %j the bytes of kubectl', (options, expected) => {
    expect(written(options)).toBe(expected);
  });

  it.each([
    [
      { username: 'u', password: 'p', email: 'e@x' },
      'eyJhdXRocyI6eyJodHRwczovL2luZGV4LmRvY2tlci5pby92MS8iOnsidXNlcm5hbWUiOiJ1IiwicGFzc3dvcmQiOiJwIiwiZW1haWwiOiJlQHgiLCJhdXRoIjoiZFRwdyJ9fX0=',
    ],
    [
      {
        server: 'my-registry.example:5000',
        username: 'tiger',
        password: createSecret('pass113'),
        email: 'tiger@acme.com',
      },
      'eyJhdXRocyI6eyJteS1yZWdpc3RyeS5leGFtcGxlOjUwMDAiOnsidXNlcm5hbWUiOiJ0aWdlciIsInBhc3N3b3JkIjoicGFzczExMyIsImVtYWlsIjoidGlnZXJAYWNtZS5jb20iLCJhdXRoIjoiZEdsblpYSTZjR0Z6Y3pFeE13PT0ifX19',
    ],
  ])('makes the manifest of kubectl', (options, data) => {
    expect(createPullSecret({ name: 'creds', namespace: 'team', ...options })).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'creds', namespace: 'team' },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': data },
    });
    expect(createPullSecret({ name: 'creds', ...options }).metadata).toEqual({ name: 'creds' });
  });

  it.each([
    [{ name: '' }, 'name must be specified'],
    [
      { username: '' },
      'either --from-file or the combination of --docker-username, --docker-password and --docker-server is required',
    ],
    [{ password: '' }, 'either --from-file or'],
    [{ password: undefined as never }, 'either --from-file or'],
    [{ server: '' }, 'either --from-file or'],
  ])('refuses %j as kubectl does', (change, reason) => {
    const run = (): unknown => createPullSecret({ name: 's', username: 'u', password: 'p', ...change });
    expect(run).toThrow(ImageError);
    expect(run).toThrow(`Cannot create pull secret: ${reason}`);
  });

  it('reads a user name with a colon back as another pair', () => {
    const { entries } = mergePullSecrets([
      createPullSecret({ name: 's', server: 'r', username: 'x:y', password: 'z' }),
    ]);
    expect(triples(entries)).toEqual([['r', 'x', 'y:z']]);
  });

  it('makes secrets that the API server takes and kubelet reads back, whatever the text', () => {
    const text = anyText({ minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(text, text, text, fc.option(text, { nil: undefined }), (server, user, password, email) => {
        const username = `u${user.replaceAll(':', '')}`;
        const secret = createPullSecret({ name: 's', server, username, password, email });
        expect(validateSecret(secret).valid).toBe(true);
        const { entries } = mergePullSecrets([secret]);
        expect(JSON.stringify(triples(entries))).toBe(JSON.stringify([[server, username, password]]));
        return entries[0]?.credential.email === email;
      }),
    );
  });
});
