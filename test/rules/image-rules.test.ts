import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseReference } from 'kubepull/reference';
import { createImageRules, type ImageRules, type ImageRulesOptions, type RuleDecision } from 'kubepull/rules';
import { describe, expect, it } from 'vitest';
import { bundle } from '../support/leaks-bundle.ts';
import { growth } from '../support/least.ts';
import { tempDir } from '../support/temp-dir.ts';

function decide(options: ImageRulesOptions, image: string): RuleDecision {
  return createImageRules(options).decide(parseReference(image));
}

function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing was thrown';
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
    ['registry?.io/app', 'registry1.io/app', true],
    ['registry[0-9].io/app', 'registry7.io/app', true],
    ['registry[!0-9].io/app', 'registry7.io/app', false],
    [String.raw`\[::1\]:5000/**`, '[::1]:5000/app', true],
    ['**', 'localhost/app', true],
    ['Registry.example.com/**', 'registry.example.com/app', true],
    ['registry.example.com/**', 'REGISTRY.Example.com/app', true],
    ['registry.example.com/**', 'registry.example.com:443/app', true],
    ['registry.example.com:443/**', 'registry.example.com/app', true],
    ['registry.example.com:443/**', 'registry.example.com:444/app', false],
    ['*.example.com/**', 'registry.EXAMPLE.com:443/app', true],
    ['docker.io/**', 'registry-1.docker.io/library/nginx', true],
    ['docker.io/library/nginx', 'index.docker.io:443/library/nginx', true],
    ['[::1]:5000/**', '[0:0:0:0:0:0:0:1]:5000/app', true],
    ['127.0.0.1:5000/**', '127.1:5000/app', true],
    ['quay.io', 'quay.io/team/app', true],
    ['quay.io', 'quay.io:5000/app', false],
    ['quay.io', 'quay.io.evil.test/app', false],
    ['quay.io', 'evil.test/quay.io', false],
    ['*.evil.io', 'a.b.evil.io/team/app', true],
    ['*.evil.io', 'evil.io/app', false],
    ['localhost:5000', 'localhost:5000/app', true],
    ['{quay.io,gcr.io/team}', 'quay.io/any/app', true],
    ['{quay.io,gcr.io/team}', 'gcr.io/other', false],
    ['**', 'nginx', true],
  ])('allow %s: %s is %s', (pattern, image, allowed) => {
    expect(decide({ allow: [pattern] }, image).allowed).toBe(allowed);
    expect(decide({ deny: [pattern] }, image).allowed).toBe(!allowed);
  });

  it('names the rule that allowed', () => {
    expect(decide({ allow: ['gcr.io/**', '*.io/**', 'quay.io/**'] }, 'quay.io/app')).toEqual({
      allowed: true,
      reason: 'allow-rule',
      rule: { list: 'allow', index: 1, pattern: '*.io/**' },
    });
  });

  it('lets deny go before allow, and names the rule that denied', () => {
    expect(decide({ allow: ['**'], deny: ['quay.io/**', 'docker.io/**/evil'] }, 'acme/evil')).toEqual({
      allowed: false,
      reason: 'deny-rule',
      rule: { list: 'deny', index: 1, pattern: 'docker.io/**/evil' },
    });
  });

  it('allows what is not denied when there is no allow list, and nothing when it is empty', () => {
    expect(decide({}, 'nginx')).toEqual({ allowed: true, reason: 'not-denied', rule: undefined });
    expect(decide({ allow: [] }, 'nginx')).toEqual({ allowed: false, reason: 'no-allow-rule', rule: undefined });
  });

  it('decides on the longest name that a registry can have', () => {
    const { decide: judge } = createImageRules({});
    const host = 'a'.repeat(259);
    expect(judge({ name: `${host}/${'b'.repeat(255)}` }).reason).toBe('not-denied');
    expect(judge({ name: `${host}/${'b'.repeat(256)}` }).reason).toBe('too-long');
    expect(judge({ name: `${host}a/b` }).reason).toBe('too-long');
  });

  it('denies a name longer than any registry has, whatever the rules', () => {
    const host = `${'a.'.repeat(150)}io`;
    expect(decide({}, `${host}/app`)).toEqual({ allowed: false, reason: 'too-long', rule: undefined });
    expect(createImageRules({ allow: ['**'] }).decide({ name: 'a/'.repeat(400) }).reason).toBe('too-long');
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
    ['\\[\\\\\\\\', 'a backslash may stand before [ and ] only, and no image name has one'],
    ['quay.io/a,gcr.io/b', 'a comma may stand in braces only; write a rule for each pattern'],
    ['quay.io/{app}', 'its braces have one alternative only'],
    ['[z-a].io/app', '"[z-a]" is no class of characters'],
    ['quay.io/app]', 'its brackets do not match'],
    ['quay.io/a^b', '"^" may stand at the start of a class only'],
    [
      '{a,b}.{a,b}.{a,b}.{a,b}.{a,b}.{a,b}.{a,b}.{a,b}.{a,b}.io/**',
      'it stands for more than 256 patterns; write it as several rules',
    ],
    ['a'.repeat(1025), 'it has more than 1024 characters'],
  ])('refuses the rule %j', (pattern, reason) => {
    expect(() => createImageRules({ deny: [pattern] })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_INVALID', message: expect.stringContaining(reason) as string }),
    );
  });

  it.each([
    ['nginx', 'docker.io/library/nginx'],
    ['nginx*', 'docker.io/library/nginx*'],
    ['nginx:1.25', 'docker.io/library/nginx'],
    ['library/nginx', 'docker.io/library/nginx'],
    ['docker.io/nginx', 'docker.io/library/nginx'],
    ['docker.io/*', 'docker.io/**'],
    ['team/app', 'docker.io/team/app'],
    ['team-[ab]/app', 'docker.io/team-[ab]/app'],
    ['index.docker.io', 'docker.io/**'],
    ['registry-1.docker.io/**', 'docker.io/**'],
    ['https://quay.io/**', 'quay.io/**'],
    ['https://quay.io/', 'quay.io/**'],
    ['docker://quay.io/team/app:1', 'quay.io/team/app'],
    ['quay.io/', 'quay.io/**'],
    ['/quay.io/app', 'quay.io/app'],
    ['quay.io//app', 'quay.io/app'],
    ['quay.io:latest', 'quay.io/**'],
    ['quay.io/app:1', 'quay.io/app'],
    ['quay.io/**:latest', 'quay.io/**'],
    [`quay.io/app@sha256:${'0'.repeat(64)}`, 'quay.io/app'],
    ['registry:5000', 'registry:5000/**'],
    ['quay.io*', 'quay.io/**'],
    ['quay.*', 'quay.*/**'],
    ['.evil.io', '*.evil.io/**'],
    ['.evil.io/app', '*.evil.io/app'],
    ['*', '**'],
    ['*nginx*', '**/*nginx*'],
    ['quay.io/Team/app', 'quay.io/team/app'],
    ['quay.io/[A-Z]app', 'quay.io/[a-z]app'],
    ['{quay.io,nginx}', 'docker.io/library/nginx'],
  ])('refuses %s, which can match no image, and names what can: %s', (pattern, better) => {
    const refused = /^Cannot compile rule .*; write "([^"]*)"$/;
    for (const list of ['allow', 'deny'])
      expect(() => createImageRules({ [list]: [pattern] })).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION_INVALID' }),
      );
    const message = messageOf(() => createImageRules({ deny: [pattern] }));
    expect(refused.exec(message)?.[1]).toBe(better);
    expect(() => createImageRules({ deny: [better] })).not.toThrow();
  });

  it.each([
    '*:latest',
    '**:latest',
    'quay.io/-app',
    'quay.io/*-',
    'quay.io/a___b',
    'quay.io:1a/app',
    'https://',
    '@sha256:0',
  ])('refuses %s, which can match no image, and has no other pattern for it', (pattern) => {
    expect(messageOf(() => createImageRules({ deny: [pattern] }))).toMatch(/^Cannot compile rule (?!.*; write )/);
  });

  it('takes or refuses every short pattern of special characters at once', async () => {
    const program = join(tempDir().path, 'rules.mjs');
    await bundle('rules-child.ts', program);
    // It takes a second; the limit ends what hangs, as the pattern \[\\\\ once did.
    const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 120_000 });
    expect(JSON.parse(stdout)).toEqual({ tried: 16_105, foreign: 0 });
  });

  it('finds the first of 10,000 rules as fast as of 100', () => {
    const patterns = (count: number): string[] =>
      Array.from(
        { length: count },
        (_, at) => [`r${at}.io`, `r.io/a${at}/**`, `r.io/b${at}/app`, `r.io/c${at}/*`, `*.z${at}.io/**`][at % 5] ?? '',
      );
    const subjects = [
      'r.io/a9996/x/y',
      'r.io/b9997/app',
      'r.io/c9998/z',
      'r9995.io/app',
      'x.z9999.io/a',
      'r.io/none/app',
    ].map((name) => ({ name }));
    const [few, many] = [createImageRules({ deny: patterns(100) }), createImageRules({ deny: patterns(10_000) })];
    expect(subjects.map((subject) => many.decide(subject).rule?.index)).toEqual([
      9996,
      9997,
      9998,
      9995,
      9999,
      undefined,
    ]);
    const deciding = (rules: ImageRules) => () => subjects.forEach((subject) => rules.decide(subject));
    expect(growth(5, deciding(few), deciding(many))).toBeLessThan(5);
  });

  it('answers the slowest rules that are taken on hostile names in time that grows with the cube of their length [C02]', () => {
    const rules = ['**/*a*a*b', '*?*?*b/a', '?*?*?*?c/a', '**/{*a,*a}*b', 'a*a*a*/b', '**/a*a*/b/*', '**/a/**/b/**/c'];
    const namesOf = (length: number): readonly string[] => [
      'a'.repeat(length + 3),
      `${'a'.repeat(length + 3)}/${'a'.repeat(length - 1)}`,
      `x/${'a/'.repeat(length / 2 - 2)}a`,
    ];
    const [short, long] = [namesOf(64), namesOf(256)];
    for (const rule of rules) {
      const compiled = createImageRules({ deny: [rule] });
      for (const [at, name] of long.entries()) {
        const [small, large] = [() => compiled.decide({ name: short[at] ?? '' }), () => compiled.decide({ name })];
        expect(growth(128, small, large), `${rule} on ${name}`).toBeLessThan(128);
      }
    }
  });
});
