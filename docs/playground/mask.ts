// Takes secrets out of what is typed: the text on the page has dots in their place, and the values stay in memory. A text
// that goes into a link gets stand-ins, which have the form of the values and nothing of them.
import { decodeAuth } from 'kubepull/docker-config';
import { createMask, decodeBase64, decodeUtf8, encodeBase64, encodeUtf8 } from '../../src/internal/index.ts';
import { findSecrets, type SecretKind } from './find-secrets.ts';

/** Secrets by their marks. One masker serves one text field. */
export interface Masker {
  /** The text with a mark in the place of each secret, and where the caret is then. */
  mask(text: string, caret?: number): MaskedText;
  /** The text with the secrets in the place of their marks. */
  reveal(masked: string): string;
  /** The text as it may leave the page. */
  strip(masked: string): string;
  /** Forgets every secret. */
  forget(): void;
}

export interface MaskedText {
  readonly text: string;
  readonly caret: number;
}

interface Kept {
  readonly kind: SecretKind;
  readonly value: string;
}

const DOTS = '••••••••';
const DIGITS = '₀₁₂₃₄₅₆₇₈₉';
const MARK = new RegExp(`${DOTS}([${DIGITS}]+)`, 'gu');
/** What is left of a mark in which somebody has typed or deleted. */
const BROKEN = new RegExp(`•+[${DIGITS}]*|[${DIGITS}]+`, 'gu');
/** The shortest text of which no copy elsewhere may go into a link. */
const MIN_COPY = 6;

/** Makes a masker that keeps nothing yet. */
export function createMasker(): Masker {
  const kept = new Map<number, Kept>();
  const ids = new Map<string, number>();

  const markOf = (secret: Kept): string => {
    const known = JSON.stringify([secret.kind, secret.value]);
    const id = ids.get(known) ?? ids.size + 1;
    ids.set(known, id);
    kept.set(id, secret);
    return DOTS + String(id).replaceAll(/\d/gu, (digit) => DIGITS[Number(digit)] ?? '');
  };
  const replaceMarks = (text: string, to: (secret: Kept, id: number) => string): string =>
    text.replaceAll(MARK, (mark, digits: string) => {
      const id = Number(Array.from(digits, (digit) => DIGITS.indexOf(digit)).join(''));
      const secret = kept.get(id);
      return secret === undefined ? mark : to(secret, id);
    });
  const reveal = (text: string): string => replaceMarks(text, ({ value }) => value);

  return {
    mask(text, caret = text.length) {
      let masked = '';
      let end = 0;
      let moved = caret;
      for (const { from, to, kind } of findSecrets(text)) {
        const value = reveal(text.slice(from, to)).replaceAll(BROKEN, '');
        const mark = value === '' ? '' : markOf({ kind, value });
        masked += text.slice(end, from) + mark;
        if (caret >= to) moved += mark.length - (to - from);
        else if (caret > from) moved = masked.length;
        end = to;
      }
      return { text: masked + text.slice(end), caret: moved };
    },
    reveal,
    strip(masked) {
      const secrets = [...kept.values()].flatMap(({ value }) => [value, ...partsOf(value)]);
      const hide = createMask(secrets, MIN_COPY);
      const pieces = masked.split(MARK);
      // What stands between the marks may repeat a secret.
      return pieces.map((piece, at) => (at % 2 === 0 ? hide(piece) : replaceMarks(DOTS + piece, standIn))).join('');
    },
    forget() {
      kept.clear();
      ids.clear();
    },
  };
}

/** User name and password of a value that has them in Base64. */
function partsOf(value: string): readonly string[] {
  const decoded = decodeText(value);
  if (decoded === undefined) return [];
  const at = decoded.indexOf(':');
  const inner = Array.from(
    decoded.matchAll(/"(?:auth|password|identitytoken|registrytoken)"\s*:\s*"([^"]+)"/giu),
    ([, one = '']) => one,
  );
  return [decoded, ...(at > 0 ? [decoded.slice(at + 1)] : []), ...inner, ...inner.flatMap((one) => partsOf(one))];
}

/** Something of the same form, so that a link shows the same faults where that needs no secret. */
function standIn({ kind, value }: Kept, id: number): string {
  if (kind === 'auth') return canDecode(value) ? btoa(`left-out:left-out-${id}`) : 'left-out';
  if (kind === 'text') return `left-out-${id}`;
  const decoded = decodeText(value);
  if (decoded === undefined) return 'left-out';
  return encodeBase64(encodeUtf8(stripDocument(decoded) ?? `left-out-${id}`));
}

function canDecode(auth: string): boolean {
  try {
    decodeAuth(auth);
    return true;
  } catch {
    return false;
  }
}

function decodeText(base64: string): string | undefined {
  const bytes = decodeBase64(base64, true);
  return typeof bytes === 'string' ? undefined : decodeUtf8(bytes);
}

/** A docker config with its keys, and with stand-ins for all texts in it. */
function stripDocument(text: string): string | undefined {
  try {
    return JSON.stringify(stripValue(JSON.parse(text), ''));
  } catch {
    return undefined;
  }
}

function stripValue(value: unknown, name: string): unknown {
  if (typeof value === 'string')
    return /^auth$/iu.test(name) && canDecode(value) ? btoa('left-out:left-out') : 'left-out';
  if (Array.isArray(value)) return value.map((item) => stripValue(item, name));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(
    ([key, member]) => [withoutUserInfo(key), stripValue(member, key)] as const,
  );
  return Object.fromEntries(members);
}

function withoutUserInfo(key: string): string {
  return key.replace(/[^/]*@/u, '');
}
