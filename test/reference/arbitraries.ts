import fc from 'fast-check';
import { anyText } from '../support/any-text.ts';

const alnum = fc.stringMatching(/^[a-z0-9]{1,5}$/);
const component = fc
  .tuple(alnum, fc.array(fc.tuple(fc.constantFrom('.', '_', '__', '-', '---'), alnum), { maxLength: 2 }))
  .map(([first, rest]) => first + rest.map((pair) => pair.join('')).join(''));
const label = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9-]{0,4}[A-Za-z0-9])?$/);
const host = fc.oneof(
  fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.')),
  fc.constantFrom('docker.io', 'index.docker.io', 'localhost', 'quay.io', '[::1]', '[2001:db8::A]', 'Docker.io'),
);
const domain = fc
  .tuple(host, fc.option(fc.stringMatching(/^[0-9]{1,6}$/)))
  .map(([h, port]) => (port === null ? h : `${h}:${port}`));

export const tag: fc.Arbitrary<string> = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}$/);

function hex(length: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdef')), minLength: length, maxLength: length });
}

export const digest: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: hex(64).map((text) => `sha256:${text}`) },
  hex(96).map((text) => `sha384:${text}`),
  hex(128).map((text) => `sha512:${text}`),
);

/** A text that is a reference, of every form that there is. */
export const validReference: fc.Arbitrary<string> = fc
  .record({
    domain: fc.option(domain),
    path: fc.oneof(
      fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
      component.map((name) => `library/${name}`),
      hex(64),
    ),
    tag: fc.option(tag),
    digest: fc.option(digest),
  })
  .map(
    (parts) =>
      (parts.domain === null ? '' : `${parts.domain}/`) +
      parts.path +
      (parts.tag === null ? '' : `:${parts.tag}`) +
      (parts.digest === null ? '' : `@${parts.digest}`),
  );

const odd = fc.constantFrom(
  ...Array.from('/:@.-_ []AzZ09%?#\\"\n\té\u0130\u212a日'),
  '//',
  '__',
  'https://',
  'sha256:',
  '@sha256:',
  'library/',
);

/** A text that is nearly a reference: a valid one with a few characters put in, taken out or replaced. */
export const nearReference: fc.Arbitrary<string> = fc
  .tuple(
    validReference,
    fc.array(fc.record({ at: fc.nat(), take: fc.nat({ max: 2 }), put: fc.oneof(odd, fc.constant('')) }), {
      maxLength: 3,
    }),
  )
  .map(([text, edits]) => {
    let edited = text;
    for (const { at, take, put } of edits) {
      const place = at % (edited.length + 1);
      edited = edited.slice(0, place) + put + edited.slice(place + take);
    }
    return edited;
  });

/** Anything: near references, and text of any kind. */
export const anyReference: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: nearReference },
  anyText({ maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(...Array.from('aA0.-_/:@[]')), maxLength: 30 }),
);
