import { ImageError } from '../../../errors/index.js';

/** The numbers of a script, each with the least that it may be. */
const LEAST: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([
  ['nth', 1],
  ['times', 1],
  ['bytes', 1],
  ['afterBytes', 0],
  ['offset', 0],
  ['ms', 0],
  ['intervalMs', 0],
]);

/** Refuses the fields of a script whose numbers are no counts, before a test wonders why nothing happens. */
export function checkFault(fields: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(fields)) {
    const least = LEAST.get(name);
    if (least === undefined || typeof value !== 'number' || isCount(name, value, least)) continue;
    throw new ImageError(
      'ERR_OPTION_INVALID',
      `Cannot script a fault: ${name} must be a count from ${least}, not ${value}`,
    );
  }
}

function isCount(name: string, value: number, least: number): boolean {
  if (value === Infinity) return name === 'nth' || name === 'times';
  return Number.isSafeInteger(value) && value >= least;
}
