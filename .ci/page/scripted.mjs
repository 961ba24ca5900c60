// The page in a browser, against a node that the test scripts: `node --test scripted.mjs`.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exactly, launch, leave, open, sees, visit } from './lib.mjs';
import { startNode } from './node.mjs';
import { KEY, makeVenue, OTHER_KEY, SLOT } from './venue.mjs';

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/** A node with a venue of some batches, and what has to be stopped after. */
async function stage(batches = 0) {
  const venue = makeVenue();
  const node = await startNode((url) => venue.answer(url));
  for (let i = 0; i < batches; i++) venue.make();
  venue.say = node.say;
  return { venue, node };
}

/** The key in every spelling in which it could slip out. */
function spellings(hex) {
  const bytes = Buffer.from(hex, 'hex');
  const reversed = Buffer.from(bytes).reverse();
  const number = BigInt(`0x${hex}`);
  return [hex, number.toString(16), number.toString(), bytes.toString('base64'), bytes.toString('base64url'), reversed.toString('hex'), Buffer.from(hex).toString('hex')];
}

function assertNeverSent(node, hex) {
  assert.ok(node.sent.length > 5, 'requests were recorded');
  const said = JSON.stringify(node.sent).toLowerCase();
  for (const spelling of spellings(hex)) assert.ok(!said.includes(spelling.replace(/=+$/, '').toLowerCase()), 'the key was sent');
}

const lane = (page, number) => page.locator(`#lanes > li[data-key="${number}"]`);
const done = (page, number) => lane(page, number).locator('.stage.done').count();

test('an empty venue says so, in words', async () => {
  const { venue, node } = await stage();
  venue.empty = true;
  const page = await visit(browser, node.url);
  await sees(page, '#batches-empty', 'No batch yet');
  await sees(page, '#markets-empty', 'Nothing is listed yet');
  await sees(page, '#auctions-empty', 'No auction has been published yet');
  await sees(page, '#facts .tile', 'Last batchnone');
  await open(page, SLOT, KEY);
  await sees(page, '#account-error', 'holds no account yet');
  assert.equal(await page.locator('#lanes').isVisible(), false);
  await leave(page, { expected: /404/ });
  await node.stop();
});

test('batches move from open to final on screen, and back when L1 reorganises', async () => {
  const { venue, node } = await stage();
  const page = await visit(browser, node.url);
  await sees(page, '#link-text', /^live$/);
  // Drawn once the first read is over: the reads counted below are all caused by events.
  await sees(page, '#facts .tile', 'Last batchnone');
  venue.make();
  await sees(page, '#lanes > li[data-key="1"] .state', 'proving');
  await sees(page, '#lanes > li[data-key="open"] .number', '# 2');
  assert.equal(await done(page, 1), 1);
  const reads = () => node.sent.filter(({ url }) => url.startsWith('/v1/batches?')).length;
  const before = reads();
  for (const [stage, state] of [['proven', 'sending to L1'], ['submitted', 'waiting for L1'], ['accepted', 'waiting for finality'], ['final', 'final in 56 s']]) {
    assert.equal(venue.next(1), stage);
    await sees(page, '#lanes > li[data-key="1"] .state', state);
  }
  assert.equal(await done(page, 1), 5);
  assert.equal(reads(), before, 'a stage that follows is drawn from the event alone');
  await sees(page, '#facts .tile', 'Last final# 1');
  await lane(page, 1).locator('summary').click();
  await sees(page, '#lanes .more dd', 'in block 41');

  venue.reorganise(1);
  await sees(page, '#lanes > li[data-key="1"] .state', 'waiting for L1');
  assert.equal(await done(page, 1), 3);
  assert.ok(await lane(page, 1).locator('.more').isVisible(), 'opened details stay open');
  await sees(page, '#facts .tile', 'Last finalnone');
  await leave(page);
  await node.stop();
});

test('stages whose times a restarted node does not know are drawn without them', async () => {
  const { venue, node } = await stage(1);
  venue.restart(1);
  const page = await visit(browser, node.url);
  await sees(page, '#lanes > li[data-key="1"] .state', 'waiting for finality');
  const texts = await lane(page, 1).locator('.stage').allTextContents();
  assert.deepEqual(texts.slice(0, 4), ['08:00:30', '', '', '08:00:30']);
  assert.equal(await done(page, 1), 4);
  venue.next(1);
  await sees(page, '#lanes > li[data-key="1"] .state', 'final in 14 s');
  await leave(page);
  await node.stop();
});

