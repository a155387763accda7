// What the documentation site adds to TypeDoc: a link by a name alone leads to the one public symbol of that name, in whatever
// module it is (without it only names of the same module would be found), and llms.txt with llms-full.txt are written.
import { writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Converter, ReflectionKind, Renderer } from 'typedoc';
import { renderLlms } from './llms.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    const all = Object.values(project.reflections);
    const symbols = all.filter(({ parent }) => parent?.parent === project).toReversed();
    const byName = new Map(symbols.map((symbol) => [symbol.name, symbol]));
    const link = (/** @type {readonly import('typedoc').CommentDisplayPart[]} */ parts) => {
      for (const part of parts) {
        if (part.kind !== 'inline-tag' || part.tag !== '@link') continue;
        const target = byName.get(part.text.trim());
        if (target !== undefined) part.target = target;
      }
    };
    for (const { comment } of all) {
      if (comment === undefined) continue;
      link(comment.summary);
      for (const { content } of comment.blockTags) link(content);
    }
  });

  app.renderer.on(Renderer.EVENT_END, ({ outputDirectory, pages, project }) => {
    const urls = new Map();
    const modules = [];
    for (const { model, url } of pages) {
      if (!('isDocument' in model)) continue;
      if (model.isDocument()) {
        const path = project.files.getReflectionPath(model);
        if (path !== undefined) urls.set(relative(root, path).split(sep).join('/'), url);
      } else if (model.kind === ReflectionKind.Module) {
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
