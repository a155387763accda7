import * as diagnostics from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { format } from 'node:util';
import {
  type ContextManager,
  ROOT_CONTEXT,
  SpanStatusCode,
  type TracerProvider,
  context as activeContext,
  trace as otel,
} from '@opentelemetry/api';
import * as hooks from '@opentelemetry/context-async-hooks';
import * as sdk from '@opentelemetry/sdk-trace-base';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as imageManager from 'kubepull/image-manager';
import * as imageService from 'kubepull/image-service';
import * as metrics from 'kubepull/metrics';
import * as node from 'kubepull/node';
import * as tracingModule from 'kubepull/tracing';
import type { Tracing } from 'kubepull/tracing';
import { readSnippets } from '../packaging/snippets.ts';
import { openStore, startRuntime, startScene, tryPull } from '../puller/downloads-support.ts';
import { runSnippet } from '../support/run-snippet.ts';

const page = readFileSync(new URL('../../docs/guides/observability.md', import.meta.url), 'utf8');
const snippets = readSnippets().filter(({ place }) => place.startsWith('docs/guides/observability.md'));

function snippetWith(text: string): string {
  const found = snippets.filter(({ code }) => code.includes(text));
  expect(found).toHaveLength(1);
  return found[0]!.code;
}

function lineOf({ name, parentSpanContext }: sdk.ReadableSpan): string {
  return `${name} ${parentSpanContext === undefined ? 'without' : 'with'} parent`;
}

/** What an example gives to `createNodeRuntime`. */
async function tracingOf(code: string, modules: Readonly<Record<string, object>>): Promise<Tracing> {
  const given: Tracing[] = [];
  const createNodeRuntime = ({ tracing }: { tracing: Tracing }): object => {
    given.push(tracing);
    return startRuntime();
  };
  await runSnippet(code, { ...modules, 'kubepull/node': { ...node, createNodeRuntime } });
  expect(given).toHaveLength(1);
  return given[0]!;
}