test('a long history shows twelve batches, then fifty, newest first', async () => {
  const { node } = await stage(63);
  const page = await visit(browser, node.url);
  await sees(page, '#lanes .number', '# 63');
  assert.equal(await page.locator('#lanes > li').count(), 1 + 12);
  await page.click('#older');
  await sees(page, '#older', 'Show fewer');
  assert.equal(await page.locator('#lanes > li').count(), 1 + 50);
  assert.equal(await page.locator('#lanes > li').last().getAttribute('data-key'), '14');
  await page.click('#older');
  await sees(page, '#older', 'Show the last 50');
  assert.equal(await page.locator('#lanes > li').count(), 1 + 12);
  await leave(page);
  await node.stop();
});

test('markets and auctions are drawn and follow the node; nothing is read as markup', async () => {
  const { venue, node } = await stage(1);
  venue.tamper = (url, body) => {
    if (!url.startsWith('/v1/instruments')) return body;
    return body.map((json) => (json.id === 11 ? { ...json, name: 'ETH-<img src=x onerror=alert(1)>' } : json));
  };
  venue.trade(3, 121_380, null);
  const page = await visit(browser, node.url);
  const row = (name) => page.locator('#underlyings tr', { has: page.locator(`th:text-is("${name}")`) });
  await row('BTC-PERP').waitFor();
  const shown = async (name) => (await row(name).locator('td').allTextContents()).map((text) => text.replaceAll('\u202f', ' '));
  assert.deepEqual(await shown('BTC-PERP'), ['88 530.9', '\u2013', 'never', 'open']);
  assert.deepEqual(await shown('BTC-27MAR26-80000-C'), ['12 141.2', '12 138.0', '2026-03-27 08:00', 'open']);
  assert.deepEqual(await shown('ETH-27MAR26'), ['2 968.07', '\u2013', '2026-03-27 08:00', 'reduce only']);
  assert.equal(await page.locator('img').count(), 0);
  await sees(page, '#underlyings th', '<img src=x');
  await sees(page, '#auction-rows tr', 'private');

  assert.equal(await row('BTC-2JAN26').count(), 0, 'what is settled is not shown unasked');
  await page.check('#settled');
  assert.equal((await shown('BTC-2JAN26'))[3], 'settled');

  venue.trade(1, 885_410, 12);
  await sees(page, '#underlyings tr', '88\u202f541.0');
  await sees(page, '#auction-rows tr', 'BTC-PERP88\u202f541.0121');
  venue.mark();
  await sees(page, '#underlyings tr', '88\u202f531.6');
  await sees(page, '#markets-lead', 'round 2');
  await leave(page);
  await node.stop();
});

test('the account opens with its key, to the micro-unit, and follows the marks', async () => {
  const { venue, node } = await stage(3);
  const page = await visit(browser, node.url);
  await open(page, SLOT, ` 0x${KEY.toUpperCase()} `);
  await page.locator('.checks').waitFor();
  // By hand from venue.mjs: cash -4,000; 40 perpetuals at 88,530.9 less the index of -0.00125, 25 puts short at 10,941.2, 120
  // ether perpetuals, 3 lots settled at 87.654321.
  assert.equal(await exactly(page, 'Equity'), '3059.084963');
  // 40 * 8.85 + 25 * 3.201 at the lowest price with volatility up; 120 * 2.94; charges 0.48 + 0.375 + 1.44.
  assert.equal(await exactly(page, 'Initial margin'), '789.12');
  assert.equal(await exactly(page, 'Maintenance margin'), '591.84');
  assert.equal(await exactly(page, 'Withdrawable'), '2269.330463');
  assert.deepEqual(await page.locator('#positions tbody th').allTextContents(), ['BTC-PERP', 'BTC-27MAR26-80000-P', 'ETH-PERP', 'BTC-2JAN26']);
  assert.deepEqual(await page.locator('.checks li').evaluateAll((items) => items.map((item) => item.className)), ['good', 'good', 'good', 'good', 'open']);

  const pictures = page.locator('figure.scenarios');
  assert.equal(await pictures.count(), 2);
  for (const figure of await pictures.all()) assert.equal(await figure.locator('rect.bar').count(), 16);
  const worst = await pictures.first().locator('rect.worst title').evaluateAll((titles) => titles.map((title) => title.textContent));
  assert.deepEqual(worst, ['Price \u22121 of the range, volatility up: \u2212434.025']);
  const longest = await pictures.first().locator('rect.loss, rect.worst').evaluateAll((bars) => {
    const height = (bar) => Number(bar.getAttribute('height'));
    return bars.sort((a, b) => height(b) - height(a))[0].getAttribute('class');
  });
  assert.equal(longest, 'bar worst');
  await pictures.first().locator('summary').click();
  assert.equal(await pictures.first().locator('tbody tr').count(), 16);

  venue.mark();
  await sees(page, '.asof', '08:02:00');
  // 7 ticks of 100 micro-units on 40 - 25 + 120 lots.
  assert.equal(await exactly(page, 'Equity'), '3059.179463');
  assert.ok(await pictures.first().locator('tbody').isVisible(), 'opened details stay open');
  await sees(page, '.checks .open', 'No batch has used the marks of round 2 yet');
  assert.equal(await page.inputValue('#key'), '', 'the key does not stay in the field');
  await leave(page);
  assertNeverSent(node, KEY);
  await node.stop();
});

