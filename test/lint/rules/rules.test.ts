import { describe, expect, it } from 'vitest';
import { formatFinding, LINT_RULES, type LintFinding } from 'kubepull/lint';
import { CASES } from '../cases.ts';
import { codes, find } from '../support.ts';

describe('LINT_RULES', () => {
  it('has every code once, each with a case of its own', () => {
    const listed = LINT_RULES.map(({ code }) => code);
    expect(new Set(listed).size).toBe(listed.length);
    expect(Object.keys(CASES)).toEqual(listed);
    expect(listed.length).toBeGreaterThanOrEqual(32);
  });

  it.each(LINT_RULES)('$code is found where it is broken', ({ code, severity, cure }) => {
    const findings = CASES[code].bad();
    const found = find(findings, code);
    expect(findings).toContain(found);
    expect(found).toMatchObject({ code, severity, cure });
    expect(found?.message).toMatch(/^[A-Z"].*[^.]$/);
  });

  it.each(LINT_RULES)('$code is not found where it is kept', ({ code }) => {
    expect(codes(CASES[code].good())).not.toContain(code);
  });

  it.each(LINT_RULES)('$code has a title and a cure', ({ title, cure }) => {
    expect(title).toMatch(/^[A-Z].{10,}[^.]$/);
    expect(cure).toMatch(/^[A-Z].{10,}[^.]$/);
  });
});

describe('formatFinding', () => {
  const finding: LintFinding = {
    code: 'PULL_SECRET_MISSING',
    severity: 'error',
    place: 'spec.imagePullSecrets[0].name',
    message: 'There is no secret "creds"',
    cure: 'Create it',
    suggestion: undefined,
  };

  it('says how bad, which rule, where, what and what to do', () => {
    expect(formatFinding(finding)).toBe(
      'error PULL_SECRET_MISSING spec.imagePullSecrets[0].name: There is no secret "creds". Create it.',
    );
    expect(formatFinding({ ...finding, place: '', suggestion: 'credentials' })).toBe(
      'error PULL_SECRET_MISSING: There is no secret "creds". Create it. Write credentials',
    );
  });

  it('cuts what is long in its middle, and never the cure or what to write', () => {
    const long = `auths["${'r.example/'.repeat(60)}end"]`;
    const suggestion = 'https://index.docker.io/v1/';
    const text = formatFinding({
      ...finding,
      place: long,
      message: `It also stands under ${long}`,
      cure: 'x'.repeat(400),
      suggestion,
    });
    expect(text).toContain('end"]: It also');
    expect(text).toMatch(new RegExp(`${'x'.repeat(400)}\\. Write https://index\\.docker\\.io/v1/$`));
    expect(text).toContain('…');
  });

  it('is one line, whatever the finding quotes', () => {
    expect(formatFinding({ ...finding, message: 'a\nb\u001b[2J' })).toMatch(/^[ -~]+$/);
  });

  it.each(LINT_RULES)('has all that is said of $code', ({ code, cure }) => {
    const found = find(CASES[code].bad(), code);
    expect(found && formatFinding(found)).toContain(`${found?.message}. ${cure}.`);
  });
});
