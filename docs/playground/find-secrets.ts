// Where the secrets stand in a text that may be JSON, YAML, a message, or any of them half typed.

/** What a secret is: it decides what stands in for it in a link. */
export type SecretKind = 'auth' | 'data' | 'text';

/** The place of a secret in a text. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly kind: SecretKind;
}

const NAMES =
  'auth|password|passwd|identity_?token|registry_?token|token|access_?token|refresh_?token|secret|client_?secret|api_?key|private_?key|authorization|value|\\.dockerconfigjson|\\.dockercfg';
/** A member with such a name: in quotes anywhere, or plain at the start of a line or of a member. */
const MEMBER = new RegExp(
  `(?:(\\\\{0,8}["'])(${NAMES})\\1|(^[ \\t]*(?:-[ \\t]+)*|[{,][ \\t]*)(${NAMES}))[ \\t]*:[ \\t]*`,
  'gimu',
);
/** A member whose own members are all secret. */
const SECRETS = /(?:(\\{0,8}["'])(?:data|stringData)\1|^[ \t]*(?:data|stringData))[ \t]*:[ \t]*/gmu;
const ANY_NAME = /(?:(\\{0,8}["'])([^"'\\\n]*)\1|([\w.-]+))[ \t]*:[ \t]*/uy;
const OPENER = /\\{0,8}["']/uy;
/** What is a secret wherever it stands; the group is the secret. */
const ANYWHERE = [
  /\/\/([^\s/@"'\\]+)@/gu,
  /\b(?:Bearer|Basic)\s+([\w+/=.~-]{8,})/gu,
  /\b(gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{10,}|dckr_pat_[\w-]{10,}|eyJ[\w+/=.-]{16,})/gu,
  /[?&](?:X-Amz-(?:Signature|Security-Token|Credential)|sig|signature|access_token|token|verify)=([^&\s"'\\]+)/giu,
];

/** The places of all secrets, in their order and apart from each other. */
export function findSecrets(text: string): readonly Span[] {
  const spans = [...membersOf(text), ...valuesOf(text)];
  for (const pattern of ANYWHERE) {
    for (const found of text.matchAll(pattern)) {
      const from = found.index + found[0].indexOf(found[1] ?? '');
      spans.push({ from, to: from + (found[1] ?? '').length, kind: 'text' });
    }
  }
  const sorted = spans.filter(({ from, to }) => to > from).toSorted((a, b) => a.from - b.from || b.to - a.to);
  const apart: Span[] = [];
  for (const span of sorted) if (span.from >= (apart.at(-1)?.to ?? 0)) apart.push(span);
  return apart;
}

/** The values of members whose names say that they are secret. Each is looked at once, so the time is linear. */
function valuesOf(text: string): readonly Span[] {
  const spans: Span[] = [];
  MEMBER.lastIndex = 0;
  for (let found = MEMBER.exec(text); found !== null; found = MEMBER.exec(text)) {
    const { index, 0: whole, 2: quoted, 3: front, 4: plain } = found;
    const isInBraces = quoted !== undefined || /[{,]/u.test(front ?? '');
    const own = valueSpans(text, {
      at: index + whole.length,
      indent: indentAt(text, index),
      name: quoted ?? plain ?? '',
      isInBraces,
      kind: kindOf(quoted ?? plain ?? ''),
    });
    spans.push(...own);
    MEMBER.lastIndex = Math.max(MEMBER.lastIndex, own.at(-1)?.to ?? 0);
  }
  return spans;
}

function indentAt(text: string, index: number): number {
  const start = text.lastIndexOf('\n', index - 1) + 1;
  let at = text[index] === '\n' ? index + 1 : start;
  const from = at;
  while (at < text.length && ' \t-'.includes(text[at] ?? '')) at += 1;
  return at - from;
}

function kindOf(name: string): SecretKind {
  if (/^auth$/iu.test(name)) return 'auth';
  return name.startsWith('.docker') ? 'data' : 'text';
}

/** Where a value begins, and whose it is. */
interface Place {
  readonly at: number;
  /** Of the line of its name. */
  readonly indent: number;
  readonly name: string;
  readonly isInBraces: boolean;
  readonly kind: SecretKind;
}

/** The secret that begins at a place: in quotes, plain, or the lines of a block. A document in braces has its own members. */
function valueSpans(text: string, place: Place): readonly Span[] {
  const { at, name, isInBraces, kind } = place;
  const hasMembers = /^(?:\.docker(?:configjson|cfg)|.*\.json)$/u.test(name);
  const opener = openerAt(text, at);
  if (opener !== undefined) {
    const from = at + opener.length;
    const to = endOfQuoted(text, from, opener);
    return hasMembers && /^\s*\{/u.test(text.slice(from, Math.min(to, from + 64))) ? [] : [{ from, to, kind }];
  }
  if (text[at] === '{' || text[at] === '[') return [];
  const end = endOfLine(text, at);
  if (isInBraces) {
    let to = at;
    while (to < end && text[to] !== ',' && text[to] !== '}') to += 1;
    return plainSpan(text, at, to, kind);
  }
  const line = text.slice(at, end);
  if (line.trim() === '' || /^[|>][\d+-]*[ \t\r]*$/u.test(line)) return blockSpans(text, end + 1, hasMembers, place);
  const comment = /[ \t]#/u.exec(line)?.index ?? line.length;
  return plainSpan(text, at, at + comment, kind);
}

function openerAt(text: string, at: number): string | undefined {
  OPENER.lastIndex = at;
  return OPENER.exec(text)?.[0];
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

function plainSpan(text: string, from: number, to: number, kind: SecretKind): readonly Span[] {
  const value = text.slice(from, to).trimEnd();
  return /^(?:|~|null)$/u.test(value) ? [] : [{ from, to: from + value.length, kind }];
}

function endOfQuoted(text: string, from: number, opener: string): number {
  const [slashes, mark] = [opener.length - 1, opener.at(-1)];
  const isSingle = mark === "'" && slashes === 0;
  let escapes = 0;
  const end = endOfLine(text, from);
  for (let at = from; at < end; at += 1) {
    if (text[at] === '\\') {
      escapes += 1;
      continue;
    }
    if (text[at] === mark) {
      if (isSingle && text[at + 1] === mark) at += 1;
      else if (isSingle || escapes <= slashes) return at - (isSingle ? 0 : escapes);
    }
    escapes = 0;
  }
  // Not closed yet: what may belong to the structure behind it stays.
  let last = end;
  while (last > from && ' \t\r,}]'.includes(text[last - 1] ?? '')) last -= 1;
  return last;
}

function blockSpans(text: string, start: number, hasMembers: boolean, { indent, kind }: Place): readonly Span[] {
  const spans: Span[] = [];
  for (let at = start; at < text.length; at = endOfLine(text, at) + 1) {
    const line = text.slice(at, endOfLine(text, at));
    const content = line.trimStart();
    if (content === '') continue;
    const depth = line.length - content.length;
    if (depth <= indent) break;
    const isStructure = (hasMembers && content.startsWith('{')) || /^(?:- |[\w.-]+:(?: |$)|#)/u.test(content);
    if (spans.length === 0 && isStructure) break;
    spans.push({ from: at + depth, to: at + line.trimEnd().length, kind });
  }
  return spans;
}

/** The values of all members of `data` and `stringData`, in lines or in braces. */
function membersOf(text: string): readonly Span[] {
  const spans: Span[] = [];
  SECRETS.lastIndex = 0;
  for (let found = SECRETS.exec(text); found !== null; found = SECRETS.exec(text)) {
    const at = found.index + found[0].length;
    const isData = /^[\s\\"']*data/u.test(found[0]);
    const add = (from: number, indent: number, name: string, isInBraces: boolean): void => {
      const kind = isData ? 'data' : kindOf(name);
      spans.push(...valueSpans(text, { at: from, indent, name, isInBraces, kind }));
    };
    SECRETS.lastIndex =
      text[at] === '{' ? inBraces(text, at + 1, add) : inLines(text, at, indentAt(text, found.index), add);
  }
  return spans;
}

type AddValue = (from: number, indent: number, name: string, isInBraces: boolean) => void;

/** Each member up to the brace that closes; tells where it ended. */
function inBraces(text: string, start: number, add: AddValue): number {
  let at = start;
  while (at < text.length && text[at] !== '}' && text[at] !== '{') {
    ANY_NAME.lastIndex = at;
    const member = ANY_NAME.exec(text);
    if (member === null) {
      at += 1;
      continue;
    }
    at += member[0].length;
    add(at, 0, member[2] ?? member[3] ?? '', true);
    const opener = openerAt(text, at);
    if (opener !== undefined) at = endOfQuoted(text, at + opener.length, opener) + opener.length;
  }
  return at;
}

/** Each member of the lines that stand deeper; tells where they ended. */
function inLines(text: string, start: number, indent: number, add: AddValue): number {
  let depth: number | undefined;
  let at = endOfLine(text, start) + 1;
  if (text.slice(start, at).trim() !== '') return start;
  for (; at < text.length; at = endOfLine(text, at) + 1) {
    const line = text.slice(at, endOfLine(text, at));
    const own = line.length - line.trimStart().length;
    if (line.trim() === '') continue;
    if (own <= indent) break;
    depth ??= own;
    ANY_NAME.lastIndex = at + own;
    const member = own === depth ? ANY_NAME.exec(text) : null;
    if (member !== null) add(at + own + member[0].length, own, member[2] ?? member[3] ?? '', false);
  }
  return Math.min(at, text.length);
}
