import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from './entries.mjs';
import { readFiles } from './sources.ts';

export interface Snippet {
  /** Where it stands: `README.md:31`. */
  readonly place: string;
  readonly code: string;
}

/** Every fenced block of TypeScript in a text, from doc comments (without their stars) or Markdown. */
export function snippetsOf(path: string, text: string): readonly Snippet[] {
  const lines = text.split('\n').map((line) => (path.endsWith('.ts') ? line.replace(/^\s*\*(?: |$)/, '') : line));
  const found: Snippet[] = [];
  let start: number | undefined;
  for (const [at, line] of lines.entries()) {
    if (start === undefined && /^\s*```(ts|typescript)\s*$/.test(line)) start = at + 1;
    else if (start !== undefined && /^\s*```\s*$/.test(line)) {
      found.push({ place: `${path}:${start + 1}`, code: lines.slice(start, at).join('\n') });
      start = undefined;
    }
  }
  return found;
}

/** The one example of a guide, or of another page, that has a text in it. */
export function exampleWith(guide: string, text: string): string {
  const page = guide.endsWith('.md') ? guide : `docs/guides/${guide}.md`;
  const found = readSnippets().filter(({ place, code }) => place.startsWith(page) && code.includes(text));
  if (found.length !== 1) throw new Error(`${page} has ${found.length} examples with ${text}`);
  return found[0]!.code;
}

/** The examples of the doc comments, the README and the guide. API reports are left out: those are generated. */
export function readSnippets(): readonly Snippet[] {
  const inFolder = (folder: string, ending: RegExp): readonly Snippet[] =>
    readFiles(folder, ending).flatMap(({ path, text }) => snippetsOf(`${folder}/${path}`, text));
  const pages = readdirSync(root).filter((name) => name.endsWith('.md'));
  return [
    ...pages.flatMap((name) => snippetsOf(name, readFileSync(join(root, name), 'utf8'))),
    ...inFolder('docs', /^(?!api\/).*\.md$/),
    ...inFolder('bench', /\.md$/),
    ...inFolder('src', /\.ts$/),
  ];
}

const FOLDER = join(root, 'test/packaging');
const AMBIENT = join(FOLDER, 'snippets-ambient.d.ts');

/** What the compiler says of a snippet. */
export interface CheckedSnippet {
  readonly faults: readonly string[];
  /** The names of snippets-ambient.d.ts that it uses. */
  readonly given: readonly string[];
}

/** Compiles snippets together, each as a module of its own. */
export function typeCheckSnippets(snippets: readonly Snippet[]): ReadonlyMap<string, CheckedSnippet> {
  const options = compilerOptions();
  const texts = new Map(snippets.map(({ code }, at) => [join(FOLDER, `snippet-${at}.ts`), `${code}\nexport {};\n`]));
  const host = ts.createCompilerHost(options);
  const program = ts.createProgram([...texts.keys(), AMBIENT], options, {
    ...host,
    fileExists: (path) => texts.has(path) || host.fileExists(path),
    readFile: (path) => texts.get(path) ?? host.readFile(path),
    getSourceFile: (path, version) => {
      const text = texts.get(path) ?? host.readFile(path);
      return text === undefined ? undefined : ts.createSourceFile(path, text, version);
    },
  });
  const checker = program.getTypeChecker();
  const checked = [...texts.keys()].map((path, at) => {
    const source = program.getSourceFile(path);
    const diagnostics = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    const given = source === undefined ? [] : listGiven(source, checker);
    return [snippets[at]?.place ?? path, { faults: diagnostics.map(wordsOf), given }] as const;
  });
  return new Map(checked);
}

function listGiven(source: ts.SourceFile, checker: ts.TypeChecker): readonly string[] {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    const declared = ts.isIdentifier(node) ? checker.getSymbolAtLocation(node)?.declarations : undefined;
    if (declared?.some((one) => ts.isVariableDeclaration(one) && one.getSourceFile().fileName === AMBIENT) === true)
      names.add(node.getText(source));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return [...names];
}

function wordsOf({ file, start, messageText }: ts.Diagnostic): string {
  const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start ?? 0).line + 1;
  return `line ${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
}

/** The tests' own, but for what an example may well leave unused. */
function compilerOptions(): ts.CompilerOptions {
  const path = join(root, 'test/tsconfig.json');
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(path, (file) => ts.sys.readFile(file)).config,
    ts.sys,
    join(root, 'test'),
  );
  return { ...options, noUnusedLocals: false, noUnusedParameters: false, skipLibCheck: true };
}
