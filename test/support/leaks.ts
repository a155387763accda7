// Ten ways in which a program prints a value by accident, and what of a secret they show.
import { randomBytes } from 'node:crypto';
import { format, inspect } from 'node:util';

const DEEP = { depth: 30, showHidden: true, getters: true, maxStringLength: null, maxArrayLength: null } as const;
const WINDOW = 12;

export const RENDERERS: readonly (readonly [name: string, render: (value: unknown) => string])[] = [
  ['inspect', (value) => inspect(value, DEEP)],
  ['inspect without custom', (value) => inspect(value, { ...DEEP, customInspect: false })],
  ['JSON', (value) => JSON.stringify(value) ?? ''],
  ['%j', (value) => format('%j', value)],
  ['%o', (value) => format('%o', value)],
  ['%O', (value) => format('%O', value)],
  ['%s', (value) => format('%s', value)],
  ['template', (value) => `value: ${value as string}`],
  ['spread', (value) => inspect({ ...(value as object) }, { ...DEEP, customInspect: false })],
  ['structured clone', (value) => inspect(structuredClone(value), DEEP)],
];

/** Random text that nothing else contains. */
export function makeSecret(): string {
  return randomBytes(18).toString('hex');
}

/** The renderers that show a secret in a value, by name. */
export function leaksOf(value: unknown, secrets: readonly string[]): readonly string[] {
  const needles = secrets.flatMap(needlesOf);
  return RENDERERS.filter(([, render]) => {
    const text = rendered(render, value);
    return needles.some((needle) => text.includes(needle));
  }).map(([name]) => name);
}

/** Any 12 characters of it, and its base64 wherever it begins. */
function needlesOf(secret: string): readonly string[] {
  const windows = (text: string, width: number): readonly string[] =>
    Array.from({ length: Math.max(0, text.length - width + 1) }, (_, at) => text.slice(at, at + width));
  const encoded = [0, 1, 2].flatMap((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)]).toString('base64');
    return windows(text.replaceAll('=', '').slice(shift === 0 ? 0 : 4, -2), WINDOW + 4);
  });
  return [...windows(secret, WINDOW), ...encoded];
}

function rendered(render: (value: unknown) => string, value: unknown): string {
  try {
    return render(value);
  } catch {
    return ''; // A renderer that throws prints nothing.
  }
}
