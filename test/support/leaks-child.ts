// Run by errors/renderers.test.ts in processes of their own, bundled: prototypes are changed before the library is loaded.
import { inspect } from 'node:util';

const [pollution = '', directory = ''] = process.argv.slice(2);

/** Shows all that a value has. */
function expose(this: object): unknown {
  if (Array.isArray(this)) return [...(this as unknown[])];
  return Object.fromEntries(Reflect.ownKeys(this).map((key) => [key, Reflect.get(this, key) as unknown]));
}

function pollute(prototype: object, key: PropertyKey, value: unknown): void {
  Object.defineProperty(prototype, key, { value, configurable: true, writable: true, enumerable: false });
}

const POLLUTIONS: Readonly<Record<string, () => void>> = {
  none: () => undefined,
  'Object.prototype.toJSON': () => pollute(Object.prototype, 'toJSON', expose),
  'Object.prototype.inspect': () => pollute(Object.prototype, inspect.custom, expose),
  'Object.prototype.password': () => pollute(Object.prototype, 'password', 'polluted'),
  'Object.prototype.toString': () =>
    pollute(Object.prototype, 'toString', function (this: object) {
      return JSON.stringify(Object.entries(this));
    }),
  'Array.prototype.toJSON': () => pollute(Array.prototype, 'toJSON', expose),
  'String.prototype.toJSON': () =>
    pollute(String.prototype, 'toJSON', function (this: string) {
      return `polluted ${this.valueOf()}`;
    }),
  'Map.prototype.inspect': () =>
    pollute(Map.prototype, inspect.custom, function (this: Map<unknown, unknown>) {
      return [...this];
    }),
  'Error.prototype.toJSON': () => pollute(Error.prototype, 'toJSON', expose),
};

POLLUTIONS[pollution]?.();
const { leaksOf } = await import('./leaks.ts');
const { makeSubjects } = await import('./leak-subjects.ts');
const { secrets, values, close } = await makeSubjects(directory);
const leaks = values.flatMap(([name, value]) => leaksOf(value, secrets).map((renderer) => `${name}: ${renderer}`));
await close();
process.stdout.write(
  leaks.length === 0 && values.length >= 30 ? '30 or more values, no leak\n' : `${leaks.join('\n')}\n`,
);
