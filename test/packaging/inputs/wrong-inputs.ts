// Calls every function with every wrong input that can be made from one good call of it.
import { isImageError } from 'kubepull/errors';

/** One good call of a function, with every option set, and what may be left out of it. */
export interface GoodCall {
  readonly args: readonly unknown[];
  /** Places that may be left out: `1` for an argument, `0.clock` for an option in it. */
  readonly optional?: readonly string[];
  /** Places where any value is right, or whose value is read by rules of its own, each with the reason. */
  readonly free?: Readonly<Record<string, string>>;
  /** API objects: anything in them may be missing or null, as the API server reads them. */
  readonly api?: readonly string[];
  /** Values of the right type that must be refused as well. */
  readonly wrong?: Readonly<Record<string, readonly unknown[]>>;
  /** The names of wrong values that are right at a place. */
  readonly allows?: Readonly<Record<string, readonly string[]>>;
  /** The methods of what the function returns. */
  readonly methods?: Readonly<Record<string, GoodCall>>;
}

/** The table of an entry: good calls by the names of its functions. */
export type Table = Readonly<Record<string, () => GoodCall | Promise<GoodCall>>>;

/** Options of which none is left out: one that is added to the type must be added to the table. */
export function all<T>(options: Required<T>): Required<T> {
  return options;
}

type Callable = (...args: readonly unknown[]) => unknown;

const WRONG: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  number: 7,
  NaN: Number.NaN,
  negative: -1,
  'empty text': '',
  text: 'text',
  boolean: true,
  list: [],
  function: () => undefined,
  'empty object': {},
};

/** The names of wrong values that a good value tells nothing against. */
const LIKE: Readonly<Record<string, readonly string[]>> = {
  string: ['empty text', 'text'],
  number: ['number'],
  boolean: ['boolean'],
  function: ['function'],
  list: ['list'],
  undefined: ['undefined'],
};

export interface WrongInput {
  readonly name: string;
  readonly args: readonly unknown[];
}

function* wrongInputs(good: GoodCall): Generator<WrongInput> {
  for (const [index, value] of good.args.entries()) yield* wrongAt(good, [String(index)], value);
}

function* wrongAt(good: GoodCall, path: readonly string[], value: unknown): Generator<WrongInput> {
  const place = path.join('.');
  if (good.free?.[place] !== undefined) return;
  const replaced = (wrong: unknown, name: string): WrongInput => ({
    name: `${place} = ${name}`,
    args: replace(good.args, path, wrong) as readonly unknown[],
  });
  const right = [
    ...(LIKE[typeOf(value)] ?? []),
    ...(good.optional?.includes(place) === true ? ['undefined'] : []),
    ...(isPlain(value) && !needsMember(good, place, value) ? ['empty object'] : []),
    ...(isInApiObject(good, place) ? ['undefined', 'null', 'empty object'] : []),
    ...(good.allows?.[place] ?? []),
  ];
  for (const [name, wrong] of Object.entries(WRONG)) if (!right.includes(name)) yield replaced(wrong, name);
  for (const wrong of good.wrong?.[place] ?? []) yield replaced(wrong, String(wrong));
  if (!isPlain(value) && !Array.isArray(value)) return;
  for (const [key, member] of Object.entries(value)) yield* wrongAt(good, [...path, key], member);
}

function isInApiObject({ api = [] }: GoodCall, place: string): boolean {
  return api.some((object) => place.startsWith(`${object}.`));
}

function typeOf(value: unknown): string {
  return Array.isArray(value) ? 'list' : typeof value;
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function needsMember(good: GoodCall, place: string, value: object): boolean {
  if (good.api?.includes(place) === true) return false;
  const places = Object.keys(value).map((key) => `${place}.${key}`);
  return places.some((one) => good.optional?.includes(one) !== true && good.free?.[one] === undefined);
}

function replace(container: unknown, [key = '', ...rest]: readonly string[], value: unknown): unknown {
  const copy = (Array.isArray(container) ? [...(container as unknown[])] : { ...(container as object) }) as Record<
    string,
    unknown
  >;
  copy[key] = rest.length === 0 ? value : replace(copy[key], rest, value);
  return copy;
}

/** What came of a call: `value`, the code of our error, or the name of a bare one. */
async function outcomeOf(call: () => unknown): Promise<string> {
  try {
    await settle(call());
    return 'value';
  } catch (error) {
    if (isImageError(error)) return error.code;
    return error instanceof Error ? `bare ${error.name}: ${error.message}` : 'bare value';
  }
}

const PATIENCE_MS = 20_000;

async function settle(result: unknown): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('it never settled')), PATIENCE_MS);
  });
  try {
    await Promise.race([isIterator(result) ? result.next() : result, patience]);
  } finally {
    clearTimeout(timer);
  }
}

function isIterator(value: unknown): value is Iterator<unknown> {
  if (typeof value !== 'object' || value === null || !('next' in value)) return false;
  return Symbol.iterator in value || Symbol.asyncIterator in value;
}

/** Makes the good call and all wrong ones; tells how many there were, and which went wrong. */
export async function tryInputs(
  name: string,
  call: Callable,
  good: GoodCall,
): Promise<{ readonly tried: number; readonly faults: readonly string[] }> {
  const expected = await outcomeOf(() => call(...good.args));
  if (expected === 'ERR_OPTION_INVALID' || expected.startsWith('bare ')) {
    return { tried: 0, faults: [`${name}: the good call gives ${expected}`] };
  }
  const faults: string[] = [];
  let tried = 0;
  for (const wrong of wrongInputs(good)) {
    const outcome = await outcomeOf(() => call(...wrong.args));
    tried += 1;
    if (!outcome.startsWith('ERR_') || outcome === expected) faults.push(`${name}(${wrong.name}) gives ${outcome}`);
  }
  if (good.methods === undefined) return { tried, faults };
  const made = (await call(...good.args)) as Readonly<Record<string, Callable>>;
  for (const [method, goodMethod] of Object.entries(good.methods)) {
    const run = (...args: readonly unknown[]): unknown => made[method]?.(...args);
    const result = await tryInputs(`${name}().${method}`, run, goodMethod);
    tried += result.tried;
    faults.push(...result.faults);
  }
  return { tried, faults };
}
