// Headless Chromium with a page that is watched: what it logs, what it asks for, and of whom.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

/** Longest wait for something that has to happen on screen. */
export const PATIENCE_MS = 60_000;

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser with an empty profile of its own. CHROMIUM names another binary than Debian's. */
export const launch = () =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: FLAGS });

/**
 * Opens `url` in a context of its own. The page comes with `complaints`, what the browser held against it, and `outside`, requests
 * to other origins than `url`'s.
 */
export async function visit(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.complaints = [];
  page.outside = [];
  const { origin, host } = new URL(url);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) page.complaints.push(message.text());
  });
  page.on('pageerror', (error) => page.complaints.push(error.stack));
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) page.outside.push(request.url());
  });
  page.on('websocket', (socket) => {
    if (new URL(socket.url()).host !== host) page.outside.push(socket.url());
  });
  await page.goto(url);
  return page;
}

/** Closes the page's context, after a last look at what it did. `expected` are complaints that the test provoked. */
export async function leave(page, { expected = null } = {}) {
  const complaints = page.complaints.filter((text) => !expected?.test(text));
  assert.deepEqual(complaints, [], 'the browser has no complaints');
  assert.deepEqual(page.outside, [], 'nothing is asked of other hosts');
  await page.context().close();
}

/** Waits until `selector` has an element whose text matches. */
export const sees = (page, selector, text) => page.locator(selector, { hasText: text }).first().waitFor({ state: 'visible' });

/** The exact amount behind a tile of the account, from its title: a decimal number without grouping. */
export async function exactly(page, label) {
  const tile = page.locator('#account-body .tile', { has: page.locator('dt', { hasText: new RegExp(`^${label} *$`) }) });
  const title = await tile.locator('dd span').first().getAttribute('title');
  return title.replace(/ exactly$/, '').replaceAll('\u202f', '').replace('\u2212', '-');
}

/** Fills in the form and opens an account. */
export async function open(page, slot, key) {
  await page.fill('#slot', String(slot));
  await page.fill('#key', key);
  await page.click('#open');
}
