import type fc from 'fast-check';

/**
 * Makes the commands of a model-based property. Each does something with the model and with what it is a model of; then both
 * are compared.
 */
export function stepsOf<Model extends object, Real>(
  compare: (model: Model, real: Real) => void | Promise<void> = () => undefined,
) {
  return (
    name: string,
    check: (model: Readonly<Model>) => boolean,
    run: (model: Model, real: Real) => void | Promise<void>,
  ): fc.AsyncCommand<Model, Real> => ({
    check,
    toString: () => name,
    async run(model, real) {
      await run(model, real);
      await compare(model, real);
    },
  });
}
