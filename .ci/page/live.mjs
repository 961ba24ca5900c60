// The page of a running node: URL=http://127.0.0.1:8080/ node live.mjs
//
// With SLOT and VIEWING_KEY in the environment the account is opened too, and every check of the page must pass; with EQUITY (micro-units)
// its equity must be that one. EMPTY=1 allows a venue without batches.

import assert from 'node:assert/strict';
import { exactly, launch, leave, open, sees, visit } from './lib.mjs';

const { URL: url, SLOT, VIEWING_KEY, EQUITY, EMPTY } = process.env;
if (!url) throw new Error('set URL to the address of the node: URL=http://127.0.0.1:8080/ node live.mjs');

/** Micro-units of a decimal number with at most six decimals. */
function micro(text) {
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(text);
  return BigInt(sign + whole + fraction.padEnd(6, '0'));
}

const browser = await launch();
const page = await visit(browser, url);
const sent = [];
page.on('request', (request) => sent.push(`${request.method()} ${request.url()} ${JSON.stringify(request.headers())} ${request.postData() ?? ''}`));
page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => sent.push(String(payload))));
try {
  await page.reload();
  await sees(page, '#link-text', /^live$/);
  await page.locator('#facts .tile').first().waitFor();
  if (!EMPTY) {
    await page.locator('#lanes .stage.done').first().waitFor();
    await page.locator('#underlyings tbody td').first().waitFor();
  }
  console.log(`${await page.locator('#lanes > li').count()} lanes, ${await page.locator('#underlyings tbody td:first-of-type').count()} instruments, ${await page.locator('#auction-rows tr').count()} auctions`);

  if (SLOT && VIEWING_KEY) {
    const key = VIEWING_KEY.replace(/^0x/, '').toLowerCase();
    await open(page, SLOT, key);
    await page.locator('.checks, #account-error:not([hidden])').first().waitFor();
    assert.equal(await page.textContent('#account-error'), '');
    assert.deepEqual(await page.locator('.checks .bad').allTextContents(), [], 'every check passes');
    const equity = micro(await exactly(page, 'Equity'));
    console.log(`slot ${SLOT}: equity ${equity} micro-units`);
    if (EQUITY) assert.equal(equity, BigInt(EQUITY));
    const said = sent.join('\n').toLowerCase();
    assert.ok(sent.length > 5, 'requests were recorded');
    assert.ok(!said.includes(key) && !said.includes(BigInt(`0x${key}`).toString()), 'the key was sent');
  }
  await leave(page);
} finally {
  await browser.close();
}
