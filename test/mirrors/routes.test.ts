import { parseReference } from 'kubepull/reference';
import { createMirrorRoutes } from 'kubepull/mirrors';
import { describe, expect, it } from 'vitest';
import { canary } from '../support/canary.ts';

const routes = [
  { match: 'docker.io/library/**', endpoints: ['https://hub.mirror.test', 'https://second.mirror.test/v2'] },
  { match: '{docker,quay}.io/**', endpoints: ['http://localhost:5000'] },
];

describe('createMirrorRoutes', () => {
  it('gives the endpoints of the first route that matches, in order, with the rule', () => {
    expect(createMirrorRoutes(routes).choose(parseReference('nginx'))).toEqual({
      endpoints: ['https://hub.mirror.test', 'https://second.mirror.test/v2'],
      capabilities: ['pull', 'resolve'],
      upstream: true,
      rule: { list: 'mirrors', index: 0, pattern: 'docker.io/library/**' },
    });
    expect(createMirrorRoutes(routes).choose(parseReference('quay.io/acme/app')).endpoints).toEqual([
      'http://localhost:5000',
    ]);
  });

  it('gives none when no route matches', () => {
    expect(createMirrorRoutes(routes).choose(parseReference('gcr.io/app'))).toEqual({
      endpoints: [],
      capabilities: ['pull', 'resolve'],
      upstream: true,
      rule: undefined,
    });
    expect(
      createMirrorRoutes([{ match: '**', endpoints: ['https://m.test'] }]).choose({ name: 'a'.repeat(600) }),
    ).toEqual({
      endpoints: [],
      capabilities: ['pull', 'resolve'],
      upstream: true,
      rule: undefined,
    });
  });

  it('says what the endpoints may be asked for, and whether the own registry is asked too', () => {
    const route = { match: '**', endpoints: ['https://m.test'], capabilities: ['pull'], upstream: false } as const;
    expect(createMirrorRoutes([route]).choose(parseReference('nginx'))).toMatchObject({
      capabilities: ['pull'],
      upstream: false,
    });
    expect(() => createMirrorRoutes([{ ...route, capabilities: [] }])).toThrow(
      'Cannot compile mirror route 0: its endpoints may be asked for nothing',
    );
  });

  it('is not changed by changes of its options', () => {
    const endpoints = ['https://mirror.test'];
    const compiled = createMirrorRoutes([{ match: '**', endpoints }]);
    endpoints.push('https://evil.test');
    expect(compiled.choose(parseReference('nginx')).endpoints).toEqual(['https://mirror.test']);
  });

  it.each([
    [[], 'it has no endpoint'],
    [['mirror.test'], 'endpoint <invalid URL> is malformed'],
    [['ftp://mirror.test'], 'endpoint ftp://mirror.test/ must begin with https:// or http://'],
    [['https://mirror.test/?x=1'], 'endpoint https://mirror.test/ must have no user info, query and fragment'],
    [['https://mirror.test/#x'], 'must have no user info, query and fragment'],
    [['https://mirror.test/a%2fb'], 'must be a host and a plain path, without escapes'],
    [['https://mirror.test/a/../b'], 'must be a host and a plain path, without escapes'],
    [['https:\\\\mirror.test'], 'must be a host and a plain path, without escapes'],
  ])('refuses the endpoints %j', (endpoints, reason) => {
    expect(() => createMirrorRoutes([{ match: '**', endpoints }])).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID', message: expect.stringContaining(reason) as string }),
    );
  });

  it('refuses a URL with user info without showing it [A18]', () => {
    const password = canary('proxy-password');
    expect(() => createMirrorRoutes([{ match: '**', endpoints: [`https://u:${password}@mirror.test`] }])).toThrow(
      /must have no user info/,
    );
  });

  it('refuses a malformed pattern', () => {
    expect(() => createMirrorRoutes([{ match: '[', endpoints: ['https://mirror.test'] }])).toThrow(
      'Cannot compile rule "[": its brackets do not match',
    );
  });
});
