// The playground in Chromium, as a visitor has it: on a desktop and on a phone, light and dark.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ExplainOutput, LintOutput } from 'kubepull/cli';
import { explainFailure } from 'kubepull/failures';
import { planBackoff } from 'kubepull/backoff';
import { encodeAuth } from 'kubepull/docker-config';
import { applyDefaultTag } from 'kubepull/reference';
import { buildPlayground } from '../../docs/playground/build.mjs';
import { EXAMPLES } from '../../docs/playground/examples.ts';
import type { Inputs } from '../../docs/playground/inputs.ts';
import { decodeLink } from '../../docs/playground/link.ts';
import { buildView } from '../../docs/playground/model.ts';
import { runCli } from '../cli/command.ts';
import { canary } from '../support/canary.ts';

/** As much as the first load may be, gzipped. */
const MAX_LOAD = 150 * 1024;
const FILES = ['index.html', 'playground.css', 'playground.js'];

const site = mkdtempSync(join(tmpdir(), 'kubepull-playground-'));
const asked: string[] = [];
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css',
  '.js': 'text/javascript',
};
const server = createServer((request, response) => {
  asked.push(request.url ?? '');
  const name = (request.url ?? '').slice(1);
  if (!FILES.includes(name)) return void response.writeHead(404).end();
  response.writeHead(200, { 'content-type': types[extname(name)] }).end(readFileSync(join(site, name)));
});
let browser: Browser;
let origin: string;

beforeAll(async () => {
  await buildPlayground(site);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
});
afterAll(async () => {
  await browser.close();
  server.close();
  rmSync(site, { recursive: true, force: true });
});

const DESKTOP: BrowserContextOptions = { viewport: { width: 1366, height: 900 } };
const PHONE: BrowserContextOptions = { viewport: { width: 375, height: 812 }, isMobile: true, hasTouch: true };
const SCREENS = [
  ['desktop, light', { ...DESKTOP, colorScheme: 'light' }],
  ['desktop, dark', { ...DESKTOP, colorScheme: 'dark' }],
  ['phone, light', { ...PHONE, colorScheme: 'light' }],
  ['phone, dark', { ...PHONE, colorScheme: 'dark' }],
] as const;

interface Visit {
  readonly page: Page;
  /** The addresses of all that the page asked for. */
  readonly requests: readonly string[];
  readonly errors: readonly string[];
}

async function visit(options: BrowserContextOptions = DESKTOP, fragment = ''): Promise<Visit> {
  const context = await browser.newContext(options);
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const requests: string[] = [];
  const errors: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(`${origin}/index.html${fragment}`);
  await page.waitForSelector('html[data-answered]');
  return { page, requests, errors };
}

/** Does something, and waits for the answer to it. */
async function answered(page: Page, act: () => Promise<unknown>): Promise<void> {
  const before = await page.evaluate(() => document.documentElement.dataset['answered']);
  await act();
  await page.waitForFunction((last) => document.documentElement.dataset['answered'] !== last, before);
}

const texts = (page: Page, field: string): Promise<readonly string[]> =>
  page
    .locator(`#answer-body [data-field="${field}"]`)
    .evaluateAll((all) => all.map((one) => (one.textContent ?? '').trim()));

/** What the page shows of the image that is chosen. */
async function readAnswer(page: Page): Promise<Record<string, unknown>> {
  return {
    policy: await texts(page, 'policy'),
    reason: await texts(page, 'policy-reason'),
    runtimeImage: await texts(page, 'runtime-image'),
    missing: await texts(page, 'missing'),
    rungs: await page
      .locator('[data-field="rung"]')
      .evaluateAll((all) =>
        all.map((one) => ['.key', '.source', '.chip'].map((part) => one.querySelector(part)?.textContent)),
      ),
    rejected: await page
      .locator('[data-field="rejected"]')
      .evaluateAll((all) =>
        all.map((one) => ['.key', '.source', '.chip'].map((part) => one.querySelector(part)?.textContent)),
      ),
    events: await page
      .locator('[data-field="event"]')
      .evaluateAll((all) => all.map((one) => Array.from(one.children, (cell) => cell.textContent))),
  };
}

/** The same as the library gives it: decisions by the command line, events by the image manager. */
async function answerOf(inputs: Inputs, at: number): Promise<Record<string, unknown>> {
  if (inputs.objects === '') return answerWithoutPod(inputs);
  const image = (await ask<ExplainOutput>('explain', inputs)).images[at];
  const view = (await buildView(inputs)).images[at];
  return {
    policy: [image?.policy.policy],
    reason: [image?.policy.reason],
    runtimeImage: image?.runtimeImage === null ? [] : [image?.runtimeImage],
    missing: image?.pullSecrets.message === null ? [] : [image?.pullSecrets.message],
    rungs: (image?.credentials?.tried ?? []).map(({ key, source, rule }) => [key, source, rule]),
    rejected: (image?.credentials?.notTried ?? []).map(({ key, source, reason }) => [key, source, reason]),
    events: (view?.description?.events ?? []).map(({ type, reason, message }) => [type, reason, message]),
  };
}

