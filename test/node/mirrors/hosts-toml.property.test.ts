import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkEndpoints, createMirrorEndpoint } from 'kubepull/mirrors';
import { isImageError } from 'kubepull/errors';
import { parseReference } from 'kubepull/reference';
import { parseHostsToml } from '../../../src/node/mirrors/hosts-toml.ts';
import type { TomlTable } from '../../../src/node/mirrors/toml.ts';

const KEYS = ['server', 'host', 'ca', 'client', 'skip_verify', 'override_path', 'capabilities', 'header', '__proto__'];
const url = fc
  .array(
    fc.constantFrom('https://', 'http://', 'm.test', ':5000', '/', 'v2', 'hub', '@', '?', '#', '%2f', '..', '\\', ' '),
    {
      maxLength: 6,
    },
  )
  .map((parts) => parts.join(''));
const value = fc.oneof(url, fc.boolean(), fc.integer(), fc.array(fc.oneof(url, fc.array(url))), fc.constant(['pull']));
const settings = fc.dictionary(fc.constantFrom(...KEYS), value, { noNullPrototype: false });
const document: fc.Arbitrary<TomlTable> = fc
  .tuple(settings, fc.dictionary(url, fc.oneof({ weight: 5, arbitrary: settings }, value)), fc.boolean())
  .map(([root, hosts, with_]) => (with_ ? { ...root, host: hosts } : root));

describe('parseHostsToml', () => {
  it('gives endpoints that can be asked, or an error of ours, for any document', () => {
    const ref = parseReference('nginx');
    fc.assert(
      fc.property(document, (table) => {
        try {
          for (const { url: place, apiPath } of parseHostsToml(table, '/d', '/d/hosts.toml')) {
            if (place === undefined) continue;
            const endpoint = createMirrorEndpoint(place, ref);
            checkEndpoints([apiPath === undefined ? endpoint : { ...endpoint, apiPath }]);
          }
        } catch (error) {
          expect(isImageError(error) && error.code).toBe('ERR_CONFIG_INVALID');
        }
      }),
    );
  });
});

describe('mirrorEndpoint', () => {
  it('asks the host that the URL shows, or refuses it', () => {
    const ref = parseReference('nginx');
    fc.assert(
      fc.property(
        fc.oneof(
          url,
          url.map((text) => `https://${text}`),
          fc.webUrl(),
        ),
        (text) => {
          let made: ReturnType<typeof createMirrorEndpoint>;
          try {
            made = createMirrorEndpoint(text, ref);
          } catch (error) {
            expect(isImageError(error) && error.code).toBe('ERR_OPTION_INVALID');
            return;
          }
          checkEndpoints([made]);
          const [, shown = ''] = /^https?:\/\/([^/]*)/.exec(text) ?? [];
          expect(made.origin).toBe(new URL(`${new URL(text).protocol}//${shown}`).origin);
          expect(`${made.apiPath}/${made.repository}`).toContain(new URL(text).pathname.replace(/\/$/, ''));
        },
      ),
    );
  });
});
