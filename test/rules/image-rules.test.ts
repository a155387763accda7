import { parseReference } from 'kubepull/reference';
import { createImageRules, type ImageRulesOptions, type RuleDecision } from 'kubepull/rules';
import { describe, expect, it } from 'vitest';
import { leastTime } from '../support/least.ts';

function decide(options: ImageRulesOptions, image: string): RuleDecision {
  return createImageRules(options).decide(parseReference(image));
}

describe('createImageRules', () => {
  it.each([
    ['registry.example.com/{team-a,team-b}/**', 'registry.example.com/team-a/app:1', true],
    ['registry.example.com/{team-a,team-b}/**', 'registry.example.com/team-b/x/y/z', true],
    ['registry.example.com/{team-a,team-b}/**', 'registry.example.com/team-a', true],
    ['registry.example.com/{team-a,team-b}/**', 'registry.example.com/team-ab/app', false],
    ['registry.example.com/{team-a,team-b}/**', 'registry.example.com.evil.test/team-a/app', false],
    ['registry.example.com/{team-a,team-b}/**', 'evil.test/registry.example.com/team-a/app', false],
    ['registry.example.com/*', 'registry.example.com/app', true],
    ['registry.example.com/*', 'registry.example.com/team/app', false],
    ['*.example.com/**', 'eu.registry.example.com/app', true],
    ['*.example.com/**', 'example.com/app', false],
    ['registry.io:5000/**', 'registry.io:5000/app', true],
    ['registry.io/**', 'registry.io:5000/app', false],
    ['docker.io/library/*', 'nginx', true],
    ['docker.io/library/*', 'docker.io/nginx@sha256:'.padEnd(87, '0'), true],
    ['nginx', 'nginx', false],
    ['registry?.io/app', 'registry1.io/app', true],
    ['registry[0-9].io/app', 'registry7.io/app', true],
    ['registry[!0-9].io/app', 'registry7.io/app', false],
    [String.raw`\[::1\]:5000/**`, '[::1]:5000/app', true],
    ['**', 'localhost/app', true],
    ['Registry.example.com/**', 'registry.example.com/app', false],
  ])('allow %s: %s is %s', (pattern, image, allowed) => {
    expect(decide({ allow: [pattern] }, image).allowed).toBe(allowed);
    expect(decide({ deny: [pattern] }, image).allowed).toBe(!allowed);
  });

  it('names the rule that allowed', () => {
    expect(decide({ allow: ['gcr.io/**', '*.io/**', 'quay.io/**'] }, 'quay.io/app')).toEqual({
      allowed: true,
      because: 'allow-rule',
      rule: { list: 'allow', index: 1, pattern: '*.io/**' },
    });
  });

  it('lets deny go before allow, and names the rule that denied', () => {
    expect(decide({ allow: ['**'], deny: ['quay.io/**', 'docker.io/**/evil'] }, 'acme/evil')).toEqual({
      allowed: false,
      because: 'deny-rule',
      rule: { list: 'deny', index: 1, pattern: 'docker.io/**/evil' },
    });
  });

  it('allows what is not denied when there is no allow list, and nothing when it is empty', () => {
    expect(decide({}, 'nginx')).toEqual({ allowed: true, because: 'not-denied', rule: undefined });
    expect(decide({ allow: [] }, 'nginx')).toEqual({ allowed: false, because: 'no-allow-rule', rule: undefined });
  });

  it('decides on the longest name that a registry can have', () => {
    const { decide: judge } = createImageRules({});
    const host = 'a'.repeat(259);
    expect(judge({ name: `${host}/${'b'.repeat(255)}` }).because).toBe('not-denied');
    expect(judge({ name: `${host}/${'b'.repeat(256)}` }).because).toBe('too-long');
    expect(judge({ name: `${host}a/b` }).because).toBe('too-long');
  });

  it('denies a name longer than any registry has, whatever the rules', () => {
    const host = `${'a.'.repeat(150)}io`;
    expect(decide({}, `${host}/app`)).toEqual({ allowed: false, because: 'too-long', rule: undefined });
    expect(createImageRules({ allow: ['**'] }).decide({ name: 'a/'.repeat(400) }).because).toBe('too-long');
  });

  it.each([
    ['', 'it is empty'],
    ['!nginx', 'a rule cannot be negated; use the other list'],
    ['@(a|b)/**', '"@" is in no image name and has no meaning in rules'],
    ['(a+)+b', '"(" is in no image name and has no meaning in rules'],
    ['a b', '" " is in no image name and has no meaning in rules'],
    ['registry[/**', 'its brackets do not match'],
    ['{a,b/**', 'its brackets do not match'],
    ['a\\', 'it ends in a backslash'],
    ['{1..30}.io/**', 'no image name has two dots in a row, and ranges in braces are not supported'],
    ['*a*a*a*b', 'it has too many stars to be matched in bounded time; write it as several rules'],
    ['**/a/**/b/**/c/**', 'it has too many stars to be matched in bounded time; write it as several rules'],
    ['a'.repeat(1025), 'it has more than 1024 characters'],
  ])('refuses the rule %j', (pattern, reason) => {
    expect(() => createImageRules({ deny: [pattern] })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID', message: expect.stringContaining(reason) as string }),
    );
  });

  it('C02 answers the slowest rules that are taken on hostile names within 50 ms', () => {
    const rules = ['*a*a*b', '*?*?*b', '?*?*?*?c', '{*a,*a}*b', 'a*a*a*/b', '**/a*a*/b/*', '**/a/**/b/**/c'];
    const names = ['a'.repeat(259), `${'a'.repeat(259)}/${'a'.repeat(255)}`, `x/${'a/'.repeat(126)}a`];
    for (const rule of rules) {
      const compiled = createImageRules({ deny: [rule] });
      for (const name of names) {
        expect(leastTime(50, () => compiled.decide({ name }))).toBeLessThan(50);
      }
    }
  });
});
