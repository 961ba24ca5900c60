// Instruments grouped by underlying and expiry, and the auctions that were published.

import { $, h, keyed, setText } from './dom.js';
import { cents, date, decimal, money, price, time } from './format.js';
import { NEVER } from './wire.js';

/** Most auctions shown. */
export const SHOWN = 50;

const STATUS = ['open', 'reduce_only', 'halted', 'settled'];
const STATUS_WORDS = { open: 'open', reduce_only: 'reduce only', halted: 'halted', settled: 'settled' };
const STATUS_MEANING = {
  open: 'Positions may grow and shrink.',
  reduce_only: 'Positions may only shrink.',
  halted: 'No fills.',
  settled: 'Worth its settlement value; positions turn into cash when their account is next touched.',
};
const HEADS = [
  ['Instrument', null],
  ['Mark', 'number'],
  ['Last auction', 'number'],
  ['Expiry', 'wide'],
  ['Status', null],
];
const AUCTION_HEADS = [
  ['Window', null],
  ['Instrument', null],
  ['Price', 'number'],
  ['Lots', 'number'],
  ['Batch', 'number'],
];

/** Names of underlyings by number, from the instruments: the part of the name before the first dash. */
export function underlyingNames(markets) {
  return new Map(markets.map(({ underlying, name }) => [underlying, name.startsWith('#') ? `Underlying ${underlying}` : name.split('-')[0]]));
}

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** Perpetuals first, then by expiry: futures, then options by strike, the call before the put. */
function order(a, b) {
  const rank = ({ kind }) => (kind === 1n ? 0 : kind === 0n ? 1 : 2);
  return (
    compare(a.kind === 1n ? 0n : a.expiry, b.kind === 1n ? 0n : b.expiry) ||
    compare(rank(a), rank(b)) ||
    compare(a.strike, b.strike) ||
    compare(a.kind, b.kind) ||
    compare(a.id, b.id)
  );
}

function row({ market, last }) {
  const status = STATUS[market.status];
  const worth = status === 'settled' ? h('span', { title: `${money(market.settlement)} a lot` }, `${cents(market.settlement)} a lot`) : price(market.mark, market.tickMicro);
  return h(
    'tr',
    {},
    h('th', { scope: 'row' }, market.name),
    h('td', { class: 'number', title: `taken ${time(market.markTime)}` }, worth),
    h('td', { class: 'number', title: last ? `window ${last.window}, batch ${last.batch}` : null }, last ? price(BigInt(last.price), market.tickMicro) : '\u2013'),
    h('td', { class: 'wide' }, market.expiry === NEVER ? 'never' : time(market.expiry).slice(0, 16)),
    h('td', {}, h('span', { class: `status ${status}`, title: STATUS_MEANING[status] }, STATUS_WORDS[status])),
  );
}

/** A table body for each expiry, so that a long chain has places to rest the eye. */
function bodies(rows) {
  const byExpiry = new Map();
  for (const entry of rows) {
    const name = entry.market.kind === 1n ? 'Perpetual' : date(entry.market.expiry);
    if (!byExpiry.has(name)) byExpiry.set(name, []);
    byExpiry.get(name).push(entry);
  }
  return [...byExpiry].map(([name, entries]) => ({ name, entries }));
}

const body = ({ name, entries }) =>
  h('tbody', {}, h('tr', {}, h('th', { class: 'group', colspan: HEADS.length, scope: 'rowgroup' }, name)), entries.map(row));

function frame(name) {
  const table = h(
    'table',
    {},
    h('caption', { class: 'hidden' }, `Instruments on ${name}`),
    h('thead', {}, h('tr', {}, HEADS.map(([text, kind]) => h('th', { scope: 'col', class: kind }, text)))),
  );
  return h('div', { class: 'underlying' }, h('h3', {}, name), h('div', { class: 'scroll' }, table));
}

/** Draws instruments. `state` is the page's. */
export function drawMarkets(state) {
  const { markets, marks, auctions } = state;
  const names = underlyingNames(markets);
  const settled = markets.filter(({ status }) => status === 3n).length;
  const shown = markets.filter(({ status }) => status !== 3n || $('settled').checked);
  $('markets-empty').hidden = markets.length > 0;
  $('settled-label').hidden = settled === 0;
  setText($('settled-text'), `show what is settled (${settled})`);
  const lead = marks && marks.number > 0 ? `Marks of round ${marks.number}, ${time(marks.time)} UTC. Margin is computed from them.` : '';
  setText($('markets-lead'), lead);

  // Auctions come newest first.
  const lastOf = new Map([...auctions].reverse().map((auction) => [auction.instrument, auction]));
  const groups = [...names.keys()].sort(compare).map((underlying) => {
    const rows = shown
      .filter((market) => market.underlying === underlying)
      .sort(order)
      .map((market) => ({ market, last: lastOf.get(Number(market.id)) ?? null }));
    return { name: names.get(underlying), rows };
  });
  keyed($('underlyings'), groups.map(({ name }) => ({ name })), ({ name }) => name, ({ name }) => frame(name));
  for (const { name, rows } of groups) {
    const box = [...$('underlyings').children].find((child) => child.dataset.key === name);
    box.hidden = rows.length === 0;
    keyed(box.querySelector('table'), bodies(rows), (group) => group.name, body);
  }
}

/** Draws auctions. */
export function drawAuctions(state) {
  const { auctions, markets } = state;
  const byId = new Map(markets.map((market) => [Number(market.id), market]));
  $('auctions-empty').hidden = auctions.length > 0;
  $('auctions-frame').hidden = auctions.length === 0;
  if ($('auction-heads').childElementCount === 0) {
    $('auction-heads').append(...AUCTION_HEADS.map(([text, kind]) => h('th', { scope: 'col', class: kind }, text)));
  }
  const items = auctions.slice(0, SHOWN).map((auction) => {
    const market = byId.get(auction.instrument);
    return { ...auction, name: market?.name ?? `#${auction.instrument}`, tickMicro: market?.tickMicro ?? 1_000_000n };
  });
  keyed($('auction-rows'), items, ({ id }) => id, ({ window, name, price: ticks, tickMicro, lots, batch }) =>
    h(
      'tr',
      {},
      h('td', {}, String(window)),
      h('th', { scope: 'row' }, name),
      h('td', { class: 'number' }, price(BigInt(ticks), tickMicro)),
      h('td', { class: 'number' }, lots === null || lots === undefined ? 'private' : decimal(BigInt(lots), 0)),
      h('td', { class: 'number' }, String(batch)),
    ),
  );
}
