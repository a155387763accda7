// New input from old: characters, words of a language, parts of other inputs, and the values and members of a document.

export type Random = () => number;

const MOST = 2048;
const CHARACTERS = [
  '\0',
  '\n',
  ' ',
  '"',
  '\\',
  '/',
  ':',
  '@',
  '.',
  '-',
  '_',
  'A',
  'a',
  '0',
  '9',
  '=',
  '%',
  '\u00e9',
  '\udcff',
  '\ud800',
  '\u2028',
  '😀',
];
const VALUES: readonly unknown[] = [null, true, 0, -1, 1.5, 2 ** 53, '', 'a', '\0', [], {}, [null], { a: 1 }];

/** @param others - inputs that went where no input went before, of which parts are taken */
export function mutate(input: string, words: readonly string[], others: readonly string[], random: Random): string {
  let text = input;
  const times = 1 + Math.floor(random() * random() * 6);
  for (let at = 0; at < times; at += 1) text = once(text, words, others, random);
  return text.length > MOST ? text.slice(0, MOST) : text;
}

function once(text: string, words: readonly string[], others: readonly string[], random: Random): string {
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];
  const at = Math.floor(random() * (text.length + 1));
  const end = Math.min(text.length, at + 1 + Math.floor(random() * random() * 40));
  const put = (piece: string, until = at): string => text.slice(0, at) + piece + text.slice(until);
  switch (Math.floor(random() * 10)) {
    case 0: {
      const code = text.charCodeAt(at) || 0x20;
      return put(
        String.fromCharCode(random() < 0.5 ? code ^ (1 << Math.floor(random() * 7)) : code + (random() < 0.5 ? 1 : -1)),
        at + 1,
      );
    }
    case 1:
      return put('', end);
    case 2:
      return put(text.slice(at, end).repeat(1 + Math.floor(random() * 4)));
    case 3:
      return put(pick(CHARACTERS) ?? '');
    case 4:
      return put(String.fromCharCode(0x20 + Math.floor(random() * 0x5f)), at + Math.floor(random() * 2));
    case 5:
      return put(pick(words) ?? '');
    case 6:
      return put(pick(words) ?? '', end);
    case 7: {
      const other = pick(others) ?? '';
      const from = Math.floor(random() * other.length);
      return random() < 0.5
        ? text.slice(0, at) + other.slice(from)
        : put(other.slice(from, from + 1 + Math.floor(random() * 60)), end);
    }
    default:
      return mutateJson(text, words, random) ?? put(pick(words) ?? '', end);
  }
}

/** A document with one value or member in it changed; `undefined` for what is none. */
function mutateJson(text: string, words: readonly string[], random: Random): string | undefined {
  if (!/^\s*[[{"]/.test(text)) return undefined;
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undefined;
  }
  const places: { readonly holder: Record<string, unknown> | unknown[]; readonly key: string }[] = [];
  const walk = (holder: unknown): void => {
    if (typeof holder !== 'object' || holder === null || places.length > 500) return;
    for (const key of Object.keys(holder)) {
      places.push({ holder: holder as Record<string, unknown>, key });
      walk((holder as Record<string, unknown>)[key]);
    }
  };
  walk(document);
  const place = places[Math.floor(random() * places.length)];
  if (place === undefined) return undefined;
  const holder = place.holder as Record<string, unknown>;
  const { key } = place;
  const value = holder[key];
  const word = words[Math.floor(random() * words.length)] ?? '';
  const other = places[Math.floor(random() * places.length)];
  switch (Math.floor(random() * 7)) {
    case 0:
      holder[key] = VALUES[Math.floor(random() * VALUES.length)];
      break;
    case 1:
      if (Array.isArray(place.holder)) place.holder.splice(Number(key), 1);
      else delete holder[key];
      break;
    case 2:
      if (Array.isArray(place.holder)) place.holder.push(value);
      else holder[word] = value;
      break;
    case 3:
      if (other !== undefined) holder[key] = structuredClone((other.holder as Record<string, unknown>)[other.key]);
      break;
    case 4:
      holder[key] = typeof value === 'string' ? once(value, words, [], random) : [value];
      break;
    case 5:
      holder[key] = word;
      break;
    default:
      // A key that stands twice, which no value in memory has.
      return JSON.stringify(document)?.replace(
        `"${key}":`,
        (found) => `${found}${JSON.stringify(value) ?? 'null'},${found}`,
      );
  }
  return JSON.stringify(document);
}