describe('docs/guides/observability.md', () => {
  it('makes spans that nest, with what is known of each, and the error of one that failed', async () => {
    const exporter = new sdk.InMemorySpanExporter();
    const provider = new sdk.BasicTracerProvider({ spanProcessors: [new sdk.SimpleSpanProcessor(exporter)] });
    activeContext.setGlobalContextManager(new hooks.AsyncLocalStorageContextManager().enable());
    onTestFinished(() => activeContext.disable());
    const api = { SpanStatusCode, trace: { ...otel, getTracer: (name: string) => provider.getTracer(name) } };
    const tracing = await tracingOf(snippetWith('startActiveSpan'), { '@opentelemetry/api': api });
    const { name, registry, path, layer } = await startScene();
    const runtime = { ...startRuntime(), tracing };
    await tryPull(name, { runtime, store: await openStore('memory') });
    registry.fault({ path, action: { kind: 'status', status: 404 } });
    await tryPull(name, { runtime, store: await openStore('memory') });
    const spans = exporter.getFinishedSpans();
    const pulls = spans.filter((span) => span.name === 'kubepull.pull');
    const parentOf = (at: number): string | undefined => pulls[at]?.spanContext().spanId;
    expect(spans.map((span) => [span.name, span.parentSpanContext?.spanId, span.status.code])).toEqual([
      ['kubepull.manifest', parentOf(0), SpanStatusCode.UNSET],
      ['kubepull.blob', parentOf(0), SpanStatusCode.UNSET],
      ['kubepull.blob', parentOf(0), SpanStatusCode.UNSET],
      ['kubepull.pull', undefined, SpanStatusCode.UNSET],
      ['kubepull.manifest', parentOf(1), SpanStatusCode.UNSET],
      ['kubepull.blob', parentOf(1), SpanStatusCode.UNSET],
      ['kubepull.blob', parentOf(1), SpanStatusCode.ERROR],
      ['kubepull.pull', undefined, SpanStatusCode.ERROR],
    ]);
    expect(spans[2]?.attributes).toEqual({
      'kubepull.name': `${registry.host}/team/app`,
      'kubepull.digest': layer.digest,
      'kubepull.mediaType': layer.mediaType,
      'kubepull.size': layer.size,
      'kubepull.resumedFrom': 0,
    });
  });

  it('prints the time of each blob that a channel tells of', async () => {
    const printed: string[] = [];
    const subscribed: (() => void)[] = [];
    const tracingChannel = (channel: string): object => {
      const real = diagnostics.tracingChannel<string, object>(channel);
      return {
        subscribe(all: diagnostics.TracingChannelSubscribers<object>) {
          real.subscribe(all);
          subscribed.push(() => real.unsubscribe(all));
        },
      };
    };
    onTestFinished(() => subscribed.forEach((undo) => undo()));
    await runSnippet(
      snippetWith('WeakMap'),
      { 'node:diagnostics_channel': { tracingChannel } },
      { console: { log: (...args: readonly unknown[]) => printed.push(format(...args)) } },
    );
    const { name, layer, registry } = await startScene();
    await tryPull(name, { store: await openStore('memory') });
    expect(printed).toHaveLength(2);
    expect(printed[1]?.replace(/[\d.]+ s$/, 'N s')).toBe(
      `${registry.host}/team/app@${layer.digest}: ${layer.size} bytes in N s`,
    );
  });

  it('counts under the names of its table, and no other', async () => {
    const printed: string[] = [];
    await runSnippet(
      snippetWith('createImageMetrics()'),
      {
        'kubepull/image-manager': imageManager,
        'kubepull/image-service': imageService,
        'kubepull/metrics': metrics,
        'kubepull/node': { ...node, openOciLayout: () => openStore('memory'), createNodeRuntime: () => startRuntime() },
        'kubepull/tracing': tracingModule,
      },
      { console: { log: (text: string) => printed.push(text) } },
    );
    const names = [...(printed[0] ?? '').matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    const listed = [...page.matchAll(/^\| `(kubelet_\w+)`/gm)].map(([, name]) => name);
    expect(new Set(names)).toEqual(new Set(listed));
    expect([names.length, listed.length]).toEqual([9, 9]);
  });

  it('gives an exporter what ended before the shutdown, each span with its parent', async () => {
    const exported: string[] = [];
    const exporter = new sdk.InMemorySpanExporter();
    // Its own shutdown forgets all.
    exporter.shutdown = async () => void exported.push(...exporter.getFinishedSpans().map(lineOf));
    const providers: TracerProvider[] = [];
    const managers: ContextManager[] = [];
    const api = {
      context: { setGlobalContextManager: (manager: ContextManager) => managers.push(manager) },
      trace: { setGlobalTracerProvider: (provider: TracerProvider) => providers.push(provider) },
    };
    const code = snippetWith('BatchSpanProcessor').replace('// … pulls …', 'pull();');
    const pull = (): void => {
      const tracer = providers[0]?.getTracer('test');
      const parent = tracer?.startSpan('pull');
      managers[0]?.with(otel.setSpan(ROOT_CONTEXT, parent!), () => {
        tracer?.startSpan('blob', {}, managers[0]?.active()).end();
      });
      parent?.end();
    };
    await runSnippet(
      code,
      { '@opentelemetry/api': api, '@opentelemetry/context-async-hooks': hooks, '@opentelemetry/sdk-trace-base': sdk },
      { exporter, pull },
    );
    expect(exported).toEqual(['blob with parent', 'pull without parent']);
  });

  it('records durations by operation and outcome, and nothing of the image', async () => {
    const recorded: object[] = [];
    const createHistogram = () => ({
      record: (seconds: number, attributes: object) => recorded.push({ ...attributes, timed: seconds >= 0 }),
    });
    const api = { metrics: { getMeter: () => ({ createHistogram }) } };
    const tracing = await tracingOf(snippetWith('createHistogram'), { '@opentelemetry/api': api });
    const blob = { name: 'app', digest: 'sha256:0', mediaType: 'layer', size: 1, resumedFrom: 0 } as never;
    await expect(tracing.trace('blob', blob, async () => 7)).resolves.toBe(7);
    await expect(tracing.trace('blob', blob, () => Promise.reject(new Error('cut')))).rejects.toThrow('cut');
    expect(recorded).toEqual([
      { operation: 'blob', outcome: 'done', timed: true },
      { operation: 'blob', outcome: 'failed', timed: true },
    ]);
  });

  it('writes its counters after those of another registry, under the type of that', async () => {
    const printed: string[] = [];
    const counters = metrics.createImageMetrics();
    const theirs = '# HELP mine_total x\n# TYPE mine_total counter\nmine_total 1\n';
    const register = { contentType: 'text/plain; version=0.0.4; charset=utf-8', metrics: async () => theirs };
    const types: unknown[] = [];
    class Answer extends Response {
      constructor(body: string, init: ResponseInit) {
        super(body, init);
        types.push(this.headers.get('content-type'));
      }
    }
    await runSnippet(
      snippetWith('register.metrics'),
      {},
      { metrics: counters, register, Response: Answer, console: { log: (text: string) => printed.push(text) } },
    );
    expect(printed).toEqual([`${theirs}${counters.text()}`]);
    expect(types).toEqual([register.contentType]);
  });

  it('lists every operation', () => {
    const listed = [...page.matchAll(/^\| `([a-z]+)` /gm)].map(([, name]) => name);
    expect(new Set(listed)).toEqual(new Set(tracingModule.TRACE_OPERATIONS));
  });
});
