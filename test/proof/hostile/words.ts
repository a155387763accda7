// Readers of words: names of images, keys, globs, digests, platforms, durations, messages.
import { getDigestHex, isDigest, parseDigest } from 'kubepull/digest';
import { decodeAuth, encodeAuth, parseDockerConfig } from 'kubepull/docker-config';
import { explainFailure, formatFailure } from 'kubepull/failures';
import { createKeyring } from 'kubepull/keyring';
import { matchGlob, matchImage, normalizeKey, parsePattern } from 'kubepull/match';
import { formatPlatform, normalizePlatform, parsePlatform } from 'kubepull/platform';
import {
  type ImageName,
  applyDefaultTag,
  formatReference,
  parseAnyReference,
  parseDockerReference,
  parseImageName,
  parseRawReference,
  parseReference,
  safeParseReference,
} from 'kubepull/reference';
import { createImageRules } from 'kubepull/rules';
import { durationMs, parseGoDuration, printGoDuration } from '../../../src/internal/index.ts';
import { matchText } from '../../../src/match/glob.ts';
import { parseLocation, parseUrl } from '../../../src/match/parse.ts';
import { attempt, law, pairOf, sameLaw, type Target } from './target.ts';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const IMAGE = 'registry.example.com:5000/team/app';

const reference: Target = {
  name: 'reference',
  words: ['docker.io/', 'library/', 'localhost', ':5000', '[::1]', ':latest', '@', DIGEST, 'sha512:', '__', '-', '://'],
  run(input, hear) {
    const parsed = attempt(hear, () => parseReference(input));
    const safe = safeParseReference(input);
    law(safe.ok === parsed.ok, 'the safe parser agrees with the one that throws');
    if (parsed.ok) {
      const text = formatReference(parsed.value);
      const again = parseReference(text);
      sameLaw(formatReference(again), text, 'a reference that is written reads as itself');
      sameLaw([again.domain, again.path], [parsed.value.domain, parsed.value.path], 'its name stays');
    }
    const named = attempt(hear, () => parseImageName(input));
    if (named.ok) law(named.value.tag !== undefined || named.value.digest !== undefined, 'kubelet has a tag or digest');
    const tagged = attempt(hear, () => applyDefaultTag(input));
    if (tagged.ok) sameLaw(applyDefaultTag(tagged.value), tagged.value, 'a second default tag changes nothing');
    attempt(hear, () => parseAnyReference(input));
    attempt(hear, () => parseRawReference(input));
    return attempt(hear, () => parseDockerReference(input)).ok || parsed.ok;
  },
};

