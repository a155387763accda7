import { readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { createImageMetrics } from 'kubepull/metrics';
import { readSnippets } from '../packaging/snippets.ts';
import { rules } from '../support/image-controller.ts';
import { runSnippet } from '../support/run-snippet.ts';

const page = readFileSync(new URL('../../docs/guides/production.md', import.meta.url), 'utf8');
const [probe] = readSnippets().filter(({ place }) => place.startsWith('docs/guides/production.md'));

interface Answer {
  status: number;
  body: string;
}

type Handler = (request: { readonly url: string }, response: object) => void;

/** What the server of the example answers. */
async function serve(now: () => number): Promise<(url: string) => Answer> {
  const handlers: Handler[] = [];
  const createServer = (handler: Handler): object => {
    handlers.push(handler);
    return { listen: () => undefined };
  };
  const scope = { metrics: createImageMetrics(), performance: { now } };
  await runSnippet(probe?.code ?? '', { 'node:http': { createServer } }, scope);
  return (url) => {
    const answer: Answer = { status: 0, body: '' };
    const response = {
      writeHead(status: number) {
        answer.status = status;
        return response;
      },
      end(body = '') {
        answer.body = body;
      },
    };
    handlers[0]?.({ url }, response);
    return answer;
  };
}

describe('docs/guides/production.md', () => {
  it('lists what the role of the manifest allows, and no more', () => {
    const listed = Array.from(
      page.matchAll(/^\| `([a-z]+)` +\| ((?:`[a-z]+`(?:, )?)+)/gm),
      ([, resource, verbs = '']) => [resource, ...verbs.replaceAll(/[`,]/g, '').split(' ')].join(' '),
    );
    const allowed = rules.flatMap(({ resources, verbs }) =>
      resources.map((resource) => [resource, ...verbs].join(' ')),
    );
    expect(listed).toEqual(allowed);
  });

  it('alerts on counters that there are', () => {
    const names = createImageMetrics()
      .families()
      .flatMap(({ name, type }) => (type === 'histogram' ? [name, `${name}_bucket`] : [name]));
    const used = [...new Set(Array.from(page.matchAll(/\bkubelet_\w+/g), ([name]) => name))];
    expect(used.length).toBeGreaterThanOrEqual(5);
    expect(used.filter((name) => !names.includes(name))).toEqual([]);
  });

  it('has a probe that fails once the loop no longer turns, and counters to scrape', async () => {
    const now = vi.fn(() => 0);
    const get = await serve(now);
    expect(get('/healthz').status).toBe(200);
    expect(get('/metrics')).toEqual({ status: 200, body: createImageMetrics().text() });
    expect(get('/secrets').status).toBe(404);
    now.mockReturnValue(600_000);
    expect(get('/healthz').status).toBe(503);
  });
});
