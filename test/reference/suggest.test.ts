import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseReference, safeParseReference } from 'kubepull/reference';
import { runsOf } from '../support/property-runs.ts';
import { validReference } from './arbitraries.ts';

const HEX = 'a'.repeat(64);
const DIGEST = `sha256:${HEX}`;

function suggestionOf(input: string): string | undefined {
  const result = safeParseReference(input);
  if (result.ok) throw new Error(`${input} is a reference`);
  return result.error.suggestion;
}

describe('suggestions', () => {
  it.each([
    ['the scheme', 'https://registry.example.com/team/app:1', 'registry.example.com/team/app:1'],
    ['the scheme of Helm', 'oci://registry.example.com/charts/app:1', 'registry.example.com/charts/app:1'],
    ['the scheme of skopeo', 'docker://team/app', 'team/app'],
    ['the scheme of a container status', `docker-pullable://quay.io/a/b@${DIGEST}`, `quay.io/a/b@${DIGEST}`],
    ['an upper-case path', 'quay.io/Team/App:V1', 'quay.io/team/app:V1'],
    ['an upper-case path, never the host', 'https://Registry.example.com/App', 'Registry.example.com/app'],
    ['blanks at the ends', '\u00a0nginx:1.25\r\n', 'nginx:1.25'],
    ['what does not show at the ends', '\u200b\u200e \u200bnginx:1.25\u200b\u200e', 'nginx:1.25'],
    ['blanks around a slash', 'team / url-shortener', 'team/url-shortener'],
    ['a digest written as a tag', `nginx:${DIGEST}`, `nginx@${DIGEST}`],
    ['a digest written as a second tag', `quay.io/team/app:1.25:${DIGEST}`, `quay.io/team/app:1.25@${DIGEST}`],
    ['an empty tag', 'registry.example.com/nginx:', 'registry.example.com/nginx'],
    ['an empty tag in front of a digest', `nginx:@${DIGEST}`, `nginx@${DIGEST}`],
    ['a doubled slash', 'quay.io//team/app', 'quay.io/team/app'],
    ['a query', 'https://quay.io/team/app?tab=tags', 'quay.io/team/app'],
    ['a query with an address in it', 'quay.io/team/app?from=https://other', 'quay.io/team/app'],
    ['a web address of localhost', 'https://localhost/Team/App', 'localhost/team/app'],
    [
      'the path of a mirror of Quay',
      'mirror.example/quay.io/repository/team/App',
      'mirror.example/quay.io/repository/team/app',
    ],
    [
      'the path of a mirror of Docker Hub',
      'mirror.example/hub.docker.com/r/team/App',
      'mirror.example/hub.docker.com/r/team/app',
    ],
  ])('mend %s', (_, input, suggestion) => {
    expect(suggestionOf(input)).toBe(suggestion);
    expect(safeParseReference(suggestion).ok).toBe(true);
  });

  it.each([
    ['https://quay.io/repository/team/app', 'quay.io/team/app'],
    ['https://quay.io/repository/team/app?tab=tags&tag=latest', 'quay.io/team/app'],
    ['https://quay.io/repository/team/app/tag/1.25', 'quay.io/team/app'],
    ['HTTPS://Quay.io/repository/team/app/', 'quay.io/team/app'],
    ['quay.io/repository/team/app?tab=info', 'quay.io/team/app'],
    ['https://hub.docker.com/_/nginx', 'nginx'],
    ['https://hub.docker.com/_/nginx/tags?name=1.25', 'nginx'],
    ['https://hub.docker.com/r/team/app/tags', 'team/app'],
    ['https://hub.docker.com/r/team/app#!', 'team/app'],
    ['https://registry.hub.docker.com/r/team/app/', 'team/app'],
    ['https://hub.docker.com/layers/library/nginx/1.25/images/sha256-0a', 'library/nginx'],
    ['https://hub.docker.com/repository/docker/team/app/general', 'team/app'],
  ])('find the image of the page %s', (input, suggestion) => {
    expect(suggestionOf(input)).toBe(suggestion);
  });

  it.each([
    ['a command', 'docker pull nginx'],
    ['a line of a Dockerfile', 'FROM nginx:1.25'],
    ['a line of YAML', 'image: nginx'],
    ['a blank for a colon', 'nginx 1.25'],
    ['a remark behind the image', 'nginx:1.25 # stable'],
    ['an image ID of a container status', `docker://${DIGEST}`],
    ['an image ID with a blank', ` ${DIGEST}`],
    ['a container ID', `containerd://${HEX}`],
    ['a host without a repository', 'registry.example.com/'],
    ['a host with a port, without a repository', 'registry:5000/'],
    ['a host with an empty tag', 'registry.example.com:'],
    ['a host with a tag and no repository', 'registry.example.com/:1'],
    ['an organisation without a repository', 'team/'],
    ['an empty host', '/team/app'],
    ['an empty host behind a scheme', 'https:///team/app'],
    ['an empty port', 'registry.example.com:/app'],
    ['an upper-case name that may be a host or an organisation', 'REGISTRY/Team/App:1'],
    ['a web address of a host without dot and port', 'https://team/App'],
    ['a plain web address of a host without dot and port', 'http://team/App'],
    ['a host that reads as a path', 'ex_ample.com/App'],
    ['a word in front of a scheme', 'mirror-https://quay.io/app'],
    ['an image behind 4,096 blanks', `${' '.repeat(4096)}nginx`],
    ['a name that is too long', `quay.io/repository/${'a'.repeat(122)}/${'b'.repeat(122)}`],
    ['a host with a blank in it', 'registry .example.com/app'],
    ['a page of the ECR gallery', 'https://gallery.ecr.aws/docker/library/nginx'],
    ['a page of GitHub', 'https://github.com/team/app'],
    ['a page of an organisation at Quay', 'https://quay.io/organization/team'],
    ['a page of Docker Hub without an image', 'https://hub.docker.com/u/team'],
    ['the API of a registry', 'https://registry.example.com/v2/team/app/tags/list'],
    ['a user name and a password', 'https://user:pass'],
    ['another scheme', 's3://bucket/app'],
    ['quotes', 'busybox":"latest'],
    ['a variable', 'registry.example.com/app:${TAG}'],
    ['a template', 'registry.example.com/app:{{ .Values.tag }}'],
    ['an empty value of a template', 'registry.example.com/app:<no value>'],
  ])('are not made for %s', (_, input) => {
    expect(suggestionOf(input)).toBeUndefined();
  });
});