/** Without a pod nothing is known of policies and secrets. */
async function answerWithoutPod(inputs: Inputs): Promise<Record<string, unknown>> {
  const [view] = (await buildView(inputs)).images;
  const none: readonly string[] = [];
  return {
    policy: none,
    reason: none,
    runtimeImage: [applyDefaultTag(explainFailure(inputs.message).image ?? '')],
    missing: none,
    rungs: none,
    rejected: none,
    events: (view?.description?.events ?? []).map(({ type, reason, message }) => [type, reason, message]),
  };
}

async function ask<T>(command: 'explain' | 'lint', { objects, nodeConfig }: Inputs): Promise<T> {
  const config = nodeConfig === '' ? [] : ['--docker-config', '/var/lib/kubelet/config.json'];
  const files = { './objects.yaml': objects, '/var/lib/kubelet/config.json': nodeConfig };
  const { stdout } = await runCli([command, './objects.yaml', '--json', ...config], { files });
  return JSON.parse(stdout) as T;
}

describe.each(SCREENS)('the playground on a %s screen', (_, screen) => {
  it('answers every example as the library does, and asks for nothing after it has loaded', async () => {
    const { page, requests, errors } = await visit(screen);
    expect(requests.map((url) => url.replace(`${origin}/`, '')).toSorted()).toEqual(FILES);
    const before = asked.length;
    for (const { id, inputs } of EXAMPLES) {
      await answered(page, () => page.selectOption('#example', id));
      const { images, findings, told } = await buildView(inputs);
      const choices = page.locator('#picker input');
      expect([id, await choices.count()]).toEqual([id, images.length > 1 ? images.length : 0]);
      for (const at of images.keys()) {
        if (images.length > 1) await choices.nth(at).check();
        expect([id, await readAnswer(page)]).toEqual([id, await answerOf(inputs, at)]);
        const ticket = inputs.objects === '' ? [] : [images[at]?.text];
        expect([id, await texts(page, 'text')]).toEqual([id, ticket]);
      }
      const codes = await page
        .locator('[data-field="finding"]')
        .evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset['code']));
      expect([id, codes]).toEqual([id, findings.map(({ code }) => code)]);
      if (inputs.objects !== '') {
        const { findings: own } = await ask<LintOutput>('lint', inputs);
        expect([id, own.filter(({ code }) => !codes.includes(code))]).toEqual([id, []]);
      }
      const said = told ?? images.find((image) => image.told !== undefined)?.told;
      if (inputs.message !== '') {
        const { title, cure, cause } = explainFailure(inputs.message);
        expect([id, said?.cause]).toEqual([id, cause]);
        const [verdict = ''] = await texts(page, 'verdict');
        expect([verdict.startsWith(title), verdict.endsWith(cure)]).toEqual([true, true]);
      }
      const width = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
      expect([id, width[0]]).toEqual([id, width[1]]);
    }
    expect(asked.length - before).toBe(0);
    expect(requests).toHaveLength(FILES.length);
    expect(errors).toEqual([]);
  });

  it('has no serious finding of axe', async () => {
    const { page } = await visit(screen);
    const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
    await page.evaluate(axe);
    const found: string[] = [];
    for (const id of [
      '',
      'several-secrets',
      'deployment',
      'unauthorized',
      'invalid-name',
      'missing-secret',
      'own-record',
      'glob-host',
    ]) {
      await answered(page, () => (id === '' ? page.click('#clear') : page.selectOption('#example', id)));
      const { violations } = await page.evaluate(() =>
        (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
      );
      const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      found.push(
        ...serious.map(
          ({ id: rule, nodes }) => `${id}: ${rule}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`,
        ),
      );
    }
    expect(found).toEqual([]);
  });
});

