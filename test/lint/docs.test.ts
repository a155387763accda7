import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDockerConfigJson } from 'kubepull/docker-config';
import {
  compareNodeConfigs,
  LINT_RULES,
  type LintCode,
  lintDockerConfig,
  type LintFinding,
  lintPod,
  type LintPodOptions,
  lintPullSecret,
} from 'kubepull/lint';
import type { PodLike } from 'kubepull/kubernetes';
import { codes, configFor } from './support.ts';

interface Section {
  readonly code: string;
  readonly prose: string;
  /** The info string of the example's fence, and what stands in it. */
  readonly kind: string;
  readonly example: string;
}

const page = readFileSync(new URL('../../docs/lint.md', import.meta.url), 'utf8');
const sections = page.split(/^### /m).slice(1).map(readSection);

function readSection(text: string): Section {
  const [, code = '', body = ''] = /^(\w+)\n(.*)$/s.exec(text) ?? [];
  const [, kind = '', example = ''] = /^```([^\n]*)\n(.*?)\n```$/ms.exec(body) ?? [];
  return { code, kind, example, prose: body.replaceAll(/\s+/g, ' ') };
}

function lintExample({ kind, example }: Section): readonly LintFinding[] {
  const [, format, image] = /^\w+ (\w+)(?: image=(.*))?$/.exec(kind) ?? [];
  if (format === 'config') return lintDockerConfig(example.replace('\\ufeff', '\ufeff'));
  if (format === 'dockercfg') return lintDockerConfig(example, { format });
  if (format === 'key') return lintDockerConfig(configFor(...example.split('\n')), { image });
  if (format === 'nodes') {
    const configs = Object.entries(JSON.parse(example) as Readonly<Record<string, object>>);
    return compareNodeConfigs(
      configs.map(([node, config]) => ({ node, entries: parseDockerConfigJson(JSON.stringify(config)) })),
    );
  }
  const value = JSON.parse(example) as { readonly pod: PodLike };
  if (format === 'secret') return lintPullSecret(value as object);
  return format === 'pod' ? lintPod(value as PodLike) : lintPod(value.pod, value as LintPodOptions);
}

describe('docs/lint.md', () => {
  it('has a section for every rule, and no other, in the order of the table', () => {
    expect(sections.map(({ code }) => code)).toEqual(LINT_RULES.map(({ code }) => code));
    expect(page).toContain(`There are ${LINT_RULES.length} rules`);
  });

  it.each(LINT_RULES)(
    'says of $code how bad it is, what it is and what cures it',
    ({ code, severity, title, cure }) => {
      const prose = sections.find((section) => section.code === code)?.prose;
      expect(prose).toContain(`**${severity}**: ${title}.`);
      expect(prose).toContain(`Cure: ${cure}.`);
    },
  );

  // Its example is cut: a mebibyte is no example.
  it.each(sections.filter(({ code }) => code !== 'SECRET_TOO_LARGE'))('has an example that breaks $code', (section) => {
    expect(codes(lintExample(section))).toContain(section.code as LintCode);
  });
});