const glob: Target = {
  name: 'glob',
  words: ['*', '?', '[', ']', '[^', '-', '\\', '/', '**', '[a-z]', '\t', '\udcff', 'é', '😀'],
  degree: 2,
  run(input) {
    const [pattern, name] = pairOf(input);
    const result = matchGlob(pattern, name);
    sameLaw(matchText(pattern, name), result, 'the short way gives what the long one gives');
    if (!/[*?[\\]/.test(pattern)) sameLaw(result, pattern === name ? 'match' : 'no-match', 'plain text matches itself');
    const steps = stepsOf(pattern);
    if (steps === undefined) law(result !== 'match', 'a pattern that is malformed matches nothing');
    // In a name with slashes the first place counts where a part fits, and no other is tried. A star of Go takes bytes, so that
    // what follows it may fit a part of a character; the naive matcher goes by characters.
    else if (input.length < 24 && !name.includes('/') && !(pattern.includes('*') && /[^\0-\x7f]/.test(name)))
      sameLaw(result, naiveMatch(steps, Array.from(name)) ? 'match' : 'no-match', 'the naive matcher agrees');
    return result;
  },
};

type Fits = (character: string) => boolean;

/** The steps of a pattern, `*` for a star; `undefined` for one that is malformed somewhere. */
function stepsOf(pattern: string): readonly (Fits | '*')[] | undefined {
  const runes = Array.from(pattern);
  const steps: (Fits | '*')[] = [];
  let at = 0;
  const member = (): string | undefined => {
    if (runes[at] === '-' || runes[at] === ']') return undefined;
    if (runes[at] === '\\') at += 1;
    at += 1;
    const found = runes[at - 1] ?? '';
    // In a class, unlike elsewhere, Go takes no byte that is not UTF-8.
    return runes[at] === undefined || /[\udc80-\udcff]/u.test(found) ? undefined : found;
  };
  while (at < runes.length) {
    const rune = runes[at] ?? '';
    at += 1;
    if (rune === '*') steps.push('*');
    else if (rune === '?') steps.push((character) => character !== '/');
    else if (rune === '\\') {
      const escaped = runes[at];
      at += 1;
      if (escaped === undefined) return undefined;
      steps.push((character) => character === escaped);
    } else if (rune === '[') {
      const isNegated = runes[at] === '^';
      if (isNegated) at += 1;
      const ranges: (readonly [number, number])[] = [];
      do {
        const low = member();
        let high = low;
        if (low !== undefined && runes[at] === '-') {
          at += 1;
          high = member();
        }
        if (low === undefined || high === undefined) return undefined;
        ranges.push([low.codePointAt(0) ?? 0, high.codePointAt(0) ?? 0]);
      } while (runes[at] !== ']');
      at += 1;
      const has = (code: number): boolean => ranges.some(([low, high]) => low <= code && code <= high);
      steps.push((character) => has(character.codePointAt(0) ?? 0) !== isNegated);
    } else steps.push((character) => character === rune);
  }
  return steps;
}

/** The definition of the language, by trying everything. */
function naiveMatch(steps: readonly (Fits | '*')[], name: readonly string[]): boolean {
  const [first, ...rest] = steps;
  const [head, ...tail] = name;
  if (first === undefined) return head === undefined;
  if (first === '*') return naiveMatch(rest, name) || (head !== undefined && head !== '/' && naiveMatch(steps, tail));
  return head !== undefined && first(head) && naiveMatch(rest, tail);
}

const DIALECTS = ['kubelet', 'documented', 'docker'] as const;

const key: Target = {
  name: 'key',
  words: ['https://', '*.', '*', '.example.com', ':5000', '/v1/', '/v2/', '/team', '%2e', '[::1]', '?', '#', '@', '\t'],
  degree: 2,
  run(input, hear) {
    const [text, image] = pairOf(input);
    const location = parseLocation(text);
    sameLaw(strip(location), strip(parseUrl(text)), 'the reader for plain keys gives what the one for all gives');
    const named = attempt(hear, () => parseImageName(image));
    const plain: ImageName = named.ok ? named.value : parseImageName(IMAGE);
    return DIALECTS.map((dialect) => {
      const normal = normalizeKey(text, { dialect });
      const pattern = parsePattern(text, { dialect });
      if (normal === undefined) law(pattern === undefined, 'a key without a normal form matches nothing');
      const result = matchImage(text, plain, { dialect });
      if (pattern === undefined) law(!result.matched, 'what is no pattern matches nothing');
      return result.matched;
    });
  },
};

function strip(location: object | undefined): object | undefined {
  return location === undefined ? undefined : { ...location, isPlain: undefined };
}

const authsKey: Target = {
  name: 'auths-key',
  words: key.words.filter((word) => word !== '\t'),
  degree: 2,
  run(input, hear) {
    const document = JSON.stringify({ auths: { [input]: { username: 'u', password: 'p' } } });
    const read = attempt(hear, () => parseDockerConfig(document));
    if (!read.ok) return false;
    const keyring = createKeyring(read.value.entries);
    const { candidates, rejected } = keyring.lookup(parseImageName(IMAGE));
    const [match] = [matchImage(read.value.entries[0]?.pattern ?? '', parseImageName(IMAGE))];
    if (read.value.entries.length === 1) {
      sameLaw(candidates.length, match.matched ? 1 : 0, 'a key ring finds what the key matches');
      law(candidates.length + rejected.length <= 1, 'an entry counts once');
    }
    return candidates.length;
  },
};

const base64: Target = {
  name: 'base64',
  words: ['=', '==', '\n', '\r\n', '+', '/', '-', '_', 'dTpw', 'dXNlcjpw', ' ', '\u00a0', 'AAAA', '////'],
  silent: true,
  run(input, hear) {
    const decoded = attempt(hear, () => decodeAuth(input));
    const document = JSON.stringify({ auths: { 'r.example': { auth: input } } });
    const entry = attempt(hear, () => parseDockerConfig(document, { mode: 'kubelet' }));
    if (input !== '') law(entry.ok === decoded.ok, 'a config takes the field that is decoded');
    attempt(hear, () => parseDockerConfig(document, { mode: 'lenient' }));
    if (!decoded.ok) return false;
    const { username, password } = decoded.value;
    const again = decodeAuth(encodeAuth(username, password));
    sameLaw(
      [again.username, again.password.reveal()],
      [username, password.reveal()],
      'what is encoded reads as itself',
    );
    return true;
  },
};

const digest: Target = {
  name: 'digest',
  words: ['sha256:', 'sha384:', 'sha512:', DIGEST, 'ABCDEF', '../', ':', '0'.repeat(64), '\n'],
  run(input, hear) {
    const parsed = attempt(hear, () => parseDigest(input));
    law(parsed.ok === isDigest(input), 'both ways to ask agree');
    const [algorithm = '', hex = ''] = input.split(':', 2);
    const length = { sha256: 64, sha384: 96, sha512: 128 }[algorithm];
    const isOne =
      input === `${algorithm}:${hex}` && hex.length === length && /^[0-9a-f]*$/.test(hex) && !hex.includes('\n');
    sameLaw(parsed.ok, isOne, 'the definition agrees');
    if (parsed.ok) sameLaw(getDigestHex(parsed.value), hex, 'its hex is its hex');
    return parsed.ok;
  },
};

const platform: Target = {
  name: 'platform',
  words: [
    'linux',
    'windows',
    '/',
    'amd64',
    'arm64',
    'arm',
    'v7',
    'v8',
    '(10.0.17763)',
    '(',
    ')',
    '+',
    '%2B',
    'aarch64',
  ],
  run(input, hear) {
    const parsed = attempt(hear, () => parsePlatform(input));
    if (!parsed.ok) return false;
    const text = formatPlatform(parsed.value);
    // What an escape may stand for and no letter is written as containerd writes it, which does not read it again; so is a part
    // that is one dot or two, because containerd joins the parts as those of a path.
    const { architecture, variant = '' } = parsed.value;
    const hasDots = [architecture, variant].some((part) => part === '.' || part === '..');
    if (/^[\w().%+/-]*$/.test(text) && !hasDots) {
      const again = parsePlatform(text);
      sameLaw(formatPlatform(again), text, 'a platform that is written reads as itself');
    }
    const normal = normalizePlatform(parsed.value);
    sameLaw(normalizePlatform(normal), normal, 'the normal form is one');
    return text;
  },
};

const duration: Target = {
  name: 'duration',
  words: ['1h', '30m', '5s', 'ms', 'us', 'µs', 'ns', '.', '-', '+', '0', '9223372036854775807', '1.5'],
  run(input) {
    const parsed = parseGoDuration(input);
    if (typeof parsed === 'string') return undefined;
    const text = printGoDuration(parsed);
    sameLaw(parseGoDuration(text), parsed, 'a duration that is written reads as itself');
    law(Number.isFinite(durationMs(parsed)), 'it has a number of milliseconds');
    return text;
  },
};

const failure: Target = {
  name: 'failure',
  words: [
    'Failed to pull image "',
    '": rpc error: code = Unknown desc = ',
    'https://u:p@r.example/',
    'unauthorized',
    '?token=',
    '\\"',
    '429',
  ],
  run(input, hear) {
    const explained = explainFailure(input);
    hear(explained);
    const text = formatFailure(explained);
    hear(text);
    law(!/[\p{Cs}]/u.test(text), 'an explanation has no half of a character');
    return explained.cause;
  },
};

const rules: Target = {
  name: 'rules',
  words: [
    '*',
    '**',
    '?',
    '{',
    '}',
    ',',
    '[a-z]',
    '[!a]',
    '[[:digit:]]',
    '/',
    ':',
    '@',
    '!',
    '\\[',
    '.',
    'docker.io/**',
    '\t',
  ],
  degree: 2,
  run(input, hear) {
    const [pattern, image] = pairOf(input);
    const allowing = attempt(hear, () => createImageRules({ allow: [pattern] }));
    const denying = attempt(hear, () => createImageRules({ deny: [pattern] }));
    law(allowing.ok === denying.ok, 'a pattern is one in both lists');
    const named = safeParseReference(image);
    const ref = named.ok ? named.value : parseReference(IMAGE);
    if (allowing.ok && denying.ok) {
      const [allowed, denied] = [allowing.value.decide(ref), denying.value.decide(ref)];
      // A name that is too long to be matched is stopped by any list.
      const isStopped = allowed.reason === 'too-long' && denied.reason === 'too-long';
      law(isStopped || allowed.allowed !== denied.allowed, 'a list lets through what the other stops');
    }
    return allowing.ok;
  },
};

export const WORD_TARGETS: readonly Target[] = [
  rules,
  reference,
  glob,
  key,
  authsKey,
  base64,
  digest,
  platform,
  duration,
  failure,
];
