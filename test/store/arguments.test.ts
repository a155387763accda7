import { describe, expect, it } from 'vitest';
import { computeDigest } from 'kubepull/digest';
import { nodeHasher } from 'kubepull/node';
import {
  checkClosure,
  checkStoreName,
  copyContent,
  copyImage,
  copyImages,
  createMemoryStore,
  createVerifier,
  isolateStore,
  listReachableContent,
  pickTarget,
  readContent,
  sweepGarbage,
  verifyContent,
  writeContent,
} from 'kubepull/store';

const store = createMemoryStore({ createHasher: nodeHasher });
const view = isolateStore(store);
const bytes = new TextEncoder().encode('hello');
const descriptor = { mediaType: 'a/b', digest: computeDigest(bytes, nodeHasher), size: bytes.length };
const signal = { signal: 'now' as unknown as AbortSignal };
/** Of whatever type is asked for. */
const wrong = (value: unknown = 5): never => value as never;
const has = { has: store.has };
const bring = { bring: async () => 'present' as const };
const job = { from: store, name: 'a', to: store };
const nothing = new Map<never, number>();
const sweep = { contents: nothing, reached: new Set<never>(), unread: [], isYoung: () => true, remove: () => true };

async function drain(content: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of content) expect(chunk.length).toBeGreaterThan(0);
}

const ALL = 'a store with has, read, ingest, resolve, tag';
const TARGET = 'a store with has, read, ingest, tag or a store with bring, tag';
const SIZES = 'a map of sizes by digest';
const hashes = 'a function, such as nodeHasher of kubepull/node';
const aborts = 'an AbortSignal, not a text';

