import { describe, expect, it } from 'vitest';
import { readFiles, readSources } from './sources.ts';

interface Rule {
  readonly name: string;
  readonly pattern: RegExp;
  /** Paths that may. */
  readonly except?: RegExp;
  /** A line that the rule has to catch. */
  readonly bites: string;
}

const CODE: readonly Rule[] = [
  { name: 'a default export', pattern: /^export default\b|\bas default\b/, bites: 'export default 1;' },
  { name: 'a star export', pattern: /^export (type )?\*/, bites: "export * from './a.js';" },
  {
    name: 'a class that is no error',
    pattern: /^(export )?(abstract )?class (?!\w+ extends \w*Error\b|ImageError\b)/,
    except: /^docker-config\/secret\.ts$/,
    bites: 'class Puller {',
  },
  { name: 'Math.random', pattern: /\bMath\.random\b/, bites: 'Math.random()' },
  {
    name: 'the wall clock',
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/,
    except: /^(clock|testing)\/|^distribution\/transport\/fetch-transport\.ts$/,
    bites: 'const at = Date.now();',
  },
  {
    name: 'a timer',
    pattern: /\bset(Timeout|Interval|Immediate)\(/,
    except: /^(clock|testing|node)\/|^distribution\/transport\/fetch-transport\.ts$/,
    bites: 'setTimeout(f, 1)',
  },
  {
    name: 'fetch',
    pattern: /(?<![\w.])fetch\(|globalThis\.fetch\b/,
    except: /^distribution\/transport\/fetch-transport\.ts$/,
    bites: 'await fetch(url)',
  },
  { name: 'eval', pattern: /\beval\(|\bnew Function\(/, bites: 'eval(text)' },
  {
    name: 'printing',
    pattern: /\bconsole\.\w+\(|process\.(stdout|stderr)\b/,
    except: /^cli\/bin\.ts$/,
    bites: 'console.log(x)',
  },
  {
    name: 'the environment',
    pattern: /\bprocess\.(env|argv)\b/,
    except: /^node\/|^cli\/bin\.ts$/,
    bites: 'process.env.HOME',
  },
  {
    name: 'TLS without verification',
    pattern: /rejectUnauthorized|NODE_TLS_REJECT/,
    except: /^node\/transport\/(tls|reader-link)\.ts$/,
    bites: '{ rejectUnauthorized: false }',
  },
  {
    name: 'a comparison of secrets',
    pattern: /\.reveal\(\)\s*[!=]==?(?![=\s]*'')|[!=]==?\s*[\w.]+\.reveal\(\)/,
    bites: 'a.reveal() === b.reveal()',
  },
  {
    name: 'a secret in a template',
    pattern: /\$\{[^}]*\.reveal\(\)/,
    except: /^(internal|distribution|docker-config|pull-secrets|testing)\//,
    bites: '`${secret.reveal()}`',
  },
  {
    name: 'a lint or type exemption',
    pattern: /@ts-(ignore|nocheck|expect-error)|(oxlint|eslint)-disable/,
    bites: '// @ts-ignore',
  },
  { name: 'an unfinished place', pattern: /\b(TODO|FIXME|XXX|HACK)\b/, bites: '// TODO later' },
];

const TESTS: readonly Rule[] = [
  {
    name: 'a test set apart',
    pattern: /\b(it|test|describe|suite|bench)\.(only|skip|todo|fails|skipIf|runIf)\b/,
    bites: "it.only('x')",
  },
  {
    name: 'a property with a count of its own, not one of property-runs.ts',
    pattern: /\{ numRuns\b/,
    except: /^support\/property-runs\.ts$/,
    bites: 'fc.assert(law, { numRuns: 5 })',
  },
  { name: 'a chapter of notes that are not here', pattern: /\b0\d §\d/, bites: "it('02 §5 pulls')" },
  {
    name: 'a name that begins with a number of a list',
    pattern: /\b(it|describe)\(['"`][A-Z]\d\d /,
    bites: "it('A07 asks')",
  },
  { name: 'a test set apart by its context', pattern: /\b(ctx|context|t)\.skip\(/, bites: 'ctx.skip()' },
];

const TEXT: readonly Rule[] = [
  { name: 'a path of one machine', pattern: /(?<![\w.:/])\/(work|home\/\w+|Users\/\w+)\//, bites: 'see /home/me/x' },
  { name: 'a conflict marker', pattern: /^(<{7}|>{7}) /, bites: '<<<<<<< ours' },
];

const sources = readSources();
const tests = [...readFiles('test', /\.(test|bench|test-d)\.ts$/), ...readFiles('bench', /\.(ts|mjs)$/)].filter(
  ({ path }) => !path.endsWith('no-traces.test.ts'),
);
const texts = ['src', 'docs', 'test', 'bench'].flatMap((folder) =>
  readFiles(folder, /\.(ts|mjs|md|yaml)$/).filter(({ path }) => !path.endsWith('no-traces.test.ts')),
);

function hits(files: readonly { readonly path: string; readonly text: string }[], rule: Rule): readonly string[] {
  return files
    .filter(({ path }) => rule.except?.test(path) !== true)
    .flatMap(({ path, text }) =>
      text
        .split('\n')
        .flatMap((line, at) =>
          rule.pattern.test(line) && !isComment(line, rule) ? [`${path}:${at + 1} ${line.trim()}`] : [],
        ),
    );
}

/** Comments may name what code must not do; those that are orders to a tool, and notes to oneself, count. */
function isComment(line: string, rule: Rule): boolean {
  return CODE.includes(rule) && /^\s*(\*|\/\/|\/\*\*)/.test(line) && !/exemption|unfinished/.test(rule.name);
}

describe.each([
  ['src', sources, CODE],
  ['tests', tests, TESTS],
  ['the project', texts, TEXT],
] as const)('%s', (_, files, rules) => {
  it.each(rules.map((rule) => [rule.name, rule] as const))('has no trace of %s', (_name, rule) => {
    expect(hits(files, rule)).toEqual([]);
  });

  it.each(rules.map((rule) => [rule.name, rule] as const))('would be caught with %s', (_name, rule) => {
    expect(hits([{ path: 'match/a.ts', text: rule.bites }], rule)).toHaveLength(1);
  });
});

describe('every module', () => {
  const faces = sources.filter(({ path }) => path === 'index.ts' || path.endsWith('/index.ts'));

  it('has a face that only re-exports, and says what it is', () => {
    const wrong = faces.filter(({ path, text }) => {
      const code = text.replaceAll(/\/\*\*[^]*?\*\//g, '').replaceAll(/export (type )?\{[^}]*\} from '[^']+';/g, '');
      return code.trim() !== '' || (!text.includes('@packageDocumentation') && !path.startsWith('internal/'));
    });
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('has files in kebab-case, of at most 350 lines unless they only re-export', () => {
    const wrong = sources.filter(
      ({ path, text }) =>
        !/^([a-z0-9-]+\/)*[a-z0-9-]+\.ts$/.test(path) || (path !== 'index.ts' && text.split('\n').length > 351),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });
});

describe('a doc comment', () => {
  /** Where one doc comment follows another, so that the first belongs to nothing. That of a whole module may. */
  const orphans = (text: string): readonly number[] =>
    [...text.matchAll(/\/\*\*(?:(?!\*\/)[^])*\*\/(?=\s*\/\*\*)/g)]
      .filter(([comment]) => !comment.includes('@packageDocumentation'))
      .map(({ index }) => text.slice(0, index).split('\n').length);

  it('is followed by what it describes, not by another one', () => {
    expect(sources.flatMap(({ path, text }) => orphans(text).map((line) => `${path}:${line}`))).toEqual([]);
  });

  it.each(['/** One. */\n/** Two. */\nconst a = 1;', '/**\n * One.\n */\n\n/** Two. */\nconst a = 1;'])(
    'would be caught: %j',
    (text) => {
      expect(orphans(`const b = 1;\n${text}`)).toEqual([2]);
      expect(orphans(text.replace(/\*\/\s*\/\*\*/, ''))).toEqual([]);
    },
  );
});
