// What an opened account looks like.

import { h, s } from './dom.js';
import { cents, decimal, lots, money, price, short, time } from './format.js';
import { charges, value } from './margin.js';
import { picture } from './scenarios.js';

const exact = (micro) => h('span', { title: `${money(micro)} exactly`, class: micro < 0n ? 'negative' : null }, cents(micro));

function tile(label, micro, note) {
  return h('div', { class: 'tile' }, h('dt', {}, label, ' '), h('dd', {}, exact(micro), note ? h('small', {}, note) : null));
}

/** Equity against both requirements, as a bar. */
function cover({ equity, margin: { initial, maintenance } }) {
  const end = [equity, initial, 1n].reduce((a, b) => (a > b ? a : b));
  const at = (micro) => Math.max(0, Number((micro * 1000n) / end)) / 10;
  const state = equity >= initial ? 'good' : equity >= maintenance ? 'low' : 'bad';
  const said = {
    good: 'Equity covers the initial margin: positions may grow.',
    low: 'Equity is below the initial margin: positions may only shrink.',
    bad: 'Equity is below the maintenance margin: positions may only shrink.',
  }[state];
  const line = (micro, name) => s('line', { class: `need ${name}`, x1: at(micro), x2: at(micro), y1: 0, y2: 10 });
  return h(
    'div',
    { class: `cover ${state}` },
    s(
      'svg',
      { viewBox: '0 0 100 10', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      s('rect', { class: 'ground', width: 100, height: 10 }),
      s('rect', { class: 'equity', width: at(equity), height: 10 }),
      line(maintenance, 'maintenance'),
      line(initial, 'initial'),
    ),
    h('p', {}, said, initial > 0n ? ' The solid line is the initial margin, the dashed one the maintenance margin.' : ''),
  );
}

function positions(holdings) {
  if (holdings.length === 0) return h('p', { class: 'empty' }, 'No positions.');
  const rows = holdings.map((holding) => {
    const { market } = holding;
    const settled = market.status === 3n;
    return h(
      'tr',
      {},
      h('th', { scope: 'row' }, market.name),
      h('td', { class: 'number' }, lots(holding.lots)),
      h('td', { class: 'number' }, settled ? 'settled' : price(market.mark, market.tickMicro)),
      h('td', { class: 'number' }, exact(value(holding))),
      h('td', { class: 'number' }, exact(charges(holding))),
    );
  });
  const heads = ['Instrument', 'Lots', 'Mark', 'Value', 'Charges'];
  return h(
    'div',
    { class: 'scroll' },
    h(
      'table',
      { id: 'positions' },
      h('caption', { class: 'hidden' }, 'Positions'),
      h('thead', {}, h('tr', {}, ...heads.map((text, i) => h('th', { scope: 'col', class: i ? 'number' : null }, text)))),
      h('tbody', {}, ...rows),
    ),
  );
}

/** The list of what was checked: `{ ok, text }`, with null for what this page cannot check. */
function checklist(checks) {
  const sign = (ok) => (ok === null ? '\u2013' : ok ? '\u2713' : '\u2717');
  const name = (ok) => (ok === null ? 'open' : ok ? 'good' : 'bad');
  // Only a failure says so on screen too: there the sentence is not true.
  const word = (ok) => (ok === false ? h('strong', {}, 'Not so: ') : h('span', { class: 'hidden' }, ok ? 'Checked: ' : 'Not checked here: '));
  return h(
    'ul',
    { class: 'checks' },
    ...checks.map(({ ok, text }) =>
      h('li', { class: name(ok) }, h('span', { class: 'sign', 'aria-hidden': 'true' }, sign(ok)), h('span', {}, word(ok), text)),
    ),
  );
}

/** The opened account: `{ slot, batch, leafHash, leaf, holdings, standing, checks, marksTime, underlyings }`. */
export function accountView({ slot, batch, leafHash, leaf, holdings, standing, checks, marksTime, underlyings }) {
  const { equity, margin, withdrawable } = standing;
  const owes = withdrawable < 0n;
  const pictures = margin.byUnderlying.map((part) => picture(part, underlyings.get(part.underlying) ?? `Underlying ${part.underlying}`));
  const failed = checks.some(({ ok }) => ok === false);
  return [
    failed ? h('p', { class: 'error', role: 'alert' }, 'A check failed (see below): do not rely on these numbers.') : null,
    h(
      'p',
      { class: 'asof' },
      `Slot ${slot} as batch ${batch} left it (leaf `,
      h('code', { title: leafHash }, short(leafHash)),
      `), valued at the marks of ${time(marksTime)} UTC.`,
    ),
    h(
      'dl',
      { class: 'tiles' },
      tile('Equity', equity),
      tile('Initial margin', margin.initial),
      tile('Maintenance margin', margin.maintenance),
      tile('Withdrawable', owes ? 0n : withdrawable, owes ? `${cents(-withdrawable)} short of initial margin` : null),
    ),
    cover(standing),
    h('h3', {}, 'Positions'),
    positions(holdings),
    h('h3', {}, 'Margin by scenario'),
    pictures.length ? h('div', { class: 'pictures' }, pictures) : h('p', { class: 'empty' }, 'Nothing held is at risk.'),
    h(
      'p',
      { class: 'sum' },
      'Initial margin: ',
      margin.byUnderlying.map(({ loss, underlying }) => [exact(loss), ` ${underlyings.get(underlying) ?? underlying} + `]),
      exact(margin.charges),
      ' charges = ',
      exact(margin.initial),
      `. Maintenance is three quarters of it. Cancel epoch ${decimal(leaf.epoch, 0)}.`,
    ),
    h('h3', {}, 'What this page checked'),
    checklist(checks),
  ].filter(Boolean);
}
