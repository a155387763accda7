// What the documentation site adds to TypeDoc. docs/README.md decides which pages there are, their names, groups and order. A link
// by a name alone leads to the one public symbol of that name, in whatever module it is. Each page of a symbol says how it is
// imported. Diagrams are drawn, files that are no page are linked where the sources are, and llms.txt and llms-full.txt are
// written.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  Application,
  Comment,
  CommentTag,
  Converter,
  DefaultTheme,
  JSX,
  KindRouter,
  ReflectionKind,
  Renderer,
} from 'typedoc';
import { NODE_ENTRIES } from '../test/packaging/entries.mjs';
import { drawDiagram } from './diagram.mjs';
import { renderLlms } from './llms.mjs';
import { listSitePages } from './pages.mjs';
import { buildPlayground } from './playground/build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const REPOSITORY = 'https://github.com/kubepull/kubepull';
const PORTABLE = 'Modules';
const BOUND = 'Modules that need Node';

/** @typedef {import('typedoc').CommentDisplayPart[]} Parts */

/** The names that `kubepull` itself exports. */
function namesOfIndex() {
  const blocks = readFileSync(join(root, 'src/index.ts'), 'utf8').matchAll(/^export (?:type )?\{([^}]+)\}/gmu);
  return new Set(Array.from(blocks, ([, names = '']) => names.match(/\w+(?=,|\s*$)/gmu) ?? []).flat());
}

/**
 * How a page's symbol is imported, or a module named; `undefined` for a page of text.
 *
 * @param {import('typedoc').Reflection} model
 * @param {ReadonlySet<string>} inIndex
 */
export function importOf(model, inIndex) {
  const isModule = model.kind === ReflectionKind.Module;
  const module = isModule ? model : model.parent;
  if (module?.kind !== ReflectionKind.Module) return undefined;
  const from = `kubepull/${module.name}`;
  if (isModule) return `import { … } from '${from}';`;
  const isType = model.kindOf([ReflectionKind.Interface, ReflectionKind.TypeAlias]);
  const also = inIndex.has(model.name) ? " // or from 'kubepull'" : '';
  return `import ${isType ? 'type ' : ''}{ ${model.name} } from '${from}';${also}`;
}

/**
 * A link from a page to a file that is neither a page nor a picture leads to where the sources are.
 *
 * @param {import('typedoc').RelativeLinkDisplayPart} part
 * @param {string} path of the page, from the project's root
 * @param {ReadonlySet<string>} isPage
 * @returns {Parts[number]}
 */
function linkToSource(part, path, isPage) {
  const target = posix.join(posix.dirname(path), part.text);
  if (target === 'README.md' || isPage.has(target) || /\.(svg|png)$/u.test(target)) return part;
  const kind = target.endsWith('/') ? 'tree' : 'blob';
  const anchor = part.targetAnchor === undefined ? '' : `#${part.targetAnchor}`;
  return { kind: 'text', text: `${REPOSITORY}/${kind}/main/${target}${anchor}` };
}

/** The address of a page of text follows the path of its file, so that a new title changes no link. */
class SiteRouter extends KindRouter {
  /** @override @param {import('typedoc').Reflection} reflection */
  getIdealBaseName(reflection) {
    const path = reflection.isDocument() ? pathOf(reflection) : undefined;
    if (path === undefined) return super.getIdealBaseName(reflection);
    return `documents/${path.replace(/^docs\//u, '').replace(/\.md$/u, '')}`;
  }
}

/**
 * The file of a page of text, from the project's root.
 *
 * @param {import('typedoc').Reflection} reflection
 */
function pathOf(reflection) {
  const path = reflection.project.files.getReflectionPath(reflection);
  return path === undefined ? undefined : relative(root, path).split(sep).join('/');
}