test('a wrong key shows nothing and says so', async () => {
  const { node } = await stage(3);
  const page = await visit(browser, node.url);
  await open(page, SLOT, KEY);
  await page.locator('.checks').waitFor();
  await open(page, SLOT, OTHER_KEY);
  await sees(page, '#account-error', `This key does not open slot ${SLOT}`);
  assert.equal(await page.textContent('#account-body'), '');
  await open(page, SLOT, 'not a key');
  await sees(page, '#account-error', 'A viewing key has 64 hex digits');
  await open(page, 0, KEY);
  await sees(page, '#account-error', 'An account slot is a number from 1 to 16777215');
  assert.equal(await page.textContent('#account-body'), '');
  await leave(page);
  assertNeverSent(node, KEY);
  assertNeverSent(node, OTHER_KEY);
  await node.stop();
});

test('a node that lies is caught', async () => {
  const { venue, node } = await stage(3);
  const page = await visit(browser, node.url);
  const bump = (word) => `0x${(BigInt(word) + 1n).toString(16).padStart(64, '0')}`;
  const lie = (path, change) => {
    venue.tamper = (url, body) => (url.startsWith(path) && body ? change(body) : body);
  };
  lie('/v1/accounts/', (leaf) => ({ ...leaf, ciphertext: leaf.ciphertext.with(0, bump(leaf.ciphertext[0])) }));
  await open(page, SLOT, KEY);
  await sees(page, '#account-error', 'does not hash to what was published');
  assert.equal(await page.textContent('#account-body'), '');

  const failed = () => page.locator('.checks .bad').allTextContents();
  const opens = async () => {
    await open(page, SLOT, KEY);
    await page.locator('.checks').waitFor();
  };
  lie('/v1/accounts/', (leaf) => ({ ...leaf, path: leaf.path.with(7, leaf.path[7].with(1, bump(leaf.path[7][1]))) }));
  await opens();
  assert.match((await failed()).join(), /Not so: Leaf and path/);
  lie('/v1/batches/', (detail) => ({ ...detail, batch: { ...detail.batch, new_root: bump(detail.batch.new_root) } }));
  await opens();
  assert.match((await failed()).join(), /Not so: Leaf and path/);
  lie('/v1/instruments', (list) => list.with(1, { ...list[1], risk: list[1].risk.with(3, '0') }));
  await opens();
  assert.match((await failed()).join(), /Not so: All 12 instruments/);
  await sees(page, '#account-body .error', 'do not rely on these numbers');
  lie('/v1/instruments', (list) => list.slice(1));
  await open(page, SLOT, KEY);
  await sees(page, '#account-error', 'holds instrument 1, which the node does not list');
  await leave(page);
  assertNeverSent(node, KEY);
  await node.stop();
});

test('the key is kept for the tab only when asked, and forgotten when told', async () => {
  const { node } = await stage(2);
  const page = await visit(browser, node.url);
  const stores = () => page.evaluate(() => [JSON.stringify({ ...sessionStorage }), JSON.stringify({ ...localStorage }), document.cookie, location.href].join(' '));
  await open(page, SLOT, KEY);
  await page.locator('.checks').waitFor();
  for (const spelling of spellings(KEY)) assert.ok(!(await stores()).includes(spelling));
  // Nothing that a browser would store or check elsewhere of its own accord.
  const field = await page.$eval('#key', ({ type, autocomplete, spellcheck, name }) => ({ type, autocomplete, spellcheck, name }));
  assert.deepEqual(field, { type: 'text', autocomplete: 'off', spellcheck: false, name: '' });
  assert.equal(await page.$eval('#key', (key) => getComputedStyle(key).webkitTextSecurity), 'disc');

  await page.check('#keep');
  assert.deepEqual(JSON.parse(await page.evaluate(() => sessionStorage.getItem('novation.account'))), { slot: SLOT, key: KEY, owner: '' });
  await page.reload();
  await page.locator('.checks').waitFor();
  assert.equal(await exactly(page, 'Equity'), '3059.084963');
  await page.click('#forget');
  assert.equal(await page.textContent('#account-body'), '');
  for (const spelling of spellings(KEY)) assert.ok(!(await stores()).includes(spelling));
  await page.reload();
  await sees(page, '#lanes .number', '# 2');
  assert.equal(await page.textContent('#account-body'), '');
  await leave(page);
  assertNeverSent(node, KEY);
  await node.stop();
});

