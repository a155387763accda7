// What the documentation site adds to TypeDoc: a link by a name alone leads to the one public symbol of that name, in whatever
// module it is. Without it only names of the same module would be found.
import { Converter } from 'typedoc';

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
}
