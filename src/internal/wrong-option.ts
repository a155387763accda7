/** `host` or `host:port`, as in references. */
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d+)?$/i;

/** An option by its name, whether it is of the right kind, and what to pass. */
export type OptionCheck = readonly [name: string, isRight: boolean, what: string];

/**
 * What is wrong with options, for a message: types do not reach plain JavaScript, and what is of the wrong kind would fail
 * later, with words that name no option.
 *
 * @returns the first that is wrong, such as `this store: pass a store`; `undefined` when none is
 */
export function wrongOption(...checks: readonly OptionCheck[]): string | undefined {
  const wrong = checks.find(([, isRight]) => !isRight);
  return wrong === undefined ? undefined : `this ${wrong[0]}: pass ${wrong[2]}`;
}

/** Whether a value has all these methods. */
export function hasMethods(value: unknown, ...names: readonly string[]): boolean {
  return names.every((name) => typeof (value as Record<string, unknown> | null | undefined)?.[name] === 'function');
}

/** Whether an option is left out, or a function. */
export function isOptionalFunction(value: unknown): boolean {
  return value === undefined || typeof value === 'function';
}

/** Checks a platform. */
export function platformCheck(value: unknown): OptionCheck {
  const { os, architecture } = (value ?? {}) as { readonly os?: unknown; readonly architecture?: unknown };
  const isRight = typeof os === 'string' && typeof architecture === 'string';
  return ['platform', isRight, "an object, such as parsePlatform('linux/amd64') gives"];
}

/** Checks the hosts to speak plain HTTP with: a URL among them would be ignored, and TLS spoken all the same. */
export function plainHttpCheck(value: unknown): OptionCheck {
  const isHost = (host: unknown): boolean => typeof host === 'string' && HOST.test(host);
  const isRight = value === undefined || (Array.isArray(value) && value.every(isHost));
  return ['plainHttp', isRight, "a list of hosts without scheme and path, such as ['registry.example.com:5000']"];
}
