import { describe, expect, it } from 'vitest';
import { getRegistryOrigin } from 'kubepull/mirrors';

describe('registryOrigin', () => {
  it.each([
    ['docker.io', {}, 'https://registry-1.docker.io'],
    ['r.example', {}, 'https://r.example'],
    ['r.example:5000', {}, 'https://r.example:5000'],
    ['r.example:443', {}, 'https://r.example'],
    ['r.example', { plainHttp: true }, 'http://r.example'],
    ['[::1]:5000', { plainHttp: true }, 'http://[::1]:5000'],
    ['MyHost', {}, 'https://myhost'],
  ])('%s %j is %s', (domain, options, origin) => {
    expect(getRegistryOrigin(domain, options)).toBe(origin);
  });

  it.each(['', 'a/b', 'u@h', 'a b', 'a?b', 'a#b', 'h:99999', 'a\\b', '[:]', 'ä.example'])(
    'refuses %j [C08]',
    (domain) => {
      expect(() => getRegistryOrigin(domain)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_INVALID' }));
    },
  );
});
