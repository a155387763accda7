// What a caller without types can pass.
import { describe, expect, it } from 'vitest';
import { parseReference } from 'kubepull/reference';
import { createImageRules } from 'kubepull/rules';
import { createMirrorRoutes, type MirrorRoute } from 'kubepull/mirrors';

const refusal = expect.objectContaining({ code: 'ERR_OPTION_INVALID' }) as Error;

describe('createImageRules', () => {
  it.each([
    ['a bare list, which would let everything through', ['r.example/**']],
    ['nothing', undefined],
    ['null', null],
    ['a pattern instead of a list', { allow: 'r.example/**' }],
    ['null instead of a list', { allow: null }],
    ['a pattern that is no text', { deny: [5] }],
  ])('refuses %s', (_, options) => {
    expect(() => createImageRules(options as object)).toThrow(refusal);
  });

  it('decides on no text, which could be any spelling of a name', () => {
    const { decide } = createImageRules({ deny: ['docker.io/**'] });
    expect(() => decide('nginx' as unknown as ReturnType<typeof parseReference>)).toThrow(refusal);
  });
});

describe('createMirrorRoutes', () => {
  const route: MirrorRoute = { match: '**', endpoints: ['https://mirror.example'] };
  const nginx = parseReference('nginx');

  it.each([
    { capabilities: 'pull' },
    { capabilities: ['push'] },
    { endpoints: 'https://mirror.example' },
    { endpoints: undefined },
    { capabilities: [] },
  ])('refuses a route with %j', (change) => {
    expect(() => createMirrorRoutes([{ ...route, ...(change as object) }])).toThrow(/Cannot compile mirror route 0/);
  });

  it.each([[[route]], [[]]])('gives every caller lists of its own', (routes) => {
    const { choose } = createMirrorRoutes(routes);
    const [first, second] = [choose(nginx), choose(nginx)];
    expect(second).toEqual(first);
    (first.endpoints as string[]).push('https://other.example');
    (first.capabilities as string[]).pop();
    expect(choose(nginx)).toEqual(second);
    expect(createMirrorRoutes([]).choose(nginx)).toMatchObject({ endpoints: [], capabilities: ['pull', 'resolve'] });
  });
});
