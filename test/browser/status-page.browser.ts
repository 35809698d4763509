import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { HealthServer, type Page } from '../../src/health/health-server.js';
import { PAGE_POLICY, statusPage, troublePage } from '../../src/status/page.js';
import { startChromium } from './chromium.js';
import { lowContrast, sidewaysScroll, tabThrough } from './page-checks.js';
import { sampleReport } from './sample-report.js';

let browser: Browser;
let server: HealthServer;

const answerWith =
  (text: string): Page =>
  async () => ({
    contentType: 'text/html; charset=utf-8',
    headers: { 'content-security-policy': PAGE_POLICY },
    text,
  });

beforeAll(async () => {
  const pages = new Map([
    ['/', answerWith(statusPage(sampleReport(40), false))],
    ['/thousand', answerWith(statusPage(sampleReport(1_000), false))],
    ['/trouble', answerWith(troublePage('Postgres does not answer: connect ECONNREFUSED.'))],
  ]);
  server = await HealthServer.start('127.0.0.1', 0, async () => ({ isReady: true, reasons: [] }), pages);
  browser = await startChromium();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function open(path: string, width: number, colorScheme: 'light' | 'dark') {
  const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  const origin = `http://127.0.0.1:${server.port}`;
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (request.url() !== `${origin}${path}` && !request.url().startsWith('data:'))
      complaints.push(`asked for ${request.url()}`);
  });
  page.on('dialog', (dialog) => complaints.push(dialog.message()));
  await page.goto(`${origin}${path}`, { waitUntil: 'networkidle' });
  const shots = process.env.SCREENSHOT_DIR;
  if (shots) {
    await mkdir(shots, { recursive: true });
    const name = `${path === '/' ? 'status' : path.slice(1)}-${width}-${colorScheme}.png`;
    await page.screenshot({ path: join(shots, name), fullPage: path !== '/thousand' });
  }
  return { page, complaints };
}

const paths = ['/', '/thousand', '/trouble'];
const views = [360, 1280].flatMap((width) =>
  (['light', 'dark'] as const).map((scheme) => ({ width, scheme })),
);

describe.each(views)('at $width px, $scheme', ({ width, scheme }) => {
  test.each(paths)(
    '%s can be read without scrolling sideways, loads nothing and has no error',
    async (path) => {
      const { page, complaints } = await open(path, width, scheme);
      expect(await sidewaysScroll(page)).toBe(0);
      expect(await lowContrast(page, 4.5)).toEqual([]);
      expect(complaints).toEqual([]);
      expect(await page.locator('h1').count()).toBe(1);
    },
  );

  test('/ can be used with the keyboard alone, and shows where it is', async () => {
    const { page } = await open('/', width, scheme);
    const { expected, visited } = await tabThrough(page);
    expect(expected).toBeGreaterThan(10);
    expect(visited).toEqual(Array.from({ length: expected }, (_, index) => index));
    const details = page.locator('details').first();
    await details.locator('summary').focus();
    await page.keyboard.press('Enter');
    expect(await details.locator('table').isVisible()).toBe(true);
    expect(await sidewaysScroll(page)).toBe(0);
    expect(await lowContrast(page, 4.5)).toEqual([]);
  });
});

test('light and dark differ, and a name cannot become markup', async () => {
  const backgrounds = [];
  for (const scheme of ['light', 'dark'] as const) {
    const { page } = await open('/', 1280, scheme);
    backgrounds.push(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
    expect(await page.locator('script').count()).toBe(0);
    expect(await page.locator('h3', { hasText: '<script>alert("x")</script>' }).count()).toBe(1);
  }
  expect(new Set(backgrounds).size).toBe(2);
});