describe('the playground', () => {
  it('loads in less than 150 KiB, gzipped, and says when one can use it', async () => {
    expect(readdirSync(site).toSorted()).toEqual(FILES);
    const sizes = FILES.map((name) => gzipSync(readFileSync(join(site, name)), { level: 9 }).length);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(total).toBeLessThanOrEqual(MAX_LOAD);
    const page = await browser.newPage(DESKTOP);
    onTestFinished(() => page.close());
    await browser.startTracing(page, { categories: ['devtools.timeline', 'blink.user_timing', 'toplevel'] });
    await page.goto(`${origin}/index.html`);
    await page.waitForSelector('html[data-answered]');
    const interactive = timeToInteractive((await browser.stopTracing()).toString());
    expect(interactive).toBeGreaterThan(0);
    console.log(`playground: ${(total / 1024).toFixed(1)} KiB at first load, interactive after ${interactive} ms`);
  });

  it('can make no request: the browser refuses it', async () => {
    const { page } = await visit();
    const before = asked.length;
    const outcome = await page.evaluate(async () => {
      const results: string[] = [];
      results.push(
        await fetch('/stolen').then(
          () => 'sent',
          () => 'refused',
        ),
      );
      results.push(navigator.sendBeacon('/stolen') ? 'queued' : 'refused');
      const image = new Image();
      const loaded = new Promise((resolve) => {
        image.addEventListener('load', () => resolve('sent'));
        image.addEventListener('error', () => resolve('refused'));
      });
      image.src = '/stolen';
      results.push(String(await loaded));
      return results;
    });
    expect(outcome[0]).toBe('refused');
    expect(outcome[2]).toBe('refused');
    expect(asked.slice(before)).toEqual([]);
  });

  it('says that nothing leaves it', async () => {
    const { page } = await visit();
    await page.getByText('Nothing leaves this page.').waitFor();
  });

  it('masks a secret while it is typed and when it is pasted, and its link opens the same answer without it', async () => {
    const password = canary('password');
    const { page, requests } = await visit();
    await answered(page, () => page.selectOption('#example', 'several-secrets'));
    await page.fill('#node-config', '');
    await page.focus('#node-config');
    await answered(page, () =>
      page.keyboard.type(`{"auths":{"registry.example.com":{"username":"me","password":"${password}"}}}`),
    );
    const objects = await page.inputValue('#objects');
    await answered(page, () =>
      page.fill('#objects', objects.replace(/"auth": "[^"]+"/u, `"auth": "${encodeAuth('me', password)}"`)),
    );
    const signed = `Failed to pull image "registry.example.com/team/web:1.4": Get "https://cdn.example/?X-Amz-Signature=${password}": 403 Forbidden`;
    await answered(page, () => page.fill('#message', signed));
    const shown = await page.evaluate(() => [
      document.documentElement.outerHTML,
      ...Array.from(document.querySelectorAll('textarea, input'), (one) => (one as HTMLInputElement).value),
    ]);
    // The hook around each test looks for the password in every encoding of these.
    expect(shown.filter((text) => text.includes(password)).length).toBe(0);
    expect(await page.inputValue('#node-config')).toMatch(/"username":"me","password":"•{8}[₀-₉]+"/u);
    const ladder = await readAnswer(page);
    expect(ladder['rungs']).toHaveLength(3);

    await page.click('#share');
    const link = await page.inputValue('#link');
    expect(link).toMatch(/#s=[\w-]+$/u);
    // What it packs, for the hook.
    expect(JSON.stringify(await decodeLink(new URL(link).hash))).toContain('left-out');
    expect(await page.textContent('#status')).toContain('It holds no credential.');
    const again = await visit(PHONE, new URL(link).hash);
    expect(await readAnswer(again.page)).toEqual(ladder);
    const linked = await again.page.evaluate(() =>
      Array.from(document.querySelectorAll('textarea'), ({ value }) => value),
    );
    expect(linked.join('\n')).toContain('••••••••');
    expect(requests).toHaveLength(FILES.length);
  });

  it('names an example in its link, and opens one', async () => {
    const { page } = await visit(DESKTOP, '#example=dns');
    expect(await page.inputValue('#example')).toBe('dns');
    await page.click('#share');
    expect(await page.inputValue('#link')).toBe(`${origin}/index.html#example=dns`);
  });

  it('forgets what was put in', async () => {
    const { page } = await visit();
    await answered(page, () => page.click('#clear'));
    expect(await page.inputValue('#objects')).toBe('');
    expect(await page.textContent('#answer-body')).toBe('Paste a pod, a secret or a message, or pick an example.');
  });

  it('tells at the field what cannot be read', async () => {
    const { page } = await visit();
    await answered(page, () => page.fill('#objects', 'kind: Pod\n  a: ['));
    expect(await page.textContent('#objects-problem')).toContain('neither JSON nor YAML');
    expect(await page.getAttribute('#objects', 'aria-invalid')).toBe('true');
    await answered(page, () => page.fill('#objects', ''));
    expect(await page.getAttribute('#objects', 'aria-invalid')).toBe('false');
  });

  it('can be used by the keyboard alone: every control in its order, with a visible focus', async () => {
    const { page } = await visit(DESKTOP, '#example=deployment');
    const focused = (): Promise<readonly string[]> =>
      page.evaluate(() => {
        const element = document.activeElement as HTMLElement;
        const { outlineStyle, outlineWidth } = getComputedStyle(element);
        const name =
          element.id || element.dataset['field'] || element.getAttribute('name') || element.textContent.trim();
        return [name, outlineStyle !== 'none' && outlineWidth !== '0px' ? 'visible' : 'hidden'];
      });
    const seen: (readonly string[])[] = [];
    for (let step = 0; step < 13; step += 1) {
      await page.keyboard.press('Tab');
      seen.push(await focused());
    }
    expect(seen.filter(([, focus]) => focus !== 'visible')).toEqual([]);
    expect(seen.map(([name]) => name)).toEqual(
      [
        'Skip to the answer',
        'kubepull',
        'Guide',
        'theme',
        'example',
        'objects',
        'message',
        'The node and the release',
        'share',
        'clear',
        'image',
        'Events',
        'wait',
      ].map((name) => expect.stringContaining(name === 'Events' ? '' : name)),
    );

    // The image by an arrow, and a wait by its place in the order.
    expect(await texts(page, 'runtime-image')).toEqual(['ghcr.io/team/migrate:2.0']);
    await page.keyboard.press('Tab');
    expect(await texts(page, 'backoff-detail')).toEqual([expect.stringContaining('Failure 2')]);
    await page.focus('#picker input');
    await page.keyboard.press('ArrowDown');
    expect(await texts(page, 'runtime-image')).toEqual(['registry.example.com/team/web:1.4']);
    expect((await focused())[0]).toBe('image');
    expect(await page.textContent('#status')).toMatch(/^web: Kubelet pulls the image/u);
    await page.focus('#example');
    await answered(page, () => page.keyboard.press('ArrowDown'));
    expect(await page.inputValue('#example')).not.toBe('deployment');
  });

  it('keeps to the theme that is chosen, as the pages of the site do', async () => {
    const { page } = await visit({ ...DESKTOP, colorScheme: 'light' });
    const background = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await background();
    await page.click('#theme');
    expect([await page.textContent('#theme'), await background()]).toEqual(['Theme: light', light]);
    await page.click('#theme');
    expect(await page.textContent('#theme')).toBe('Theme: dark');
    const dark = await background();
    expect(dark).not.toBe(light);
    expect(await page.evaluate(() => localStorage.getItem('tsd-theme'))).toBe('dark');
    await page.reload();
    await page.waitForSelector('html[data-answered]');
    expect(await background()).toBe(dark);
  });

  it('moves nothing for who wants less motion', async () => {
    const { page } = await visit({ ...DESKTOP, reducedMotion: 'reduce' });
    const durations = await page.evaluate(() =>
      Array.from(document.querySelectorAll('*'), (one) => getComputedStyle(one).transitionDuration),
    );
    expect(durations.filter((one) => one !== '0s')).toEqual([]);
  });

  it('shows each wait that is pointed at', async () => {
    const { page } = await visit();
    const waits = page.locator('[data-field="wait"]');
    const steps = planBackoff();
    for (let at = 0; at < (await waits.count()); at += 1) {
      const { failure, delayMs } = steps.next().value;
      await waits.nth(at).hover();
      const [detail = ''] = await texts(page, 'backoff-detail');
      expect(detail).toMatch(
        new RegExp(
          `^Failure ${failure}, .*kubelet waits ${delayMs < 60_000 ? `${delayMs / 1000} s` : `${Math.floor(delayMs / 60_000)} min`}`,
          'u',
        ),
      );
    }
  });

  it('also runs when it is opened as a file', async () => {
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    await page.goto(`file://${join(site, 'index.html')}#example=dns`);
    await page.waitForSelector('html[data-answered]');
    expect(await texts(page, 'verdict')).toEqual([expect.stringContaining('does not resolve')]);
  });
});

interface TraceEvent {
  readonly name: string;
  readonly ts: number;
  readonly dur?: number;
}

/** Milliseconds from the navigation to the end of the document's events, or of the last long task if that is later. */
function timeToInteractive(trace: string): number {
  const { traceEvents } = JSON.parse(trace) as { readonly traceEvents: readonly TraceEvent[] };
  const last = (name: string): number => traceEvents.findLast((event) => event.name === name)?.ts ?? 0;
  const start = last('navigationStart');
  const tasks = traceEvents.filter(({ name, ts, dur = 0 }) => name.endsWith('RunTask') && ts > start && dur > 50_000);
  const end = Math.max(last('domContentLoadedEventEnd'), ...tasks.map(({ ts, dur = 0 }) => ts + dur));
  return Math.round((end - start) / 1000);
}