const refused: readonly (readonly [what: string, call: () => unknown, message: string])[] = [
  [
    'createMemoryStore a hasher',
    () => createMemoryStore({ createHasher: wrong() }),
    `Cannot make a memory store: createHasher must be ${hashes}, not 5`,
  ],
  [
    'createMemoryStore a limit',
    () => createMemoryStore({ createHasher: nodeHasher, maxBytes: -1 }),
    'Cannot make a memory store: maxBytes must be a whole number from 0, not -1',
  ],
  [
    'createMemoryStore a clock',
    () => createMemoryStore({ createHasher: nodeHasher, clock: wrong({}) }),
    'Cannot make a memory store: clock must be a clock, such as systemClock, not an object',
  ],
  [
    'isolateStore a store',
    () => isolateStore(wrong({ ...has })),
    `Cannot isolate a store: store must be ${ALL}, not an object`,
  ],
  ...[store, view].flatMap((one, at) => {
    const which = at === 0 ? 'a memory store' : 'a view';
    return [
      [
        `has of ${which} a descriptor`,
        () => one.has(wrong()),
        'Cannot use a store: descriptor must be a descriptor, not 5',
      ],
      [`has of ${which} a signal`, () => one.has(descriptor, signal), `Cannot use a store: signal must be ${aborts}`],
      [
        `read of ${which} a descriptor`,
        () => drain(one.read(wrong())),
        'Cannot use a store: descriptor must be a descriptor, not 5',
      ],
      [
        `ingest of ${which} a digest`,
        () => one.ingest({ ...descriptor, digest: wrong() }),
        'Cannot use a store: descriptor.digest must be a text, not 5',
      ],
      [`resolve of ${which} a name`, () => one.resolve(wrong()), 'Cannot use a store: name must be a text, not 5'],
      [`resolve of ${which} a signal`, () => one.resolve('a', signal), `Cannot use a store: signal must be ${aborts}`],
      [`tag of ${which} a name`, () => one.tag(wrong(), descriptor), 'Cannot use a store: name must be a text, not 5'],
      [
        `tag of ${which} an empty name`,
        () => one.tag('', descriptor),
        'Cannot use "" as a name in a store: it is empty',
      ],
      [
        `tag of ${which} a descriptor`,
        () => one.tag('a', wrong()),
        'Cannot check an image: root must be a descriptor, not 5',
      ],
    ] as const;
  }),
  ['names a signal', () => store.names(signal), `Cannot list the names of a store: signal must be ${aborts}`],
  ['untag a name', () => store.untag(wrong()), 'Cannot use a store: name must be a text, not 5'],
  [
    'collectGarbage a grace',
    () => store.collectGarbage({ graceMs: wrong('1h') }),
    'Cannot collect garbage: graceMs must be a number from 0, not a text',
  ],
  [
    'collectGarbage whether it is a dry run',
    () => store.collectGarbage({ dryRun: wrong() }),
    'Cannot collect garbage: dryRun must be true or false, not 5',
  ],
  [
    'readContent a store',
    () => readContent(wrong(has), descriptor, { maxBytes: 5 }),
    'Cannot read content: store must be a store with read, not an object',
  ],
  [
    'readContent a descriptor',
    () => readContent(store, wrong(), { maxBytes: 5 }),
    'Cannot read content: descriptor must be a descriptor, not 5',
  ],
  [
    'readContent no limit',
    () => readContent(store, descriptor, wrong({})),
    'Cannot read content: maxBytes is missing, it must be a whole number from 0',
  ],
  [
    'readContent a signal',
    () => readContent(store, descriptor, { maxBytes: 5, ...signal }),
    `Cannot read content: signal must be ${aborts}`,
  ],
  [
    'writeContent a store',
    () => writeContent(wrong(has), descriptor, bytes),
    'Cannot write content: store must be a store with ingest, not an object',
  ],
  [
    'writeContent content',
    () => writeContent(store, descriptor, wrong('hello')),
    'Cannot write content: content must be a Uint8Array or an async iterable of bytes, not a text',
  ],
  [
    'writeContent a descriptor',
    () => writeContent(store, wrong(), bytes),
    'Cannot use a store: descriptor must be a descriptor, not 5',
  ],
  [
    'createVerifier a descriptor',
    () => createVerifier(wrong(), nodeHasher),
    'Cannot verify content: expected must be an object, not 5',
  ],
  [
    'createVerifier a hasher',
    () => createVerifier(descriptor, wrong()),
    `Cannot verify content: createHasher must be ${hashes}, not 5`,
  ],
  [
    'createVerifier a digest',
    () => createVerifier({ ...descriptor, digest: wrong('sha256:0') }, nodeHasher),
    'Cannot verify content: "sha256:0" is not a full digest',
  ],
  [
    'createVerifier a size',
    () => createVerifier({ ...descriptor, size: 0.5 }, nodeHasher),
    `Cannot verify content ${descriptor.digest}: its size must be a whole number from 0`,
  ],
  [
    'a verifier a text',
    () => createVerifier(descriptor, nodeHasher).update(wrong('hello')),
    'Cannot verify content: chunk must be a Uint8Array, not a text',
  ],
  [
    'verifyContent a list',
    () => drain(verifyContent(wrong([bytes]), descriptor, nodeHasher)),
    'Cannot verify content: content must be an async iterable of bytes, not a list',
  ],
  [
    'checkClosure a store',
    () => checkClosure(wrong(has), descriptor),
    'Cannot check an image: store must be a store with has, read, not an object',
  ],
  [
    'checkClosure a root',
    () => checkClosure(store, wrong()),
    'Cannot check an image: root must be a descriptor, not 5',
  ],
  [
    'checkClosure a signal',
    () => checkClosure(store, descriptor, signal),
    `Cannot check an image: signal must be ${aborts}`,
  ],
  [
    'checkStoreName a number',
    () => checkStoreName(wrong()),
    'Cannot use a name in a store: name must be a text, not 5',
  ],
  [
    'checkStoreName a long name',
    () => checkStoreName('a'.repeat(4097)),
    `Cannot use "${'a'.repeat(256)}…" as a name in a store: it is too long`,
  ],
  [
    'checkStoreName a line break',
    () => checkStoreName('a\nb'),
    'Cannot use "a\\x0ab" as a name in a store: it is not plain text',
  ],
  [
    'checkStoreName a line break at the end of the longest name',
    () => checkStoreName(`${'a'.repeat(4095)}\n`),
    `Cannot use "${'a'.repeat(256)}…" as a name in a store: it is not plain text`,
  ],
  [
    'checkStoreName half a character',
    () => checkStoreName('a\ud800'),
    'Cannot use "a\\ud800" as a name in a store: it is not plain text',
  ],
  ['pickTarget a descriptor', () => pickTarget(wrong()), 'Cannot name content: descriptor must be a descriptor, not 5'],
  [
    'copyContent a source',
    () => copyContent(wrong(has), descriptor, store),
    'Cannot copy: from must be a store with has, read, not an object',
  ],
  ['copyContent a root', () => copyContent(store, wrong(), store), 'Cannot copy: root must be a descriptor, not 5'],
  [
    'copyContent a target',
    () => copyContent(store, descriptor, wrong(has)),
    'Cannot copy: to must be a store with has, read, ingest or a store with bring, not an object',
  ],
  [
    'copyImage a source',
    () => copyImage(wrong(has), 'a', store),
    'Cannot copy: from must be a store with has, read, resolve, not an object',
  ],
  ['copyImage a target', () => copyImage(store, 'a', wrong(bring)), `Cannot copy: to must be ${TARGET}, not an object`],
  [
    'copyImage options',
    () => copyImage(store, 'a', store, wrong([])),
    'Cannot copy: options must be an object, not a list',
  ],
  ['copyImage a name', () => copyImage(store, 'a', store, { as: wrong() }), 'Cannot copy: as must be a text, not 5'],
  [
    'copyImage a choice',
    () => copyImage(store, 'a', store, { select: wrong() }),
    'Cannot copy: select must be a function of an index, not 5',
  ],
  [
    'copyImage whether referrers go along',
    () => copyImage(store, 'a', store, { referrers: wrong() }),
    'Cannot copy: referrers must be true or false, not 5',
  ],
  ['copyImage a signal', () => copyImage(store, 'a', store, signal), `Cannot copy: signal must be ${aborts}`],
  ['copyImages one job', () => copyImages(wrong(job)), 'Cannot copy: jobs must be a list, not an object'],
  [
    'copyImages a source',
    () => copyImages([{ ...job, from: wrong(has) }]),
    'Cannot copy: jobs[0].from must be a store with has, read, resolve, not an object',
  ],
  [
    'copyImages no name',
    () => copyImages([job, wrong({ ...job, name: undefined })]),
    'Cannot copy: jobs[1].name is missing, it must be a text',
  ],
  [
    'copyImages a target',
    () => copyImages([{ ...job, to: wrong(bring) }]),
    `Cannot copy: jobs[0].to must be ${TARGET}, not an object`,
  ],
  [
    'copyImages another name',
    () => copyImages([{ ...job, as: wrong() }]),
    'Cannot copy: jobs[0].as must be a text, not 5',
  ],
  ['copyImages options', () => copyImages([], wrong('all')), 'Cannot copy: options must be an object, not a text'],
  [
    'copyImages none at once',
    () => copyImages([], { maxParallel: 0 }),
    'Cannot copy: maxParallel must be a whole number from 1, not 0',
  ],
  [
    'copyImages a listener',
    () => copyImages([], { onEvent: wrong() }),
    'Cannot copy: onEvent must be a function, not 5',
  ],
  ['copyImages a signal', () => copyImages([], signal), `Cannot copy: signal must be ${aborts}`],
  [
    'listReachableContent a source',
    () => listReachableContent(wrong(), []),
    'Cannot follow content: source must be a source of content, not 5',
  ],
  [
    'listReachableContent sizes',
    () => listReachableContent({ contents: wrong({}), read: wrong(bring.bring) }, []),
    `Cannot follow content: source.contents must be ${SIZES}, not an object`,
  ],
  [
    'listReachableContent how to read',
    () => listReachableContent({ contents: nothing, read: wrong() }, []),
    'Cannot follow content: source.read must be a function, not 5',
  ],
  [
    'listReachableContent a root',
    () =>
      listReachableContent({ contents: nothing, read: wrong(bring.bring) }, [{ ...descriptor, mediaType: wrong() }]),
    'Cannot follow content: roots[0].mediaType must be a text, not 5',
  ],
  [
    'sweepGarbage sizes',
    () => sweepGarbage({ ...sweep, contents: wrong({}) }, {}),
    `Cannot collect garbage: contents must be ${SIZES}, not an object`,
  ],
  [
    'sweepGarbage what stays',
    () => sweepGarbage({ ...sweep, reached: wrong([]) }, {}),
    'Cannot collect garbage: reached must be a set of digests, not a list',
  ],
  [
    'sweepGarbage what is unread',
    () => sweepGarbage({ ...sweep, unread: wrong([5]) }, {}),
    'Cannot collect garbage: unread[0] must be a text, not 5',
  ],
  [
    'sweepGarbage how to tell the young',
    () => sweepGarbage({ ...sweep, isYoung: wrong() }, {}),
    'Cannot collect garbage: isYoung must be a function, not 5',
  ],
  [
    'sweepGarbage how to remove',
    () => sweepGarbage({ ...sweep, remove: wrong() }, {}),
    'Cannot collect garbage: remove must be a function, not 5',
  ],
  [
    'sweepGarbage a signal',
    () => sweepGarbage(sweep, wrong(signal)),
    `Cannot collect garbage: signal must be ${aborts}`,
  ],
];

describe('a store, and what works on one', () => {
  it.each(refused)('refuses what is of the wrong kind, and says what it must be: %s', async (_, call, message) => {
    const called = async (): Promise<unknown> => call();
    const failure = await called().catch((error: unknown) => error);
    expect((failure as Error).message).toBe(message);
    expect((failure as { readonly code: string }).code).toMatch(/^ERR_(?:OPTION|DIGEST)_INVALID$/);
  });
});
