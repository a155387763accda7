import { ok, strictEqual } from 'node:assert/strict';
import type { Digest } from '../../digest/index.js';
import { type ImageStore, writeContent } from '../../store/index.js';
import { failsBecause, failsWith, givesBack, type NamedCheck, readAll, sampleContent } from './kit.js';

/** What goes in comes out, and is absent before. */
export function contentChecks(): readonly NamedCheck[] {
  return [
    ...[0, 1, 65_536, 1_000_001].map((size): NamedCheck => [
      `keeps content of ${size} bytes`,
      (store) => keeps(store, sampleContent(size)),
    ]),
    ...(['sha384', 'sha512'] as const).map((algorithm): NamedCheck => [
      `keeps content under ${algorithm}`,
      (store) => keeps(store, sampleContent(1000, 0, algorithm)),
    ]),
    [
      'has no content that was never written, and fails to read it',
      async (store) => {
        const content = sampleContent(10);
        strictEqual(await store.has(content.descriptor), false);
        await failsWith('ERR_STORE', () => readAll(store, content));
      },
    ],
    [
      'has content only with its own size',
      async (store) => {
        const { descriptor, bytes } = sampleContent(10);
        await writeContent(store, descriptor, bytes);
        for (const size of [9, 11]) {
          const other = { ...descriptor, size };
          strictEqual(await store.has(other), false);
          await failsWith('ERR_STORE', () => readAll(store, { descriptor: other, bytes }));
        }
        strictEqual(await store.has(descriptor), true, 'asking for another size must not remove the content');
      },
    ],
    [
      'gives each reader bytes of its own',
      async (store) => {
        const content = sampleContent(100_000);
        await writeContent(store, content.descriptor, content.bytes);
        for await (const chunk of store.read(content.descriptor)) chunk.fill(0);
        await givesBack(store, content);
      },
    ],
    [
      'lets a reader leave early, and several read at once',
      async (store) => {
        const content = sampleContent(1_000_000);
        await writeContent(store, content.descriptor, content.bytes);
        for await (const chunk of store.read(content.descriptor)) {
          ok(chunk.length > 0);
          break;
        }
        await Promise.all([givesBack(store, content), givesBack(store, content)]);
      },
    ],
    [
      'refuses descriptors that content cannot be held against',
      async (store) => {
        const { descriptor } = sampleContent(10);
        const digest = `sha256:../../${'0'.repeat(58)}` as Digest;
        await failsWith('ERR_DIGEST_INVALID', () => store.ingest({ ...descriptor, digest }));
        for (const size of [-1, 0.5, Number.NaN, 2 ** 53]) {
          await failsWith('ERR_OPTION_INVALID', () => store.ingest({ ...descriptor, size }));
        }
      },
    ],
    [
      'ends each call with the reason of an aborted signal',
      async (store) => {
        const content = sampleContent(10);
        const { descriptor } = content;
        await writeContent(store, descriptor, content.bytes);
        const reason = { is: 'the reason' };
        const call = { signal: AbortSignal.abort(reason) };
        await failsBecause(reason, () => store.has(descriptor, call));
        await failsBecause(reason, () => store.ingest(descriptor, call));
        await failsBecause(reason, () => store.resolve('x', call));
        await failsBecause(reason, () => store.tag('x', descriptor, call));
        await failsBecause(reason, async () => {
          for await (const chunk of store.read(descriptor, call)) ok(chunk.length === 0, 'no bytes after an abort');
        });
      },
    ],
  ];
}

async function keeps(store: ImageStore, content: ReturnType<typeof sampleContent>): Promise<void> {
  const { descriptor, bytes } = content;
  await writeContent(store, descriptor, bytes);
  await givesBack(store, content);
}