const NAMES = fc.oneof(
  validReference,
  fc.constantFrom(
    'nginx',
    'nginx:1.25',
    'team/app:1',
    'localhost/app',
    'localhost:5000/team/app:dev',
    'registry.example.com:8443/team/sub/app:1.2.3-rc.1',
    'AzureRegistry.azurecr.io/web:acr',
    `gcr.io/proj/app@${DIGEST}`,
    `quay.io/team/app:1@${DIGEST}`,
    'quay.io/repository/team/app',
    'hub.docker.com/r/team/app',
    '[2001:db8::1]:5000/app',
  ),
);

const EDIT = fc.oneof(
  fc.record({
    at: fc.nat(200),
    take: fc.nat(3),
    put: fc.constantFrom('', ' ', '/', ':', '@', '.', 'A', '"', '-', '?', '#', '\n', '${X}', '//', '\u200b'),
  }),
  fc.record({
    at: fc.constant(0),
    take: fc.constant(0),
    put: fc.constantFrom(
      'https://',
      'http://',
      'docker://',
      'oci://',
      'docker pull ',
      'FROM ',
      'image: ',
      ' ',
      '"',
      '/',
    ),
  }),
  fc.record({
    at: fc.constant(1_000),
    take: fc.constant(0),
    put: fc.constantFrom('/', ':', '@', ' ', '\n', '/tags', '?tab=tags', `:${DIGEST}`, ' 1.25', '"'),
  }),
);

const mutated = fc
  .tuple(NAMES, fc.array(EDIT, { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([name, edits, isUpper]) => {
    const text = edits.reduce((edited, { at, take, put }) => {
      const place = Math.min(at, edited.length);
      return edited.slice(0, place) + put + edited.slice(place + take);
    }, name);
    return isUpper ? text.replace(/[a-z]+(?=[^a-z]*$)/, (word) => word.toUpperCase()) : text;
  });

/** The registry that a text names, and what it says behind it: cut at the first slash, and nothing else looked at. */
function nameParts(input: string): readonly [registry: string, rest: string] {
  const address = input.replace(/^[\s\p{Cc}\p{Cf}]+/u, '').replace(/^(?:https?|docker|docker-pullable|oci):\/\//i, '');
  const slash = address.indexOf('/');
  const first = address.slice(0, Math.max(slash, 0)).trim();
  if (!/[.:A-Z]|^localhost$/.test(first)) return ['docker.io', address];
  return [first === 'index.docker.io' ? 'docker.io' : first, address.slice(slash + 1)];
}

const PAGE =
  /^\W*(?:\w+:\/\/)?(?:registry\.)?(?:quay\.io\/repository\/[^/]+\/\s*[^/?#\s]|hub\.docker\.com\/(?:_|r\/[^/]+|layers\/[^/]+|repository\/docker\/[^/]+)\/\s*[^/?#\s])/i;

describe('a suggestion', () => {
  it('is in the registry of the input, and names what stands in it', () => {
    fc.assert(
      fc.property(mutated, (input) => {
        const result = safeParseReference(input);
        if (result.ok || result.error.suggestion === undefined) return;
        const { domain, path } = parseReference(result.error.suggestion);
        const said = `${JSON.stringify(input)} gives ${result.error.suggestion}`;
        if (PAGE.test(input)) {
          if (domain !== (/hub\.docker/i.test(input) ? 'docker.io' : 'quay.io')) throw new Error(said);
          const page = input.toLowerCase().replaceAll(/\s*\/\s*/g, '/');
          if (!page.includes(path.replace(/^library\//, ''))) throw new Error(said);
          return;
        }
        const [registry, rest] = nameParts(input);
        if (domain !== registry) throw new Error(said);
        const written = rest
          .toLowerCase()
          .replaceAll(/\s*\/\s*/g, '/')
          .replaceAll(/\/+/g, '/')
          .replace(/^[\s/]+/, '');
        if (!written.startsWith(path) && !`library/${written}`.startsWith(path)) throw new Error(said);
      }),
      runsOf('names'),
    );
  });
});
