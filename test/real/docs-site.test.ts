import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import axe from 'axe-core';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../packaging/child.ts';
import { root } from '../packaging/entries.mjs';

const site = mkdtempSync(join(tmpdir(), 'kubepull-site-'));
let browser: Browser;

beforeAll(async () => {
  const { exitCode, stderr } = await run(process.execPath, [
    join(root, 'node_modules/typedoc/bin/typedoc'),
    '--out',
    site,
  ]);
  if (exitCode !== 0) throw new Error(stderr);
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--allow-file-access-from-files'],
  });
});
afterAll(async () => {
  await browser?.close();
  rmSync(site, { recursive: true, force: true });
});

/** One page of each kind, and those with wide content. */
const PAGES = [
  'index.html',
  'modules.html',
  'modules/keyring.html',
  'functions/keyring.createKeyring.html',
  'interfaces/puller.PullOptions.html',
  'classes/errors.RegistryError.html',
  'types/puller.PullEvent.html',
  'documents/README.html',
  'documents/guides/pull-secrets.html',
  'documents/guides/observability.html',
  'documents/architecture.html',
  'documents/conformance.html',
  'documents/errors.html',
  'documents/bench/README.html',
];
const PHONE = { width: 375, height: 812 };
const DESK = { width: 1280, height: 900 };

interface Asked {
  readonly viewport: { readonly width: number; readonly height: number };
  readonly colorScheme: 'dark' | 'light';
}

/** Opens a page of the site from its file, looks at it, and gives the addresses that it asked for too. */
async function look<T>(
  path: string,
  { viewport, colorScheme }: Asked,
  at: (page: Page) => Promise<T>,
): Promise<[T, string[]]> {
  const page = await browser.newPage({ viewport, colorScheme, reducedMotion: 'reduce' });
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  try {
    await page.goto(pathToFileURL(join(site, path)).href, { waitUntil: 'load' });
    await page.waitForSelector('#tsd-nav-container a', { state: 'attached' });
    return [await at(page), asked];
  } finally {
    await page.close();
  }
}

/** What axe-core finds, but for links inside the headings that open and close: TypeDoc's theme makes those. */
async function seriousFaults(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run());
  const ofTheme = (id: string, html: string): boolean =>
    id === 'nested-interactive' && html.startsWith('<summary class="tsd-accordion-summary"');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.filter(({ html }) => !ofTheme(id, html)).map(({ html }) => `${id}: ${html.slice(0, 200)}`),
    );
}

describe('a page of the documentation site, opened from its file', () => {
  it.each(PAGES)('%s fits a phone, and asks no server', async (path) => {
    const [width, asked] = await look(path, { viewport: PHONE, colorScheme: 'light' }, (page) =>
      page.evaluate(() => Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)),
    );
    expect(width).toBe(PHONE.width);
    expect(asked.filter((url) => !url.startsWith(pathToFileURL(site).href) && !url.startsWith('data:'))).toEqual([]);
    expect(asked.length).toBeGreaterThan(4);
  });

  it.each(PAGES)(
    '%s has no serious fault of accessibility, on a phone in light and on a desk in dark',
    async (path) => {
      const settings = [
        { viewport: PHONE, colorScheme: 'light' },
        { viewport: DESK, colorScheme: 'dark' },
      ] as const;
      for (const asked of settings) {
        const [faults] = await look(path, asked, seriousFaults);
        expect(faults).toEqual([]);
      }
    },
  );

  it.each([
    ['createKeyring', 'functions/keyring.createKeyring.html'],
    ['explainPull', 'functions/explain.explainPull.html'],
    ['why a pull fails', 'documents/guides/why-a-pull-fails.html'],
  ])('the search finds %s without a server', async (name, target) => {
    const [found] = await look(
      'documents/guides/pulling.html',
      { viewport: DESK, colorScheme: 'light' },
      async (page) => {
        await page.click('#tsd-search-trigger');
        await page.fill('#tsd-search-input', name);
        await page.waitForSelector('#tsd-search-results a');
        const first = await page.getAttribute('#tsd-search-results a', 'href');
        await page.click('#tsd-search-results a');
        await page.waitForLoadState('load');
        return [first, page.url()];
      },
    );
    expect(found[0]).toContain(target);
    expect(found[1]).toContain(pathToFileURL(join(site, target)).href);
  });

  it('takes the colours of the system, or those that are chosen, and keeps the choice', async () => {
    const background = (page: Page): Promise<string> =>
      page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const colours = await Promise.all(
      (['light', 'dark'] as const).map((colorScheme) =>
        look('index.html', { viewport: DESK, colorScheme }, background),
      ),
    );
    expect(colours[0]?.[0]).not.toBe(colours[1]?.[0]);
    const [chosen] = await look('index.html', { viewport: DESK, colorScheme: 'light' }, async (page) => {
      await page.click('.settings summary');
      await page.selectOption('#tsd-theme', 'dark');
      await page.reload();
      return background(page);
    });
    expect(chosen).toBe(colours[1]?.[0]);
  });
});
