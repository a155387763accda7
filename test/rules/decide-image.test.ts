import { describe, expect, it } from 'vitest';
import { parseReference } from 'kubepull/reference';
import { createImageRules, decideImage } from 'kubepull/rules';
import { canary } from '../support/canary.ts';

describe('decideImage', () => {
  const deny = createImageRules({ deny: ['quay.io/x/**'] });
  const allow = createImageRules({ allow: ['docker.io/library/**'], deny: ['**/bad'] });

  it.each([
    ['quay.io/x/app:1', deny, false, 'deny-rule', 'it is denied by the rule "quay.io/x/**"'],
    ['quay.io/y/app:1', deny, true, 'not-denied', 'it is denied by no rule'],
    ['nginx', allow, true, 'allow-rule', 'it is allowed by the rule "docker.io/library/**"'],
    ['quay.io/y/app:1', allow, false, 'no-allow-rule', 'it is allowed by no rule'],
    ['docker.io/library/bad', allow, false, 'deny-rule', 'it is denied by the rule "**/bad"'],
    [`r.example/${'a'.repeat(256)}`, deny, false, 'invalid-name', 'it is no image name: '],
    ['Nginx', deny, false, 'invalid-name', 'it is no image name: '],
    ['', deny, false, 'invalid-name', 'it is no image name: '],
    [`${'a.'.repeat(130)}example/app`, deny, false, 'too-long', 'its name is longer than any of a registry'],
  ] as const)('says of %s what decides, and why', (image, rules, allowed, reason, message) => {
    const decision = decideImage(image, rules);
    expect(decision).toMatchObject({ allowed, reason });
    expect(decision.message.startsWith(message)).toBe(true);
    expect(decision.rule === undefined).toBe(!reason.endsWith('y-rule') && reason !== 'allow-rule');
  });

  it('decides on a parsed reference as the rules themselves do', () => {
    const ref = parseReference('quay.io/x/app@sha256:' + '0'.repeat(64));
    expect(decideImage(ref, deny)).toEqual({ ...deny.decide(ref), message: 'it is denied by the rule "quay.io/x/**"' });
  });

  it('shows no password that stands in an image', () => {
    expect(decideImage(`https://user:${canary('password')}@r.example/app`, deny).reason).toBe('invalid-name');
  });
});
