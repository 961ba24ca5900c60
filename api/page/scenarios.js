// Margin by scenario as a picture: sixteen bars per underlying, ordered by the move of the price, the worst one marked.

import { h, s } from './dom.js';
import { cents, money } from './format.js';

// The order of a risk array (`novation::oracle::scenarios`, after CME's SPAN): moves 0, +1/3, -1/3, ... of the scan range, each
// with the volatility up and down, then two extremes of twice the range, of which 35 % counts.
const THIRDS = [0, 1, -1, 2, -2, 3, -3];
const MOVES = ['0', '1/3', '2/3', '1'];

/** Scenario `i` of a risk array: its place in the picture and its words. */
function scenario(i) {
  const extreme = i >= 14;
  const thirds = extreme ? (i === 14 ? 6 : -6) : THIRDS[Math.floor(i / 2)];
  const sign = thirds > 0 ? '+' : thirds < 0 ? '\u2212' : '';
  const move = extreme ? `${sign}2` : `${sign}${MOVES[Math.abs(thirds)]}`;
  const vol = extreme ? 'unchanged' : i % 2 === 0 ? 'up' : 'down';
  return { i, thirds, move, vol, extreme };
}

const ORDERED = Array.from({ length: 16 }, (_, i) => scenario(i)).sort((a, b) => a.thirds - b.thirds || b.i - a.i);

const WIDTH = 520;
const HEIGHT = 220;
const TOP = 32;
const BOTTOM = 38;
const SIDE = 4;

/** Pixels of `value` when `range` takes `height`, without a float of either amount: thousandths are enough for a picture. */
const pixels = (value, range, height) => (Number((value * 1000n) / range) * height) / 1000;

/** The picture of one underlying: `{ underlying, pnl, loss, worst }` of `margin.js`, and the underlying's name. */
export function picture({ pnl, loss, worst }, name) {
  const best = pnl.reduce((a, b) => (a > b ? a : b), 0n);
  const range = best + loss || 1n;
  const height = HEIGHT - TOP - BOTTOM;
  const zero = TOP + pixels(best, range, height);
  const step = (WIDTH - 2 * SIDE) / 16;
  const bar = step * 0.68;

  const bars = ORDERED.map(({ i, move, vol }, place) => {
    const value = pnl[i];
    const size = Math.max(1, pixels(value < 0n ? -value : value, range, height));
    const x = SIDE + place * step + (step - bar) / 2;
    const kind = i === worst ? 'worst' : value < 0n ? 'loss' : 'gain';
    const rect = s('rect', { class: `bar ${kind}`, x, y: value < 0n ? zero : zero - size, width: bar, height: size, rx: 2 });
    rect.append(s('title', {}, `Price ${move} of the range, volatility ${vol}: ${money(value)}`));
    return rect;
  });

  const labels = groups().map(({ from, to, move, extreme }) => {
    const middle = SIDE + ((from + to + 1) / 2) * step;
    return [
      s('text', { class: 'axis', x: middle, y: HEIGHT - BOTTOM + 18, 'text-anchor': 'middle' }, move),
      extreme ? s('text', { class: 'axis faint', x: middle, y: HEIGHT - BOTTOM + 32, 'text-anchor': 'middle' }, '35 %') : null,
    ];
  });

  const parts = [...bars, s('line', { class: 'zero', x1: SIDE, x2: WIDTH - SIDE, y1: zero, y2: zero }), labels];
  if (worst !== null) parts.push(mark(worst, zero, height, step));
  const said = worst === null ? 'no scenario loses' : `worst loss ${money(loss)} at price ${words(worst)}`;
  return h(
    'figure',
    { class: 'scenarios' },
    h(
      'figcaption',
      {},
      h('strong', {}, name),
      ' \u2014 ',
      worst === null ? 'no scenario loses' : ['worst loss ', h('b', { class: 'negative' }, cents(loss)), ` at price ${words(worst)}`],
    ),
    h('div', { class: 'scroll' }, s('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': `${name}: ${said}` }, ...parts.flat(Infinity).filter(Boolean))),
    h('p', { class: 'note' }, 'Moves of the price in scan ranges; of a pair, left with volatility down, right with volatility up.'),
    numbers(pnl, worst, name),
  );
}

/** Runs of bars with the same move. */
function groups() {
  const out = [];
  ORDERED.forEach(({ move, extreme }, place) => {
    const last = out.at(-1);
    if (last?.move === move) last.to = place;
    else out.push({ move, extreme, from: place, to: place });
  });
  return out;
}

/** The triangle above the worst bar's column. */
function mark(worst, zero, height, step) {
  const place = ORDERED.findIndex(({ i }) => i === worst);
  const x = SIDE + (place + 0.5) * step;
  const anchor = place < 2 ? 'start' : place > 13 ? 'end' : 'middle';
  const y = Math.max(zero - 8, 22);
  return [
    s('path', { class: 'pointer', d: `M ${x - 5} ${y - 6} h 10 l -5 6 z` }),
    s('text', { class: 'pointer-text', x: anchor === 'start' ? x - 6 : anchor === 'end' ? x + 6 : x, y: y - 10, 'text-anchor': anchor }, 'worst'),
  ];
}

const words = (i) => {
  const { move, vol } = scenario(i);
  return `${move}, volatility ${vol}`;
};

/** The same as numbers, for whoever cannot or need not look at bars. */
function numbers(pnl, worst, name) {
  const rows = ORDERED.map(({ i, move, vol, extreme }) =>
    h(
      'tr',
      { class: i === worst ? 'worst' : null },
      h('th', { scope: 'row' }, move, extreme ? ' (35 % counts)' : ''),
      h('td', {}, vol),
      h('td', { class: 'number' }, money(pnl[i])),
      h('td', {}, i === worst ? 'worst' : ''),
    ),
  );
  return h(
    'details',
    {},
    h('summary', {}, 'The sixteen numbers'),
    h(
      'table',
      {},
      h('caption', { class: 'hidden' }, `${name}: change of value by scenario`),
      h('thead', {}, h('tr', {}, ...['Price', 'Volatility', 'Change of value', ''].map((text) => h('th', { scope: 'col' }, text)))),
      h('tbody', {}, ...rows),
    ),
  );
}