/** @param {import('typedoc').Application} app */
export function load(app) {
  const pages = listSitePages();
  const byPath = new Map(pages.map((page) => [page.path, page]));
  const groups = [...new Set(pages.map(({ group }) => group))];
  const kinds = ['Functions', 'Variables', 'Classes', 'Interfaces', 'Type Aliases'];
  const inIndex = namesOfIndex();

  // Options are read anew after the plugins are loaded.
  app.on(Application.EVENT_BOOTSTRAP_END, () => {
    app.options.setValue(
      'projectDocuments',
      pages.map(({ path }) => path),
    );
    app.options.setValue('groupOrder', [
      groups[0] ?? '',
      ...kinds,
      ...groups.slice(1, 5),
      PORTABLE,
      BOUND,
      ...groups.slice(5),
    ]);
    app.options.setValue('markdownItLoader', (/** @type {any} */ parser) => {
      const { rules } = parser.renderer;
      const { fence } = rules;
      rules.table_open = () => '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>';
      rules.table_close = () => '</table></div>';
      rules.fence = (/** @type {any[]} */ tokens, /** @type {number} */ at, /** @type {unknown[]} */ ...rest) => {
        const { info, content } = tokens[at];
        if (info.trim() !== 'mermaid') return fence(tokens, at, ...rest);
        return drawDiagram(content, (name) =>
          existsSync(join(root, 'src', name, 'index.ts')) ? `../modules/${name}.html` : undefined,
        );
      };
    });
    app.options.setValue('router', 'site');
    app.options.setValue('theme', 'site');
  });

  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    const page = byPath.get(pathOf(document) ?? '');
    if (page === undefined) return;
    document.name = page.title;
    document.frontmatter['group'] = page.group;
  });

  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    const isPage = new Set(pages.map(({ path }) => path));
    project.comment ??= new Comment();
    project.comment.modifierTags.add('@showGroups');
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      module.comment ??= new Comment();
      const text = NODE_ENTRIES.includes(module.name) ? BOUND : PORTABLE;
      module.comment.blockTags.push(new CommentTag('@group', [{ kind: 'text', text }]));
    }
    const all = Object.values(project.reflections);
    const symbols = all.filter(({ parent }) => parent?.parent === project).toReversed();
    const byName = new Map(symbols.map((symbol) => [symbol.name, symbol]));
    const link = (/** @type {Parts} */ parts, /** @type {string} */ path) => {
      for (const [at, part] of parts.entries()) {
        const target = part.kind === 'inline-tag' && part.tag === '@link' ? byName.get(part.text.trim()) : undefined;
        if (target !== undefined && part.kind === 'inline-tag') part.target = target;
        else if (part.kind === 'relative-link') parts[at] = linkToSource(part, path, isPage);
      }
    };
    link(project.readme ?? [], 'README.md');
    for (const reflection of all) {
      if (reflection.isDocument()) link(reflection.content, pathOf(reflection) ?? '');
      const { summary = [], blockTags = [] } = reflection.comment ?? {};
      for (const parts of [summary, ...blockTags.map(({ content }) => content)]) link(parts, '');
    }
  });

  app.renderer.defineRouter('site', SiteRouter);
  app.renderer.defineTheme(
    'site',
    class extends DefaultTheme {
      /** @override @param {import('typedoc').PageEvent<import('typedoc').Reflection>} page */
      getRenderContext(page) {
        const context = super.getRenderContext(page);
        const { header } = context;
        context.header = (props) => {
          const text = importOf(props.model, inIndex);
          if (text === undefined) return header(props);
          return JSX.createElement(
            JSX.Fragment,
            null,
            header(props),
            JSX.createElement('pre', { class: 'import', tabindex: 0 }, JSX.createElement('code', null, text)),
          );
        };
        return context;
      }
    },
  );
  app.renderer.hooks.on('sidebar.begin', (context) => {
    const link = { href: context.relativeURL('playground/index.html') };
    const text = JSX.createElement('a', link, 'Playground: why does my pull fail?');
    return JSX.createElement('nav', { class: 'tsd-navigation site-links', 'aria-label': 'Site' }, text);
  });

  app.renderer.postRenderAsyncJobs.push(({ outputDirectory }) => buildPlayground(join(outputDirectory, 'playground')));

  app.renderer.on(Renderer.EVENT_END, ({ outputDirectory, pages }) => {
    const urls = new Map();
    const modules = [];
    for (const { model, url } of pages) {
      if (!('isDocument' in model)) continue;
      if (model.isDocument()) urls.set(pathOf(model), url);
      else if (model.kind === ReflectionKind.Module) {
        const [about = ''] = (model.comment?.summary ?? [])
          .map(({ text }) => text)
          .join('')
          .split('\n\n');
        modules.push({ name: model.name, url, about: about.replaceAll('\n', ' ') });
      }
    }
    for (const [name, text] of Object.entries(renderLlms(root, urls, modules)))
      writeFileSync(join(outputDirectory, name), text);
  });
}
