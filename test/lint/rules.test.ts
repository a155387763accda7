import { describe, expect, it } from 'vitest';
import { LINT_RULES } from 'kubepull/lint';
import { CASES } from './cases.ts';
import { codes, find } from './support.ts';

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
