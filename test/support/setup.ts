// Runs around every test of the suite: whatever a test made, printed or threw is searched for secrets afterwards.
import { appendFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type fastCheck from 'fast-check';
import { afterAll, afterEach, beforeEach, chai, vi } from 'vitest';
import type * as imageError from '../../src/errors/image-error.ts';
import type * as secret from '../../src/docker-config/secret.ts';
import { observe, observeText, scan, totals, watchSecret } from './canary.ts';
import { countPropertyRuns, savePropertyRuns } from './property-runs.ts';

/** Set by the hook's own test, to show that the hook fails when the redaction is gone. */
const withoutRedaction = process.env['KUBEPULL_TEST_WITHOUT_REDACTION'] !== undefined;

vi.mock('../../src/docker-config/secret.ts', async (importOriginal) => {
  const original = await importOriginal<typeof secret>();
  return {
    ...original,
    createSecret: (value: string) => {
      const secret = original.createSecret(value);
      watchSecret(value);
      return withoutRedaction ? { value, reveal: () => value } : secret;
    },
  };
});

vi.mock('../../src/errors/image-error.ts', async (importOriginal) => {
  const original = await importOriginal<typeof imageError>();
  const Original = original.ImageError;
  return {
    ...original,
    ImageError: class ImageError extends Original {
      constructor(...args: ConstructorParameters<typeof Original>) {
        super(...args);
        observe(this);
      }
    },
  };
});

vi.mock('../../src/node/transport/worker-entry.ts', () => ({
  workerEntry: () => pathToFileURL(process.env['KUBEPULL_TEST_BLOB_WORKER'] ?? ''),
}));

vi.mock('fast-check', async (importOriginal) => {
  const original = await importOriginal<{ readonly default: typeof fastCheck }>();
  countPropertyRuns(original.default);
  return original;
});

/** Test files share a process, and this file runs again before each of them. */
const WATCHED = Symbol.for('kubepull: output and expectations are watched');

if (!Reflect.has(globalThis, WATCHED)) {
  Reflect.set(globalThis, WATCHED, true);
  watchExpectations();
  watchOutput();
}

/** Whatever a test looks at is observed. */
function watchExpectations(): void {
  for (const name of [
    'toBe',
    'toEqual',
    'toStrictEqual',
    'toMatchObject',
    'toHaveLength',
    'toHaveProperty',
    'toContain',
  ]) {
    const prototype = chai.Assertion.prototype as unknown as Record<string, unknown>;
    const original = prototype[name] as (this: { _obj: unknown }, ...args: unknown[]) => unknown;
    prototype[name] = function (this: { _obj: unknown }, ...args: unknown[]): unknown {
      observe(this._obj);
      return original.apply(this, args);
    };
  }
}

function watchOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    stream.write = (...args: unknown[]) => {
      observeText('process output', String(args[0]));
      return write(...args);
    };
  }

  for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
    const original = console[method].bind(console);
    console[method] = (...args: unknown[]) => {
      for (const arg of args) {
        if (typeof arg === 'string') observeText(`console.${method}`, arg);
        else observe(arg);
      }
      original(...args);
    };
  }

  process.on('warning', (warning) => observe(warning));
}

beforeEach(() => {
  const polluted = Object.getOwnPropertyNames(Object.prototype).length;
  return () => {
    if (Object.getOwnPropertyNames(Object.prototype).length !== polluted)
      throw new Error('Object.prototype was changed');
  };
});

afterEach(({ task }) => {
  const hits = scan();
  if (hits.length === 0) return;
  const places = [...new Set(hits.map(({ kind, place }) => `${kind} in ${place}`))].slice(0, 10);
  throw new Error(`canary: ${hits.length} hits in "${task.name}": ${places.join('; ')}`);
});

afterAll(() => {
  const file = process.env['KUBEPULL_TEST_CANARY_TOTALS'];
  if (file !== undefined) appendFileSync(file, `${totals.places} ${totals.canaries}\n`);
  totals.places = 0;
  totals.canaries = 0;
  savePropertyRuns(process.env['KUBEPULL_TEST_PROPERTY_RUNS']);
});