test('without an event stream the page polls, and goes live again by itself', async () => {
  const { venue, node } = await stage(2);
  const page = await visit(browser, node.url);
  await sees(page, '#link-text', /^live$/);
  await open(page, SLOT, KEY);
  await page.locator('.checks').waitFor();
  node.refuseSockets = true;
  node.cut();
  await sees(page, '#link-text', 'polling');
  venue.make();
  await sees(page, '#lanes .number', '# 3');

  node.down = true;
  await sees(page, '#link-text', 'the node does not answer');
  assert.equal(await exactly(page, 'Equity'), '3059.084963', 'what was opened stays');
  node.down = false;
  venue.next(3);
  await sees(page, '#lanes > li[data-key="3"] .state', 'sending to L1');
  node.refuseSockets = false;
  await sees(page, '#link-text', /^live$/);
  venue.next(3);
  await sees(page, '#lanes > li[data-key="3"] .state', 'waiting for L1');
  await leave(page, { expected: /WebSocket|ERR_|503/ });
  assertNeverSent(node, KEY);
  await node.stop();
});

test('everything can be reached and used by keyboard', async () => {
  const { venue, node } = await stage(2);
  const page = await visit(browser, node.url);
  await sees(page, '#lanes .number', '# 2');
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim().slice(0, 24));
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'Skip to the batches');
  // Tab on until the lane of batch 2, as often as there are things to reach.
  const onLane = () => page.evaluate(() => document.activeElement.closest('#lanes > li')?.dataset.key === '2');
  for (let i = 0; i < 20 && !(await onLane()); i++) await page.keyboard.press('Tab');
  assert.ok(await onLane(), 'a lane can be reached');
  await page.keyboard.press('Enter');
  await lane(page, 2).locator('.more').waitFor();
  venue.next(2);
  await sees(page, '#lanes > li[data-key="2"] .state', 'sending to L1');
  assert.ok(await onLane(), 'a lane that is drawn anew keeps the focus');
  assert.ok(await lane(page, 2).locator('.more').isVisible(), 'and stays open');

  for (let i = 0; i < 40 && (await focused()) !== 'slot'; i++) await page.keyboard.press('Tab');
  await page.keyboard.type(String(SLOT));
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'key');
  await page.keyboard.type(KEY);
  await page.keyboard.press('Enter');
  await page.locator('.checks').waitFor();
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(outline, 'none', 'the focus is visible');
  await leave(page);
  assertNeverSent(node, KEY);
  await node.stop();
});

test('a phone shows everything without scrolling sideways', async () => {
  const { venue, node } = await stage(14);
  venue.trade(3, 121_380, 7);
  const page = await visit(browser, node.url, { viewport: { width: 360, height: 740 }, hasTouch: true });
  await open(page, SLOT, KEY);
  await page.locator('.checks').waitFor();
  assert.deepEqual(await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]), [360, 360]);
  await leave(page);
  await node.stop();
});

test('text has the contrast of WCAG AA in both colour schemes, and every control a name', async () => {
  const { venue, node } = await stage(6);
  for (let number = 1; number < 6; number++) for (let k = 0; k < number - 1; k++) venue.next(number);
  venue.trade(3, 121_380, 7);
  for (const colorScheme of ['light', 'dark']) {
    const page = await visit(browser, node.url, { colorScheme });
    await open(page, SLOT, KEY);
    await page.locator('.checks').waitFor();
    await page.check('#settled');
    await lane(page, 5).locator('summary').click();
    const { texts, pale } = await page.evaluate(contrasts);
    assert.ok(texts > 100, `${texts} texts were measured`);
    assert.deepEqual(pale, [], colorScheme);
    const nameless = await page.evaluate(() => [...document.querySelectorAll('input, button')].filter((control) => !control.labels?.length && !control.textContent.trim()).map((control) => control.id));
    assert.deepEqual(nameless, []);
    const bare = await page.evaluate(() => [...document.querySelectorAll('table')].filter((table) => !table.caption).length);
    assert.equal(bare, 0, 'every table has a caption');
    await leave(page);
  }
  await node.stop();
});

/** In the page: texts whose contrast with what lies behind them is below 4.5 (WCAG 2.2, 1.4.3). */
function contrasts() {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const pale = [];
  let texts = 0;
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest('.hidden, .skip, noscript, title')) continue;
    texts += 1;
    const style = getComputedStyle(element);
    const [a, b] = [light(rgba(element instanceof SVGElement ? style.fill : style.color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) pale.push(`${element.tagName}.${element.getAttribute('class')} \u201c${element.textContent.trim().slice(0, 30)}\u201d ${ratio.toFixed(2)}`);
  }
  return { texts, pale: [...new Set(pale)].slice(0, 20) };
}
