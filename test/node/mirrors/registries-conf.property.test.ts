import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatReference, parseDockerReference } from 'kubepull/reference';
import { endpointsOf, findRegistry, type RegistryTable } from '../../../src/node/mirrors/registries-conf.ts';

const label = fc.constantFrom('a', 'b', 'ab', 'a-b');
const host = fc
  .tuple(fc.array(label, { minLength: 1, maxLength: 3 }), fc.constantFrom('', ':80', ':5000'))
  .map(([labels, port]) => `${labels.join('.')}.test${port}`);
const path = fc.array(label, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const reference = fc
  .tuple(host, path, fc.constantFrom('', ':1', ':a', `@sha256:${'a'.repeat(64)}`))
  .map((parts) => `${parts[0]}/${parts[1]}${parts[2]}`);
const prefix = fc.oneof(
  reference,
  host,
  fc.tuple(host, path).map(([domain, repository]) => `${domain}/${repository}`),
  host.map((domain) => `*.${domain}`),
);

const tableOf = (text: string, location: string): RegistryTable => ({
  path: '/registries.conf',
  prefix: text,
  location,
  insecure: false,
  blocked: false,
  pullFrom: 'all',
  mirrors: [],
});

const rank = (found: string): number => found.length + (found.startsWith('*') ? 0 : 0.5);

/** Every prefix that would match, the longest first, made from the name itself: without the code's way of looking. */
function prefixesOf(text: string): readonly string[] {
  const cuts = [...text].flatMap((character, at) => (':/@'.includes(character) ? [at] : []));
  const exact = [...cuts, text.length].map((at) => text.slice(0, at));
  const firstSlash = text.indexOf('/');
  const wild = exact.flatMap((start) =>
    [...start].flatMap((character, at) => (character === '.' && at < firstSlash ? [`*${start.slice(at)}`] : [])),
  );
  return [...exact, ...wild].toSorted((a, b) => rank(b) - rank(a));
}

describe('findRegistry', () => {
  it('finds the longest prefix of the name that there is', () => {
    fc.assert(
      fc.property(fc.array(prefix, { maxLength: 12 }), reference, (prefixes, image) => {
        const ref = parseDockerReference(image);
        const tables = [...new Set(prefixes)].map((text) => tableOf(text, 'm.test'));
        const fits = prefixesOf(formatReference(ref)).filter((text) => prefixes.includes(text));
        // Two with wildcards may be equally long; then the first of the file counts.
        const best = fits.filter((text) => rank(text) === rank(fits[0] ?? ''));
        expect(findRegistry(tables, ref)?.prefix).toBe(prefixes.find((text) => best.includes(text)));
      }),
    );
  });
});

describe('endpointsOf', () => {
  it('puts the location in the place of the prefix and leaves the rest', () => {
    fc.assert(
      fc.property(reference, host, path, fc.nat(), (image, newHost, newPath, pick) => {
        const ref = parseDockerReference(image);
        const cuts = [...ref.name].flatMap((character, at) => (character === '/' ? [at] : []));
        const at = cuts[pick % cuts.length] ?? 0;
        const [found] = endpointsOf(tableOf(ref.name.slice(0, at), `${newHost}/${newPath}`), ref, []);
        expect(found?.origin).toBe(new URL(`https://${newHost}`).origin);
        expect(found?.repository).toBe(`${newPath}${ref.name.slice(at)}`);
      }),
    );
  });
});
